"""Hyperparameter search: what is tried (halving), how (trials), and a table of it (table)."""
