"""One language's data file: how people ask, what they talk about, and words to swap in."""

from __future__ import annotations

import functools
import json
import pathlib
import re
from collections.abc import Iterable, Sequence

from oneseek.engine.core.collecting.hint import votes
from oneseek.engine.learning.lessons.draw import Draw
from oneseek.engine.learning.lessons.forms import Form, Slots, capital, fill, plain, slots_of

FOLDER = pathlib.Path(__file__).parent / "data"
WORD = re.compile(r"[\w'’-]+")


class Kind:
    """One kind of fact: forms that recognise it and templates that ask for it."""

    def __init__(self, record: dict, *grammar: Sequence[str]) -> None:
        self.name = record["name"]
        self.about = frozenset(record["about"])
        self.ask = [Form(p, *grammar) for p in record["ask"]]
        told = [t if isinstance(t, list) else [t, record["question"]] for t in record["tell"]]
        self.tell = [(Form(pattern, *grammar), question) for pattern, question in told]
        self.question = record["question"]
        self.answer = record["answer"]
        self.topic = record["topic"]
        self.indirect = record["indirect"]
        self.wordings = record["wordings"]
        self.swap = record["swap"]
        self.default = record.get("default", {})

    @property
    def simple(self) -> bool:
        """Whether a subject is all it takes to ask this: then it can be a hard negative of
        others."""
        return slots_of(self.question) | slots_of(self.answer) <= {"x"}

    def recognise(self, question: str) -> Slots | None:
        """The slots of a question of this kind, or None."""
        return next(
            (s for form in self.ask if (s := self._slots(form, question)) is not None), None
        )

    def understand(self, statement: str) -> tuple[Slots, str] | None:
        """(slots, template of the question) of a statement of this kind, or None."""
        for form, question in self.tell:
            if slots := self._slots(form, statement):
                return slots, question
        return None

    def _slots(self, form: Form, text: str) -> Slots | None:
        found = form.match(text)
        if found is None:
            return None
        return self.default | {name: part for name, part in found.items() if part}


def _one_of(words: Iterable[str]) -> re.Pattern:
    longest_first = sorted(words, key=len, reverse=True)
    return re.compile(r"\b(?:" + "|".join(map(re.escape, longest_first)) + r")\b", re.IGNORECASE)


def compile_questions(sort: dict, before: str) -> re.Pattern:
    """A pattern of questions that want this sort of answer, by their beginning or by a word."""
    begin, word = "|".join(sort["asked"]), "|".join(sort["words"]) or "(?!)"
    return re.compile(rf"(?:^|[.?!,:;] )(?:(?:{before}) )?(?:{begin})\b|\b(?:{word})\b", re.I)


class Language:
    """A parsed data file; `*` after a word marks the neuter, for languages that have one."""

    def __init__(self, record: dict) -> None:
        self.code = record["language"]
        self.record = record
        self.genitives = record["genitives"]
        grammar = self.genitives, record["auxiliaries"], record["determiners"]
        self.kinds = [Kind(kind, *grammar) for kind in record["kinds"]]
        # Kinds that ask nearly the same: never hard negatives of each other.
        self.family = {name: set(f) for f in record["families"] for name in f}
        self.function_words = frozenset(record["function_words"])
        self.lead_in = frozenset(record["lead_in"])
        self.wrappers, self.held_back = record["wrappers"], record["held_back"]
        self.briefly = re.compile(record["briefly"], re.IGNORECASE)  # asks for less than a sentence
        self.frames = record["frames"]
        self.words: dict[str, list[str]] = {}
        self.sort: dict[str, str] = {}
        self.neuter: set[str] = set()
        for name, entry in record["words"].items():
            self.sort[name] = entry["sort"]
            self.words[name] = [word.rstrip("*") for word in entry["words"]]
            self.neuter.update(word.rstrip("*") for word in entry["words"] if word[-1] == "*")
        names = record["names"]
        self.first_names = {name.lower(): name for name in names["first"]}
        self.name_heads, self.name_tails = names["heads"], names["tails"]
        self.endings = sorted(names["endings"], key=len, reverse=True)
        self.shapes = [
            (Form(shape["match"], self.genitives), shape["variants"], shape["intro"])
            for shape in record["subjects"]
        ]
        self._person = {to: _one_of(pairs) for to, pairs in record["person"].items()}
        self._grammar = [(re.compile(a), b) for a, b in record["grammar"]]
        self._prefaces = [Form(p) for p in record["prefaces"]]
        self._categories: dict[str, list[str]] = {}
        for name, words in self.words.items():
            for word in words:
                self._categories.setdefault(word.lower(), []).append(name)
        others = (question for pairs in record["others"].values() for question, _ in pairs)
        self.other_questions = [Form(plain(q), *grammar) for q in dict.fromkeys(others)]
        self.contrasts: dict[str, list[int]] = {}  # words that exclude each other, by their lists
        for i, words in enumerate(record["contrasts"]):
            for word in words:
                self.contrasts.setdefault(word.lower(), []).append(i)
        self.answers = [
            (compile_questions(sort, record["answers"]["before"]), re.compile(sort["holds"]))
            for sort in record["answers"]["sorts"]
        ]

    def categories(self, words: str) -> list[str]:
        """The word lists that hold this word (or words)."""
        return self._categories.get(words.lower(), [])

    def bare(self, word: str) -> str:
        """The word without its owner's ending."""
        for ending in self.genitives:
            bare = word.removesuffix(ending)
            if bare != word and bare and (len(ending) > 1 or self.categories(bare)):
                return bare
        return word

    def genitive(self, text: str) -> str:
        ending = self.genitives[0]
        return text if ending == "s" and text[-1:] in "sxz" else text + ending

    def fill(self, template: str, slots: Slots, draw: Draw) -> str:
        return self.smooth(fill(template, slots, draw, self.genitive))

    def smooth(self, text: str) -> str:
        for pattern, replacement in self._grammar:
            text = pattern.sub(replacement, text)
        return text

    def turn(self, text: str, to: str) -> str:
        """My -> your (`to` = "second") or your -> my (`to` = "first")."""
        pairs = self.record["person"][to]

        def swap(word: re.Match) -> str:
            new = pairs[word[0].lower()]
            return capital(new) if word.start() == 0 and word[0][0].isupper() else new

        return self._person[to].sub(swap, text)

    def small(self, text: str) -> str:
        """The text with a small first letter, unless the first word always has a capital one."""
        first = text.split(" ", 1)[0]
        if first[1:] != first[1:].lower() or first.lower() in self.record["always_capital"]:
            return text
        return text[:1].lower() + text[1:]

    def mid_sentence(self, text: str) -> str:
        """The text as inside a sentence: a first word that is no name gets a small letter."""
        first = text.split(" ", 1)[0].lower()
        return self.small(text) if first in self.function_words else text

    def without_preface(self, text: str) -> str:
        """Without "remember that" and the like."""
        for form in self._prefaces:
            if found := form.match(text):
                return found["s"]
        return text

    def recognise(self, question: str) -> tuple[Kind | None, Slots]:
        """(kind, slots) of a question, or (None, {})."""
        for kind in self.kinds:
            if found := kind.recognise(question):
                return kind, found
        return None, {}


@functools.cache
def language(code: str) -> Language:
    """Return the language of this code; English where there is none."""
    path = FOLDER / f"{code}.json"
    return Language(json.loads((path if path.exists() else FOLDER / "en.json").read_text("utf-8")))


@functools.cache
def codes() -> tuple[str, ...]:
    return tuple(sorted(p.stem for p in FOLDER.glob("*.json") if "_" not in p.stem))


def guess(text: str) -> str:
    """The language whose function words the text uses most, English where none is ahead."""
    found = votes(text)
    return max(codes(), key=lambda code: (found.get(code, 0), code == "en"))
