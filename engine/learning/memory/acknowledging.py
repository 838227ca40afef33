"""What is said to a message that states something and wants nothing: that it will be remembered.

A small model has no sensible reply to "fyi im allergic to penicillin"; a larger one has, and gives
its own.
"""

from __future__ import annotations

from collections.abc import Sequence

from oneseek.engine.learning.lessons import guess
from oneseek.engine.learning.memory.hearing import CHANGES, GREETING, Statement, sentences
from oneseek.engine.learning.memory.quoting import turned, words_of

CONVERSES = 400_000_000  # parameters of a model that replies to statements by itself
MOST = 3  # statements whose words are repeated
TO_PERSON = frozenset("you your you're you've you'd you'll du din ditt dina ni er ert era".split())


def states_all(message: str, found: Sequence[Statement]) -> bool:
    """Whether a message is nothing but statements that are kept, and greetings."""
    if not found or any(one.unsure for one in found):
        return False
    said = [one.said for one in found]
    return all(
        any(part in one for one in said)
        or (len(part.split()) <= GREETING and not part.endswith("?"))
        for part in sentences(message)
    )


def acknowledgement(message: str, found: Sequence[Statement]) -> str:
    """The reply to a message that states these."""
    words = words_of(guess(message))
    if len(found) > MOST:
        return words["kept_many"].format(count=len(found))
    said = " ".join(repeated(one) for one in found)
    return words["corrected" if found[0].replaces else "kept"].format(said=said)


def repeated(statement: Statement) -> str:
    """Its words turned to the person within a sentence, or in quotation marks."""
    said = statement.said.strip()
    while (correction := CHANGES.match(said)) and correction.end() < len(said):
        said = said[correction.end() :]
    text = turned(said, statement.language if statement.language == "sv" else "en")
    if not text:
        return f"“{statement.said.strip()}”"
    first = text.split()[0].strip(",.!").lower().replace("’", "'")
    return text[0].lower() + text[1:] if first in TO_PERSON else text
