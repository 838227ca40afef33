"""A group of five for tests and benches: its data, its troubles, and both ways to start it."""
