"""What a model sees: pictures cut into tiles, the tower that looks at them, their place in a prompt."""
