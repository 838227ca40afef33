"""Answers from more than one statement, put together by rule: several things at once, lists,
counts, and yes or no.

The rules choose statements by what the question names (a relative, a thing, a group of them such as
`siblings`), by the probability of each statement if no other answered better (`apart`), and by what
was said in a row with it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from oneseek.engine.learning.composing import counting, deciding
from oneseek.engine.learning.composing.asked import BETWEEN, Asked, likelihood, select_relevant
from oneseek.engine.learning.composing.naming import find_introduction
from oneseek.engine.learning.composing.parts import clauses
from oneseek.engine.learning.composing.reckoning import reckon
from oneseek.engine.learning.composing.selecting import MOST, select
from oneseek.engine.learning.memory.second_look import names
from oneseek.engine.learning.memory.statements.answering import ANSWERS, words_for
from oneseek.engine.learning.memory.statements.plain_forms import find_name
from oneseek.engine.learning.memory.statements.rows import Rows, alone, goes_on, lines
from oneseek.engine.learning.memory.statements.statement import Found

OPEN = re.compile(r"^(?:(?:what|who)['’]?s?|which|whom|va|vad|vem|vilka|vilken|vilket)\b", re.I)
NEAR, LOW = 0.015, 0.004  # minimum probability of the first statement of a list, and of the others
ROW = 0.3  # the same of a statement whose whole row is the answer
PART = 0.02  # the same for a part of a question, if no shared word speaks for it
SURE_PART = 0.15  # the same if its number is added to another's
LIKELY = 0.2  # minimum probability of the likeliest of several that are put together
CERTAIN = 0.5  # from here on, what was said together with the first is of the list too
UNLIKE = 0.3  # otherwise the minimum relative to the first, if one shares no word
# Minimum probabilities by which statements are selected (selecting.py): for a list, about a name,
# beside the parts of a question, beside yes or no.
LISTED, ABOUT, ALSO, BEARS = 0.35, 0.45, 0.25, 0.5
SAID_WITH = 3  # statements that say yes or no, and bear on it, at most
FREE = 0.03  # minimum probability of another statement than one used for a surer part
AHEAD = 20  # times: one that is further ahead of the others is used for a second part


def compose(
    question: str,
    found: Sequence[Found],
    rows: Rows,
    code: str,
    now: int,
    parts: Sequence[Sequence[Found]] = (),
    changed: bool = False,
    wider: Sequence[Found] = (),
) -> tuple[str, list[Found]] | None:
    """The answer from several statements, and those statements; None if one is enough. `found` may
    answer the question, each of `parts` a part of it; `wider` are those found and the candidates
    beside them, `rows` all that the person said. If the likeliest statement `changed` an earlier
    one, no list or row is put together."""
    asked = Asked(question, code)
    joined = len(parts) > 1 and bool(clauses(question))
    if not joined and (more := reckon(asked, found, rows, now)):
        return more
    if not joined and asked.is_yes_no:
        return decide(asked, found, rows, now, changed, wider)
    if not joined and counting.COUNT.search(question):
        if parts and (more := sum_counts(asked, parts)):
            return more
        return answer_count(asked, found, rows, now)
    if changed and not joined:
        return None
    if parts:
        some = together(asked, found, rows, parts)
        some = join(some, select(asked, wider, rows, ALSO), rows) if some else some
    elif asked.takes_list:
        some = join(list_statements(asked, found, rows), select(asked, wider, rows, LISTED), rows)
    else:
        some = find_beside(asked, found, rows, wider)
    some = keep_coherent(asked, some, rows)
    return (say_in_order(some, now), some[:MOST]) if len(some) > 1 else None


def find_beside(
    asked: Asked, found: Sequence[Found], rows: Rows, wider: Sequence[Found]
) -> list[Found]:
    """The likeliest statement, if it is likely enough, with its row and those that belong to the
    answer beside it; or the statement that names whom a question is about, with what was said right
    after it. Empty if the question is for anything else than what or who."""
    some = find_introduction(asked, found, rows)
    if not found or not (OPEN.match(asked.question) or find_name(asked.question)):
        return some
    best = max(found, key=lambda one: one.apart)
    if best.apart < ROW or not asked.concerns(best, best.apart):
        return some
    beside = [*in_row(asked, best, found, rows), *select(asked, wider, rows, ABOUT)]
    return join(some, beside, rows)


def keep_coherent(asked: Asked, some: Sequence[Found], rows: Rows) -> list[Found]:
    """Those of some statements that belong together: the ones of a group that the question names,
    the ones that are likely by themselves (or else the likeliest), and what was said together with
    these or in a row with them. Empty if the likeliest is not likely and shares no word with the
    question."""
    likeliest = max(some, key=lambda one: one.apart, default=None)
    if not likeliest:
        return []
    if likeliest.apart < LIKELY and not asked.find_shared(likeliest.fact["answer"]):
        return []
    first = [
        one for one in some
        if asked.members(one.fact["answer"]) or one.apart >= SURE_PART or one is likeliest
    ]  # fmt: skip
    kept = {one.id for one in first}
    for one in first:
        kept |= {fact["id"] for fact in (*rows.together(one.fact), *rows.of(one.fact))}
        kept |= {fact["id"] for fact in rows.chain(one.fact)}
    return [one for one in some if one.id in kept and not asked.is_of_others(one.fact["answer"])]


def join(some: Sequence[Found], more: Sequence[Found], rows: Rows) -> list[Found]:
    """The statements of both, each once and for itself, in the order in which they were said. A
    correction keeps what it took the place of as its context."""
    each = {one.id: one for one in (*some, *more)}
    corrections = [one for one in each.values() if is_correction(one)]
    others = lines((one for one in each.values() if not is_correction(one)), rows)
    return sorted([*others, *corrections], key=lambda one: one.fact["time"])


def is_correction(one: Found) -> bool:
    return bool(one.fact["source"].get("replaces"))


def takes_several(question: str, code: str) -> bool:
    """Whether a question is for a list, a number of things, or yes or no, which one statement
    seldom says by itself."""
    asked = Asked(question, code)
    return bool(asked.takes_list or counting.COUNT.search(question) or asked.is_yes_no)


def together(
    asked: Asked, found: Sequence[Found], rows: Rows, parts: Sequence[Sequence[Found]]
) -> list[Found]:
    """The statements for the parts of a question, if one of them is likely enough: those of
    `assign` that are likely, share a word with the question, or were said together with such; those
    of its groups and owners; and those that were said together with them and share a name."""
    unlikely: list[Found] = []
    some: dict[str, Found] = {}
    for one in assign(parts, rows):
        if one.apart >= PART or asked.find_shared(one.fact["answer"]):
            some.setdefault(one.id, one)
        else:
            unlikely.append(one)
    if not any(one.apart >= PART for one in some.values()):
        return []
    whole = select_relevant(asked, found, rows) if asked.groups else []
    whole += [
        one for one in found if asked.names_owner_of(one) and asked.concerns(one, likelihood(found))
    ]
    for one in whole:
        some.setdefault(one.id, one)
    beside = {fact["id"] for one in some.values() for fact in rows.together(one.fact)}
    near = [one for one in unlikely if one.id in beside]
    for one in [*near, *of_the_same(asked, list(some.values()), rows)]:
        some.setdefault(one.id, one)
    return lines(some.values(), rows)


def assign(parts: Sequence[Sequence[Found]], rows: Rows) -> list[Found]:
    """The likeliest statement for each part of a question. One that is used for a surer part is
    used again only if it is far ahead of the others."""
    pairs = sorted(
        ((at, one) for at, part in enumerate(parts) for one in part),
        key=lambda pair: -pair[1].apart,
    )
    chosen: dict[int, Found] = {}
    used: set[str] = set()
    for at, one in pairs:
        if at in chosen:
            continue
        free = [other for other in parts[at] if not used & collect_ids(other, rows)]
        best = max(free, key=lambda other: other.apart, default=one)
        if used & collect_ids(one, rows) and best.apart >= max(FREE, one.apart / AHEAD):
            one = best
        chosen[at] = one
        used |= collect_ids(one, rows)
    return [chosen[at] for at in sorted(chosen)]


def collect_ids(one: Found, rows: Rows) -> set[str]:
    """The ids of a statement and of its context."""
    return {fact["id"] for fact in rows.chain(one.fact)}


def of_the_same(asked: Asked, some: Sequence[Found], rows: Rows) -> list[Found]:
    """The statements that were said together with `some` and share a name with one of them."""
    named = [names(one.fact["answer"], asked.language) - asked.names for one in some]
    each = set().union(*named) if named else set()
    beside = [fact for one in some for fact in rows.together(one.fact)]
    return [Found(fact, 0.0) for fact in beside if each & asked.bare_words(fact["answer"])]


def in_row(asked: Asked, best: Found, found: Sequence[Found], rows: Rows) -> list[Found]:
    """The row of the likeliest statement, and the candidates that were said together with it and
    share a word with the question; empty if the row has no other statement."""
    row = [*rows.of(best.fact), *broken_off(asked, best, found, rows)]
    some = {fact["id"]: Found(fact, best.score, best.apart) for fact in row}
    if len(some) < 2:
        return []
    beside = {fact["id"] for fact in rows.together(best.fact)}
    for one in found:
        near = one.apart >= LOW and one.id in beside and asked.find_shared(one.fact["answer"])
        if near and not asked.is_of_others(one.fact["answer"]):
            some.setdefault(one.id, one)
    return list(some.values())


def broken_off(asked: Asked, first: Found, found: Sequence[Found], rows: Rows) -> list[dict]:
    """The statements that go on from the first although something else was said in between."""
    near = {one.id for one in found if one.apart >= BETWEEN} | {first.id}
    return [
        fact for fact in rows.find_later(first.fact)
        if goes_on(fact["answer"]) and not asked.is_of_others(fact["answer"])
        and not any(one["id"] in near for one in rows.chain(fact)[:-1])
    ]  # fmt: skip


def list_statements(asked: Asked, found: Sequence[Found], rows: Rows) -> list[Found]:
    """The statements of a list: those that concern the question, and the candidates that were said
    together with the likeliest."""
    some = {one.id: one for one in select_relevant(asked, found, rows)}
    scored = {one.id: one for one in found}
    first = max(found, key=lambda one: one.apart, default=None)
    if first and first.apart >= NEAR:
        some.setdefault(first.id, first)
        beside = [scored[fact["id"]] for fact in rows.together(first.fact) if fact["id"] in scored]
        for one in beside:
            sure = first.apart >= CERTAIN or asked.find_shared(one.fact["answer"])
            low = LOW if sure else max(LOW, UNLIKE * first.apart)
            if one.apart >= low and not asked.is_of_others(one.fact["answer"]):
                some.setdefault(one.id, one)
        for fact in broken_off(asked, first, found, rows):
            some.setdefault(fact["id"], Found({**fact, "source": {}}, 0.0))
    near = {one.id for one in found if one.apart >= BETWEEN}
    said = lines((detach(one, near, rows) for one in some.values()), rows)
    return [one for one in said if not asked.is_of_others(one.fact["answer"])]


def detach(one: Found, near: set[str], rows: Rows) -> Found:
    """The statement without the context that it goes on from, if that is not near: "and a row of
    leeks" after "the shed door is stuck"."""
    (*bases, _) = rows.chain(one.fact)
    apart = goes_on(one.fact["answer"]) and bases and not near & {fact["id"] for fact in bases}
    return alone(one) if apart else one


def say_in_order(some: Sequence[Found], now: int) -> str:
    ordered = [
        one if is_correction(one) else alone(one)
        for one in sorted(some[:MOST], key=lambda one: one.fact["time"])
    ]
    return " ".join(words_for(one, one.fact["language"], now, 0.0) for one in ordered)


def answer_count(
    asked: Asked, found: Sequence[Found], rows: Rows, now: int
) -> tuple[str, list[Found]] | None:
    number, used = counting.count(asked, found, rows)
    if not used or number < 1:
        return None
    if counting.says_it(asked, used):
        return words_for(used[0], used[0].fact["language"], now, 0.0), used
    return counting.in_words(asked, number, say_in_order(used, now)), used[:MOST]


def sum_counts(asked: Asked, parts: Sequence[Sequence[Found]]) -> tuple[str, list[Found]] | None:
    """The sum of what several have, each by a statement of its own; None if one is not sure."""
    used = [max(part, key=lambda one: one.apart) for part in parts if part]
    numbers = [counting.one_number(asked, one.fact["answer"]) for one in used]
    unlike = len({one.id for one in used}) == len(used) == len(parts)
    if not unlike or not all(numbers) or min(one.apart for one in used) < SURE_PART:
        return None
    said = " ".join(words_for(one, one.fact["language"], one.fact["time"], 0.0) for one in used)
    return counting.in_words(asked, sum(numbers), said), used


def decide(
    asked: Asked,
    found: Sequence[Found],
    rows: Rows,
    now: int,
    changed: bool,
    wider: Sequence[Found],
) -> tuple[str, list[Found]] | None:
    """Yes or no, and the statements that say so, with those that bear on it."""
    if not (decision := deciding.decisive(asked, found, rows, changed)):
        return None
    holds, used = decision
    known = {fact["answer"] for one in used for fact in rows.chain(one.fact)}
    bearing = join((), select(asked, wider, rows, BEARS), rows)
    more = [one for one in bearing if one.fact["answer"] not in known]
    used = [*used, *more[: max(0, SAID_WITH - len(used))]]
    yes, no = ANSWERS.get(asked.code, ANSWERS["en"])
    said = " ".join(words_for(one, asked.code, now, 0.0) for one in used)
    return (yes if holds else no) + said, used
