"""Settings that set themselves: what is tried (halving), how (tries), how it is told (table)."""
