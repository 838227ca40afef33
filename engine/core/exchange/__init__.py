"""The state that travels between a person's own devices: what was told, and what was forgotten."""

INTENT = "forget"  # in `state`: examples without which versions are still to be retrained
