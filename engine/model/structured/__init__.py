"""Answers that fit a JSON schema: it as a grammar, texts by it, and the tokens it allows."""
