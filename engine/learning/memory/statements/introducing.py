"""Finds the names that a statement introduces: "my wife priya is a nurse", also without a capital
letter.

Such a name is written with a capital in the questions that follow, and is then told from other
people like any other.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable

from oneseek.engine.learning.lessons import guess
from oneseek.engine.learning.lessons.language import language

WORD = re.compile(r"[^\W\d_]+")
LEAST = 2  # letters of a name, at least
OWNED = frozenset(
    "kid kids child children twin twins triplets boy boys girl girls baby mate gran nan dog puppy "
    "cat kitten rabbit horse pony hamster parrot tortoise friends sisters brothers sons daughters "
    "cousins barn tvilling tvillingar tvillingarna pojke flicka bebis hund hunden valp katt katten "
    "kanin häst hästen hamster döttrar söner bröder systrar vänner sönerna döttrarna".split()
)
CALLED = frozenset("called named heter hette kallas döpt".split())
NAME, IS = frozenset("name names namn".split()), frozenset("is are was är var".split())
AND = frozenset("and och".split())
VERBS = AND | IS | frozenset(
    "has have had who lives live works work loves likes hates turns turned moved will would can got "
    "goes plays studies starts started just also and's som har hade bor jobbar gillar älskar fyller "
    "fyllde flyttade ska kan går spelar pluggar började".split()
)  # fmt: skip
VERB_FORM = re.compile(r"(?:s|ed|ing|ly|de|ade)$")


@functools.lru_cache(maxsize=1 << 14)
def find_introduced(said: str, code: str) -> frozenset[str]:
    """The names that a statement introduces, in small letters."""
    found, words = [*WORD.finditer(said)], language(code)
    names: set[str] = set()

    def behind(at: int) -> str:
        """The text between a word and the next one."""
        end = found[at + 1].start() if at + 1 < len(found) else len(said)
        return said[found[at].end() : end].strip()

    def is_name(at: int) -> bool:
        word, after = found[at][0].lower(), behind(at)
        if len(word) < LEAST or word in words.function_words | OWNED | VERBS:
            return False
        if "relation" in words.categories(word):
            return False
        follows = found[at + 1][0] if at + 1 < len(found) and not after else ""
        return follows in VERBS or (not follows and not VERB_FORM.search(word))

    for at, word in enumerate(found[:-1]):
        plain = word[0].lower()
        owned = plain in OWNED or "relation" in words.categories(plain)
        named = plain in CALLED or (plain in IS and at > 0 and found[at - 1][0].lower() in NAME)
        if not (owned or named) or behind(at) not in ("", ",", ":"):
            continue
        at += 1
        while at < len(found) and is_name(at):
            names.add(found[at][0].lower())
            at += 1
            if at < len(found) and found[at][0] in AND:
                at += 1
    return frozenset(names)


def with_capitals(question: str, is_known: Callable[[str], bool]) -> str:
    """The question with a capital to each known name in small letters. Function words are skipped:
    they are no names, and they stand in most statements, so looking for them would be slow."""
    common = language(guess(question)).function_words

    def capitalise(word: re.Match[str]) -> str:
        plain = word[0]
        may_be = plain.islower() and len(plain) >= LEAST and plain not in common
        return plain.capitalize() if may_be and is_known(plain) else plain

    return WORD.sub(capitalise, question)
