"""Fits the logistic regression that recognises whether a question asks for a fact, and
cross-validates it over kinds of facts.

    python -m tests.bench.weigh --write        (minutes on one core; golden/tune_encoder.py before)

The examples are questions in a memory of all facts of the files FACTS, and in memories of FEWER.
Each fold leaves out a fourth of the kinds of facts; its figures, per language, are printed.  Then
the weights of a fit on everything are printed.  No fact is encoded by an encoder that was tuned on
its kind.  The facts that `bench memory` evaluates on take no part.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from builder import CACHE, encoder, fetch
from oneseek.engine.backends.reference import Numpy
from oneseek.engine.learning.lessons import (
    Lesson,
    anchors,
    load_held_out_anchors,
    make_held_back_wordings,
    probes,
)
from oneseek.engine.learning.memory.encoder import Encoder, Meaning
from oneseek.engine.learning.memory.recogniser import FactEncoding, Recogniser, Text
from oneseek.engine.learning.memory.second_look import Look, analyse_question
from oneseek.engine.learning.memory.weighing import WEIGHTS, compute_signs
from oneseek.engine.model.formats.source import BytesSource
from tests.bench.parts import report
from tests.bench.parts.facts import load_facts

HERE = Path(__file__).parent
FACTS = (
    "kinds", "more", "dev", "eval", "home", "people", "work", "body", "stories",
    "held", "last", "fresh", "sealed", "later", "aside",
)  # fmt: skip
PARTS = 4  # folds of the kinds of facts
HALVES = (0, 1)  # of the folds; one encoder is tuned on each
FEWER = (1, 6, 26)  # sizes of the memories, beside one of all facts
# Weight of an example by where its question is from.
COUNTS = {"unseen": 1.0, "wrapped": 0.5, "leak": 1.0, "far": 3.0, "other": 4.0, "anchor": 1.0}
WANTED = ("unseen", "wrapped")
PULL = 3.0  # ridge penalty
LIMIT = {"en": -0.9, "sv": -1.1}  # nats; chosen on the folds left out and on facts_reserve.jsonl


class Asked(NamedTuple):
    """A question, the fact it belongs to, and the features of each fact it may ask for."""

    part: str
    language: str
    fold: int
    fact: str
    candidates: list[tuple[str, dict[str, float]]]


def half_of(fact: dict) -> int:
    return fact["fold"] * len(HALVES) // PARTS


def locate_tuned_encoder(half: int) -> Path:
    """The file of norms and biases of the encoder that was tuned on this half of the kinds."""
    return CACHE / f"encoder-tuned-on-{half}.bin"


def encoder_for(half: int) -> Encoder:
    """The encoder that was tuned on the other half of the kinds."""
    data = fetch.part("encoder/multilingual-e5-small").read_bytes()
    made = encoder.bytes_of(data, locate_tuned_encoder(1 - half).read_bytes())
    return Encoder(lambda: asyncio.sleep(0, BytesSource(made)), Numpy())


class Known:
    """Encodes facts and questions once; computes features in a memory of any of the facts."""

    def __init__(self, facts: list[dict]) -> None:
        self.facts = facts
        self.lessons = {fact["question"]: lesson_of(fact) for fact in facts}
        self.encodings: list[dict[str, FactEncoding]] = [{} for _ in HALVES]
        self.read: list[dict[str, Meaning]] = [{} for _ in HALVES]
        self.words: dict[tuple[str, str], dict[str, float]] = {}

    async def look(self, questions: Iterable[str]) -> None:
        whole = {name: f"{one.question} {one.answer}" for name, one in self.lessons.items()}
        texts = list(dict.fromkeys([*questions, *self.lessons, *whole.values()]))
        for half in HALVES:
            read = dict(zip(texts, await encoder_for(half).of(texts), strict=True))
            for name in self.lessons:
                asked, answered = (Text.of(read[text]) for text in (name, whole[name]))
                self.encodings[half][name] = FactEncoding([asked], answered)
            self.read[half] = read

    def candidates(self, half: int, question: str, known: Iterable[str]) -> list[tuple[str, dict]]:
        recogniser = Recogniser()
        for name in known:
            recogniser.add(name, self.encodings[half][name])
        likely = recogniser.likely(self.read[half][question])
        return [
            (name, {**signs, **self.compute_word_signs(name, question)}) for name, signs in likely
        ]

    def compute_word_signs(self, name: str, question: str) -> dict[str, float]:
        if (name, question) not in self.words:
            lesson = self.lessons[name]
            look = Look(lesson, analyse_question(question, lesson.language))
            self.words[name, question] = {"at_first": 1.0, **compute_signs(look)}
        return self.words[name, question]


def lesson_of(fact: dict) -> Lesson:
    return Lesson(fact["question"], fact["answer"], (), fact["language"])


def facts_of() -> list[dict]:
    found = {}
    for name in FACTS:
        for fact in load_facts(name):
            lesson = lesson_of(fact)
            kind = lesson.recognised[0]
            named = fact.get("kind") or (kind.name if kind else fact["question"])
            found.setdefault(lesson.question, fact | {"question": lesson.question, "kind": named})
    kinds = list(dict.fromkeys(fact["kind"] for fact in found.values()))
    return [fact | {"fold": kinds.index(fact["kind"]) % PARTS} for fact in found.values()]


def questions(facts: list[dict]) -> Iterable[tuple[str, dict, str]]:
    for fact in facts:
        asked = {**fact, "wrapped": make_held_back_wordings(lesson_of(fact))[:3]}
        for part in ("unseen", "wrapped", "leak", "far"):
            yield from ((part, fact, question) for question in asked.get(part, ()))
    for code in ("en", "sv"):
        others = [*load_held_out_anchors(code), *(question for question, _ in probes(code))]
        every = {"other": [*others, *general(code)], "anchor": [q for _, q in anchors(code)]}
        for part, some in every.items():
            for i, question in enumerate(some):
                yield part, {"language": code, "fold": i % PARTS, "question": ""}, question


def general(code: str) -> list[str]:
    """General questions, written by hand, that ask for no fact."""
    lines = map(json.loads, (HERE / "general.jsonl").read_text("utf-8").splitlines())
    return [one["question"] for one in lines if one["language"] == code]


async def gather_questions(facts: list[dict]) -> tuple[list[Asked], list[Asked]]:
    """Every question in a memory of all facts, and in memories of each size of FEWER."""
    every = list(questions(facts))
    known, draw = Known(facts), random.Random(1)
    await known.look(question for *_, question in every)
    names = list(known.lessons)

    def ask_among(part: str, fact: dict, question: str, among: list[str]) -> Asked:
        candidates = known.candidates(half_of(fact), question, among)
        return Asked(part, fact["language"], fact["fold"], fact["question"], candidates)

    fewer = []
    for count in FEWER:
        for part, fact, question in every:
            own = [fact["question"]] * bool(fact["question"])
            others = [
                name for name in draw.sample(names, min(count, len(names))) if name not in own
            ]
            fewer.append(ask_among(part, fact, question, [*own, *others][:count]))
    return [ask_among(*one, names) for one in every], fewer


def fit(asked: list[Asked]) -> dict[str, float]:
    """Logistic regression of "the question asks for this fact" on the features, by Newton's method
    with a ridge penalty; each feature is divided by its standard deviation."""
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


def hits(weights: dict[str, float], asked: list[Asked], limit: float) -> dict[str, list[bool]]:
    found: dict[str, list[bool]] = {}
    for one in asked:
        scores = [
            (sum(weights[name] * value for name, value in signs.items()), fact)
            for fact, signs in one.candidates
        ]
        best, fact = max(scores)
        right = fact == one.fact or one.part not in WANTED
        found.setdefault(one.part, []).append(best > limit and right)
    return found


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--write", action="store_true", help="write the weights into the engine")
    options = ask.parse_args()
    asked, fewer = asyncio.run(gather_questions(facts_of()))
    every = [*asked, *fewer]
    for code, limit in LIMIT.items():
        found: dict[str, list[bool]] = {}
        for fold in range(PARTS):
            weights = fit([one for one in every if one.fold != fold])
            left_out = [one for one in asked if one.fold == fold and one.language == code]
            for part, each in hits(weights, left_out, limit).items():
                found.setdefault(part, []).extend(each)
        told = {part: round(float(np.mean(each)), 3) for part, each in found.items()}
        report.say(code, "kinds left out", told)
    weights = fit(every)
    rounded = {name: round(value, 2) for name, value in weights.items()}
    made = json.dumps({"limit": LIMIT, "weights": rounded}, indent=1)
    print(made)
    if options.write:
        WEIGHTS.write_text(made + "\n")


if __name__ == "__main__":
    main()
