"""Fits two logistic regressions: whether a text states something of the person's own, and whether
it asks for that.  They are the weights of engine/learning/memory/statements/stating.py.

    python -m tests.golden.weigh_stating       (minutes on two cores; after tune_reader.py)

The features are the reader's text embedding, which stays frozen, signs in the words and, for what
asks, the mean of a middle layer of the published encoder.  The
examples are those of tests/golden/statements and the development sets and timelines of `bench
heard`.  Each development set is left out of the fit in turn and evaluated on the lines that the
reader was not trained on: the share of statements that the memory keeps, the share of other
messages it keeps by mistake, and the share of questions about one's own things and of general ones
whose probability reaches each threshold of ASKING.  Then both are fitted on everything and written.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from oneseek.engine.backends.select import processor
from oneseek.engine.learning.lessons import anchors
from oneseek.engine.learning.memory.encoder import BEFORE, BEFORE_SAID, Encoder, encoder_here
from oneseek.engine.learning.memory.oneself import ASKS_SURELY, speaks_of_oneself
from oneseek.engine.learning.memory.statements import hearing
from oneseek.engine.learning.memory.statements.reader import Reader, Sentence, join_views
from oneseek.engine.learning.memory.statements.stating import (
    ASKS,
    WEIGHTS,
    Weights,
    extract_features,
)
from tests.bench.parts import report
from tests.bench.weigh import general
from tests.golden.statements import CODES, HERE, Maker
from tests.golden.statements.told import (
    BENCH,
    LEARNED,
    changes,
    load_advice_questions,
    load_signed,
)

SETS = ("dev", *(f"dev{i}" for i in (*range(2, 14), *range(17, 22))))
TIMELINES = ("dev", *(f"dev{i}" for i in range(3, 22)))
STATED, REQUESTS = ("messages", "short"), "requests"
# Weights of the examples of a source; others have 1.
COUNTS = ("messages", 4), ("nothing of ", 2), (REQUESTS, 2)
FILLED, TYPED = 2, 3  # fillings of a template of nothing.txt; statements drawn of each family
QUESTIONS = 2  # of each statement of told_*.txt, at most
THIRD, BESIDE = "told", "told beside"  # sources: every third line of told_*.txt, and the others
ASKING = np.array([0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98])
RIDGE, RIDGE_ASKS, STEPS = 100.0, 200.0, 12
SLIGHT = 1e-6


class Example(NamedTuple):
    source: str
    text: str
    states: bool
    asks: bool = False


def lines(name: str) -> list[dict]:
    path = BENCH / f"{name}.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def of_a_set(name: str) -> list[Example]:
    found = []
    for one in lines(f"heard_{name}"):
        found += [Example(name, text, True) for text in one["messages"]]
        found += [Example(name, question["q"], False, True) for question in one["questions"]]
    for kind in ("general", "unknown"):
        asks = kind == "unknown"
        found += [Example(name, one["q"], False, asks) for one in lines(f"heard_{name}_{kind}")]
    found += [
        Example(f"nothing of {name}", one["text"], False) for one in lines(f"heard_{name}_nothing")
    ]
    return found


def examples() -> list[Example]:
    found = [one for name in SETS for one in of_a_set(name)]
    for name in TIMELINES:
        found += [Example(name, one["text"], True) for one in lines(f"timeline_{name}")]
    for code in CODES:
        for number, line in enumerate((HERE / f"told_{code}.txt").read_text().splitlines()):
            said, asked, _ = (part.strip() for part in line.split("|"))
            source = BESIDE if number % 3 else THIRD
            found.append(Example(source, said, True))
            found += [Example(source, q, False, True) for q in asked.split(" / ")[:QUESTIONS]]
        found += [Example("general", q, False) for q in general(code)]
        found += [Example("general", q, False) for _, q in anchors(code)]
    for one in changes():
        found += [Example("told", text, True) for text in (one.before, one.said)]
    for sign in "+-":
        own = sign == "+"
        found += [Example(name, text, own) for name in STATED for text in load_signed(name, sign)]
        found += [Example(REQUESTS, text, False, own) for text in load_signed(REQUESTS, sign)]
    found += [Example("advice", text, False) for text in load_advice_questions()]
    maker = Maker(5)
    for code, text in maker.nothing * FILLED:
        found.append(Example("made", maker.fill(text, maker.values(code)), False))
    for code in CODES:
        for text in maker.unknown[code]:
            found.append(Example("made", maker.fill(text, maker.values(code)), False, True))
    for family in maker.families * TYPED:
        found.append(Example("made", maker.family(family)[0], True))
    return found


def fit(rows: np.ndarray, truth: np.ndarray, counts: np.ndarray, penalty: float) -> Weights:
    """Logistic regression on standardised features, by Newton's method with a ridge penalty;
    `counts` are the weights of the examples."""
    mean, spread = rows.mean(0), rows.std(0) + SLIGHT
    x = np.c_[np.ones(len(rows)), (rows - mean) / spread]
    ridge = np.r_[SLIGHT, np.full(rows.shape[1], penalty)]
    weights = np.zeros(x.shape[1])
    for _ in range(STEPS):
        p = 1 / (1 + np.exp(-x @ weights))
        bend = (x * (counts * np.maximum(p * (1 - p), 1e-4))[:, None]).T @ x + np.diag(ridge)
        weights += np.linalg.solve(bend, x.T @ (counts * (truth - p)) - ridge * weights)
    each = weights[1:] / spread
    return Weights({"each": each, "alone": weights[0] - each @ mean})


def count(examples: Sequence[Example]) -> np.ndarray:
    """The weights of the examples in a fit."""
    return np.array(
        [next((n for of, n in COUNTS if one.source.startswith(of)), 1) for one in examples], float
    )


def stack(read: dict[str, np.ndarray], texts: Sequence[str]) -> np.ndarray:
    return np.stack([extract_features(read[text], text) for text in texts]).astype(np.float32)


def leave_out(name: str, examples: Sequence[Example]) -> list[bool]:
    """Whether each example is of another set than this."""
    return [one.source.removeprefix("nothing of ") != name for one in examples]


class Known:
    """Runs the memory's decision to keep a message under any weights, on embeddings read once."""

    def __init__(self, read: dict[str, np.ndarray]) -> None:
        self.read = read

    def has_statement(self, message: str, weights: Weights) -> bool:
        async def reads(texts: Sequence[str]) -> list[Sentence]:
            return [
                Sentence(self.read[text], weights.likely(self.read[text], text)) for text in texts
            ]

        kept = asyncio.run(hearing.statements(message, reads))
        return any(not one.unsure for one in kept)


async def read_all(texts: Iterable[str], before: Sequence[int]) -> dict[str, np.ndarray]:
    """The embeddings of texts behind some tokens, each with the mean of its middle layer."""
    reader = Reader(Encoder(encoder_here, processor()))
    ordered = sorted(set(texts), key=len)  # texts of similar length share a batch
    wholes = await reader.embed(ordered)
    middle = (one for *_, one in await reader.read_middle(ordered, before))
    return dict(zip(ordered, map(join_views, wholes, middle), strict=True))


def fit_stating(every: list[Example], read: dict[str, np.ndarray], show: bool) -> dict[str, float]:
    """Fit what states something, write its weights and return its figures. It is told of texts
    read as what may answer, and as questions (`read`)."""
    texts = [one.text for one in every]
    parts = [part for text in texts for part in hearing.parts_of(text)]
    said_as = asyncio.run(read_all([*parts, *texts], BEFORE_SAID))
    known = Known(said_as)
    rows = np.concatenate([stack(said_as, texts), stack(read, texts)])
    truth = np.tile(np.array([one.states for one in every], float), 2)
    counts = np.tile(count(every), 2) / 2
    figures = {}
    for name in SETS:
        apart = 2 * leave_out(name, every)
        weights = fit(rows[apart], truth[apart], counts[apart], RIDGE)
        for kind, wanted in (("kept", True), ("kept of nothing", False)):
            if wanted:
                said = [one["messages"][0] for one in lines(f"heard_{name}")]
            else:
                said = [one["text"] for one in lines(f"heard_{name}_nothing")]
            said = skip_learned(name, said)
            heard = [known.has_statement(text, weights) for text in said]
            figures[f"{name}: {kind}"] = round(float(np.mean(heard)), 3)
            if show:
                for text, kept in zip(said, heard, strict=True):
                    if kept != wanted:
                        likely = round(weights.likely(said_as[text], text), 2)
                        report.say("KEPT" if kept else "LOST", likely, text)
    write(WEIGHTS, fit(rows, truth, counts, RIDGE))
    return figures


def fit_asking(some: list[Example], read: dict[str, np.ndarray], show: bool) -> dict[str, float]:
    """Fit what asks for something of the person's own, write its weights and return its figures."""
    rows, counts = stack(read, [one.text for one in some]), count(some)
    truth = np.array([one.asks for one in some], float)
    figures = {}
    for name in (*SETS, REQUESTS):
        apart = leave_out(name, some)
        asking = fit(rows[apart], truth[apart], counts[apart], RIDGE_ASKS)
        for kind, asks in (("unknown", True), ("general", False)):
            if name == REQUESTS:
                asked = load_signed(REQUESTS, "+" if asks else "-")
            else:
                asked = skip_learned(name, [one["q"] for one in lines(f"heard_{name}_{kind}")])
            likely = np.array([asking.likely(read[text], text) for text in asked])
            own = np.array([speaks_of_oneself(text) for text in asked])
            for limit in ASKING if asked else ():
                over = likely >= limit
                figures[f"{name}: {kind} asks {limit}"] = round(float(over.mean()), 3)
                figures[f"{name}: {kind} asks {limit}, of oneself"] = round(
                    float((own & over).mean()), 3
                )
            if show:
                for text, one in zip(asked, likely, strict=True):
                    if (one >= ASKS_SURELY) != asks:
                        report.say("NOT ASKED" if asks else "ASKED", round(float(one), 2), text)
    write(ASKS, fit(rows, truth, counts, RIDGE_ASKS))
    return figures


def skip_learned(name: str, texts: list[str]) -> list[str]:
    """Those that the reader was not trained on, which is every second line of some sets."""
    first = int(f"heard_{name}" in LEARNED)
    return texts[first :: 1 + first]


def write(path: Path, weights: Weights) -> None:
    each = [float(f"{x:.4g}") for x in weights.each]
    path.write_text(json.dumps({"alone": round(weights.alone, 4), "each": each}) + "\n")


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--show", action="store_true", help="print what is wrongly told")
    ask.add_argument("--only", choices=("stating", "asking"), help="fit one of the two")
    options = ask.parse_args()
    every, figures = examples(), {}
    some = [one for one in every if one.source != BESIDE]  # enough for what asks
    needed = some if options.only == "asking" else every
    read = asyncio.run(read_all([one.text for one in needed], BEFORE))
    if options.only != "asking":
        figures |= fit_stating(every, read, options.show)
    if options.only != "stating":
        figures |= fit_asking(some, read, options.show)
    report.write("weigh_stating", figures, [])


if __name__ == "__main__":
    main()
