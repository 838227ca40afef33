"""What a person told, in its order. Statements form a row if each goes on from the last ("I've
lived in Lagos", "then Leeds", "and now Antwerp"), and are said together if they follow each other
in one chat within minutes."""

from __future__ import annotations

import re
from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterable

from oneseek.engine.core.collecting.collector import text_said
from oneseek.engine.learning.lessons.language import WORD
from oneseek.engine.learning.memory.kin import Kin
from oneseek.engine.learning.memory.statements.statement import Found, is_statement, text_of

GOES_ON = re.compile(
    r"(?:oh,? |ah,? |yeah,? |ja,? )?"
    r"(?:and|also|then|plus|as well as|next|finally|another|och|också|även|sen|sedan|samt|dessutom|"
    r"därtill|till sist|likewise|ditto|likaså|detsamma|"
    r"so (?:is|are|am|was|does|do|did|has|have|will))\b(?! (?:no|wait|so)\b)",
    re.I,
)
TOO = re.compile(r"\b(?:too|as well|either|heller|också)\b", re.I)
ASIDE = re.compile(r"\b(?:by the way|btw|anyway|fyi|förresten|för övrigt|hursomhelst)\b", re.I)
WORDS = 20  # of a message that goes on from another, at most
TOGETHER_MS = 10 * 60 * 1000  # between statements that were said together, at most
BESIDE = 4  # statements on either side of one that were said together with it, at most
LETTERS = 4  # of a word, in the index of words
BEGINS = 12  # letters of a fact's words, in the index of facts


def goes_on(message: str, before: str = "") -> bool:
    """Whether a message goes on from what was said right before it: by its words ("and", "too"), or
    because that ended in a comma."""
    text = message.strip()
    if len(text.split()) > WORDS or text.endswith("?"):
        return False
    left_open = before.rstrip().endswith(",")
    return left_open or GOES_ON.match(text) is not None or TOO.search(text) is not None


def time_of(fact: dict) -> int:
    return fact["time"]


class Rows:
    """The statements of one person in their order, with links to the ones that go on from them."""

    def __init__(self, known: Iterable[dict] = ()) -> None:
        self.order: list[dict] = []
        self.leaning: dict[str, dict] = {}  # id -> statement, of those with context
        self._by_id: dict[str, dict] = {}
        self._texts: dict[str, list[dict]] = defaultdict(list)  # by their words, the latest last
        self._after: dict[str, list[dict]] = defaultdict(list)  # by the words they go on from
        self._words: dict[str, set[str]] = defaultdict(set)  # beginning of a word -> ids
        for fact in known:
            self.add(fact)

    def add(self, fact: dict) -> None:
        insort(self.order, fact, key=time_of)
        self._by_id[fact["id"]] = fact
        insort(self._texts[join_lines(text_of(fact))], fact, key=time_of)
        if before(fact):
            self.leaning[fact["id"]] = fact
        if leads := find_lead(fact):
            insort(self._after[leads], fact, key=time_of)
        for begins in list_beginnings(fact):
            self._words[begins].add(fact["id"])

    def remove(self, id: str) -> None:
        fact = self._by_id.pop(id)
        del self.order[self._place(fact)]
        self._texts[join_lines(text_of(fact))].remove(fact)
        self.leaning.pop(fact["id"], None)
        if leads := find_lead(fact):
            self._after[leads].remove(fact)
        for begins in list_beginnings(fact):
            self._words[begins].discard(fact["id"])

    def find_by_beginnings(self, beginnings: Iterable[str]) -> list[dict]:
        """The statements with a word that may begin with one of these beginnings, in their
        order."""
        whole = tuple({one[:LETTERS] for one in beginnings})
        short = tuple(one for one in whole if len(one) < LETTERS)
        keys = [*whole, *(key for key in self._words if short and key.startswith(short))]
        found = {id for key in keys for id in self._words.get(key, ())}
        return [fact for fact in self.order if fact["id"] in found] if found else []

    def _last(self, words: str) -> dict | None:
        """The latest statement of these words, or None."""
        said = self._texts.get(words)
        return said[-1] if said else None

    def of(self, fact: dict) -> list[dict]:
        """The row that a statement belongs to, from its first statement on."""
        while (leads := find_lead(fact)) and (first := self._last(leads)):
            fact = first
        row = [fact]
        for one in row:  # the loop appends to the row it walks
            row += self._after.get(join_lines(text_of(one)), ())
        return row

    def chain(self, fact: dict) -> list[dict]:
        """A statement behind all that it needs as context, oldest first. A statement that is no
        longer stored is rebuilt from the words that were kept as context."""
        if not (said := before(fact)):
            return [fact]
        if first := self._last(join_lines(said)):
            return [*self.chain(first), fact]
        source, texts = without(fact, "before"), said.split("\n")
        replaced = [
            {**fact, "answer": text, "source": source, "time": fact["time"] - len(texts) + at}
            for at, text in enumerate(texts)
        ]
        return [*replaced, fact]

    def together(self, fact: dict, most: int = BESIDE) -> list[dict]:
        """The statements that were said right before and after one in the same chat, but for
        asides."""
        if fact["id"] not in self._by_id:
            return []
        found, place = [], self._place(self._by_id[fact["id"]])
        for step in (-1, 1):
            at, last = place, fact
            for _ in range(most):
                at += step
                if not 0 <= at < len(self.order) or not belong_together(last, self.order[at]):
                    break
                last = self.order[at]
                found += [] if ASIDE.search(last["answer"]) else [last]
        return found

    def _place(self, fact: dict) -> int:
        first = bisect_left(self.order, fact["time"], key=time_of)
        return self.order.index(fact, first)

    def find_later(self, fact: dict) -> list[dict]:
        """The statements that were said together with one, after it."""
        return [one for one in self.together(fact) if one["time"] > fact["time"]]


class Person:
    """What one person told: statements in rows, the names of relatives, and all facts by the
    beginning of the words that told them."""

    def __init__(self, known: Iterable[dict]) -> None:
        self.rows, self.kin = Rows(), Kin()
        self._begins: dict[str, dict[str, str]] = defaultdict(dict)  # beginning -> id -> words
        self._lengths: set[int] = set()  # of the beginnings
        for fact in known:
            self.add(fact)

    def add(self, fact: dict) -> None:
        said = text_said(fact)
        self._begins[said[:BEGINS]][fact["id"]] = said
        self._lengths.add(len(said[:BEGINS]))
        self.kin.add(said)
        if is_statement(fact):
            self.rows.add(fact)

    def remove(self, fact: dict) -> None:
        said = text_said(fact)
        del self._begins[said[:BEGINS]][fact["id"]]
        self.kin.remove(said)
        if is_statement(fact):
            self.rows.remove(fact["id"])

    def find_in(self, message: str) -> list[str]:
        """The ids of the facts that were told in a message, in its order."""
        found: dict[str, int] = {}
        for at in range(len(message)):
            for length in self._lengths:
                for id, said in self._begins.get(message[at : at + length], {}).items():
                    if message.startswith(said, at):
                        found.setdefault(id, at)
        return sorted(found, key=lambda id: (found[id], id))


def belong_together(one: dict, other: dict) -> bool:
    """Whether two statements were made in one chat within TOGETHER_MS."""
    chats = {fact["source"].get("chat", "") for fact in (one, other)}
    return len(chats) == 1 and abs(one["time"] - other["time"]) <= TOGETHER_MS


def lines(found: Iterable[Found], rows: Rows, bare: bool = True) -> list[Found]:
    """The statements found and those that they need as context, each for itself and once, in the
    order in which they were said. `bare` leaves the context out of each."""
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
    """The words that a statement goes on from; empty if it only needs them as context."""
    said = before(fact)
    return join_lines(said) if said and goes_on(fact["answer"], said) else ""


def list_beginnings(fact: dict) -> set[str]:
    """The first LETTERS letters of each word of a statement."""
    return {word.lower()[:LETTERS] for word in WORD.findall(fact["answer"])}


def join_lines(text: str) -> str:
    """The text as one line, as stores of earlier versions hold the context of a statement."""
    return " ".join(text.split())


def alone(one: Found) -> Found:
    """A statement without its context."""
    return Found({**one.fact, "source": without(one.fact, "before")}, one.score, one.apart)
