"""A task that should use what was told: "write a card for my wife".

What is near goes before the task as notes, turned to whoever is asked; what the answer does not use
of them is quoted beside it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from oneseek.engine.learning.composing.rules import Asked, lower_words, words_in
from oneseek.engine.learning.lessons import language
from oneseek.engine.learning.memory.memory import Found
from oneseek.engine.learning.memory.second_look import alike, content, names

TASK = re.compile(
    r"^(?:please |pls |can you |could you |would you |kan du |skulle du kunna |snälla |hi,? |hej,? )*"
    r"(?:(?:help me (?:to )?|hjälp mig att )?"
    r"(?:write|draft|compose|suggest|recommend|plan|make|create|give me|come up with|prepare|invent|"
    r"propose|word|phrase|think of|skriv|föreslå|rekommendera|planera|gör|ge mig|hitta på|tipsa|"
    r"formulera|dikta|komponera|sätt ihop))\b",
    re.I,
)
MINE = re.compile(r"\b(?:i|my|me|our|we|us|jag|min|mitt|mina|mig|vår|vårt|våra|vi|oss)\b", re.I)
LIKELY, NEAR = 0.1, 0.015  # how likely one answers, with nothing, or a shared word, to say so
MOST = 4


def is_task(question: str) -> bool:
    return bool(TASK.match(question.strip()) and MINE.search(question))


def notes_for(question: str, found: Sequence[Found], code: str) -> list[Found]:
    """The statements that a task should use, in the order in which they were said."""
    asked = Asked(question, code)
    some = [one for one in found if one.apart >= LIKELY or _shares(asked, one)]
    return sorted(some[:MOST], key=lambda one: one.fact["time"])


def _shares(asked: Asked, one: Found) -> bool:
    return one.apart >= NEAR and bool(asked.shared(one.fact["answer"]))


def with_notes(question: str, notes: Sequence[Found], code: str) -> str:
    said = "\n".join(one.fact["answer"].rstrip(".") + "." for one in notes)
    return words_in(code)["notes"].format(notes=said, task=question)


def unused(answer: str, question: str, notes: Sequence[Found], code: str) -> list[Found]:
    """The notes that nothing was taken from: a name or number of theirs, or any word where they
    have neither, that the task itself does not hold."""
    said, asked = lower_words(answer), lower_words(question)
    words = language(code)

    def is_used(one: Found) -> bool:
        text = one.fact["answer"]
        own = (names(text, words) or content(text, words)) - asked
        return all(any(alike(mine, other, words) for other in said) for mine in own)

    return [one for one in notes if not is_used(one)]


def beside(notes: Sequence[Found], code: str) -> str:
    """What is written under an answer that did not use them."""
    said = " ".join(f"“{one.fact['answer']}”" for one in notes)
    return "\n\n" + words_in(code)["beside"].format(said=said)
