"""What all answers of a skill look like, found in its examples; and the grammar of its answer to
one question.

An answer is a template with slots: an object's values, a row's cells, a list's items, one of a few
labels. A slot takes values that the examples show, words copied from the question, a number, or any
text. Or the answer is the question itself with some of it replaced. The grammar keeps a model that
has learned the task from inventing a label or misspelling a name; it does not choose for it.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Any

from oneseek.engine.model.choice.parts import NUMBER, PLAIN, READABLE, STRING, Node, ending
from oneseek.engine.model.choice.schema import LARGEST, literal
from oneseek.engine.model.choice.text import NOWHERE, Text

FEWEST = 8  # examples
UNSEEN = 0.15  # of values that the examples show once: such a slot takes only values that they show
EXCEPTIONS = 0.1  # of examples that fit no pattern
MOST_WORDS, MOST_ITEMS = 6, 8  # of a copied value or of a short answer; of a list
LEAST_STEM, ENDING = 3, 3  # letters of a word's stem at least, and of its ending at most
STRIPPED = '.,:;!?()"“”'
LONGEST_COPY = 120  # pieces of a question that is copied
NUMERAL = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?")
PIECES = re.compile(r"\w+|\s+|[^\w\s]")
RULE = "rule"
Pair = tuple[str, str]


def pattern_of(pairs: Sequence[Pair]) -> dict | None:
    """The pattern of (question, answer) pairs as plain data; None where they have none."""
    if len(pairs) < FEWEST:
        return None
    pairs = [(question, answer.strip()) for question, answer in pairs]
    for find in (of_objects, of_rows, of_labels, of_lists, of_words, of_copies):
        found = find(pairs)
        if found and misfits(found, pairs) <= EXCEPTIONS * len(pairs):
            return found
    return None


def answers_to(pattern: dict, question: str) -> Answers | None:
    """The grammar of an answer; None where the question is too long to be copied."""
    if "instead" in pattern and len(PIECES.findall(question)) > LONGEST_COPY:
        return None
    return Answers(pattern, question)


def misfits(pattern: dict, pairs: Sequence[Pair]) -> int:
    """How many answers the pattern does not allow."""
    grammars = (answers_to(pattern, question) for question, _ in pairs)
    checked = zip(grammars, pairs, strict=True)
    return sum(bool(grammar) and not allows(grammar, answer) for grammar, (_, answer) in checked)


def allows(grammar: Answers, answer: str) -> bool:
    text = Text(grammar)
    state = text.after(text.start, answer.encode())
    return state != NOWHERE and text.is_whole(state)


# ---- kinds of answers


def template(glue: list[str], slots: list[int]) -> dict:
    return {"glue": glue, "slots": slots}


def of_objects(pairs: Sequence[Pair]) -> dict | None:
    """JSON objects with the same names in the same order."""
    try:
        read = [json.loads(answer) for _, answer in pairs]
    except ValueError:
        return None
    first = read[0]
    if not isinstance(first, dict) or not first:
        return None
    names = list(first)
    if any(not isinstance(one, dict) or list(one) != names for one in read):
        return None
    if any(isinstance(value, dict | list) for one in read for value in one.values()):
        return None
    wide = ": " in pairs[0][1]
    comma, colon = (", ", ": ") if wide else (",", ":")
    keys = [json.dumps(name, ensure_ascii=False) + colon for name in names]
    glue = ["{" + keys[0], *(comma + key for key in keys[1:]), "}"]
    questions = [question for question, _ in pairs]
    values = [[json.dumps(one[name], ensure_ascii=False) for one in read] for name in names]
    slots = [slot_of(column, questions, quoted=True) for column in values]
    return {"slots": slots, "templates": [template(glue, list(range(len(names))))]}


def of_rows(pairs: Sequence[Pair]) -> dict | None:
    """Cells with a bar between them."""
    rows = [answer.split(" | ") for _, answer in pairs]
    if len(rows[0]) < 2 or any(len(row) != len(rows[0]) for row in rows):
        return None
    questions = [question for question, _ in pairs]
    slots = [slot_of(list(column), questions) for column in zip(*rows, strict=True)]
    glue = ["", *[" | "] * (len(slots) - 1), ""]
    return {"slots": slots, "templates": [template(glue, list(range(len(slots))))]}


def of_labels(pairs: Sequence[Pair]) -> dict | None:
    """One of a few."""
    answers = [answer for _, answer in pairs]
    if not is_closed(answers):
        return None
    return {"slots": [known(answers)], "templates": [template(["", ""], [0])]}


def of_lists(pairs: Sequence[Pair]) -> dict | None:
    """Labels with commas between them."""
    lists = [answer.split(", ") for _, answer in pairs]
    items = [item for one in lists for item in one]
    counts = sorted({len(one) for one in lists})
    if counts == [1] or counts[-1] > MOST_ITEMS or not is_closed(items):
        return None
    every = range(1, counts[-1] + 1)
    templates = [template(["", *[", "] * (count - 1), ""], [0] * count) for count in every]
    return {"slots": [known(items)], "templates": templates}


def of_words(pairs: Sequence[Pair]) -> dict | None:
    """A few words, each a number or one of few."""
    answers = [answer.split(" ") for _, answer in pairs]
    words = [word for one in answers for word in one if not NUMERAL.fullmatch(word)]
    numbers = [word for one in answers for word in one if NUMERAL.fullmatch(word)]
    if max(map(len, answers)) > MOST_WORDS or not numbers or not words or not is_closed(words):
        return None
    forms = {tuple(int(not NUMERAL.fullmatch(word)) for word in one) for one in answers}
    templates = [template(["", *[" "] * (len(form) - 1), ""], list(form)) for form in sorted(forms)]
    return {"slots": [numeric(numbers), known(words)], "templates": templates}


def of_copies(pairs: Sequence[Pair]) -> dict | None:
    """The question with parts of it replaced by the same few texts."""
    texts: list[str] = []
    for question, answer in pairs:
        before, after = PIECES.findall(question), PIECES.findall(answer)
        changes = SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
        texts += ["".join(after[b:d]) for kind, _, _, b, d in changes if kind != "equal"]
    often = [text for text, count in Counter(texts).items() if count > 1 and text]
    return {"instead": sorted(often)} if often and is_closed(texts) else None


# ---- slots


def is_closed(values: Sequence[str]) -> bool:
    """Whether the examples show nearly all values that there are, as far as they can tell."""
    return singles(values) <= UNSEEN * len(values)


def singles(values: Sequence[str]) -> int:
    return sum(count == 1 for count in Counter(values).values())


def known(values: Sequence[str]) -> dict:
    return {"known": sorted(set(values))}


def numeric(values: Sequence[str]) -> dict:
    places = max(len(value.partition(".")[2]) for value in values)
    return {"places": places, "below": any(value.startswith("-") for value in values)}


def slot_of(values: list[str], questions: Sequence[str], quoted: bool = False) -> dict:
    """What a slot takes that held `values`; those of JSON are `quoted`."""
    if is_closed(values):
        return known(values)
    often = {value for value, count in Counter(values).items() if count > 1}
    rest = [one for one in zip(values, questions, strict=True) if one[0] not in often]
    few = EXCEPTIONS * len(values)
    if sum(not NUMERAL.fullmatch(value) for value, _ in rest) <= few:
        numbers = [value for value, _ in rest if NUMERAL.fullmatch(value)]
        return known([one for one in often if not NUMERAL.fullmatch(one)]) | numeric(numbers)
    for stems in (False, True):
        copies = [unquoted(value, quoted) in spans(question, stems) for value, question in rest]
        if copies.count(False) <= few:
            pairs = zip(values, questions, strict=True)
            added = {v for v, q in pairs if unquoted(v, quoted) not in spans(q, stems)}
            return known(list(added)) | {"copied": True, "stems": stems, "quoted": quoted}
    return known(list(often)) | {"free": True, "quoted": quoted}


def unquoted(value: str, quoted: bool) -> str:
    return value[1:-1] if quoted and value.startswith('"') else value


def spans(question: str, stems: bool = False) -> dict[str, None]:
    """Up to so many words of a question that stand together, as they are and without capitals; by
    their `stems` also without an ending."""
    words = [word.strip(STRIPPED) for word in question.split()]
    found: dict[str, None] = {}
    for first in range(len(words)):
        for last in range(first + 1, min(len(words), first + MOST_WORDS) + 1):
            text = " ".join(words[first:last])
            found |= dict.fromkeys([text, text.lower()])
            if stems and len(words[last - 1]) > LEAST_STEM:
                ends = range(1, min(ENDING, len(words[last - 1]) - LEAST_STEM) + 1)
                found |= dict.fromkeys(text.lower()[:-end] for end in ends)
    found.pop("", None)
    return found


# ---- the grammar


class Answers:
    """The nodes of an answer to one question, and how each of them may go on."""

    def __init__(self, pattern: dict, question: str) -> None:
        self.rules: dict[Any, list[tuple[Node, ...]]] = {}
        self._shortest: dict[Node, bytes] = {}
        if "instead" in pattern:
            self._copy(PIECES.findall(question), pattern["instead"])
        else:
            for number, slot in enumerate(pattern["slots"]):
                self.rules[number] = ways_of(slot, question)
            self.rules["start"] = [way_of(one) for one in pattern["templates"]]
        self.start: Node = (RULE, "start")

    def _copy(self, pieces: list[str], instead: list[str]) -> None:
        """From each piece on: the piece itself, or something instead of it and of those behind."""
        ends = len(pieces)
        for at, piece in enumerate(pieces):
            onward = [(RULE, f"at {after}") for after in range(at + 1, ends + 1)]
            self.rules[f"at {at}"] = [(literal(piece), onward[0])]
            self.rules[f"at {at}"] += [(literal(text), node) for text in instead for node in onward]
        self.rules[f"at {ends}"] = [()]
        self.rules["start"] = [((RULE, "at 0"),)]

    def ways(self, node: Node) -> list[tuple[Node, ...]]:
        """What a node may be replaced by."""
        return self.rules[node[1]]

    def shortest(self, node: Node) -> bytes:
        """The shortest text of a node."""
        if node not in self._shortest:
            if node[0] in READABLE:
                self._shortest[node] = ending(node)
            else:
                texts = (b"".join(map(self.shortest, way)) for way in self.ways(node))
                self._shortest[node] = min(texts, key=len)
        return self._shortest[node]


def way_of(one: dict) -> tuple[Node, ...]:
    first, *rest = one["glue"]
    way = [literal(first)] if first else []
    for slot, glue in zip(one["slots"], rest, strict=True):
        way += [(RULE, slot), *([literal(glue)] if glue else [])]
    return tuple(way)


def ways_of(slot: dict, question: str) -> list[tuple[Node, ...]]:
    texts = dict.fromkeys(slot.get("known", ()))
    if slot.get("copied"):
        copied = spans(question, slot["stems"])
        quoted = (json.dumps(one, ensure_ascii=False) for one in copied)
        texts |= dict.fromkeys(quoted if slot["quoted"] else copied)
    ways: list[tuple[Node, ...]] = [(literal(text),) for text in texts]
    if "places" in slot:
        low = -LARGEST if slot["below"] else 0
        unit = 10 ** slot["places"]
        ways.append(((NUMBER, "", slot["places"], low * unit, LARGEST * unit),))
    if slot.get("free") or not ways:
        ways.append(((STRING, 0, None) if slot["quoted"] else (PLAIN, b"|\n", 0),))
    return ways
