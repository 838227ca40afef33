"""The queue of examples that wait to be learned, and what one round takes of it."""
