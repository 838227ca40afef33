"""Features of the words themselves: the encoder's states tell what a question is about, but do not
tell one name from another, nor which of two things about one subject is asked for.

Each feature compares what both sides say plainly: two different names, relatives, days or things,
two kinds of question that the library tells apart, or general talk and a fact that is somebody's.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Iterable, Set

from oneseek.engine.learning.lessons import Lesson, fold
from oneseek.engine.learning.lessons.language import WORD, Language, language
from oneseek.engine.learning.lessons.lesson import same_stem

# Kinds that are asked in many ways.
VAGUE = ("is", "mine", "has", "name", "where", "when", "attribute")
WHO_IT_IS = ("name", "mine", "is")  # kinds where a relative may be what is asked for
MIXED = ("attribute", "favourite", "settlement")  # lists whose words do not exclude each other
PLAIN = 3  # letters, at least, of a word with a capital that is a name
STEM = 4  # letters, at least, of a word that may be a part of another

# A cache: the words of a fact, and pairs of words, come again with every question.
once = functools.lru_cache(maxsize=1 << 14)


class QuestionFeatures:
    """The features of one question: its kind, names, relatives and words, computed once."""

    def __init__(self, question: str, words: Language) -> None:
        self.question, self.words = question, words
        self.kind, self.slots = words.recognise(question)
        matches = ((form, form.match(question)) for form in words.other_questions)
        self.others = [(form, slots) for form, slots in matches if slots]
        self.plain, self.content = plain_words(question), content(question, words)
        self.in_order = in_order(question, words)
        self.names, self.relatives = names(question, words), relatives(question, words)
        found = (word.lower() for word in WORD.findall(question))
        self.owners = {bare for word in found if (bare := words.bare(word)) != word}
        self.listed, self.sought = find_listed(question, words), sought(question, words)
        self.wanted, self.any_such = find_wanted(question, words), any_such(question, words)


@functools.lru_cache(maxsize=4)
def analyse_question(question: str, code: str) -> QuestionFeatures:
    return QuestionFeatures(question, language(code))


class Look:
    """The features of one question beside one lesson."""

    def __init__(self, lesson: Lesson, theirs: QuestionFeatures) -> None:
        self.lesson, self.theirs, self.words = lesson, theirs, lesson.words
        self.asked = " ".join((lesson.question, *lesson.phrasings))
        self.known = f"{self.asked} {lesson.answer}"
        self.mine = content(lesson.question, self.words)
        self.missing = self.find_missing(self.mine, theirs.plain)
        known = content(self.known, self.words) | plain_words(self.known)
        self.new = self.find_missing(theirs.content, known)

    def measure_mentioned(self) -> float:
        """The share of the content words of the fact's question that the question mentions."""
        return 1 - share(self.missing, self.mine)

    def measure_known(self) -> float:
        """The share of the question's content words that the fact has."""
        return 1 - share(self.new, self.theirs.content)

    def another_kind(self) -> bool:
        """Whether the question asks for something else about the very same subject."""
        mine, slots = self.lesson.recognised
        kind = self.theirs.kind
        if mine is None:
            return False
        subject = content(slots.get("x", ""), self.words)
        asked = [
            found["x"] for form, found in self.theirs.others if not form.match(self.lesson.question)
        ]
        if kind and kind.name not in VAGUE and not self.family(mine.name, kind.name):
            asked += [self.theirs.slots["x"]] if set(self.theirs.slots) == {"x"} else []
        return any(not self.find_missing(content(one, self.words), subject) for one in asked)

    def family(self, mine: str, theirs: str) -> bool:
        return theirs in self.words.family.get(mine, {mine})

    def another_name(self) -> bool:
        """Whether the question has a name that the fact lacks, in place of one that the fact
        has."""
        known = names(self.known, self.words) | plain_words(self.known)
        new = self.find_missing(self.theirs.names, known)
        return bool(
            new and self.find_missing(names(self.lesson.question, self.words), self.theirs.plain)
        )

    def another_relative(self) -> bool:
        """Whether the question has a relative that the fact lacks, in place of one that the fact
        has or of the person."""
        mine = relatives(self.lesson.question, self.words)
        new = self.theirs.relatives - relatives(self.known, self.words)
        if new and (mine or not self.personal):
            return bool(mine - self.theirs.plain) or bool(new & self.theirs.owners)
        return bool(new)

    def another_word(self) -> bool:
        """Whether the question has another one of several words that exclude each other."""
        mine, theirs = find_listed(self.known, self.words), self.theirs.listed
        return any(self.is_replaced(mine[name], theirs[name]) for name in mine.keys() & theirs)

    def another_answer(self) -> bool:
        """Whether the question asks for another sort of answer: a time instead of a place, and so
        on."""
        mine = sought(self.asked, self.words)
        return bool(mine and self.theirs.sought and not mine & self.theirs.sought)

    def unfit_answer(self) -> bool:
        """Whether the question asks for a time or a number, while the fact's own question asks for
        neither and its value holds none."""
        mine = find_wanted(self.lesson.question, self.words)
        theirs = self.theirs.wanted
        value = self.lesson.value.lower()
        return any(not sort.search(value) for sort in theirs - mine)

    def in_general(self) -> bool:
        """Whether the fact is somebody's and the question mentions none of them."""
        kind, _ = self.lesson.recognised
        words = WORD.findall(self.lesson.question)
        if kind and kind.name in WHO_IT_IS:
            words = [word for word in words if self.words.bare(word) != word]
        own = relatives(" ".join(words), self.words) | {
            name for name in names(self.lesson.question, self.words) if not name.isdigit()
        }
        if own:
            return len(self.find_missing(own, self.theirs.plain)) == len(own)
        return self.personal and not self.theirs.plain & people(self.words)

    def of_any(self) -> bool:
        """Whether the question names nobody and asks about a kind of thing ("a bike"), while the
        fact is about a certain one. It is no feature but rules the fact out: such a question asks
        for nothing that anybody told."""
        theirs = self.theirs
        certain = theirs.content - self.new - any_such(self.lesson.question, self.words)
        nobody = not theirs.names and not theirs.plain & people(self.words)
        return nobody and bool(certain) and certain <= theirs.any_such

    @property
    def personal(self) -> bool:
        return bool(plain_words(self.lesson.question) & people(self.words))

    def is_replaced(self, mine: Set[str], theirs: Set[str]) -> bool:
        """Whether a word of `mine` is missing in the question, and one of `theirs` is new to the
        fact."""
        new = self.find_missing(theirs, content(self.known, self.words) | mine)
        return bool(new and self.find_missing(mine, self.theirs.plain))

    def find_missing(self, some: Iterable[str], others: Iterable[str]) -> set[str]:
        """The words of `some` that none of the `others` matches (`alike`)."""
        return {one for one in some if not any(alike(one, two, self.words) for two in others)}


@once
def alike(a: str, b: str, words: Language) -> bool:
    """Whether two words are forms of one word, one is a part of the other, or they are synonyms."""
    if a == b or same_stem(a, b):
        return True
    short, long = sorted((a, b), key=len)
    if len(short) >= STEM and (long.startswith(short) or long.endswith(short)):
        return True
    synonyms = words.record["synonyms"]
    return any(b in text.lower().split() for text in synonyms.get(a, ())) or any(
        a in text.lower().split() for text in synonyms.get(b, ())
    )


SIGNS = (
    Look.another_kind,
    Look.another_name,
    Look.another_relative,
    Look.another_word,
    Look.another_answer,
    Look.unfit_answer,
    Look.in_general,
)


def share(some: Set[str], of: Set[str]) -> float:
    return len(some) / len(of) if of else 0.0


@once
def in_order(text: str, words: Language) -> tuple[str, ...]:
    """The words of a text in their order, without genitive endings."""
    return tuple(words.bare(word.lower().strip("'")) for word in WORD.findall(text))


@once
def people(words: Language) -> frozenset[str]:
    """The pronouns of the first and the second person."""
    return frozenset({*words.record["person"]["second"], *words.record["person"]["first"]})


@once
def any_such(text: str, words: Language) -> frozenset[str]:
    """The words behind an indefinite article."""
    found = [word.lower() for word in WORD.findall(text)]
    articles = words.record["indefinite"]
    return frozenset(b for a, b in itertools.pairwise(found) if a in articles)


@once
def plain_words(text: str) -> frozenset[str]:
    """The words of a text in small letters, both as they stand and without a genitive's 's."""
    found = frozenset(word.lower() for word in WORD.findall(text))
    return found | {word.split("'")[0] for word in found}


@once
def content(text: str, words: Language) -> frozenset[str]:
    return frozenset(in_order(text, words)) - words.function_words - people(words)


@once
def names(text: str, words: Language) -> frozenset[str]:
    """The names of a text in small letters: words with a capital inside a sentence, and numbers."""
    found = list(WORD.finditer(text))
    inside = [one[0] for one in found if not begins_sentence(text, one.start())]
    kept = (words.bare(word) for word in inside if word[0].isupper() or word[0].isdigit())
    long = (w.lower() for w in kept if len(w) >= PLAIN or w[0].isdigit())
    return frozenset(w for w in long if w not in words.function_words)


def begins_sentence(text: str, at: int) -> bool:
    while at and text[at - 1] in " \"'“‘(":
        at -= 1
    return at == 0 or text[at - 1] in ".!?:;"


@once
def relatives(text: str, words: Language) -> frozenset[str]:
    bare = {words.bare(word.lower()) for word in WORD.findall(text)}
    synonyms = words.record["synonyms"]
    found = frozenset(word for word in bare if "relation" in words.categories(word))
    return found | {other for word in found for other in synonyms.get(word, ())}


@once
def find_listed(text: str, words: Language) -> dict[str | int, set[str]]:
    """The words of a text from lists of words that exclude each other: name of the list -> words.
    The longest phrase at a place counts."""
    bare = [words.bare(word.lower()) for word in WORD.findall(text)]
    found: dict[str | int, set[str]] = {}
    at = 0
    while at < len(bare):
        for count in (3, 2, 1):
            run = " ".join(bare[at : at + count])
            same = [name for name in words.categories(run) if name not in MIXED]
            if lists := [*same, *words.contrasts.get(run, ())]:
                break
        for name in lists:
            found.setdefault(name, set()).add(run)
        at += count if lists else 1
    return found


@once
def sought(text: str, words: Language) -> frozenset[int]:
    """The sorts of answer that the words of a question ask for, as numbers."""
    plain = f" {fold(text)} "
    sorts = enumerate(words.record["asks_for"])
    return frozenset(i for i, phrases in sorts if any(f" {one} " in plain for one in phrases))


@once
def find_wanted(text: str, words: Language) -> frozenset[re.Pattern]:
    """The patterns that the value has to hold, by how a sentence of the question begins."""
    return frozenset(holds for begins, holds in words.answers if begins.search(text))
