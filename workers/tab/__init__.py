"""What the browser tab gives the engine worker, and what stays there between requests."""
