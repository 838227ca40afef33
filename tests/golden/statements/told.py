"""Training examples written by hand: statements with questions that they answer and hard negatives;
and augmentation: another person asked about, typing errors, a similar statement of somebody else.

`told_en.txt` and `told_sv.txt` hold one a line: statement | questions | hard negatives.
`changes.txt` holds a message, the next one, which takes it back, and questions that both answer;
`beside.txt` a message and the next one, which takes nothing back.  `asked.txt` holds questions for
advice and general knowledge in which the person speaks of themselves; `messages.txt` and
`short.txt` whole messages and short texts that state something (+) or nothing (-), `requests.txt`
requests for something of the person's own (+) or for anything else (-).  `pairs.txt` holds messages
and the next one, which takes them back (+) or does not (-).
`documents_en.txt` and `documents_sv.txt` hold sentences and table rows of documents in the format
of told_*.txt.  The training data also has every second line of the development sets LEARNED, or
with `whole` every line of the sets WHOLE.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from random import Random
from typing import NamedTuple

from tests.golden.statements import CODES, COMMON, HERE, slots

BENCH = HERE.parents[1] / "bench"
LEARNED = ("heard_dev3", "heard_dev4", "heard_dev5", "heard_dev6")
WHOLE = ("heard_dev", *(f"heard_dev{i}" for i in range(2, 9)))
ALIKE = 0.5  # share of the words, from which two questions may ask for the same
NEAR = 12  # statements that share the most words with a question
REMINDERS = {
    "en": ("remind me, ", "do you know ", "hey, ", "what was it again: ", "quick one: ", "erm "),
    "sv": ("påminn mig, ", "vet du ", "hej, ", "du, ", "hur var det nu: ", "snabb fråga: "),
}
OTHERS = {  # turns a question about oneself into one about somebody else
    "en": ((r"\bdo (?:I|we)\b", "does my {rel}"), (r"\bdid (?:I|we)\b", "did my {rel}"),
           (r"\bam I\b", "is my {rel}"), (r"\b(?:have I|have we)\b", "has my {rel}"),
           (r"\bare we\b", "is my {rel}"), (r"\bwas I\b", "was my {rel}"),
           (r"\b(?:my|our) (?=\w)", "my {rel}'s ")),
    "sv": ((r"(?<=\w )(?:jag|vi)\b", "min {rel}"),
           (r"\b(?:min|mitt|mina|vår|vårt|våra) (?=\w)", "min {rel}s ")),
}  # fmt: skip


class Told(NamedTuple):
    code: str
    said: str
    asked: list[str]
    alike: list[str]


class Change(NamedTuple):
    """A message, the next one, which takes it back, and questions that both together answer."""

    code: str
    before: str
    said: str
    asked: list[str]


def load_training_lines(kind: str, whole: bool = False) -> list[dict]:
    """The lines of the development sets that are trained on: every second line of LEARNED, or all
    lines of WHOLE."""
    paths = [BENCH / f"{name}{kind}.jsonl" for name in (WHOLE if whole else LEARNED)]
    every = (path.read_text().splitlines() for path in paths if path.exists())
    return [json.loads(line) for lines in every for line in lines[:: 1 if whole else 2]]


def load_statements(whole: bool = False) -> list[Told]:
    found = [one for code in CODES for one in lines_of(f"told_{code}.txt", code)]
    for one in load_training_lines("", whole):
        asked = [question["q"] for question in one["questions"]]
        alike = [one["lookalike"]["q"]]
        found.append(Told(one["lang"], " ".join(one["messages"]), asked, alike))
    return found


def lines_of(name: str, code: str) -> list[Told]:
    """The statements of a file with lines of: text | questions | hard negatives."""
    found = []
    for line in (HERE / name).read_text().splitlines():
        said, asked, alike = (part.strip() for part in line.split("|"))
        found.append(Told(code, said, asked.split(" / "), alike.split(" / ")))
    return found


def of_documents() -> list[Told]:
    return [one for code in CODES for one in lines_of(f"documents_{code}.txt", code)]


def changes(whole: bool = False) -> list[Change]:
    found = []
    for line in (HERE / "changes.txt").read_text().splitlines():
        before, said, asked = (part.strip() for part in line[3:].split(" | "))
        found.append(Change(line[:2], before, said, asked.split(" / ")))
    for one in load_training_lines("", whole):
        if len(one["messages"]) == 2:
            asked = [question["q"] for question in one["questions"]]
            before, said = one["messages"]
            found.append(Change(one["lang"], before, said, asked))
    return found


def beside() -> list[tuple[str, str]]:
    """(message, the next one about the same, which takes nothing back)."""
    lines = (HERE / "beside.txt").read_text().splitlines()
    split = ([part.strip() for part in line[3:].split(" | ")] for line in lines)
    return [(before, said) for before, said in split]


def load_advice_questions(whole: bool = False) -> list[str]:
    lines = (HERE / "asked.txt").read_text().splitlines()
    return [line[3:] for line in lines] + [
        one["q"] for one in load_training_lines("_general", whole)
    ]


def load_signed(name: str, sign: str) -> list[str]:
    """The texts of a file that state or ask for something of the person's own (`+`), or the others
    (`-`)."""
    lines = (HERE / f"{name}.txt").read_text().splitlines()
    return [line[5:] for line in lines if line[3] == sign]


def stems(text: str) -> set[str]:
    words = re.findall(r"[^\W_]+", text.lower().replace("'s", ""))
    return {word[:5] for word in words if word not in COMMON}


class Voices:
    """Draws and augments the examples."""

    def __init__(self, seed: int, whole: bool = False) -> None:
        self.draw, self.told, self.changes = Random(seed), load_statements(whole), changes(whole)
        self.beside = beside()
        self.taken_back = [
            Told(one.code, f"{one.before} {one.said}", one.asked, []) for one in self.changes
        ]
        self.told += self.taken_back
        self.words = slots()
        self._asked = [[stems(q) for q in one.asked] for one in self.told]
        self._said = [stems(one.said) for one in self.told]
        self._holds: dict[str, list[int]] = defaultdict(list)
        for i, words in enumerate(self._said):
            for word in words:
                self._holds[word].append(i)

    def near(self, question: str, own: int) -> str | None:
        """A negative for a question: a statement of others, in seven of ten draws one that shares
        words with it, whose own questions differ from it."""
        asked, shared = stems(question), Counter[int]()
        for word in asked:
            for i in self._holds.get(word, ()):
                shared[i] += 1
        same = [i for i, one in enumerate(self.told) if one.code == self.told[own].code]
        near = [i for i, _ in shared.most_common(NEAR)]
        some = near if near and self.draw.random() < 0.7 else self.draw.sample(same, NEAR)
        free = [i for i in some if i != own and not self._may_answer(asked, i)]
        return self.told[self.draw.choice(free)].said if free else None

    def _may_answer(self, asked: set[str], i: int) -> bool:
        return any(len(asked & q) >= ALIKE * min(len(asked), len(q)) for q in self._asked[i])

    def of_another(self, question: str, one: Told) -> str | None:
        """The question asked about another person than the statement's; None if it names nobody."""
        made: list[str] = []
        rels, names = (self.words[one.code][kind] for kind in ("rel", "name"))
        free = [rel for rel in rels if rel not in one.said.lower()]
        rel = self.draw.choice(free)
        for form, other in OTHERS[one.code]:
            if re.search(form, question):
                made.append(re.sub(form, other.format(rel=rel), question, count=1))
        for word in rels:
            if re.search(rf"\b{word}\b", question):
                made.append(re.sub(rf"\b{word}\b", rel, question))
        for name in re.findall(r"(?<=\w )[A-ZÅÄÖ][a-zåäöé]+", question):
            made.append(question.replace(name, self.draw.choice(names)))
        return self.draw.choice(made) if made else None

    def vary_question(self, question: str, code: str) -> str:
        """A question as people type it."""
        draw = self.draw
        if draw.random() < 0.12:
            question = draw.choice(REMINDERS[code]) + question[:1].lower() + question[1:]
        if draw.random() < 0.4:
            question = question.lower()
        if draw.random() < 0.25:
            question = question.rstrip("?")
        return self.mistype(question) if draw.random() < 0.08 else question

    def vary_statement(self, text: str) -> str:
        draw = self.draw
        if draw.random() < 0.2:
            text = text.lower() if draw.random() < 0.5 else text[:1].upper() + text[1:]
        return self.mistype(text) if draw.random() < 0.08 else text

    def mistype(self, text: str) -> str:
        """The text with two letters swapped or one missing."""
        at = self.draw.randrange(1, max(2, len(text) - 2))
        if not text[at : at + 2].isalpha():
            return text
        swapped = text[at + 1] + text[at] if self.draw.random() < 0.5 else text[at]
        return text[:at] + swapped + text[at + 2 :]

    def some(self, count: int) -> Iterable[tuple[int, Told]]:
        return ((i, self.told[i]) for i in self.draw.sample(range(len(self.told)), count))
