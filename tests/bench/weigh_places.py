"""What each sign counts for a place's being the answer to a question: fits the weights and chooses
the limit of importers/asking/library.py.

    python -m tests.bench.weigh_places       (minutes on one core)

The questions of each development set of `bench documents` are put to their documents: the signs of
each piece that is read are gathered, and whether it answers.  One document at a time is left out of
the fit; what is printed are the figures of those, by limit, then the weights of all.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from typing import NamedTuple

import numpy as np

from oneseek.importers.asking import library as asking
from oneseek.importers.asking.library import Library
from oneseek.importers.asking.quoting import answer_from
from oneseek.importers.sandbox import read_here
from oneseek.workers.server.endpoints.lessons import source_of
from tests.bench.documents import given, is_place
from tests.bench.heard import is_right, opened
from tests.bench.parts import report

SETS = "dev", "dev2", "dev3", "dev4"
OF_PIECE = "near", "words", "read", "covered", "heading", "lacks", "strange"
OF_QUESTION = "best", "all", "absent"
RIDGE, STEPS = 1.0, 40
LIMITS = np.arange(-2.0, 2.05, 0.1)


class Row(NamedTuple):
    """A question: its document, whether that answers it, the signs of each piece, whether the piece
    answers, whether it is the right place, and how much of it the document does not hold."""

    document: str
    answered: bool
    signs: np.ndarray
    right: np.ndarray
    place: np.ndarray
    absent: float


async def gathered(name: str) -> list[Row]:
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
        for one in questions:
            looked, absent = await library.look(one["q"], ids[one["document"]])
            looked = [place for place in looked if place.signs]
            places, signs = [place.place for place in looked], [place.signs for place in looked]
            answered = not one.get("unanswerable")
            right = [
                answered and is_right(answer_from(place, one["q"]), one["keys"]) for place in places
            ]
            there = [answered and is_place(place.text, one["quote"]) for place in places]
            table = np.array([[some[name] for name in OF_PIECE] for some in signs])
            rows.append(Row(f"{name}/{one['document']}", answered, table, np.array(right, float),
                            np.array(there), absent))  # fmt: skip
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
    scores = row.signs @ weights[1:] + weights[0]
    best = int(np.argmax(scores))
    return best, [float(scores[best]), float(np.logaddexp.reduce(scores)), row.absent]


def both(rows: list[Row]) -> tuple[np.ndarray, np.ndarray]:
    pieces = fitted(
        np.concatenate([row.signs for row in rows]), np.concatenate([row.right for row in rows])
    )
    found = [of_question(row, pieces) for row in rows]
    right = np.array([row.right[best] for row, (best, _) in zip(rows, found, strict=True)])
    return pieces, fitted(np.array([signs for _, signs in found]), right)


def left_out(rows: list[Row]) -> list[dict]:
    """The figures by limit, each document judged by the fit of the others."""
    judged = []
    for document in sorted({row.document for row in rows}):
        pieces, asked = both([row for row in rows if row.document != document])
        for row in rows:
            if row.document == document:
                best, signs = of_question(row, pieces)
                judged.append((float(np.array(signs) @ asked[1:] + asked[0]), best, row))
    table = []
    for limit in LIMITS:
        said = [(row.right[best], row.place[best]) for score, best, row in judged
                if row.answered and score >= limit]  # fmt: skip
        kept = [score < limit for score, _, row in judged if not row.answered]
        count = sum(row.answered for row in rows)
        table.append(
            {
                "limit": round(float(limit), 1),
                "right": round(sum(right for right, _ in said) / count, 3),
                "right place of those quoted": round(float(np.mean([at for _, at in said])), 3),
                "honest": round(float(np.mean(kept)), 3),
            }
        )
    return table


async def main() -> None:
    rows = [row for name in SETS for row in await gathered(name)]
    pieces, asked = both(rows)
    names = ("at_first", *OF_PIECE), ("at_first", *OF_QUESTION)
    named = [
        {name: round(float(one), 2) for name, one in zip(some, weights, strict=True)}
        for some, weights in zip(names, (pieces, asked), strict=True)
    ]
    report.say("WEIGHTS", json.dumps(named[0]))
    report.say("ASKED", json.dumps(named[1]))
    now = {name: value for name, value in asking.WEIGHTS.items()}
    report.write("weigh_places", {"now": now, "fitted": named}, left_out(rows))


if __name__ == "__main__":
    asyncio.run(main())
