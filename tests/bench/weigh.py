"""What each sign counts when a question is held against a fact: fits the weights of the language
files and tells what they do for kinds of facts they were not fitted on.

    python -m tests.bench.weigh        (half an hour on one core)

All facts of facts_dev, facts_eval and facts_kinds are known at once.  A fourth of the kinds at a
time is left out; then all are fitted, and the weights printed.  The facts that others are judged by
(`bench memory`) take no part.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import numpy as np

from engine.backends.reference import Numpy
from engine.core.storage.sqlite import SqliteStore
from engine.learning.lessons import Lesson, held_back_wordings, held_out_anchors, probes
from engine.learning.memory.second_look import Look, heard
from engine.learning.memory.weighing import told_by_words
from engine.model import registry
from engine.model.formats import open_model
from engine.model.loaded import Model
from tests.bench.memory import written
from tests.bench.parts import report
from tests.bench.parts.told import Told, record_of

PARTS = 4  # the kinds are split into
COUNTS = {"unseen": 1.0, "wrapped": 0.5, "leak": 1.0, "far": 1.5, "other": 1.0}
WANTED = ("unseen", "wrapped")
PULL = 3.0  # towards no weight
LIMIT = {"en": -0.4, "sv": 0.0}  # nats; where enough is let through, chosen on what was left out
FITTED_ON = {"en": ("en", "sv"), "sv": ("sv",)}


class Asked(NamedTuple):
    """A question, the fact it belongs to, and the signs of each fact it may ask for."""

    part: str
    language: str
    fold: int
    fact: str
    candidates: list[tuple[str, dict[str, float]]]


def facts_of(limit: int) -> list[dict]:
    found = {}
    for name in ("kinds", "dev", "eval"):
        for fact in written(name)[:limit]:
            kind = Lesson(fact["question"], fact["answer"], (), fact["language"]).recognised[0]
            named = fact.get("kind") or (kind.name if kind else fact["question"])
            found.setdefault(fact["question"], fact | {"kind": named})
    kinds = list(dict.fromkeys(fact["kind"] for fact in found.values()))
    return [fact | {"fold": kinds.index(fact["kind"]) % PARTS} for fact in found.values()]


def questions(facts: list[dict]) -> Iterable[tuple[str, dict, str]]:
    for fact in facts:
        lesson = Lesson(fact["question"], fact["answer"], (), fact["language"])
        asked = {**fact, "wrapped": held_back_wordings(lesson)[:3]}
        for part in ("unseen", "wrapped", "leak", "far"):
            yield from ((part, fact, question) for question in asked.get(part, ()))
    for code in ("en", "sv"):
        others = [*held_out_anchors(code), *(question for question, _ in probes(code))]
        for i, question in enumerate(others):
            yield "other", {"language": code, "fold": i % PARTS, "question": ""}, question


async def asked_of(told: Told, facts: list[dict]) -> list[Asked]:
    for fact in facts:
        await told.memory.remember([record_of(fact)])
        report.say(fact["question"])
    every = list(questions(facts))
    keys = await told.memory.keys.of([question for *_, question in every])
    found = []
    for (part, fact, question), key in zip(every, keys, strict=True):
        candidates = []
        for id, states, nearness in told.memory.recogniser.scores(key):
            known = told.memory.facts[id]
            lesson = told.memory._lesson(known)
            words = told_by_words(Look(lesson, heard(question, lesson.language)))
            signs = {"at_first": 1.0, "states": states, "nearness": nearness, **words}
            candidates.append((known["question"], signs))
        found.append(Asked(part, fact["language"], fact["fold"], fact["question"], candidates))
    return found


def fitted(asked: list[Asked]) -> dict[str, float]:
    """Logistic regression of "it asks for this fact" on the signs, each by its own spread."""
    names = list(asked[0].candidates[0][1])
    rows = [(one, *candidate) for one in asked for candidate in one.candidates]
    x = np.array([[signs[name] for name in names] for _, _, signs in rows])
    y = np.array([one.part in WANTED and fact == one.fact for one, fact, _ in rows], float)
    counts = np.array([COUNTS[one.part] for one, *_ in rows])
    spread = np.where(x.std(0) > 0, x.std(0), 1)
    x, weights = x / spread, np.zeros(len(names))
    pull = PULL * np.array([name != "at_first" for name in names])
    for _ in range(50):
        p = 1 / (1 + np.exp(-x @ weights))
        curve = (x * (counts * p * (1 - p))[:, None]).T @ x + np.diag(pull + 1e-9)
        weights -= np.linalg.solve(curve, x.T @ (counts * (p - y)) + pull * weights)
    return dict(zip(names, (weights / spread).tolist(), strict=True))


def hits(weights: dict[str, float], asked: list[Asked], limit: float) -> dict[str, float]:
    found: dict[str, list[bool]] = {}
    for one in asked:
        scores = [
            (sum(weights[name] * value for name, value in signs.items()), fact)
            for fact, signs in one.candidates
        ]
        best, fact = max(scores)
        right = fact == one.fact or one.part not in WANTED
        found.setdefault(one.part, []).append(best > limit and right)
    return {part: float(np.mean(each)) for part, each in found.items()}


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--model", type=Path)
    ask.add_argument("--limit", type=int, default=1000, help="facts of each file")
    options = ask.parse_args()
    facts = facts_of(options.limit)
    with closing(open_model(str(options.model or registry.find("smollm2-135m")))) as file:
        with asyncio.Runner() as runner, tempfile.TemporaryDirectory() as folder:
            model = runner.run(Model.load(file, Numpy()))
            store = SqliteStore(Path(folder) / "memory.sqlite")
            asked = runner.run(asked_of(Told(model, store), facts))
            runner.run(store.close())
    for code, limit in LIMIT.items():
        mine = [one for one in asked if one.language in FITTED_ON[code]]
        for fold in range(PARTS):
            others = [one for one in mine if one.fold != fold]
            left_out = [one for one in mine if one.fold == fold and one.language == code]
            report.say(code, "left out", fold, hits(fitted(others), left_out, limit))
        weights = fitted(mine)
        weights["at_first"] -= limit
        print(code, json.dumps({name: round(value, 2) for name, value in weights.items()}))


if __name__ == "__main__":
    main()
