"""A model's likeliest next tokens at every position of given tokens.

The command line's `logits` and packing, and the comparison with other implementations, use it.
"""

from __future__ import annotations

import numpy as np

from oneseek.engine.compiler.ir import Program
from oneseek.engine.compiler.schedule import fuse, plan
from oneseek.engine.model.generate import Generator
from oneseek.engine.model.kv_cache import Pool
from oneseek.engine.model.llama import Tokens
from oneseek.engine.model.loaded import Model
from oneseek.engine.model.programs import transformer

CHUNK = 64


async def top_tokens(
    model: Model, ids: list[int], trained=None, tensors: dict | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return ids[T, 64] and logprobs[T, 64] of the next token after each, best first."""
    pool = Pool(model.executor, model.config, len(ids) + CHUNK + 1)
    generator = Generator(model, trained, tensors, pool)
    lane = pool.lane("scored", len(ids) + CHUNK)
    pool.reach(pool.rows)
    found = []
    for first in range(0, len(ids), CHUNK):
        part = ids[first : first + CHUNK]
        run = generator.prepare(CHUNK, CHUNK, generator.shows(part))
        generator.write_tokens(run, [(t, first + i, lane) for i, t in enumerate(part)], CHUNK)
        generator.write_choices(run, [], CHUNK)
        await run.advance()
        found.append([(await run.read(n))[: len(part)] for n in ("ids", "logprobs")])
    tops, logprobs = zip(*found, strict=True)
    return np.concatenate(tops), np.concatenate(logprobs)


class Expecting:
    """A model's predictions after each of `length` tokens: one program for all texts of that
    length."""

    def __init__(self, model: Model, length: int) -> None:
        program = Program("logits")
        network = transformer(program, model.config, model.stored, model.positions)
        states = network.states(Tokens.inputs(program, length))
        program.output("logits", network.logits(states))
        self.run, at = model.prepare(plan(fuse(program)), {}), np.arange(length)
        self.run.write("positions", at)
        self.run.write("spans", np.stack([at * 0, at * 0, at * 0, at + 1], -1))
        self.length = length

    async def after(self, ids: list[int]) -> np.ndarray:
        """Return log-probabilities of every token after each of these, float64[T, V]."""
        self.run.write("ids", np.array(ids))
        await self.run.advance()
        logits = np.asarray(await self.run.read("logits"), np.float64).reshape(self.length, -1)
        logits -= logits.max(-1, keepdims=True)
        return logits - np.log(np.exp(logits).sum(-1, keepdims=True))
