"""Evaluates a task: held-out examples are answered and compared with the wanted answers, by a
measure that the data decides.

JSON, rows and lists are compared part by part, labels of a few words as classes, free text by the
words it shares, everything else letter by letter.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from oneseek.engine.learning.batch import Coder, Row
from oneseek.engine.learning.datasets import Example
from oneseek.engine.learning.lessons import fold
from oneseek.engine.learning.rounds.variants import BASE, Variant, Variants
from oneseek.engine.learning.skills.answers import Answers, answers_to
from oneseek.engine.learning.skills.pattern import Pair, pattern_of
from oneseek.engine.learning.skills.ridge import Reading, Readings
from oneseek.engine.model.choice.form import Form

EXACT, FIELDS, CLASSES, OVERLAP = "exact", "fields", "classes", "overlap"
LIKE = 0.6  # F1 of the words of a free text: from there on it is right
A_CLASS, A_PART, SHORT = 3, 3, 4  # words, at most
COPIED = 0.7  # of an answer's words are the question's, where it is a changed copy
EXAMPLES = 8  # few-shot examples in the prompt of the base
BEYOND = 8  # tokens an answer may have more than the longest that is wanted
CLEARLY = 0.02  # a higher mean score by so much is better

# ---- what the data asks for


def measure_of(pairs: Sequence[Pair]) -> str:
    """Return the measure by which (question, answer) pairs are compared."""
    wanted = [answer.strip() for _, answer in pairs]
    if all(as_json(one) is not None for one in wanted) or all("|" in one for one in wanted):
        return FIELDS
    words = [len(one.split()) for one in wanted]
    if len({fold(one) for one in wanted}) <= max(2, len(wanted) // 4) and max(words) <= A_CLASS:
        return CLASSES
    if is_list(wanted):
        return FIELDS
    few = sorted(words)[len(words) // 2] <= SHORT
    copies = [share_of(words_of(answer), words_of(question)) for question, answer in pairs]
    return EXACT if few or sorted(copies)[len(copies) // 2] >= COPIED else OVERLAP


def as_json(text: str) -> dict | list | None:
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict | list) else None


def items(text: str) -> list[str]:
    """The parts of a list: its lines, or what stands between commas."""
    several = [line.strip(" \t-*•") for line in text.strip().splitlines() if line.strip()]
    return several if len(several) > 1 else [one.strip() for one in text.split(",") if one.strip()]


def is_list(texts: Sequence[str]) -> bool:
    """Whether most have several parts, and all parts few words."""
    every = [items(text) for text in texts]
    several = sum(len(one) > 1 for one in every) * 2 >= len(every)
    return several and all(len(part.split()) <= A_PART for one in every for part in one)


# ---- how right an answer is


def parts(text: str) -> Counter[str]:
    """Return the parts of a text of fields."""
    found = as_json(text.strip())
    if found is not None:
        return Counter(leaves(found))
    if "|" in text:
        return Counter(f"{at} {fold(cell)}" for at, cell in enumerate(text.strip().split("|")))
    return Counter(fold(item) for item in items(text))


def leaves(value: Any, path: str = "") -> Iterable[str]:
    """Yield every value with its path; the place in a list does not count."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(inner, f"{path}.{name}")
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner, f"{path}[]")
    else:
        yield f"{path}={json.dumps(value)}"


def words_of(text: str) -> Counter[str]:
    return Counter(fold(text).split())


def share_of(some: Counter, others: Counter) -> float:
    return (some & others).total() / max(1, some.total())


def score(measure: str, wanted: str, said: str) -> float:
    """Return how right an answer is, from 0 to 1."""
    if measure == CLASSES:
        return float(fold(said) == fold(wanted))
    if measure == EXACT:
        return float(said.strip() == wanted.strip())
    if measure == FIELDS:
        mine, theirs = parts(wanted), parts(said)
        return (mine & theirs).total() / max(1, mine.total(), theirs.total())
    mine, theirs = words_of(wanted), words_of(said)
    return 2 * (mine & theirs).total() / max(1, mine.total() + theirs.total())


def is_right(measure: str, points: float) -> bool:
    return points >= (LIKE if measure == OVERLAP else 1.0)


# ---- asking


@dataclass(frozen=True)
class Score:
    """The result of one variant on the held-out examples."""

    right: int
    score: float  # the mean over all
    said: tuple[str, ...] = ()
    points: tuple[float, ...] = ()

    def better_than(self, other: Score) -> bool:
        """Whether more are right; or as many, and the mean score is clearly higher."""
        if self.right != other.right:
            return self.right > other.right
        return self.score > other.score + CLEARLY

    def to_dict(self) -> dict:
        return {"right": self.right, "score": round(self.score, 3)}


def foreseen(each: Sequence[np.ndarray]) -> Score:
    """The score of greedy answers, from which tokens of the wanted answers are the likeliest."""
    right = sum(bool(one.all()) for one in each)
    return Score(right, sum(float(one.mean()) for one in each) / len(each))


class Reads(Protocol):
    """Reads the questions that a skill is asked."""

    async def read(self, texts: Sequence[str]) -> list[Reading]:
        """Return the reading of each text."""

    async def examples_read(self, pairs: Sequence[Pair]) -> Readings:
        """Return the readings of the examples' questions, and of their labels' names."""


class HeldOutTest:
    """Has variants answer the held-out examples; some of the `others` are few-shot examples for the
    base. The answers of a skill follow the pattern of the `others`, as in use, where `reads` reads
    its questions. With `corrected`, a person has corrected examples since the version before
    learned them."""

    def __init__(
        self,
        coder: Coder,
        row: Callable[[Example], Row],
        held: Sequence[Example],
        others: Sequence[Example],
        is_skill: bool = False,
        reads: Reads | None = None,
        corrected: bool = False,
    ) -> None:
        self.coder, self.held, self.corrected = coder, held, corrected
        self.shown = [one for one in others if len(one.history) == 1][:EXAMPLES]
        self.examples, asked = pairs_of(others), pairs_of(held)
        self.measure = measure_of([*asked, *self.examples])
        self.questions = [question for question, _ in asked]
        self.is_skill, self.reads = is_skill, reads
        self.grammars: Sequence[Answers | None] | None = None  # of the answers, once they are known
        rows = [row(one) for one in held]
        self.prompts = [list(one.prompt) for one in rows]
        self.tokens = BEYOND + max(len(one.target) for one in rows)

    async def by(
        self, variants: Variants, who: Variant, prompts: list[list[int]] | None = None
    ) -> Score:
        """Return the score of `base`, `active` or `candidate`, decoding greedily; all but the base
        follow the pattern of the skill."""
        tokenizer = self.coder.tokenizer
        if self.grammars is None:
            self.grammars = await self._grammars()
        grammars = self.grammars if who != BASE else ()
        forms = [Form(one, tokenizer) if one else None for one in grammars]
        made = await variants.go_on(who, prompts or self.prompts, self.tokens, forms)
        said = [tokenizer.decode([id for id in ids if not self.coder.ends(id)]) for ids in made]
        pairs = zip(self.held, said, strict=True)
        points = [score(self.measure, one.answer, text) for one, text in pairs]
        right = sum(is_right(self.measure, one) for one in points)
        return Score(right, sum(points) / len(points), tuple(said), tuple(points))

    async def _grammars(self) -> Sequence[Answers | None]:
        """Return the grammar of the answer to each question; none where any text is allowed."""
        if not self.is_skill:
            return ()
        readings = await self.reads.examples_read(self.examples) if self.reads else None
        pattern = pattern_of(self.examples, readings)
        if not pattern:
            return ()
        read = await self.reads.read(self.questions) if self.reads else [None] * len(self.questions)
        pairs = zip(self.questions, read, strict=True)
        return [answers_to(pattern, question, one) for question, one in pairs]

    def prompt_with_examples(self, most: int) -> tuple[list[list[int]], int]:
        """Return the prompts with as many few-shot examples as fit `most` tokens, and how many that
        are."""
        for count in range(len(self.shown), 0, -1):
            before = [
                turn
                for one in self.shown[:count]
                for turn in (*one.history, {"role": "assistant", "content": one.answer})
            ]
            prompts = [self.coder.conversation([*before, *one.history]) for one in self.held]
            if max(map(len, prompts)) + self.tokens <= most:
                return prompts, count
        return self.prompts, 0

    def is_passed(self, now: Score, before: Score) -> bool:
        """Whether the score is better; equal is enough where the version before learned from
        answers that a person has corrected since."""
        as_good = self.corrected and now.right > 0 and not before.better_than(now)
        return as_good or now.better_than(before)

    async def compare(self, variants: Any, now: Score, before: Score, first: bool) -> dict:
        """Return the scores for the verdict: of this version, the one `before` (the base if it is
        the `first`), the base, and the base with few-shot examples."""
        base = before if first else await self.by(variants, BASE)
        most = min(variants.pool.rows // 2, variants.model.positions)
        prompts, count = self.prompt_with_examples(most)
        prompted = await self.by(variants, BASE, prompts) if count else base
        return {
            "measure": self.measure,
            "of": len(self.held),
            **now.to_dict(),
            "before": before.to_dict(),
            "base": base.to_dict(),
            "prompted": prompted.to_dict() | {"examples": count},
        }

    def wrong(self, now: Score) -> list[dict]:
        """Return the examples that were not answered as wanted."""
        return [
            {"prompt": question, "wanted": one.answer, "said": said}
            for question, one, said, points in zip(
                self.questions, self.held, now.said, now.points, strict=True
            )
            if not is_right(self.measure, points)
        ]


def pairs_of(examples: Sequence[Example]) -> list[Pair]:
    """Return the last question of each example, and its answer."""
    return [(one.history[-1]["content"], one.answer) for one in examples]


def sentence(told: dict) -> str:
    """`46 of 50 held-back examples right; before 0; with examples in the prompt 0`."""
    said = f"{told['right']} of {told['of']} held-back examples right; before {told['before']['right']}"
    as_many = told["right"] == told["before"]["right"]
    if told["measure"] == OVERLAP or (told["measure"] == FIELDS and as_many):
        now, before = (f"{100 * one['score']:.0f} %" for one in (told, told["before"]))
        of = "words" if told["measure"] == OVERLAP else "parts"
        said += f" ({now} of their {of}, before {before})"
    if told["base"] != told["before"]:
        said += f"; the base alone {told['base']['right']}"
    if told["prompted"]["examples"]:
        said += f"; with examples in the prompt {told['prompted']['right']}"
    return said
