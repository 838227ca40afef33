"""A statement as a record of the memory: its owner, its words, and its encoding."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np

from oneseek.engine.core.collecting.statements import STATEMENT
from oneseek.engine.learning.lessons import LessonError
from oneseek.engine.learning.memory.aligning import TERMS
from oneseek.engine.learning.memory.recogniser import FOUND, FactEncoding, floats, half

LONGEST = 600  # characters of an answer that can be said from memory
DENIED = re.compile(
    r"(?:(?P<before>[^\s,.!?]+)\s+)?(?P<value>[^\s,.!?]+)(?P<comma>,)?\s+"
    r"(?P<denied>(?:but )?(?:not|inte|ej)\s+(?P<other>(?:[^\s,.!?]+\s+){0,2}[^\s,.!?]+))"
    r"(?=[.!?…]*$)",
    re.I | re.M,
)  # "(is called) Pixie, not Pixel" at the end of a line
TELLS = re.compile(
    r"(?:called|named|is|are|was|in|on|at|to|from|with|the|a|an|it's|that's|"
    r"heter|kallas|är|blir|på|till|från|med|kl|klockan|den|det|en|ett)$",
    re.I,
)  # words before a value
NO_VALUE = re.compile(
    r"(?:really|definitely|probably|still|just|certainly|actually|also|now|kind|rather|maybe|"
    r"nog|verkligen|absolut|ju|väl|fortfarande|faktiskt|nu|kanske|tyvärr)$",
    re.I,
)


@dataclass(frozen=True)
class Found:
    """A fact or statement that may answer a question.

    The `score` of a statement is the probability that it is the one to say; those of all candidates
    add up to the probability that any answers. The `score` of a fact is no probability: it is SURE
    plus a tenth of its logit above the threshold of the language (weighing.py), and 1.0 for the
    very words of its question. For `apart` see evidence.ALONE; `changes` says that a statement
    changes another one that was found; `near` is how near it lies to the question."""

    fact: dict
    score: float
    apart: float = 0.0
    changes: bool = False
    near: float = 0.0

    @property
    def id(self) -> str:
        return self.fact["id"]

    @property
    def gone(self) -> bool:
        """Forgotten, though a version that is still there has learned it."""
        return "answer" not in self.fact

    def to_dict(self) -> dict:
        """The fields that the API and the page get."""
        return {
            "id": self.id,
            "question": self.fact["question"],
            "score": round(self.score, 3),
            "source": self.fact["source"],
        }


@dataclass(frozen=True)
class StatementEncoding:
    """The encoding of a statement: its embedding, its terms, and the features read of pairs with
    others."""

    said: np.ndarray
    terms: bytes = b""  # none in a store of another aligner
    beside: dict[str, list[float]] = field(default_factory=dict)

    def pack(self) -> dict:
        return {FOUND: half(self.said), TERMS: self.terms, "beside": self.beside}


def unpack(data: dict) -> FactEncoding | StatementEncoding:
    if "asked" in data:
        return FactEncoding.from_packed(data)
    return StatementEncoding(floats(data[FOUND]), data.get(TERMS, b""), data.get("beside", {}))


def is_stale(data: dict) -> bool:
    """Whether the embedding was made by another finder or reader than those in use."""
    return any(name.startswith(("said", "found")) and name != FOUND for name in data)


def is_statement(fact: dict) -> bool:
    return fact.get("kind") == STATEMENT


def owner_of(fact: dict) -> str:
    return fact["source"].get("user", "")


def is_for(fact: dict, user: str) -> bool:
    """Whether a user may be told a fact: what one person told in a chat is never another's."""
    return owner_of(fact) == user or fact["source"].get("kind") != "chat"


def text_of(fact: dict) -> str:
    """The text of a statement as it is read: the statements that it needs as context, then its own
    words, each on a line. Empty for a forgotten one."""
    source = fact["source"]
    return f"{source.get('before', '')}\n{source.get('said') or fact.get('answer', '')}".strip()


def text_to_read(fact: dict) -> str:
    """The text of a statement as the models read it: without a value that it denies at its end,
    which they have not learned to read."""
    return DENIED.sub(_drop_denied, text_of(fact))


def _drop_denied(found: re.Match) -> str:
    before, value, other = found["before"] or "", found["value"], found["other"]
    names = value[:1].isupper() and other.split()[-1][:1].isupper()
    numbers = all(any(map(str.isdigit, text)) for text in (value, other))
    told = TELLS.match(before) and not NO_VALUE.match(value) and not TELLS.match(value)
    if before and (found["comma"] or names or numbers or told):
        return found[0][: found.start("denied") - found.start()].rstrip(" ,")
    return found[0]


def check_words(words: str) -> str:
    """The words of a statement; a LessonError says why they cannot be kept."""
    words = words.strip()
    if not words or len(words) > LONGEST:
        raise LessonError(
            f"the statement has {len(words)} characters, 1 to {LONGEST} are remembered; "
            "import longer text as a document"
        )
    if any(ord(c) < 32 and c not in "\n\t" for c in words):
        raise LessonError("the statement has control characters; nothing was remembered")
    return words
