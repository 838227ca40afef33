"""Makes lessons from the sentences of a document: questions forwards and backwards, or a gap to
fill.

Only sentences with a name, a number or a date are used, and only those that are clear without their
neighbours: an unresolved "it" becomes the heading, an unresolved "she" drops the sentence.
"""

from __future__ import annotations

import functools
import json
import re

from oneseek.engine.learning.lessons.draw import Draw
from oneseek.engine.learning.lessons.forms import Form, capital, plain
from oneseek.engine.learning.lessons.language import FOLDER, Language, codes, language
from oneseek.engine.learning.lessons.lesson import Lesson
from oneseek.engine.learning.lessons.wordings import make_held_back_wordings

LONGEST_SUBJECT, LONGEST_VALUE = 8, 12  # words
SHORTEST, LONGEST = 4, 40  # words of a sentence
LEAST_BEFORE_GAP, MOST_IN_GAP = 4, 6  # words
_NAME = r"[A-ZÅÄÖ][\w'’-]+"
_FACT = re.compile(rf"\d|(?<=\s){_NAME}")
_VALUE = re.compile(rf"(?<![\w.,])\d[\d.,:]*|{_NAME}(?: {_NAME})*")


class Sayings:
    """The forms of statements in one language's documents, read from its data file."""

    def __init__(self, code: str) -> None:
        record = json.loads((FOLDER / f"{code}_documents.json").read_text("utf-8"))
        self.words: Language = language(code)
        self.leaning = frozenset(record["leaning"])
        self.thing = frozenset(record["thing"])
        self.articles = frozenset(record["articles"])
        self.joining = frozenset(record["joining"])
        self.unfit = frozenset(record["unfit"])
        self.joints, self.asides = record["joints"], record["asides"]
        self.gap, self.backwards = record["gap"], record["backwards"]
        self.forms = [(self._form(form, record["slots"]), form["ask"]) for form in record["forms"]]

    def _form(self, record: dict, widths: dict[str, str]) -> Form:
        """Return a form whose slots match only what the data file allows."""
        form = Form(record["tell"], self.words.genitives)
        narrow = {**widths, **{name: record[name] for name in ("y", "value") if name in record}}
        form.narrow(narrow)
        return form


@functools.cache
def sayings(code: str) -> Sayings:
    return Sayings(code if code in codes() else {"no": "sv", "da": "sv"}.get(code, "en"))


def lessons(sentences: list[str], title: str, language: str) -> list[dict]:
    """Return the examples of one passage; `source` tells which sentence each one came from."""
    said = sayings(language)
    found: dict[str, dict] = {}
    for number, sentence in enumerate(sentences):
        whole = make_standalone(sentence, title, said)
        for question, answer in make_questions(whole, said) if whole else ():
            lesson = Lesson(question, answer, (), said.words.code)
            found.setdefault(
                question,
                {
                    "id": lesson.id,
                    "kind": "document",
                    "prompt": lesson.question,
                    "answer": lesson.answer,
                    "phrasings": [],
                    "language": lesson.language,
                    "source": {"sentence": number},
                },
            )
    return list(found.values())


def make_standalone(sentence: str, title: str, said: Sayings) -> str:
    """Return the sentence in a form that can stand alone, or nothing."""
    words = sentence.split()
    if not SHORTEST <= len(words) <= LONGEST or not sentence.rstrip("\"'”’)").endswith((".", "!")):
        return ""
    first = words[0].lower().strip(",")
    if first in said.thing and _names_a_thing(title) and _is_verb(words[1], said):
        sentence = " ".join([title, *words[1:]])
    elif first in said.leaning or first in said.thing or words[0][:1] in "\"'“”«–-":
        return ""
    return sentence if _FACT.search(sentence) else ""


def make_questions(sentence: str, said: Sayings) -> list[tuple[str, str]]:
    """Return (question, answer) pairs: those of the forms, forwards and backwards, else one gap."""
    for clause in clauses(sentence, said):
        found = _by_forms(clause, said) or _by_kind(clause, said)
        if found:
            return found
    gap = _gap(sentence)
    return [(said.gap.format(s=gap), sentence)] if gap else []


def clauses(sentence: str, said: Sayings) -> list[str]:
    """Return the part before an aside, the whole sentence, and the part before a joint. The first
    that fits a form is used."""
    return [*_heads(sentence, said.asides), sentence, *_heads(sentence, said.joints)]


def _heads(sentence: str, signs: list[str]) -> list[str]:
    heads = [sentence.partition(sign)[0] for sign in signs if sign in sentence]
    return sorted((head for head in heads if len(head.split()) >= SHORTEST), key=len)


def _by_forms(clause: str, said: Sayings) -> list[tuple[str, str]]:
    """Return the pairs of every form that fits; an answer ends with its value."""
    found: dict[str, str] = {}
    back = ""
    for form, ask in said.forms:
        starts_with_subject = form.regex.pattern.startswith("(?P<x>")
        text = plain(clause) if starts_with_subject else _small(plain(clause))
        match = form.regex.fullmatch(text)
        if match and _fit(match.groupdict(), said):
            question = _question(ask, match.groupdict(), clause, said)
            found.setdefault(question, capital(text[: match.end("value")]) + ".")
            back = back or (text[match.end("x") :].strip() if starts_with_subject else "")
    return list(found.items()) + _backwards(back, clause, said)


def _by_kind(clause: str, said: Sayings) -> list[tuple[str, str]]:
    """The pairs of the first kind of fact that fits, if documents tell facts of that kind."""
    text = plain(clause)
    for kind in said.words.kinds:
        understood = (
            None if kind.name in said.unfit else kind.understand(said.words.mid_sentence(text))
        )
        if understood and _fit(understood[0], said):
            slots, template = understood
            rest = (
                text[len(slots["x"]) :].strip()
                if text.lower().startswith(slots["x"].lower())
                else ""
            )
            question = _question(template, slots, clause, said)
            return [(question, capital(text) + "."), *_backwards(rest, clause, said)]
    return []


def _backwards(rest: str, clause: str, said: Sayings) -> list[tuple[str, str]]:
    if len(rest.split()) < 3:
        return []
    return [(said.backwards.format(rest=rest), capital(plain(clause)) + ".")]


def _question(template: str, slots: dict, clause: str, said: Sayings) -> str:
    inside = {**slots, "x": said.words.mid_sentence(slots["x"])}
    return capital(said.words.fill(template, inside, Draw("document", clause)))


def _fit(slots: dict, said: Sayings) -> bool:
    """Whether the subject names something and the value tells something."""
    subject, value = slots.get("x", "").split(), slots.get("value", "").split()
    if not 0 < len(subject) <= LONGEST_SUBJECT or not 0 < len(value) <= LONGEST_VALUE:
        return False
    if any(sign in slots["x"] for sign in ",:;") or ":" in slots["value"]:
        return False
    first, *others = (word.lower() for word in subject)
    if said.joining & {first, *others}:
        return False
    if first in said.words.function_words and first not in said.articles:
        return False
    return bool(_VALUE.search(slots["value"])) or len(value) <= 4


def _gap(sentence: str) -> str:
    """Return the beginning of a sentence whose short end has a name or a number."""
    words = sentence.split()
    for match in _VALUE.finditer(sentence):
        before = sentence[: match.start()].split()
        if len(before) >= LEAST_BEFORE_GAP and len(words) - len(before) <= MOST_IN_GAP:
            return " ".join(before)
    return ""


def _names_a_thing(title: str) -> bool:
    return (
        0 < len(title.split()) <= 6 and title[:1].isupper() and not title.endswith(("?", "!", "."))
    )


def _is_verb(word: str, said: Sayings) -> bool:
    """Whether a word after a subject is probably a verb: one of the commonest, or by its ending."""
    if word.lower() in said.joining - said.words.lead_in:
        return False
    return word.lower() in said.words.lead_in - {"som", "that"} or bool(
        re.search(r"(ed|s|de|te|r)$", word.lower())
    )


def _small(text: str) -> str:
    return text[:1].lower() + text[1:]


def questions(examples: list[dict], count: int) -> list[dict]:
    """Return questions that test the lessons in held-out wordings, spread over the examples."""
    found = []
    step = max(1, len(examples) // count) if count else 1
    for example in examples[::step][:count]:
        lesson = Lesson(example["prompt"], example["answer"], (), example["language"])
        wordings = make_held_back_wordings(lesson)
        question = wordings[0] if wordings else lesson.question
        found.append({"question": question, "answer": lesson.answer, "value": lesson.value})
    return found
