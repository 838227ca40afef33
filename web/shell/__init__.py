"""The page as a whole: start, state, verbs, and the line to the workers."""
