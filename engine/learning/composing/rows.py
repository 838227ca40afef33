"""What was said in a row: "I've lived in Lagos", "then Leeds", "and now Antwerp"."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable

from oneseek.engine.learning.memory.memory import Found
from oneseek.engine.learning.memory.statements.statement import text_of

GOES_ON = re.compile(
    r"(?:oh,? |ah,? |yeah,? |ja,? )?"
    r"(?:and|also|then|plus|as well as|next|finally|another|och|också|även|sen|sedan|samt|dessutom|"
    r"därtill|till sist)\b(?! (?:no|wait|so)\b)",
    re.I,
)
TOO = re.compile(r"\b(?:too|as well|either|heller|också)\b", re.I)
WORDS = 20  # of a message that goes on, at most


def goes_on(message: str, before: str = "") -> bool:
    """Whether a message adds to what was said right before it, which may have ended in a comma."""
    text = message.strip()
    if len(text.split()) > WORDS or text.endswith("?"):
        return False
    left_open = before.rstrip().endswith(",")
    return left_open or GOES_ON.match(text) is not None or TOO.search(text) is not None


class Rows:
    """Which statements of somebody's go on from which."""

    def __init__(self, known: Iterable[dict]) -> None:
        self.after: dict[str, list[dict]] = defaultdict(list)
        self.texts: dict[str, dict] = {}
        for fact in known:
            self.texts[text_of(fact)] = fact
            if leads := continued(fact):
                self.after[leads].append(fact)

    def of(self, fact: dict) -> list[dict]:
        """The row in which one stands, from its first."""
        while first := self.texts.get(continued(fact)):
            fact = first
        row = [fact]
        for one in row:  # which grows
            row += self.after[text_of(one)]
        return row


def before(fact: dict) -> str:
    return fact["source"].get("before", "")


def continued(fact: dict) -> str:
    """What a statement goes on from; nothing where it only leans on what was said before it."""
    return before(fact) if goes_on(fact["answer"], before(fact)) else ""


def alone(one: Found) -> Found:
    """As it is said behind what it leans on."""
    source = {name: value for name, value in one.fact["source"].items() if name != "before"}
    return Found({**one.fact, "source": source}, one.score, one.apart)
