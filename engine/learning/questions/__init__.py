"""After every question: what several answers agree on, and the two stages that learn it."""
