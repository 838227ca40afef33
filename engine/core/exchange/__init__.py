"""What travels between a person's own devices: what was told, and that something was forgotten."""
