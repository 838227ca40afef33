"""Taste: how a person wants to be answered, learned from what they preferred."""
