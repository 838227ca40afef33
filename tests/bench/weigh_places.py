"""What each sign counts for a place's being the answer to a question: fits the weights and chooses
the limits of importers/asking/library.py.

    python -m tests.bench.weigh_places [--signs FILE]     (some minutes on one core)

The questions of each development set of `bench documents` are put to their documents, and to all
documents of the set at once beside questions of general talk: the signs of each piece that is read
are gathered (and kept in FILE, if one is named), and whether it answers.  One document at a time is
left out of the fit, with a part of the general questions; what is printed are the figures of those,
by limit, then the weights of all.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import pickle
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from oneseek.importers.asking import library as asking
from oneseek.importers.asking.library import Library
from oneseek.importers.asking.quoting import answer_from
from oneseek.importers.sandbox import read_here
from oneseek.workers.server.endpoints.lessons import source_of
from tests.bench.documents import given, is_place
from tests.bench.heard import opened
from tests.bench.parts import report
from tests.bench.parts.keys import is_right
from tests.bench.weigh import general

SETS = "dev", "dev2", "dev3", "dev4", "dev5", "dev6"
OF_PIECE = tuple(name for name in asking.WEIGHTS if name != "at_first")
OF_QUESTION = tuple(name for name in asking.ASKED if name != "at_first")
GENERAL = 24  # questions of general talk beside each set
RIDGE, STEPS = 1.0, 40
LIMITS = np.arange(-2.0, 2.05, 0.1)


class Row(NamedTuple):
    """A question: its document, whether that answers it, whether all were asked at once, the signs
    of each piece, whether the piece answers, whether it is the right place, and how much of the
    question no document holds."""

    document: str
    answered: bool
    every: bool
    signs: list[dict[str, float]]
    right: np.ndarray
    place: np.ndarray
    absent: float


async def gathered(name: str, number: int) -> list[Row]:
    documents, questions = given(name)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        assistant = await opened(folder)
        library = Library(assistant.versions.store, lambda: assistant.mind.memory.reader)
        ids = {}
        for path in documents:
            found = read_here({"text": path.read_text(), "title": path.name})
            record = source_of(found, "", 0)
            await library.add(record)
            ids[path.name] = record["id"]

        async def row(one: dict, source: str, document: str) -> Row:
            looked, absent = await library.look(one["q"], source)
            looked = [place for place in looked if place.signs]
            places, signs = [place.place for place in looked], [place.signs for place in looked]
            answered = bool(one.get("keys"))
            right = [
                answered and is_right(answer_from(place, one["q"]), one["keys"]) for place in places
            ]
            there = [answered and is_place(place.text, one["quote"]) for place in places]
            if not source:  # another document may hold the same word
                right = [a and (b or place.source == ids[one["document"]])
                         for a, b, place in zip(right, there, places, strict=True)]  # fmt: skip
            return Row(document, answered, not source, signs, np.array(right, float),
                       np.array(there), absent)  # fmt: skip

        for one in questions:
            document = f"{name}/{one['document']}"
            rows += [await row(one, ids[one["document"]], document), await row(one, "", document)]
        for code in ("en", "sv"):
            some = general(code)[number::4][: GENERAL // 2]
            rows += [await row({"q": q}, "", f"general {i % 10}") for i, q in enumerate(some)]
        await assistant.versions.store.close()
    return rows


def fitted(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Logistic weights, the first of them alone: Newton's steps with a ridge."""
    x = np.c_[np.ones(len(x)), x]
    weights, ridge = np.zeros(x.shape[1]), np.r_[1e-6, np.full(x.shape[1] - 1, RIDGE)]
    for _ in range(STEPS):
        likely = 1 / (1 + np.exp(-np.clip(x @ weights, -30, 30)))
        slope = x.T @ (likely - y) + ridge * weights
        curve = (x * (likely * (1 - likely))[:, None]).T @ x + np.diag(ridge)
        weights -= np.linalg.solve(curve, slope)
    return weights


def of_question(row: Row, weights: np.ndarray) -> tuple[int, list[float]]:
    """Its best piece, and the signs of the question."""
    scores = table_of(row) @ weights[1:] + weights[0]
    best = int(np.argmax(scores))
    return best, [float(scores[best]), float(np.logaddexp.reduce(scores)), row.absent]


def table_of(row: Row) -> np.ndarray:
    return np.array([[some[name] for name in OF_PIECE] for some in row.signs])


def whole(rows: list[Row]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The weights of a piece, of a question to its document, and of one to all documents."""
    pieces = fitted(
        np.concatenate([table_of(row) for row in rows]), np.concatenate([row.right for row in rows])
    )
    asked = []
    for every in (False, True):
        some = [(row, *of_question(row, pieces)) for row in rows if row.every == every]
        right = np.array([row.right[best] for row, best, _ in some])
        asked.append(fitted(np.array([signs for *_, signs in some]), right))
    return pieces, asked[0], asked[1]


def left_out(rows: list[Row]) -> dict[str, list[dict]]:
    """The figures by limit, each document judged by the fit of the others."""
    judged = []
    for document in sorted({row.document for row in rows}):
        pieces, *asked = whole([row for row in rows if row.document != document])
        for row in rows:
            if row.document == document:
                best, signs = of_question(row, pieces)
                first, *weights = asked[row.every]
                judged.append((float(first + np.array(signs) @ weights), best, row))
    return {
        where: [figures([one for one in judged if one[2].every == every], limit)
                for limit in LIMITS]
        for where, every in (("one document", False), ("all documents", True))
    }  # fmt: skip


def figures(judged: list[tuple[float, int, Row]], limit: float) -> dict:
    said = [(row.right[best], row.place[best]) for score, best, row in judged
            if row.answered and score >= limit]  # fmt: skip
    talk = [row.document.startswith("general") for *_, row in judged]
    kept = [score < limit for (score, _, row), general in zip(judged, talk, strict=True)
            if not row.answered and not general]  # fmt: skip
    general = [score >= limit for (score, *_), one in zip(judged, talk, strict=True) if one]
    count = sum(row.answered for *_, row in judged)
    return {
        "limit": round(float(limit), 1),
        "right": round(sum(right for right, _ in said) / count, 3),
        "right place of those quoted": round(float(np.mean([at for _, at in said] or [False])), 3),
        "honest": round(float(np.mean(kept)), 3),
        "general answered": round(float(np.mean(general or [False])), 3),
    }


async def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--signs", type=Path, help="where what was gathered is kept")
    options = ask.parse_args()
    if options.signs and options.signs.exists():
        rows = pickle.loads(options.signs.read_bytes())
    else:
        rows = [row for number, name in enumerate(SETS) for row in await gathered(name, number)]
        if options.signs:
            options.signs.write_bytes(pickle.dumps(rows))
    rows = [row for row in rows if row.signs]
    names = ("at_first", *OF_PIECE), *[("at_first", *OF_QUESTION)] * 2
    named = [
        {name: round(float(one), 2) for name, one in zip(some, weights, strict=True)}
        for some, weights in zip(names, whole(rows), strict=True)
    ]
    for title, weights in zip(("WEIGHTS", "ASKED", "ASKED_OF_ALL"), named, strict=True):
        report.say(title, json.dumps(weights))
    rows_by_limit = [
        {"asked": where, **line} for where, lines in left_out(rows).items() for line in lines
    ]
    report.write("weigh_places", {}, rows_by_limit)


if __name__ == "__main__":
    asyncio.run(main())
