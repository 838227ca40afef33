"""Choosing a model, and what a person may set."""
