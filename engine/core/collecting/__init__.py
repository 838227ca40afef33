"""From what is said to what may be learned: pairs, facts, corrections; secrets held back."""
