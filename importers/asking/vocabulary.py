"""An index of the words of documents: which pieces hold a word in any form.

`alike` is the memory's: "häcken" finds "häckar", and "lotter" finds "odlingslotter". The last part
of a compound may take any form: "avgiften" finds "årsavgift".
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from os.path import commonprefix

from oneseek.engine.learning.lessons.language import Language
from oneseek.engine.learning.memory.second_look import alike, in_order, people
from oneseek.importers.asking.pieces import Piece

FIRST, LAST = 3, 4  # letters that forms of a word share, at its start or its end
APART = ("en",)  # languages that write compounds as separate words
PART, ENDING = 4, 3  # least letters of a part of a compound, and most letters of its ending


class Vocabulary:
    """The words of some texts, with the texts numbered."""

    def __init__(self, words: Language) -> None:
        self.words, self.joins = words, words.code not in APART
        self.held: dict[str, Counter[int]] = defaultdict(Counter)  # word -> text -> how often
        self.near: dict[str, set[str]] = defaultdict(set)  # first or last letters -> words
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
        """text -> how often any form of the word occurs in it."""
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
    """The letters with which a later part of this compound may begin."""
    return [word[at : at + PART] for at in range(FIRST, len(word) - PART + 1)]


def ends_alike(a: str, b: str) -> bool:
    """True if one word is the last part of the other, in any form."""
    short, long = sorted((a, b), key=len)
    at = long.find(short[: max(PART, len(short) - ENDING)], FIRST)
    if at < 0 or len(short) < PART:
        return False
    shared = len(commonprefix([long[at:], short]))
    return max(len(long) - at, len(short)) - shared <= ENDING


class Words:
    """The indexed words of a document's pieces (`own`), and of the text around each (`beside`)."""

    def __init__(self, pieces: Sequence[Piece], words: Language) -> None:
        self.own, self.beside = Vocabulary(words), Vocabulary(words)
        following = [*(one.text for one in pieces[1:]), ""]
        for one, after in zip(pieces, following, strict=False):
            self.own.add(one.text if one.spoken else one.read)
            self.beside.add(f"{one.heading} {one.before} {'' if one.spoken else after}")
