"""Fits the logistic regression that decides whether a statement answers a question: the weights of
engine/learning/memory/statements/evidence.py.

    python -m tests.bench.weigh_evidence       (minutes on one core; golden/tune_reader.py before)

The sets are those development sets of `bench heard` that neither the reader nor the finder nor the
aligner is trained on.  The statements of each are told to one memory, and again to memories of FEW,
through the code that the page calls.  Then every question is asked: an example is a retrieved
statement with its features, labelled by whether it answers.  Hard negatives, unknown and general
questions have no answer.  Each set is left out of the fit in turn, and its figures are printed by
threshold; then the weights of a fit on all.  The intercept is shifted so that a probability of
LIMIT, chosen by these figures, becomes 0.5.  In the fit without SHARE, for answers from several
statements, OF_SEVERAL becomes 0.5; it is chosen by `bench composed`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
from pathlib import Path

import numpy as np

from oneseek.engine.learning.memory.statements.evidence import (
    ALIGNED,
    ASKS,
    HOLDS,
    LACKS,
    LENGTH,
    NEAR,
    READ,
    SHARE,
    UNKNOWN,
    WORDS,
)
from oneseek.engine.learning.memory.statements.statement import text_of
from tests.bench.heard import Told, open_assistant, sets
from tests.bench.parts import report
from tests.bench.parts.keys import is_right

SETS = tuple(f"heard_dev{i}" for i in (13, *range(17, 22)))
FEW, MANY = 10, 1000  # statements of a memory; MANY holds a whole set
EVERY = 2  # only every second general question is asked
RIDGE, STEPS = 1.0, 30
FITTED = (READ, ALIGNED, NEAR, ASKS, SHARE, WORDS, UNKNOWN, LENGTH, HOLDS, LACKS)
ONE = (READ, ALIGNED, NEAR, ASKS)  # features of a statement regardless of the others
LIMIT, OF_SEVERAL = 0.5, 0.2
ALIKE, UNTOLD, GENERAL, ASKED = "alike", "unknown", "general", "asked"
LIMITS = np.sort([*np.arange(0.1, 0.96, 0.05), LIMIT])

Row = tuple[str, list[dict[str, float]], list[bool], str]  # kind, features, labels, question


async def changes_nothing(*_: object) -> dict[str, list[float]]:
    """Switches off changes between statements; weigh_succession fits them."""
    return {}


async def gather_rows(name: str, together: int) -> list[Row]:
    """The examples of a set, a row for each question, in memories of `together` statements."""
    given, rows = sets(name.removeprefix("heard_")), []
    parts = range(0, len(given["heard"]), together)
    with tempfile.TemporaryDirectory() as folder:
        assistant = await open_assistant(folder)
        told = Told(assistant)
        memory = told.mind.memory
        memory._beside = changes_nothing
        for part, at in enumerate(parts):
            some = {kind: every[part :: len(parts)] for kind, every in given.items()}
            some["heard"] = given["heard"][at : at + together]
            for i, one in enumerate(some["heard"], at):
                one["kept"] = {kept["id"] for kept in await told.tell(one["messages"], f"said/{i}")}
            for kind, question, keys, one in questions(some):
                await memory.load()
                read = await memory.read(question)
                truth = [
                    kind == ASKED
                    and id in one["kept"]
                    and is_right(text_of(memory.facts[id]), keys)
                    for id in read.evidence
                ]
                rows.append((kind, list(read.evidence.values()), truth, question))
            await memory.forget(list(memory.facts))
        await assistant.versions.store.close()
    return rows


def questions(given: dict[str, list[dict]]) -> list[tuple[str, str, list, dict]]:
    """(kind, question, keys of the answer, record of the statement it is about) for each."""
    asked = [(ASKED, q["q"], q["keys"], one) for one in given["heard"] for q in one["questions"]]
    asked += [(UNTOLD, one["q"], [], {}) for one in given["unknown"]]
    asked += [(GENERAL, one["q"], [], {}) for one in given["general"][::EVERY]]
    return asked + [
        (ALIKE, one["lookalike"]["q"], [], {}) for one in given["heard"] if one.get("lookalike")
    ]


def fit(rows: list[Row], names: list[str]) -> np.ndarray:
    """Logistic regression by Newton's method with a ridge penalty; the intercept comes first."""
    x = np.array([[1, *(one.get(n, 0.0) for n in names)] for row in rows for one in row[1]])
    y = np.array([one for row in rows for one in row[2]], float)
    weights = np.zeros(x.shape[1])
    for _ in range(STEPS):
        p = 1 / (1 + np.exp(-x @ weights))
        slope = x.T @ (y - p) - RIDGE * np.r_[0, weights[1:]]
        bend = (x * (p * (1 - p))[:, None]).T @ x + RIDGE * np.eye(x.shape[1])
        weights += np.linalg.solve(bend, slope)
    return weights


def figures(rows: list[Row], scores: list[np.ndarray]) -> list[dict[str, float]]:
    found = []
    for limit in LIMITS:
        seen: dict[str, list[float]] = {}
        for (kind, _, truth, _), score in zip(rows, scores, strict=True):
            best = int(score.argmax()) if len(score) else -1
            said = best >= 0 and score[best] >= limit
            if kind == ASKED:
                seen.setdefault("right", []).append(said and truth[best])
                seen.setdefault("wrong", []).append(said and not truth[best])
            else:
                seen.setdefault(kind, []).append(said)
        means = {name: round(float(np.mean(some)), 3) for name, some in sorted(seen.items())}
        found.append({"limit": round(float(limit), 2), **means})
    return found


def predict(rows: list[Row], names: list[str], weights: np.ndarray) -> list[np.ndarray]:
    x = [np.array([[1, *(one.get(n, 0.0) for n in names)] for one in row[1]]) for row in rows]
    return [1 / (1 + np.exp(-one @ weights)) if len(one) else np.zeros(0) for one in x]


def weights_of(rows: list[Row], names: list[str], half: float) -> dict[str, float]:
    first, *each = fit(rows, names)
    found = {"at_first": first - np.log(half / (1 - half)), **dict(zip(names, each, strict=True))}
    return {name: round(float(x), 2) for name, x in found.items()}


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--keep", type=Path, help="cache file for the examples")
    options = ask.parse_args()
    if options.keep and options.keep.exists():
        every = json.loads(options.keep.read_text())
    else:
        every = {
            f"{name}, {many}": asyncio.run(gather_rows(name, many))
            for name in SETS
            for many in (FEW, MANY)
        }
        if options.keep:
            options.keep.write_text(json.dumps(every))
    rows = [row for some in every.values() for row in some]
    names = list(FITTED)
    for name, some in every.items():
        same = name.split(",")[0]
        others = [
            row for other, more in every.items() if other.split(",")[0] != same for row in more
        ]
        for one in figures(some, predict(some, names, fit(others, names))):
            report.say(name, one)
    near = [any(row[2]) for row in rows if row[0] == ASKED]
    shown = {"WEIGHTS": weights_of(rows, names, LIMIT)}
    shown["ALONE"] = weights_of(rows, list(ONE), OF_SEVERAL)
    report.say(json.dumps(shown))
    report.write("weigh_evidence", {"among the near": float(np.mean(near))}, [shown])


if __name__ == "__main__":
    main()
