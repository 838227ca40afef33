"""What travels between a person's own devices: what was told, and that something was forgotten."""

INTENT = "forget"  # in `state`: what versions are still to be trained again without
