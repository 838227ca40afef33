"""What a model thinks of given tokens: its likeliest next tokens at every position.

The command line's `logits`, the comparison with other implementations and the caches of anchors
all read it here.
"""

from __future__ import annotations

import numpy as np

from engine.model.generate import Generator
from engine.model.kv_cache import Pool
from engine.model.loaded import Model

CHUNK = 64


async def top_tokens(
    model: Model, ids: list[int], trained=None, tensors: dict | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """ids[T, 64] and logprobs[T, 64], best first: what follows each token."""
    pool = Pool(model.executor, model.config, len(ids) + CHUNK + 1)
    generator = Generator(model, trained, tensors, pool)
    lane = pool.lane("scored", len(ids) + CHUNK)
    pool.reach(pool.rows)
    run, found = generator.prepared(CHUNK, CHUNK), []
    for first in range(0, len(ids), CHUNK):
        part = ids[first : first + CHUNK]
        generator.write_tokens(run, [(t, first + i, lane) for i, t in enumerate(part)], CHUNK)
        generator.write_choice(run, [], CHUNK)
        await run.advance()
        found.append([(await run.read(n))[: len(part)] for n in ("ids", "logprobs")])
    tops, logprobs = zip(*found, strict=True)
    return np.concatenate(tops), np.concatenate(logprobs)
