"""The HTTP API, and the server that needs no browser."""
