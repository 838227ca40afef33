"""Fits the logistic regressions that decide whether a passage of a document answers a question, and
prints what the thresholds are chosen by: those of importers/asking/library.py.

    python -m tests.bench.weigh_places [--keep FILE]     (some minutes on one core; then seconds)

Each question of the development sets of `bench documents` is asked of its own document, and of all
documents of the set at once, as general questions are.  An example is a passage that the
cross-encoder read, with its features, labelled by whether it answers.  Printed are the weights of a
fit on all sets, then the figures of each set left out of the fit: by set at the thresholds in use,
and over all sets by threshold.  FILE caches what the encoder computed, for one encoder file.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import pickle
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from oneseek.engine.backends.select import processor
from oneseek.engine.core.storage.sqlite import SqliteStore
from oneseek.engine.learning.memory.encoder import Encoder, encoder_here
from oneseek.engine.learning.memory.statements.reader import Place as Encoded
from oneseek.engine.learning.memory.statements.reader import Reader
from oneseek.engine.model import registry
from oneseek.importers.asking import library as asking
from oneseek.importers.asking.library import Library
from oneseek.importers.asking.quoting import answer_from
from oneseek.importers.sandbox import read_here
from oneseek.workers.server.endpoints.lessons import source_of
from tests.bench.documents import is_place, load_set
from tests.bench.parts import report
from tests.bench.parts.keys import is_right
from tests.bench.weigh import general

SETS = ("dev", *(f"dev{i}" for i in range(2, 12)))
OF_PIECE = tuple(name for name in asking.WEIGHTS if name != "at_first")
OF_QUESTION = tuple(name for name in asking.ASKED if name != "at_first")
GENERAL = 24  # general questions asked with each set
RIDGE, STEPS = 1.0, 40
LIMITS = np.arange(-2.0, 2.05, 0.1)

Readings = dict[tuple[str, ...], Any]


class Kept(Library):
    """A library that caches what the encoder computed."""

    def __init__(self, store: SqliteStore, reader: Reader, readings: Readings) -> None:
        super().__init__(store, lambda: reader)
        self.readings = readings

    async def _place_of(self, question: str) -> Encoded:
        key = "asking", question
        if key not in self.readings:
            self.readings[key] = await super()._place_of(question)
        return self.readings[key]

    async def _directions_of(self, texts: Sequence[str]) -> list[np.ndarray]:
        keys = [("saying", text) for text in texts]
        fresh = [key for key in dict.fromkeys(keys) if key not in self.readings]
        read = await super()._directions_of([text for _, text in fresh])
        self.readings.update(zip(fresh, read, strict=True))
        return [self.readings[key] for key in keys]

    async def _nats_of(self, question: str, texts: Sequence[str]) -> list[float]:
        keys = [("both", question, text) for text in texts]
        fresh = [key for key in dict.fromkeys(keys) if key not in self.readings]
        if fresh:
            read = await super()._nats_of(question, [text for *_, text in fresh])
            self.readings.update(zip(fresh, read, strict=True))
        return [self.readings[key] for key in keys]


class Row(NamedTuple):
    """A question: its set, whether its document answers it, whether it is a general one, whether
    all documents were asked, the features of each passage, whether the passage answers, whether it
    is the right place, and the share of the question that no document holds."""

    set: str
    answered: bool
    talk: bool
    every: bool
    signs: list[dict[str, float]]
    right: np.ndarray
    place: np.ndarray
    absent: float


async def gather_rows(name: str, number: int, reader: Reader, readings: Readings) -> list[Row]:
    documents, questions = load_set(name)
    with tempfile.TemporaryDirectory() as folder:
        store = SqliteStore(Path(folder) / "sources.sqlite")
        library, ids = Kept(store, reader, readings), {}
        for path in documents:
            found = read_here({"text": path.read_text(), "title": path.name})
            record = source_of(found, "", 0)
            await library.add(record)
            ids[path.name] = record["id"]
        rows = []
        for one in questions:
            id = ids[one["document"]]
            rows += [await row_of(library, name, one, id, every) for every in (False, True)]
        for code in ("en", "sv"):
            some = general(code)[number::4][: GENERAL // 2]
            rows += [await row_of(library, name, {"q": q}, "", True) for q in some]
        await store.close()
    return [row for row in rows if row.signs]


async def row_of(library: Library, name: str, one: dict, id: str, every: bool) -> Row:
    looked, absent = await library.look(one["q"], "" if every else id)
    places = {i: some.place for i, some in enumerate(looked) if some.signs}
    answered = bool(one.get("keys"))
    right = [answered and is_right(answer_from(place, one["q"]), one["keys"])
             for place in places.values()]  # fmt: skip
    there = [answered and is_place(place.text, one["quote"]) for place in places.values()]
    # Another document may hold the same word.
    right = [a and (b or place.source == id)
             for a, b, place in zip(right, there, places.values(), strict=True)]  # fmt: skip
    signs = [looked[i].signs for i in places]
    talk = not id
    return Row(name, answered, talk, every, signs, np.array(right, float), np.array(there), absent)


def fit(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Logistic regression by Newton's method with a ridge penalty; the intercept comes first."""
    x = np.c_[np.ones(len(x)), x]
    weights, ridge = np.zeros(x.shape[1]), np.r_[1e-6, np.full(x.shape[1] - 1, RIDGE)]
    for _ in range(STEPS):
        likely = 1 / (1 + np.exp(-np.clip(x @ weights, -30, 30)))
        slope = x.T @ (likely - y) + ridge * weights
        curve = (x * (likely * (1 - likely))[:, None]).T @ x + np.diag(ridge)
        weights -= np.linalg.solve(curve, slope)
    return weights


def of_question(row: Row, weights: np.ndarray) -> tuple[int, list[float]]:
    """The index of the best passage, and the features of the question."""
    scores = table_of(row) @ weights[1:] + weights[0]
    best = int(np.argmax(scores))
    return best, [float(scores[best]), float(np.logaddexp.reduce(scores)), row.absent]


def table_of(row: Row) -> np.ndarray:
    return np.array([[some[name] for name in OF_PIECE] for some in row.signs])


def whole(rows: list[Row]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Fit three sets of weights: of a passage, of a question to one document, and of one to all."""
    pieces = fit(
        np.concatenate([table_of(row) for row in rows]), np.concatenate([row.right for row in rows])
    )
    asked = []
    for every in (False, True):
        some = [(row, *of_question(row, pieces)) for row in rows if row.every == every]
        right = np.array([row.right[best] for row, best, _ in some])
        asked.append(fit(np.array([signs for *_, signs in some]), right))
    return pieces, asked[0], asked[1]


def left_out(rows: list[Row]) -> list[tuple[float, int, Row]]:
    """The logit and the index of each question's best passage, by a fit on the other sets."""
    judged = []
    for name in dict.fromkeys(row.set for row in rows):
        pieces, *asked = whole([row for row in rows if row.set != name])
        for row in rows:
            if row.set == name:
                best, signs = of_question(row, pieces)
                first, *weights = asked[row.every]
                judged.append((float(first + np.array(signs) @ weights), best, row))
    return judged


def figures(judged: list[tuple[float, int, Row]], limit: float) -> dict[str, float]:
    said = [(row.right[best], row.place[best], score >= limit) for score, best, row in judged
            if row.answered]  # fmt: skip
    kept, talk = ([score < limit for score, _, row in judged if not row.answered and row.talk is one]
                  for one in (False, True))  # fmt: skip
    found = {
        "right": [right and sure for right, _, sure in said],
        "right place of those quoted": [there for _, there, sure in said if sure],
        "honest": kept,
        "general answered": [not one for one in talk],
        "first is right": [right for right, *_ in said],
    }
    means = {name: round(float(np.mean(some)), 3) for name, some in found.items() if some}
    return {"limit": round(float(limit), 1), **means}


async def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--keep", type=Path, help="cache file for what the encoder computes")
    options = ask.parse_args()
    file = registry.encoder_file()
    if file is None:
        raise SystemExit(registry.ENCODER_MISSING)
    of = str(file), Path(file).stat().st_mtime
    kept: tuple[Any, Readings] = (of, {})
    if options.keep and options.keep.exists():
        kept = pickle.loads(options.keep.read_bytes())
    readings, reader = kept[1] if kept[0] == of else {}, Reader(Encoder(encoder_here, processor()))
    rows = []
    for number, name in enumerate(SETS):
        rows += await gather_rows(name, number, reader, readings)
        if options.keep:
            options.keep.write_bytes(pickle.dumps((of, readings)))
    names = ("at_first", *OF_PIECE), *[("at_first", *OF_QUESTION)] * 2
    for title, some, weights in zip(
        ("WEIGHTS", "ASKED", "ASKED_OF_ALL"), names, whole(rows), strict=True
    ):
        named = zip(some, weights, strict=True)
        report.say(title, json.dumps({name: round(float(one), 2) for name, one in named}))
    judged, lines = left_out(rows), []
    for every, where, limit in ((False, "one document", asking.ANSWERS),
                                (True, "all documents", asking.SURE)):  # fmt: skip
        some = [one for one in judged if one[2].every is every]
        by_set = {name: [one for one in some if one[2].set == name] for name in SETS}
        lines += [{"asked": where, "set": name, **figures(one, limit)}
                  for name, one in by_set.items()]  # fmt: skip
        lines += [{"asked": where, "set": "all", **figures(some, one)} for one in LIMITS]
    report.write("weigh_places", {}, lines)


if __name__ == "__main__":
    asyncio.run(main())
