"""Several models' answers to one question: what they agree on, and the two stages that learn it."""
