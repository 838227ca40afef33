"""How the next token is chosen: with chance, away from repetition, and by the form of an answer."""
