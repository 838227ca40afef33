"""A group learns one style together by Flower: only B travels, A is the same for all of them. The
extra `federated` alone has what this room imports."""

import os

# Nobody is told of a group that runs here; both read this when they are imported.
for name in ("FLWR_TELEMETRY_ENABLED", "RAY_USAGE_STATS_ENABLED"):
    os.environ.setdefault(name, "0")
