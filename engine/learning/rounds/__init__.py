"""The training steps of a round, and the evaluator (`Gate`) that judges the result."""
