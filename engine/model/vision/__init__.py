"""What a model sees: pictures in tiles, the tower that looks at them, their place in a prompt."""
