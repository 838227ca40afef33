"""Finds who or what a name is if the statement that names it does not say so, but what was said
right after it may: "Bartholomew swallowed a sock again", "daftest dog I've ever owned"."""

from __future__ import annotations

import re
from collections.abc import Sequence

from oneseek.engine.learning.composing.asked import Asked
from oneseek.engine.learning.memory.second_look import names
from oneseek.engine.learning.memory.statements.introducing import find_introduced
from oneseek.engine.learning.memory.statements.plain_forms import find_name, mentions
from oneseek.engine.learning.memory.statements.quoting import MINE
from oneseek.engine.learning.memory.statements.rows import Rows
from oneseek.engine.learning.memory.statements.statement import Found

AFTER = 2  # statements after the one with the name, at most
ARTICLE = (
    r"(?:an?|the|my|our|his|her|their|one of|what|en|ett|den|det|min|mitt|vår|vårt|hans|hennes)"
)
SAYS_WHO = (
    rf"(?<!\w)NAME(?:['’]s| is| was| are| är| var|,) (?:{ARTICLE}\b|\w+[’']?s )",
    rf"\b(?:{ARTICLE}|\w+['’]s) (?:[\w'’-]+,? ){{1,3}}NAME(?!\w)",
    r"\b(?:called|named|name is|heter|hette|kallas|döpte|döpt)\b.{0,40}NAME(?!\w)",
)


def find_introduction(asked: Asked, found: Sequence[Found], rows: Rows) -> list[Found]:
    """The likeliest statement that names whom or what a question asks about, and what was said
    right after it about the same. Empty if nothing was, or if a statement with the name says who it
    is."""
    name = find_name(asked.question)
    naming = [one for one in found if name and mentions(one.fact["answer"], name)]
    if not naming or any(says_who(one.fact, name) for one in naming):
        return []
    first = max(naming, key=lambda one: one.apart)
    own = [one for one in rows.find_later(first.fact)[:AFTER] if goes_on_about(one, asked)]
    return [first, *(Found(one, 0.0) for one in own)] if own else []


def says_who(fact: dict, name: str) -> bool:
    """Whether a statement says who or what a name is, and does not only mention it."""
    said = fact["answer"]
    if name.lower() in find_introduced(said, fact["language"]):
        return True
    return any(re.search(form.replace("NAME", re.escape(name)), said, re.I) for form in SAYS_WHO)


def goes_on_about(fact: dict, asked: Asked) -> bool:
    """Whether a statement that follows may be about the same: it names nobody else, and does not
    begin in the first person."""
    said, mine = fact["answer"], MINE.get(fact["language"], MINE["en"])
    named = {one for one in names(said, asked.language) if not mine.match(one)}
    return not mine.match(said) and named <= asked.names
