"""The words of documents: which pieces of them hold a word that is asked for, in any form.

`alike` is the memory's: "häcken" finds "häckar", and "lotter" finds "odlingslotter". Of a compound
the last part counts in any form: "avgiften" finds "årsavgift".
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from os.path import commonprefix

from oneseek.engine.learning.lessons.language import Language
from oneseek.engine.learning.memory.second_look import alike, in_order, people
from oneseek.importers.asking.pieces import Piece

FIRST, LAST = 3, 4  # letters that forms of a word share, at its beginning or its end
APART = ("en",)  # languages whose compounds are written apart
PART, ENDING = 4, 3  # letters that a part of a compound has at least, and its ending at most


class Vocabulary:
    """The words of some texts, each text by its number."""

    def __init__(self, words: Language) -> None:
        self.words, self.joins = words, words.code not in APART
        self.held: dict[str, Counter[int]] = defaultdict(Counter)  # word -> text -> how often
        self.near: dict[str, set[str]] = defaultdict(set)  # its beginning or end -> words
        self.lengths: list[int] = []

    def add(self, text: str) -> None:
        weightless = self.words.function_words | people(self.words)
        found = [one for one in in_order(text, self.words) if one not in weightless]
        for word in found:
            self.held[word][len(self.lengths)] += 1
            self.near[word[:FIRST]].add(word)
            self.near[f"…{word[-LAST:]}"].add(word)
            self.near[f"{word[:PART]}…"].add(word)
            for part in inner(word):
                self.near[f"…{part}…"].add(word)
        self.lengths.append(len(found))

    def count_by_text(self, word: str) -> Counter[int]:
        """In which texts any form of a word stands, and how often."""
        keys = word[:FIRST], f"…{word[-LAST:]}", f"…{word[:PART]}…", *(f"{p}…" for p in inner(word))
        some = set().union(*(self.near.get(key, ()) for key in keys))
        for phrase in self.words.record["synonyms"].get(word, ()):
            some |= {one for one in phrase.lower().split() if one in self.held}
        found: Counter[int] = Counter()
        for form in some:
            if alike(word, form, self.words) or (self.joins and ends_alike(word, form)):
                found.update(self.held[form])
        return found


def inner(word: str) -> list[str]:
    """What a part of a compound may begin with."""
    return [word[at : at + PART] for at in range(FIRST, len(word) - PART + 1)]


def ends_alike(a: str, b: str) -> bool:
    """Whether the last part of a compound is the other word, in any form."""
    short, long = sorted((a, b), key=len)
    at = long.find(short[: max(PART, len(short) - ENDING)], FIRST)
    if at < 0 or len(short) < PART:
        return False
    shared = len(commonprefix([long[at:], short]))
    return max(len(long) - at, len(short)) - shared <= ENDING


class Words:
    """The words of a document's pieces, and of what each is read with."""

    def __init__(self, pieces: Sequence[Piece], words: Language) -> None:
        self.own, self.beside = Vocabulary(words), Vocabulary(words)
        following = [*(one.text for one in pieces[1:]), ""]
        for one, after in zip(pieces, following, strict=False):
            self.own.add(one.text if one.spoken else one.read)
            self.beside.add(f"{one.heading} {one.before} {'' if one.spoken else after}")
