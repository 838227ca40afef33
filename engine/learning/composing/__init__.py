"""Answers and tasks that use several statements of the memory."""
