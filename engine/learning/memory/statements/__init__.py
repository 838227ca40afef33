"""Statements: sentences of a person, kept, found and said again in their own words."""
