"""The memory beside the weights: a sentence encoder recognises what was told, at once."""
