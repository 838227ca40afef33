"""Training batches for benchmarks that time a step."""

import numpy as np


def packed_rows_of(rows, length, targets, vocab):
    """A packed batch of `rows` examples of `length` tokens; attention stays within an example, and
    the second half of each has `targets` soft targets a token. The batch is always the same."""
    rng = np.random.default_rng(0)
    total = rows * length
    at = np.arange(total)
    begin = at // length * length
    take = at[at % length >= length // 2]
    ids = np.stack([rng.permutation(vocab)[:targets] for _ in take])
    return {
        "ids": rng.integers(0, vocab, total),
        "positions": at % length,
        "spans": np.stack([0 * at, 0 * at, begin, at + 1], -1),
        "take": take,
        "target_ids": ids,
        "target_probs": np.full(ids.shape, 0.8 / targets, np.float32),
        "target_rest": np.full(len(take), 0.2, np.float32),
        "weight": np.full(len(take), 1 / len(take), np.float32),
    }
