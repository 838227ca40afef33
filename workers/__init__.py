"""What runs beside the page: the workers that answer its messages, and the HTTP API."""
