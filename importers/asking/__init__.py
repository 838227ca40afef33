"""Answers questions about documents: their pieces, the piece that answers, and the reply."""
