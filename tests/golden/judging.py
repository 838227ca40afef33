"""Evaluates scores of question-statement pairs on questions that no model was trained on.

All statements of a set are in one memory, and each question is paired with those that the published
encoder and BM25 retrieve for it, as the engine does.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from oneseek.engine.learning.memory.encoder import BEFORE, BEFORE_SAID
from oneseek.engine.learning.memory.statements.said import StatementIndex

NEARNESS = 5.0  # nats per unit of retrieval score, added to a pair's logit
ALIKE = 0.07, 0.15, 0.25  # shares of the hard negatives that may score above the threshold

# (texts, the prefix they get) -> unit vectors [texts, width]
Directed = Callable[[Sequence[str], str], np.ndarray]


class Judge:
    def __init__(self, path: Path, directed: Directed, part: slice = slice(None)) -> None:
        """Retrieve the pairs to score: questions of the lines in `part`, among all statements."""
        given = [json.loads(line) for line in path.read_text().splitlines()]
        said, found = [" ".join(one["messages"]) for one in given], StatementIndex()
        for i, whole in enumerate(directed(said, BEFORE_SAID)):
            found.add(str(i), said[i], whole)
        asked = [(i, q["q"]) for i in range(len(given))[part] for q in given[i]["questions"]]
        alike = [one["lookalike"]["q"] for one in given[part] if one.get("lookalike")]
        questions = [q for _, q in asked] + alike
        whole = directed(questions, BEFORE)
        self.name, self.right = path.stem, [str(i) for i, _ in asked]
        self.near = [found.nearest(q, one) for q, one in zip(questions, whole, strict=True)]
        self.pairs = [
            (q, said[int(i)]) for q, some in zip(questions, self.near, strict=True) for i in some
        ]

    def figures(self, read: Sequence[float]) -> dict[str, float]:
        """Recall and accuracy by the logits `read` of the pairs, in the order of `self.pairs`: how
        often the right statement is retrieved, scores highest, and does so above the threshold that
        a share of the hard negatives exceeds."""
        one = iter(read)
        scores = [{i: next(one) + NEARNESS * x for i, x in some.items()} for some in self.near]
        surest = np.array([max(some.values(), default=-math.inf) for some in scores])
        first = [max(some, key=some.__getitem__, default="") for some in scores]
        asked = range(len(self.right))
        hits = np.array([first[i] == self.right[i] for i in asked])
        found = {
            "among the nearest": np.mean([self.right[i] in self.near[i] for i in asked]),
            "first": hits.mean(),
        }
        for share in ALIKE:
            limit = np.quantile(surest[len(hits) :], 1 - share)
            found[f"right where {share} pass"] = (hits & (surest[: len(hits)] > limit)).mean()
        return {f"{self.name}: {name}": round(float(x), 3) for name, x in found.items()}
