"""The learning column: what it is doing, what it knows, what waits, where from, and every
version."""
