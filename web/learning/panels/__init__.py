"""The panels of the learning column, and what each shows."""
