"""Learning beyond this one process and its model: with others."""
