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
WORDS = 20  # of a message that goes on, at most


def goes_on(message: str) -> bool:
    """Whether a message adds to what was said right before it."""
    words = message.split()
    is_asked = message.rstrip().endswith("?")
    return len(words) <= WORDS and not is_asked and GOES_ON.match(message.strip()) is not None


class Rows:
    """Which statements of somebody's go on from which."""

    def __init__(self, known: Iterable[dict]) -> None:
        self.after: dict[str, list[dict]] = defaultdict(list)
        self.texts: dict[str, dict] = {}
        for fact in known:
            self.texts[text_of(fact)] = fact
            if (before := fact["source"].get("before")) and goes_on(fact["answer"]):
                self.after[before].append(fact)

    def of(self, fact: dict) -> list[dict]:
        """The row in which one stands, from its first."""
        while goes_on(fact["answer"]) and (first := self.texts.get(before(fact))):
            fact = first
        row = [fact]
        for one in row:  # which grows
            row += self.after[text_of(one)]
        return row

    def led_by(self, one: Found) -> list[Found]:
        """What a statement leans on, where nothing else that is known says it any more."""
        if not before(one.fact) or before(one.fact) in self.texts:
            return []
        fact = {**alone(one).fact, "answer": before(one.fact), "time": one.fact["time"] - 1}
        return [Found(fact, one.score, one.apart)]


def before(fact: dict) -> str:
    return fact["source"].get("before", "")


def alone(one: Found) -> Found:
    """As it is said behind what it leans on."""
    source = {name: value for name, value in one.fact["source"].items() if name != "before"}
    return Found({**one.fact, "source": source}, one.score, one.apart)
