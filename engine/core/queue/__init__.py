"""What waits to be learned, and what one round takes of it."""
