"""What was told is known at once: a memory beside the weights, in the base model's own states."""
