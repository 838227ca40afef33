"""Fits the logistic regression that tells whether a message takes back what was said before it: the
weights of engine/learning/memory/statements/correcting.py.

    python -m tests.bench.weigh_correcting       (minutes on one core)

The pairs are the corrections of the development sets of `bench heard`, a statement of those sets
with the next one or with a message that states nothing, and tests/golden/statements/pairs.txt, some
half of which take something back.  The reader is trained on none of them.  Each set, and each fifth
of the pairs, is left out of the fit in turn: the share of the corrections that reach LIMIT, and of
the others that do.
"""

from __future__ import annotations

import asyncio
import sys
from typing import NamedTuple

import numpy as np

from oneseek.engine.backends.select import processor
from oneseek.engine.learning.memory.encoder import Encoder, encoder_here
from oneseek.engine.learning.memory.statements.correcting import LIMIT, WEIGHTS, extract_features
from oneseek.engine.learning.memory.statements.reader import Reader
from tests.bench.heard import lines, room_of
from tests.bench.parts import report
from tests.golden.statements import HERE
from tests.golden.weigh_stating import fit, write

SETS = ("dev10", "dev11", "dev12", "dev13", "dev17", "dev18", "dev19", "dev20", "dev21")
PAIRS = "pairs"
RIDGE, PARTS = 30.0, 5


class Example(NamedTuple):
    source: str
    before: str
    message: str
    corrects: bool


def of_a_set(name: str) -> list[Example]:
    room = room_of(name)
    heard = lines(room / f"heard_{name}.jsonl")
    nothing = lines(room / f"heard_{name}_nothing.jsonl")
    found = [
        Example(name, *one["messages"], corrects=True) for one in heard if len(one["messages"]) > 1
    ]
    for one, after, other in zip(heard, heard[1:], nothing, strict=False):
        said = one["messages"][-1]
        found.append(Example(name, said, after["messages"][0], corrects=False))
        found.append(Example(name, said, other["text"], corrects=False))
    return found


def examples() -> list[Example]:
    found = [one for name in SETS for one in of_a_set(name)]
    for line in (HERE / "pairs.txt").read_text().splitlines():
        before, message = line[5:].split(" | ")
        found.append(Example(PAIRS, before, message, line[3] == "+"))
    return [one for one in found if not one.message.rstrip().endswith("?")]


async def read(every: list[Example]) -> np.ndarray:
    reader, found = Reader(Encoder(encoder_here, processor())), []
    for one in every:
        (pair,) = await reader.read_pairs([(one.before, one.message)])
        (alone,) = await reader.alone([one.message])
        found.append(extract_features(pair, one.before, one.message, alone.states))
    return np.array(found)


def leave_out(every: list[Example]) -> list[tuple[str, np.ndarray]]:
    """(name of the source, which examples are judged): each set, and parts of the pairs."""
    of = np.array([one.source for one in every])
    part = np.random.default_rng(0).integers(0, PARTS, len(every))
    pairs = [(PAIRS, (of == PAIRS) & (part == i)) for i in range(PARTS)]
    return [(name, of == name) for name in SETS] + pairs


def main() -> None:
    every = examples()
    x, y = asyncio.run(read(every)), np.array([one.corrects for one in every], float)
    judged: dict[str, list[tuple[float, Example]]] = {}
    for name, out in leave_out(every):
        weights = fit(x[~out], y[~out], np.ones(int((~out).sum())), RIDGE)
        some = [(weights.weigh(x[at]), every[at]) for at in np.flatnonzero(out)]
        judged.setdefault(name, []).extend(some)
    figures = {}
    for name, some in judged.items():
        for corrects, kind in ((True, "taken back"), (False, "taken for a correction")):
            over = [likely >= LIMIT for likely, one in some if one.corrects == corrects]
            figures[f"{name}: {kind}"] = round(float(np.mean(over)), 3)
        for likely, one in some if "--show" in sys.argv else ():
            if (likely >= LIMIT) != one.corrects:
                report.say("MISSED" if one.corrects else "WRONG", f"{likely:.2f}", one[1:3])
    write(WEIGHTS, fit(x, y, np.ones(len(y)), RIDGE))
    report.write("weigh_correcting", figures, [])


if __name__ == "__main__":
    main()
