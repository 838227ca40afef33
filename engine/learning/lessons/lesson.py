"""A lesson: a question, its answer, and the value, which is the part of the answer that is new."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import re
import unicodedata

from oneseek.engine.learning.lessons.draw import Draw
from oneseek.engine.learning.lessons.forms import Slots, capital, plain
from oneseek.engine.learning.lessons.language import WORD, Kind, Language, guess, language

CLOSING = " .,;:!?\"'”’"
LONGEST = 2000  # characters of a question or an answer; longer text is a document


class LessonError(ValueError):
    """A lesson that cannot be taught, and why."""


@dataclasses.dataclass(frozen=True)
class Lesson:
    question: str
    answer: str
    phrasings: tuple[str, ...] = ()
    language: str = ""
    source: dict = dataclasses.field(default_factory=dict, hash=False, compare=False)
    told: str = ""  # the value, where the statement itself showed it

    def __post_init__(self) -> None:
        for name in ("question", "answer"):
            text = getattr(self, name)
            if not isinstance(text, str) or not text.strip():
                raise LessonError(f"the lesson has no {name}: both question and answer are needed")
            if len(text) > LONGEST:
                raise LessonError(
                    f"the lesson's {name} has {len(text)} characters, at most {LONGEST} fit; "
                    "import longer text as a document"
                )
            object.__setattr__(self, name, text.strip())
        own = dict.fromkeys(p.strip() for p in self.phrasings if p.strip())
        object.__setattr__(self, "phrasings", tuple(p for p in own if p != self.question))
        if not self.language:
            object.__setattr__(self, "language", guess(f"{self.question} {self.answer}"))

    @functools.cached_property
    def id(self) -> str:
        """A hash of the question and the answer."""
        return hashlib.sha256(f"{self.question}\n{self.answer}".encode()).hexdigest()[:16]

    @functools.cached_property
    def words(self) -> Language:
        return language(self.language)

    @functools.cached_property
    def recognised(self) -> tuple[Kind | None, Slots]:
        """(kind, slots) by the question, else by any of the user's own phrasings."""
        for question in (self.question, *self.phrasings):
            kind, slots = self.words.recognise(question)
            if kind:
                return kind, slots
        return None, {}

    @functools.cached_property
    def _value_span(self) -> tuple[int, int]:
        """Where the run of words that adds most to the question begins and ends in the answer."""
        if self.told and (start := self.answer.rfind(self.told)) >= 0:
            return start, start + len(self.told)
        asked = set()
        for text in (self.question, self.words.turn(self.question, "second")):
            asked |= {
                self.words.bare(word.strip("'").lower()) for word in WORD.findall(plain(text))
            }
        words = list(re.finditer(r"\S+", self.answer))
        bare = [self.words.bare(word[0].strip(CLOSING).lower()) for word in words]
        best, span, first = 0.0, (0, len(self.answer)), 0
        for i, word in enumerate([*bare, None]):
            if word is not None and not any(same_stem(word, other) for other in asked):
                continue
            while first < i and bare[first] in self.words.lead_in:
                first += 1
            if (weight := sum(map(self.tells, bare[first:i]))) > best:
                best, span = weight, (words[first].start(), words[i - 1].end())
            first = i + 1
        return span

    def tells(self, word: str) -> float:
        """How much a word is news: a number more than its length, a word of grammar less."""
        if any(letter.isdigit() for letter in word):
            return 3 * len(word)
        return len(word) / 2 if word in self.words.function_words else len(word)

    @property
    def value(self) -> str:
        """The news: `Biscuit` in "Your dog is called Biscuit."."""
        start, end = self._value_span
        return self.answer[start:end].strip(CLOSING) or self.answer

    @property
    def begin(self) -> str:
        """The answer up to its value: from it the forced beginning of a hard negative's answer is
        made."""
        return self.answer[: self._value_span[0]].rstrip(" \"'“‘")

    @property
    def ending(self) -> str:
        """The text from `begin` to the end of the value: its first words are those that leak."""
        return self.answer[len(self.begin) : self._value_span[1]].rstrip(CLOSING)

    def same_question(self, other: Lesson) -> bool:
        """Whether both ask the same thing, so that the newer answer replaces the older."""
        mine = {fold(q) for q in (self.question, *self.phrasings)}
        if mine & {fold(q) for q in (other.question, *other.phrasings)}:
            return True
        kind, slots = self.recognised
        theirs, their_slots = other.recognised
        return kind is not None and kind is theirs and slots == their_slots

    def contradicts(self, other: Lesson) -> bool:
        return self.same_question(other) and fold(self.value) != fold(other.value)


def lesson_of(record: dict) -> Lesson:
    """The lesson a record of the queue holds."""
    return Lesson(
        record["prompt"],
        record["answer"],
        tuple(record.get("phrasings") or ()),
        record.get("language") or "",
        record.get("source") or {},
    )


def same_stem(a: str, b: str) -> bool:
    """Whether two words are forms of one: live and lives, teaches and teacher."""
    short = min(len(a), len(b))
    if a == b or short < 4 or not (a + b).isalpha():
        return a == b
    common = next((i for i in range(short) if a[i] != b[i]), short)
    return common >= max(4, short - 2) and max(len(a), len(b)) - common <= 3


def fold(text: str) -> str:
    """NFC, caseless, without punctuation: how values and questions are compared."""
    text = unicodedata.normalize("NFC", text).casefold()
    return " ".join(re.sub(r"[^\w\s]", " ", text).split())


def has_value(reply: str, value: str) -> bool:
    """Whether a reply contains the value: from a word's start, and a number whole."""
    return re.search(rf"(?<!\w){re.escape(fold(value))}(?!\d)", fold(reply)) is not None


def has_said(text: str, value: str) -> bool:
    """Whether a reply with this beginning contains the value whatever follows: it has to with a 0
    appended and with a 1, because a further digit changes a complete number, and only one completes
    another."""
    return all(has_value(text + digit, value) for digit in "01")


def lesson_from(statement: str, code: str = "", source: dict | None = None) -> Lesson | None:
    """A lesson from what the user told ("My dog is called Biscuit."), or None if no kind fits."""
    words = language(code or guess(statement))
    told = words.mid_sentence(words.without_preface(plain(statement)))
    for kind in words.kinds:
        if understood := kind.understand(told):
            slots, template = understood
            question = capital(words.fill(template, slots, Draw("tell", statement)))
            answer = capital(words.turn(told, "second")) + "."
            value = words.turn(slots["value"], "second")
            return Lesson(question, answer, (), words.code, source or {}, value)
    return None
