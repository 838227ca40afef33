"""What was said in a row: "I've lived in Lagos", "then Leeds", "and now Antwerp"; and what was said
together, one thing after the other in one chat."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from functools import cached_property

from oneseek.engine.learning.memory.memory import Found
from oneseek.engine.learning.memory.statements.statement import text_of

GOES_ON = re.compile(
    r"(?:oh,? |ah,? |yeah,? |ja,? )?"
    r"(?:and|also|then|plus|as well as|next|finally|another|och|också|även|sen|sedan|samt|dessutom|"
    r"därtill|till sist|likewise|ditto|likaså|detsamma|"
    r"so (?:is|are|am|was|does|do|did|has|have|will))\b(?! (?:no|wait|so)\b)",
    re.I,
)
TOO = re.compile(r"\b(?:too|as well|either|heller|också)\b", re.I)
ASIDE = re.compile(r"\b(?:by the way|btw|anyway|fyi|förresten|för övrigt|hursomhelst)\b", re.I)
WORDS = 20  # of a message that goes on, at most
TOGETHER_MS = 10 * 60 * 1000  # between statements that were said together, at most
BESIDE = 4  # statements on either side of one that were said together with it, at most


def goes_on(message: str, before: str = "") -> bool:
    """Whether a message adds to what was said right before it, which may have ended in a comma."""
    text = message.strip()
    if len(text.split()) > WORDS or text.endswith("?"):
        return False
    left_open = before.rstrip().endswith(",")
    return left_open or GOES_ON.match(text) is not None or TOO.search(text) is not None


class Rows:
    """The statements of one person, linked: which one continues which."""

    def __init__(self, known: Iterable[dict]) -> None:
        self.known = list(known)
        self.after: dict[str, list[dict]] = defaultdict(list)
        for fact in sorted(filter(before, self.known), key=lambda fact: fact["time"]):
            if leads := find_lead(fact):
                self.after[leads].append(fact)

    @cached_property
    def order(self) -> list[dict]:
        return sorted(self.known, key=lambda fact: fact["time"])

    @cached_property
    def place(self) -> dict[str, int]:
        return {fact["id"]: at for at, fact in enumerate(self.order)}

    @cached_property
    def texts(self) -> dict[str, dict]:
        """The statements by their words; of the same words the latest."""
        return {join_lines(text_of(fact)): fact for fact in self.order}

    def of(self, fact: dict) -> list[dict]:
        """The row that a statement belongs to, from its first statement on."""
        while (leads := find_lead(fact)) and (first := self.texts.get(leads)):
            fact = first
        row = [fact]
        for one in row:  # the loop appends to the row it walks
            row += self.after[join_lines(text_of(one))]
        return row

    def chain(self, fact: dict) -> list[dict]:
        """A statement after all that it leans on, oldest first. One that is no longer stored is
        rebuilt from the words that were kept with the statement."""
        if not (said := before(fact)):
            return [fact]
        if first := self.texts.get(join_lines(said)):
            return [*self.chain(first), fact]
        source, texts = without(fact, "before"), said.split("\n")
        replaced = [
            {**fact, "answer": text, "source": source, "time": fact["time"] - len(texts) + at}
            for at, text in enumerate(texts)
        ]
        return [*replaced, fact]

    def together(self, fact: dict, most: int = BESIDE) -> list[dict]:
        """What was said right before and after one in the same chat, but for asides."""
        found = []
        for step in (-1, 1):
            at, last = self.place.get(fact["id"], -BESIDE), fact
            for _ in range(most):
                at += step
                if not 0 <= at < len(self.order) or not belong_together(last, self.order[at]):
                    break
                last = self.order[at]
                found += [] if ASIDE.search(last["answer"]) else [last]
        return found

    def find_later(self, fact: dict) -> list[dict]:
        """What was said together with one, after it."""
        return [one for one in self.together(fact) if one["time"] > fact["time"]]


def belong_together(one: dict, other: dict) -> bool:
    """Whether two statements were made in one chat within TOGETHER_MS."""
    chats = {fact["source"].get("chat", "") for fact in (one, other)}
    return len(chats) == 1 and abs(one["time"] - other["time"]) <= TOGETHER_MS


def lines(found: Iterable[Found], rows: Rows, bare: bool = True) -> list[Found]:
    """What was said, each statement for itself, in the order in which it was said; `bare` without
    what it leans on."""
    found = list(found)
    own = {one.id: one for one in found}
    each: dict[str, Found] = {}
    for one in found:
        for fact in rows.chain(one.fact):
            scored = own.get(fact["id"], one)
            kept = {**fact, "source": without(fact, "before")} if bare else fact
            each.setdefault(fact["answer"], Found(kept, scored.score, scored.apart))
    return sorted(each.values(), key=lambda one: one.fact["time"])


def without(fact: dict, name: str) -> dict:
    return {key: value for key, value in fact["source"].items() if key != name}


def before(fact: dict) -> str:
    return fact["source"].get("before", "")


def find_lead(fact: dict) -> str:
    """What a statement goes on from; nothing where it only leans on what was said before it."""
    said = before(fact)
    return join_lines(said) if said and goes_on(fact["answer"], said) else ""


def join_lines(text: str) -> str:
    """As one line: stores of earlier versions hold what a statement leans on so."""
    return " ".join(text.split())


def alone(one: Found) -> Found:
    """A statement without the words that it leans on."""
    return Found({**one.fact, "source": without(one.fact, "before")}, one.score, one.apart)
