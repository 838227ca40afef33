"""The choice of a model, and the settings."""
