"""Chooses the next token: by sampling, away from repetition, and within the grammar of an
answer."""
