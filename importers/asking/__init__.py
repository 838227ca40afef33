"""Documents that are asked: their pieces, the one that answers, and what is said of it."""
