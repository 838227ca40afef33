"""Statements stay ordered as they are added and removed: after any change, every search must match
a search through all of them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from oneseek.engine.core.collecting.collector import text_said
from oneseek.engine.core.collecting.statements import STATEMENT
from oneseek.engine.learning.lessons.language import WORD
from oneseek.engine.learning.memory.statements.rows import (
    Person,
    Rows,
    before,
    belong_together,
    find_lead,
    join_lines,
)
from oneseek.engine.learning.memory.statements.statement import is_statement, text_of

SAID = ("I've lived in Lagos", "then Leeds", "and now Antwerp", "my sister Io is a nurse", "Io",
        "btw I like tea", "och en katt också")  # fmt: skip

facts = st.builds(
    lambda id, said, before, time, chat, kind: {
        "id": id, "kind": kind, "answer": said, "time": time,
        "source": {"chat": chat} | ({"before": before} if before else {}),
    },
    id=st.sampled_from("abcdefgh"),
    said=st.sampled_from(SAID),
    before=st.sampled_from(("", "", *SAID, "I've lived in Lagos\nthen Leeds")),
    time=st.integers(0, 5).map(lambda x: x * 100_000),
    chat=st.sampled_from("xy"),
    kind=st.sampled_from((STATEMENT, STATEMENT, "fact")),
)  # fmt: skip


@given(st.lists(st.tuples(st.booleans(), facts), max_size=20))
def test_what_comes_and_goes_is_found_as_by_a_search_through_all(steps):
    person, kept = Person(()), {}
    for comes, fact in steps:
        if known := kept.pop(fact["id"], None):
            person.remove(known)
        if comes:
            person.add(fact)
            kept[fact["id"]] = fact
    statements = list(filter(is_statement, kept.values()))
    rows, ordered = person.rows, sorted(statements, key=lambda fact: fact["time"])
    assert rows.order == ordered
    assert list(rows.leaning.values()) == list(filter(before, statements))
    for begins in ({"lag"}, {"leeds", "katt"}, {"l", "io"}):
        found = rows.find_by_beginnings(begins)
        first = tuple(one[:4] for one in begins)
        words = ([w.lower() for w in WORD.findall(fact["answer"])] for fact in ordered)
        assert found == [fact for fact, some in zip(ordered, words, strict=True)
                         if any(word.startswith(first) for word in some)]  # fmt: skip
    for fact in statements:
        check_row(rows, fact, ordered)


def check_row(rows: Rows, fact: dict, ordered: list[dict]) -> None:
    latest = {join_lines(text_of(one)): one for one in ordered}
    assert fact in rows.of(fact) or not find_lead(fact)
    if leads := latest.get(join_lines(before(fact))):
        assert rows.chain(fact)[-2:] == [leads, fact]
    around = rows.together(fact)
    at = ordered.index(fact)
    near = [one for step in (-1, 1) for one in run(ordered, at, step)]
    assert around == [one for one in near if not one["answer"].startswith("btw")]


def run(ordered: list[dict], at: int, step: int) -> list[dict]:
    found = []
    for _ in range(4):
        if not 0 <= at + step < len(ordered) or not belong_together(
            ordered[at], ordered[at + step]
        ):
            break
        at += step
        found.append(ordered[at])
    return found


@given(
    st.lists(facts, max_size=8, unique_by=lambda fact: fact["id"]), st.lists(st.sampled_from(SAID))
)
def test_the_facts_of_a_message_are_found_in_its_order(kept, said):
    message, person = ", ".join(said), Person(kept)
    places = [(message.find(text_said(fact)), fact["id"]) for fact in kept]
    assert person.find_in(message) == [id for at, id in sorted(places) if at >= 0]
