"""Finds the pattern that all answers of a skill follow in its examples.

An answer is a template with slots: an object's values, a row's cells, a list's items, one of a few
labels. A slot takes values that the examples show, words copied from the question, numbers in a
shape that they show, or any text; each with a chance fitted to the examples. Or the answer is the
question itself with some of it replaced. The grammar keeps a model that has learned the task from
inventing a label or misspelling a name, and weighs what the model is unsure of.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from difflib import SequenceMatcher

from oneseek.engine.learning.skills.answers import allows, answers_to
from oneseek.engine.learning.skills.masking import PIECES, fit_replacements
from oneseek.engine.learning.skills.ridge import Readings, normalise_label
from oneseek.engine.learning.skills.slot_model import (
    NUMERAL,
    fit_presence,
    fit_slot,
    shape_of,
    spans,
)

FEWEST = 8  # examples
UNSEEN = 0.15  # of a slot's values are shown once, at most, where it takes only shown values
OPEN = 0.35  # of the words beside numbers, at most, where they are labels
EXCEPTIONS = 0.1  # of examples that fit no pattern
MOST_WORDS, MOST_ITEMS = 6, 8  # of a short answer; of a list
FEW_OPENINGS = 0.2  # of the examples
SIGNS = re.compile(r"\s*[:;|/()\[\]{}<>=→–—#*~]+\s*")  # between parts of an answer
PARTS = re.compile(r"[|,:(){}\[\]]")
LONGEST_NAME, MOST_NAMES = 40, 64
ANY = {"free": True, "ends": ""}  # a slot that takes any text
Pair = tuple[str, str]


def pattern_of(pairs: Sequence[Pair], readings: Readings | None = None) -> dict | None:
    """Return the pattern of (question, answer) pairs as plain data, or None. An encoder's
    `readings` of the questions add what words do not tell."""
    if len(pairs) < FEWEST:
        return None
    pairs = [(question, answer.strip()) for question, answer in pairs]
    for find in KINDS:
        found = find(pairs, readings)
        if found and misfits(found, pairs) <= EXCEPTIONS * len(pairs):
            return found
    return None


def unread(pattern: dict) -> dict:
    """Return the pattern without what was fitted to readings, for another encoder."""
    slots = [slot | {"labels": None, "parts": None} for slot in pattern.get("slots", ())]
    return pattern | {"slots": slots} if slots else pattern | {"parts": None}


def misfits(pattern: dict, pairs: Sequence[Pair]) -> int:
    """Count the answers that the pattern does not allow."""
    grammars = ((answers_to(pattern, question), answer) for question, answer in pairs)
    return sum(not allows(grammar, answer) for grammar, answer in grammars if grammar)


def label_names(pairs: Sequence[Pair]) -> list[str]:
    """Return the parts of answers that repeat, which may be labels."""
    counts: Counter[str] = Counter()
    for _, answer in pairs:
        parts = {
            normalise_label(answer),
            *map(normalise_label, PARTS.split(answer)),
            normalise_label(answer.split(" ")[0]),
        }
        counts.update(one for one in parts if 0 < len(one) <= LONGEST_NAME)
    return [name for name, count in counts.most_common(MOST_NAMES) if count > 1]


# ---- kinds of answers


def template(glue: list[str], slots: list[int]) -> dict:
    return {"glue": glue, "slots": slots}


def of_objects(pairs: Sequence[Pair], readings: Readings | None = None) -> dict | None:
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
    slots = [slot_of(column, questions, readings, quoted=True) for column in values]
    return {"slots": slots, "templates": [template(glue, list(range(len(names))))]}


def of_rows(pairs: Sequence[Pair], readings: Readings | None = None) -> dict | None:
    """Cells with a bar between them."""
    rows = [answer.split(" | ") for _, answer in pairs]
    if len(rows[0]) < 2 or any(len(row) != len(rows[0]) for row in rows):
        return None
    questions = [question for question, _ in pairs]
    slots = [slot_of(list(column), questions, readings) for column in zip(*rows, strict=True)]
    glue = ["", *[" | "] * (len(slots) - 1), ""]
    return {"slots": slots, "templates": [template(glue, list(range(len(slots))))]}


def of_labels(pairs: Sequence[Pair], readings: Readings | None = None) -> dict | None:
    """One of a few labels."""
    answers = [answer for _, answer in pairs]
    if not is_closed(answers):
        return None
    slot = fit_slot(closed_slot(answers), answers, [question for question, _ in pairs], readings)
    return {"slots": [slot], "templates": [template(["", ""], [0])]}


def of_lists(pairs: Sequence[Pair], readings: Readings | None = None) -> dict | None:
    """Labels with commas between them."""
    lists = [answer.split(", ") for _, answer in pairs]
    items = [item for one in lists for item in one]
    counts = sorted({len(one) for one in lists})
    if counts == [1] or counts[-1] > MOST_ITEMS or not is_closed(items):
        return None
    slot = fit_presence(closed_slot(items), lists, [question for question, _ in pairs], readings)
    found = {"slots": [slot], "most": counts[-1]}
    return found | {"rising": all(one == sorted(set(one)) for one in lists)}


def of_words(pairs: Sequence[Pair], readings: Readings | None = None) -> dict | None:
    """A few words, each a number or one of few."""
    answers = [answer.split(" ") for _, answer in pairs]
    shown = [(word, question) for question, answer in pairs for word in answer.split(" ")]
    numbers = [one for one in shown if NUMERAL.fullmatch(one[0])]
    words = [one for one in shown if not NUMERAL.fullmatch(one[0])]
    if max(map(len, answers)) > MOST_WORDS or not numbers or not words:
        return None
    shown_once = singles([word for word, _ in words])
    if shown_once > OPEN * len(words):
        return None
    forms = {tuple(int(not NUMERAL.fullmatch(word)) for word in one) for one in answers}
    templates = [template(["", *[" "] * (len(form) - 1), ""], list(form)) for form in sorted(forms)]
    (figures, asked), (labels, asked_too) = (zip(*some, strict=True) for some in (numbers, words))
    slots = [
        fit_slot(numeric_slot(figures), figures, asked),
        fit_slot(label_slot(labels), labels, asked_too),
    ]
    return {"slots": slots, "templates": templates}


def of_copies(pairs: Sequence[Pair], readings: Readings | None = None) -> dict | None:
    """The question with parts of it replaced by the same few texts."""
    texts: list[str] = []
    for question, answer in pairs:
        before, after = PIECES.findall(question), PIECES.findall(answer)
        changes = SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
        texts += ["".join(after[b:d]) for kind, _, _, b, d in changes if kind != "equal"]
    often = [text for text, count in Counter(texts).items() if count > 1 and text]
    if not often or not is_closed(texts):
        return None
    return {"instead": sorted(often)} | fit_replacements(sorted(often), pairs, readings)


def of_frames(pairs: Sequence[Pair], readings: Readings | None = None) -> dict | None:
    """Parts with the same signs between them, as in `fix(menu): correct typo`."""
    signs = [SIGNS.findall(answer) for _, answer in pairs]
    count = count_common_parts(signs, min(map(len, signs)))
    glue = [*signs[0][:count], ""]
    rows = [split_at(answer, glue[:-1]) for _, answer in pairs]
    if not count or not all(map(all, rows)):
        return None
    questions = [question for question, _ in pairs]
    slots = [
        slot_of(list(column), questions, readings) | {"ends": behind.strip()[:1]}
        for column, behind in zip(zip(*rows, strict=True), glue, strict=True)
    ]
    return {"slots": slots, "templates": [template(["", *glue], list(range(len(slots))))]}


def split_at(answer: str, glue: Sequence[str]) -> list[str]:
    """The parts of an answer between the first of some signs."""
    found, left = [], answer
    for one in glue:
        part, _, left = left.partition(one)
        found.append(part)
    return [*found, left]


def of_openings(pairs: Sequence[Pair], readings: Readings | None = None) -> dict | None:
    """Any text, of which nearly all begin in one of a few ways."""
    written = [PIECES.findall(answer) for _, answer in pairs]
    groups: dict[str, list[list[str]]] = {}
    for pieces in written:
        groups.setdefault(pieces[0] if pieces else "", []).append(pieces)
    known = {first: find_common_prefix(some) for first, some in groups.items() if len(some) > 1}
    values = [known.get(pieces[0], "") if pieces else "" for pieces in written]
    if not 1 < len(known) <= FEW_OPENINGS * len(pairs) or values.count("") > EXCEPTIONS * len(
        pairs
    ):
        return None
    opening = closed_slot([one for one in values if one]) | (ANY if "" in values else {})
    opening = fit_slot(opening, values, [question for question, _ in pairs], readings)
    rest = closed_slot([]) | ANY
    return {"slots": [opening, rest], "templates": [template(["", "", ""], [0, 1])]}


def find_common_prefix(texts: Sequence[list[str]]) -> str:
    """Return the pieces that all texts begin with, except the last piece of the shortest."""
    return "".join(texts[0][: count_common_parts(texts, min(map(len, texts)) - 1)])


def count_common_parts(rows: Sequence[Sequence[str]], most: int) -> int:
    """Return how many of the first parts are the same in all rows, `most` at most."""
    return next((at for at in range(most) if len({one[at] for one in rows}) > 1), most)


# ---- slots


def is_closed(values: Sequence[str]) -> bool:
    """Whether the examples show nearly all values that there are, as far as they can tell."""
    return singles(values) <= UNSEEN * len(values)


def singles(values: Sequence[str]) -> int:
    return sum(count == 1 for count in Counter(values).values())


def closed_slot(values: Sequence[str]) -> dict:
    return {"known": sorted(set(values))}


def label_slot(values: Sequence[str]) -> dict:
    """A slot of the shown labels; where too many are shown once to be complete, of any word."""
    if is_closed(values):
        return closed_slot(values)
    often = [value for value, count in Counter(values).items() if count > 1]
    return closed_slot(often) | {"free": True, "ends": " |\n"}


def numeric_slot(values: Sequence[str], shapes: Sequence[str] = ("#",)) -> dict:
    """Return a slot of any number in one of these shapes, and of the values shown repeatedly."""
    numbers = [number for value in values for number in NUMERAL.findall(value)]
    places = max(len(number.partition(".")[2]) for number in numbers)
    often = [value for value, count in Counter(values).items() if count > 1]
    return closed_slot(often) | {"shapes": sorted(shapes), "places": places,
                           "below": any(number.startswith("-") for number in numbers)}  # fmt: skip


def slot_of(
    values: list[str],
    questions: Sequence[str],
    readings: Readings | None = None,
    quoted: bool = False,
) -> dict:
    """Return the slot that held `values`, with fitted weights; those of JSON are `quoted`."""
    return fit_slot(kind_of(values, questions, quoted), values, questions, readings)


def kind_of(values: list[str], questions: Sequence[str], quoted: bool) -> dict:
    often = {value for value, count in Counter(values).items() if count > 1}
    few = EXCEPTIONS * len(values)
    if is_closed(values):
        return closed_slot(values) | detect_copying(values, questions, quoted)
    shapes = {one for one, count in Counter(map(shape_of, values)).items() if count > 1}
    shapes = {one for one in shapes if "#" in one}
    if sum(one not in often and shape_of(one) not in shapes for one in values) <= few:
        slot = numeric_slot(values, list(shapes))
        others = [at for at, value in enumerate(values) if shape_of(value) not in shapes]
        dates = {"dates": True} if any(shape.count("#") > 1 for shape in shapes) else {}
        words = [values[at] for at in others], [questions[at] for at in others]
        return slot | dates | detect_copying(*words, quoted)
    for stems in (False, True):
        copies = [spans(question, stems) for question in questions]
        pairs = list(zip(values, copies, strict=True))
        added = [value for value, some in pairs if unquote(value, quoted) not in some]
        if sum(value not in often for value in added) <= few:
            return closed_slot(added) | {"copied": True, "stems": stems, "quoted": quoted}
    return closed_slot(list(often)) | {"free": True, "quoted": quoted}


def detect_copying(values: Sequence[str], questions: Sequence[str], quoted: bool) -> dict:
    """Return a copying slot's settings, if most of the values stand in their questions."""
    pairs = zip(values, map(spans, questions), strict=True)
    copied = sum(unquote(value, quoted) in some for value, some in pairs)
    return {"copied": True, "quoted": quoted} if copied * 2 > len(values) else {}


def unquote(value: str, quoted: bool) -> str:
    return value[1:-1] if quoted and value.startswith('"') else value


KINDS = (
    of_objects, of_rows, of_labels, of_lists, of_words, of_copies, of_frames, of_openings
)  # fmt: skip
