"""What is dropped, pasted or picked, and what becomes of it."""
