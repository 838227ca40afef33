"""Answers and tasks that take several statements of the memory."""
