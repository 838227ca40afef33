"""A smoothed curve: each point is averaged with its neighbours on both sides, so nothing lags
behind."""

KEEP = 0.8
"""How much of its weight a neighbour keeps with each step further away."""


def smooth(values, keep=KEEP):
    before, after = sum_trailing(values, keep), sum_trailing(values[::-1], keep)[::-1]
    return [
        (past + following - (1 - keep) * value) / (weight + weight_after - (1 - keep))
        for (past, weight), (following, weight_after), value in zip(before, after, values)
    ]


def sum_trailing(values, keep):
    """For each point, the weighted sum of it and all before it, and the sum of the weights."""
    sums, total, weight = [], 0.0, 0.0
    for value in values:
        total = keep * total + (1 - keep) * value
        weight = keep * weight + (1 - keep)
        sums.append((total, weight))
    return sums
