"""Aligns a question with a statement token by token, and scores the statement as its answer.

The first LOWER layers of the published encoder read each text alone and give every token a key and
a value (`Terms`), so a statement is read once for all questions. Beside a question, each token
attends to the tokens of the other text by their keys, both values are compared, and the comparisons
are pooled (decomposable attention, Parikh et al., 2016). tests/golden/tune_aligner.py trains it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from oneseek.engine.compiler.ir import OPS, Program, Value
from oneseek.engine.compiler.ops.gemma import gate_of

LOWER, WIDTH, EPS = 8, 128, 1e-5  # layers below the keys and values; width of both; of the norm
NAME = "align."  # prefix of the names of its weights
HEADS = tuple(f"{NAME}{name}" for name in ("sharp", "pooled.", "pair."))  # applied on the processor
# The name of terms in a record. It ends with the hash of the aligner's file, shortened, so that
# terms of another aligner are not used.
TERMS = "terms/703247bd"
KEPT = 60  # tokens of a text that are kept, at most
TOGETHER = 192  # tokens of several pairs in a run, at most

Plain = Callable[[str], Value]  # a weight as an input of a program, by its name
Computes = Callable[[int, Mapping[str, np.ndarray]], Awaitable[np.ndarray]]


@dataclass(frozen=True)
class Terms:
    """A key and a value for each token of a text; tokens attend to each other by their keys."""

    keys: np.ndarray  # [tokens, WIDTH], unit vectors
    values: np.ndarray  # [tokens, WIDTH]

    def __len__(self) -> int:
        return len(self.keys)

    def pack(self) -> bytes:
        """Quantise at most KEPT tokens: the float16 steps of a token's key and value, then their
        int8 codes."""
        both = np.stack([self.keys[:KEPT], self.values[:KEPT]], 1)
        steps = (np.abs(both).max(-1, keepdims=True, initial=1e-3) / 127).astype(np.float16)
        codes = np.clip(np.round(both / steps), -127, 127).astype(np.int8)
        rows = len(both)
        parts = steps.reshape(rows, -1).view(np.int8), codes.reshape(rows, -1)
        return np.concatenate(parts, -1).tobytes()

    @classmethod
    def from_packed(cls, data: bytes) -> Terms:
        rows = np.frombuffer(data, np.int8).reshape(-1, 4 + 2 * WIDTH)
        steps = np.ascontiguousarray(rows[:, :4]).view(np.float16).astype(np.float32)
        both = rows[:, 4:].reshape(-1, 2, WIDTH) * steps[:, :, None]
        return cls(both[:, 0], both[:, 1])


def trace_terms(program: Program, x: Value, plain: Plain) -> None:
    """Add the keys and values of tokens with these states to the outputs of a program."""
    x = OPS["layernorm"](x, plain("align.norm.weight"), plain("align.norm.bias"), eps=EPS)
    value = OPS["matmul"](x, plain("align.value.weight"), tb=True)
    program.output("values", OPS["gelu"](OPS["add_bias"](value, plain("align.value.bias"))))
    program.output("keys", OPS["matmul"](x, plain("align.key.weight"), tb=True))


def trace_comparing(program: Program, tokens: int, plain: Plain) -> None:
    """Trace the comparison of `tokens` tokens of several pairs. Each token attends to the other
    text of its pair; the output `compared` compares both values."""
    queries, keys, values = (
        program.input(name, (tokens, WIDTH)) for name in ("queries", "keys", "values")
    )
    spans = program.input("spans", (tokens, 4), "i32")
    y = OPS["rows"](plain("align.side"), program.input("sides", (tokens,), "i32"))
    other, _ = OPS["attention"](queries, keys, values, spans, heads=1, kv_heads=1)
    for name, x in (("own", values), ("other", other), ("both", values * other)):
        y = OPS["matmul"](x, plain(f"align.{name}"), y, tb=True)
    program.output("compared", OPS["gelu"](y))


async def align(
    asked: Terms, said: Sequence[Terms], heads: Mapping[str, np.ndarray], compute: Computes
) -> list[float]:
    """The evidence in nats that each of the texts `said` answers the question `asked`."""
    found: list[float] = []
    for some in batch_terms(asked, said):
        rows = [one for terms in some for one in (asked, terms)]
        compared = await compute(sum(map(len, rows)), inputs(rows, float(heads["align.sharp"][0])))
        at = 0
        for terms in some:
            ends = at, at + len(asked), at + len(asked) + len(terms)
            sides = [compared[a:b] for a, b in zip(ends, ends[1:], strict=False)]
            found.append(judge(asked, terms, sides, heads))
            at = ends[-1]
    return found


def batch_terms(asked: Terms, said: Sequence[Terms]) -> list[list[Terms]]:
    """Batches of texts; one run takes a batch, with the question beside each text."""
    found: list[list[Terms]] = []
    room = 0
    for terms in said:
        length = len(asked) + len(terms)
        if not found or room < length:
            found.append([])
            room = TOGETHER
        found[-1].append(terms)
        room -= length
    return found


def inputs(rows: Sequence[Terms], sharp: float) -> dict[str, np.ndarray]:
    """The inputs of a run; `rows` are pairs, each a question and a text behind it."""
    keys, values = (np.concatenate([getattr(one, name) for one in rows]) for name in
                    ("keys", "values"))  # fmt: skip
    spans, sides, at = np.zeros((len(keys), 4), np.int32), np.zeros(len(keys), np.int32), 0
    for asked, said in zip(rows[::2], rows[1::2], strict=True):
        middle, end = at + len(asked), at + len(asked) + len(said)
        spans[at:middle, 2:], spans[middle:end, 2:] = (middle, end), (at, middle)
        sides[middle:end] = 1
        at = end
    queries = keys * np.float32(sharp * WIDTH**0.5)  # attention divides by the root
    return {"queries": queries, "keys": keys, "values": values, "spans": spans, "sides": sides}


def judge(
    asked: Terms, said: Terms, compared: Sequence[np.ndarray], heads: Mapping[str, np.ndarray]
) -> float:
    parts = [pooled for side in compared for pooled in (side.mean(0), side.max(0))]
    parts.append(asked.values.mean(0) * said.values.mean(0))
    best = heads["align.sharp"] * (asked.keys @ said.keys.T).max(-1).mean()
    x = heads["align.pooled.weight"] @ np.concatenate([*parts, best]) + heads["align.pooled.bias"]
    nats = heads["align.pair.weight"] @ (x * gate_of(x)) + heads["align.pair.bias"]
    return float(nats[0])
