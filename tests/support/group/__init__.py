"""A group of five for tests and benches: its parts, its troubles, and both ways to start it."""
