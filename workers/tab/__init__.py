"""What the engine worker gets from the browser tab, and keeps between requests."""
