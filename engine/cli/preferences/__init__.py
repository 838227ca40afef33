"""Commands about what a person prefers."""
