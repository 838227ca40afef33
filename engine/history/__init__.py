"""What happened to the weights: plans, versions, the ledger, and the way back."""
