"""`oneseek`: the engine for scripts and terminals."""
