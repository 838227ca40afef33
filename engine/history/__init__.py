"""The history of the weights: plans, versions, the ledger, and rollback."""
