"""Preference data: the answer a person preferred to another, or one answer they liked or disliked.

The loss is that of DPO: the preferred answer becomes likelier than the other, each relative to the
base.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from oneseek.engine.core.settings import TrainingConfig
from oneseek.engine.learning.batch import Batch, Coder, Row, pack

PREFERRED, REJECTED = "preferred", "rejected"  # the parts of a step
LONGEST = 160  # tokens of an answer: of what is longer, the beginning is learned
LONGEST_PROMPT = 256  # and of a prompt, of which the end is kept
BETA = 0.1  # of DPO
OWN = 1.0  # the weight of the preferred answers' cross-entropy: a small one changes no answer
ANCHORS = 4  # rows of small talk in a step, at least: with fewer, common knowledge is lost
MARK = 0.5  # what a single mark weighs beside a pair


@dataclass(frozen=True)
class Choice:
    """A prompt with the answer that was preferred and the one that was not; a single mark has one
    of the two."""

    prompt: str
    chosen: str = ""
    rejected: str = ""

    @property
    def is_pair(self) -> bool:
        return bool(self.chosen and self.rejected)

    def rows(self, coder: Coder) -> list[Row]:
        """Its answers, the preferred first."""
        parts = ((PREFERRED, self.chosen), (REJECTED, self.rejected))
        return [answer_row(coder, part, self.prompt, text) for part, text in parts if text]


def count_anchors(config: TrainingConfig) -> int:
    """Return how many rows of small talk a step has."""
    return max(ANCHORS, math.ceil(config.practice.anchor_rows))


def answer_row(coder: Coder, part: str, prompt: str, text: str) -> Row:
    """An answer to a prompt; of one that is too long the end of the turn is not learned."""
    target = [*coder.tokenizer.encode(text), coder.end][:LONGEST]
    return Row(part, coder.prompt(prompt)[-LONGEST_PROMPT:], target)


@dataclass(frozen=True)
class Choices(Batch):
    """The arrays of a step over choices: its losses come unweighted."""

    def margins(self, losses: np.ndarray) -> np.ndarray:
        """Return the margin of each choice in nats times beta; it is won above zero."""
        counted = self.arrays["share"][:, 0] > 0
        signs, offset = self.arrays["signs"], self.arrays["offset"][:, 0]
        return (signs @ losses + offset)[counted]

    def loss(self, losses: np.ndarray) -> float:
        shares = self.arrays["share"][:, 0]
        wrong = np.logaddexp(0, -self.margins(losses))
        return float(shares[shares > 0] @ wrong + self.arrays["own"][:, 0] @ losses)

    def measure(self, losses: np.ndarray) -> dict[str, float]:
        """Return the mean loss of the choices, the share of them that is won, and nats a token of
        all else."""
        margins, own = self.margins(losses), self.arrays["own"][:, 0] * losses
        others = [
            own[first : first + count].sum() / weight
            for part, first, count, weight in self.parts
            if part not in (PREFERRED, REJECTED)
        ]
        found = {
            "taught": float(np.logaddexp(0, -margins).mean()),
            "won": float((margins > 0).mean()),
        }
        return found | ({"anchors": float(np.mean(others))} if others else {})

    def hardest(self, losses: np.ndarray, wanted: str) -> list[float]:
        return np.logaddexp(0, -self.margins(losses)).tolist()


def pack_choices(
    choices: Sequence[Choice],
    rows: Sequence[Sequence[Row]],
    base: Sequence[Sequence[float]],
    held: Sequence[Row],
    places: int,
    kl_weight: float,
    shape: tuple[int, int] | None = None,
) -> Choices:
    """Return one step: each choice with its rows and their nats under the base, the rows of
    regularisation examples, and room for `places` choices."""
    batch = pack([row for some in rows for row in some] + list(held), kl_weight, shape)
    arrays = dict(batch.arrays)
    size = len(arrays["weight"])
    signs, own = np.zeros((places, size), np.float32), np.zeros(size, np.float32)
    offset, share = np.zeros((2, places), np.float32)
    total = sum(1 if one.is_pair else MARK for one in choices)
    liked = sum(bool(one.chosen) for one in choices)
    parts = iter(batch.parts)
    for at, (choice, some, nats) in enumerate(zip(choices, rows, base, strict=True)):
        share[at] = (1 if choice.is_pair else MARK) / total
        for row, before in zip(some, nats, strict=True):
            _, first, count, _ = next(parts)
            sign = -BETA if row.part == PREFERRED else BETA
            signs[at, first : first + count] = sign
            offset[at] -= sign * before
            if row.part == PREFERRED:
                own[first : first + count] = OWN / liked / count
    for _, first, count, _ in parts:  # regularisation examples
        own[first : first + count] = arrays["weight"][first : first + count]
    arrays |= {"signs": signs, "offset": offset[:, None], "share": share[:, None]}
    arrays |= {"own": own[:, None], "weight": (arrays["weight"] > 0).astype(np.float32)}
    return Choices(arrays, batch.parts, len(choices))
