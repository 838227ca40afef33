"""From messages to examples that may be learned: pairs, facts, corrections; secrets are held
back."""
