"""What a round does step by step, and the gate that judges it."""
