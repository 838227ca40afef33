"""Finds the cause of a wrong or missing answer to a question about a statement."""

from __future__ import annotations

from collections.abc import Collection

from oneseek.engine.learning.memory.memory import Memory
from oneseek.engine.learning.memory.statements.quoting import words_of
from oneseek.engine.learning.memory.statements.statement import text_of
from tests.bench.parts.keys import is_right

DENIALS = tuple(words_of(code)["nothing"] for code in ("en", "sv"))
# The beginnings of replies that deny and offer the nearest statement.
OFFERS = tuple(words_of(code)["not_exactly"].split("{")[0] for code in ("en", "sv"))
CAUSES = (
    "not kept",
    "cut",
    "not read",  # not retrieved, so the cross-encoder did not see it
    "another is surer, denied",
    "another is surer, left to the model",
    "another is surer, said",
    "the surest, denied",
    "the surest, left to the model",
    "the surest, said otherwise",
)


def denies(answer: str) -> bool:
    """Whether a reply says that it was not told, also where it offers the nearest statement."""
    return answer in DENIALS or answer.startswith(OFFERS)


async def find_cause(
    memory: Memory, kept: Collection[str], question: str, keys: list[list[str]], answer: str
) -> str:
    """One of CAUSES; `kept` are the ids of the statements kept of the messages that answer."""
    facts = {id: memory.facts[id] for id in kept if id in memory.facts}
    right = {id for id, fact in facts.items() if is_right(text_of(fact), keys)}
    if not facts:
        return "not kept"
    if not right:
        return "cut"
    found = await memory.find_statements(question)
    if not right & {one.id for one in found}:
        return "not read"
    who = "the surest" if found[0].id in right else "another is surer"
    if denies(answer):
        return f"{who}, denied"
    if not answer:
        return f"{who}, left to the model"
    return f"{who}, said" + (" otherwise" if who == "the surest" else "")
