"""The grammar of a skill's answer to one question: the texts that its pattern allows, with
probabilities fitted to the examples."""

from __future__ import annotations

from typing import Any

from oneseek.engine.learning.skills.masking import PIECES, becomes
from oneseek.engine.learning.skills.ridge import Reading
from oneseek.engine.learning.skills.slot_model import chances, presences
from oneseek.engine.model.choice.parts import (
    CHANCE,
    NUMBER,
    PLAIN,
    READABLE,
    STRING,
    Node,
    complete_node,
)
from oneseek.engine.model.choice.schema import LARGEST, literal
from oneseek.engine.model.choice.text import NOWHERE, Text

LONGEST_COPY = 120  # pieces of a question that is copied
RULE = "rule"


def answers_to(pattern: dict, question: str, reading: Reading | None = None) -> Answers | None:
    """Return the grammar of an answer; None where the question is too long to be copied. The
    `reading` counts where the pattern was fitted with readings."""
    if "instead" in pattern and len(PIECES.findall(question)) > LONGEST_COPY:
        return None
    return Answers(pattern, question, reading)


def allows(grammar: Answers, answer: str) -> bool:
    text = Text(grammar)
    state = text.after(text.start, answer.encode())
    return state != NOWHERE and text.is_whole(state)


Weighed = tuple[tuple[Node, ...], Node]  # what is written, and its chance


class Answers:
    """The nodes of a grammar, and the productions of each."""

    def __init__(self, pattern: dict, question: str, reading: Reading | None = None) -> None:
        self.rules: dict[Any, list[tuple[Node, ...]]] = {}
        self._shortest: dict[Node, bytes] = {}
        self.start: Node = (RULE, "start")
        if "instead" in pattern:
            self._copy(question, pattern, reading)
            return
        if "most" in pattern:
            chosen = presences(pattern["slots"][0], question, reading)
            self._list(chosen, pattern["most"], pattern["rising"])
            return
        each = [ways_of(slot, question, reading) for slot in pattern["slots"]]
        self.rules["start"] = [self._way(one, each) for one in pattern["templates"]]

    def _way(self, one: dict, each: list[list[Weighed]]) -> tuple[Node, ...]:
        """Return the production of a template. The text after a slot shows where its value ends, so
        that text is a part of the slot."""
        first, *rest = one["glue"]
        way = [literal(first)] if first else []
        for slot, glue in zip(one["slots"], rest, strict=True):
            behind = [literal(glue)] if glue else []
            self.rules[slot, glue] = [(*value, *behind, chance) for value, chance in each[slot]]
            way.append((RULE, (slot, glue)))
        return tuple(way)

    def _list(self, chosen: dict[str, tuple[float, float]], most: int, rising: bool) -> None:
        """Add the rules of a list. If the examples sort theirs, an item comes once, with the chance
        that it is in the list and those it skips are not, and so does the end; else it comes with
        its odds."""
        items, count = list(chosen), len(chosen)
        for first in range(count + 1):
            left_out, onward = 1.0, []
            for at in range(first, count):
                among, absent = chosen[items[at]]
                onward.append(among * left_out if rising else among / absent)
                left_out *= absent if rising else 1.0
            total = sum(onward)
            for left in range(most, 0, -1):
                self.rules["items", first, left] = [
                    (literal(items[at]), (CHANCE, chance), (RULE, ("more", at + 1 if rising else 0, left - 1)))
                    for at, chance in enumerate(onward, first)
                ]  # fmt: skip
                more = (literal(", "), (CHANCE, total), (RULE, ("items", first, left)))
                self.rules["more", first, left] = [((CHANCE, left_out),), *[more] * bool(onward)]
            self.rules["more", first, 0] = [()]
        self.rules["start"] = [((RULE, ("items", 0, most)),)]

    def _copy(self, question: str, pattern: dict, reading: Reading | None) -> None:
        """Add rules that write each piece of the question, or something in place of it and those
        after it."""
        pieces, chances = PIECES.findall(question), becomes(pattern, question, reading)
        for at, piece in enumerate(pieces):
            self.rules[f"at {at}"] = [
                (literal(text or piece), (CHANCE, chance), (RULE, f"at {after}"))
                for (text, after), chance in chances[at].items()
            ]
        self.rules[f"at {len(pieces)}"] = [()]
        self.rules["start"] = [((RULE, "at 0"),)]

    def ways(self, node: Node) -> list[tuple[Node, ...]]:
        """Return the productions of a node."""
        return self.rules[node[1]]

    def shortest(self, node: Node) -> bytes:
        """The shortest text of a node."""
        if node not in self._shortest:
            if node[0] in (*READABLE, CHANCE):
                self._shortest[node] = complete_node(node)
            else:
                texts = (b"".join(map(self.shortest, way)) for way in self.ways(node))
                self._shortest[node] = min(texts, key=len)
        return self._shortest[node]


def ways_of(slot: dict, question: str, reading: Reading | None = None) -> list[Weighed]:
    """Return the ways to write each value of a slot, with its chance."""
    low = -LARGEST if slot.get("below") else 0
    unit = 10 ** slot.get("places", 0)
    number = NUMBER, "", slot.get("places", 0), low * unit, LARGEST * unit
    found: list[Weighed] = []
    for text, chance in (chances(slot, question, reading) or {"": 1.0}).items():
        way: tuple[Node, ...] = (literal(text),)
        if text in slot.get("shapes", ()):
            between = [literal(part) if part else None for part in text.split("#")]
            way = tuple(node for part in between for node in (number, part) if node)[1:]
        elif not text:
            way = (
                (STRING, 0, None)
                if slot.get("quoted")
                else (PLAIN, slot.get("ends", "|\n").encode(), 0),
            )
        found.append((way, (CHANCE, chance)))
    return found
