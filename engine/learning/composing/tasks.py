"""A task that should use what was told: "write a card for my wife".

What is near goes before the task as notes, turned to whoever is asked; what the answer does not use
of them is quoted beside it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from oneseek.engine.learning.composing.asked import Asked, lower_words, words_in
from oneseek.engine.learning.composing.rows import before
from oneseek.engine.learning.lessons import guess, language
from oneseek.engine.learning.memory.memory import Found
from oneseek.engine.learning.memory.second_look import alike, content, names
from oneseek.engine.learning.memory.statements.statement import text_of

TASK = re.compile(
    r"^(?:please |pls |can you |could you |would you |kan du |skulle du kunna |snälla |hi,? |hej,? )*"
    r"(?:(?:help me (?:to )?|hjälp mig att )?"
    r"(?:write|draft|compose|suggest|recommend|plan|make|create|give me|come up with|prepare|invent|"
    r"propose|word|phrase|think of|skriv|föreslå|rekommendera|planera|gör|ge mig|hitta på|tipsa|"
    r"formulera|dikta|komponera|sätt ihop))\b",
    re.I,
)
MINE = re.compile(r"\b(?:i|my|me|our|we|us|jag|min|mitt|mina|mig|vår|vårt|våra|vi|oss)\b", re.I)
MINE = re.compile(r"\b(?:i|my|me|our|we|us|jag|min|mitt|mina|mig|vår|vårt|våra|vi|oss)\b", re.I)
FOR = re.compile(r"\b(?:to|for|till|åt)\s+(?:the\s+)?\w{4,}", re.I)  # somebody
LIKELY, NEAR = 0.1, 0.015  # how likely one answers, with nothing, or a shared word, to say so
MOST = 4


def is_task(question: str) -> bool:
    """Whether a text is wanted that concerns the person, or somebody who is named."""
    if not TASK.match(question.strip()):
        return False
    concerns = MINE.search(question) or FOR.search(question)
    return bool(concerns or names(question, language(guess(question))))


def notes_for(
    question: str, found: Sequence[Found], known: Iterable[dict], code: str
) -> list[Found]:
    """The statements that a task should use, in the order in which they were said: those that it
    asks for or names, and what leans on them ("she turns 40 on Friday")."""
    asked = Asked(question, code)
    some = [one for one in found if one.apart >= LIKELY or _shares(asked, one)][:MOST]
    texts, ids = {text_of(one.fact) for one in some}, {one.id for one in some}
    more = [fact for fact in known if before(fact) in texts and fact["id"] not in ids]
    some += [Found(fact, 0.0) for fact in more[:MOST]]
    return sorted(some, key=lambda one: one.fact["time"])


def _shares(asked: Asked, one: Found) -> bool:
    said = one.fact["answer"]
    return asked.names_owner_of(one) or (one.apart >= NEAR and bool(asked.shared(said)))


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
