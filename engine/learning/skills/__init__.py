"""Skills: tasks learned from examples, each by an adapter of its own, and their evaluation."""
