"""Vision: pictures in tiles, the tower that encodes them, and their place in a prompt."""
