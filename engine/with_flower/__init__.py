"""Federated learning of one style by Flower: only B travels, A is the same for all members. Only
the extra `federated` has what this package imports."""

import os

# No telemetry of a group that runs here; both read this when they are imported.
for name in ("FLWR_TELEMETRY_ENABLED", "RAY_USAGE_STATS_ENABLED"):
    os.environ.setdefault(name, "0")
