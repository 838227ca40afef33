"""From examples to a judged change of the weights."""
