"""Which statements an answer is put together from."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oneseek.engine.learning.composing.asked import Asked
from oneseek.engine.learning.composing.rules import compose, keep_coherent
from oneseek.engine.learning.composing.selecting import MOST, describe, select, weigh
from oneseek.engine.learning.memory.replies import changes_another
from oneseek.engine.learning.memory.statements.rows import Rows
from oneseek.engine.learning.memory.statements.statement import Found

HOUR = 3600 * 1000
FREEZER = (
    "three tubs of dal went in the freezer sunday",
    "theres a shoulder of goat in the freezer too, for eid",
    "froze the leftover biryani as well",
    "my neighbour has got hens now",
)
NEAR = (0.5, 0.6, 0.45, 0.05)


def tell(said, near, apart=(), apart_by=1000) -> tuple[list[Found], Rows]:
    """Findings for statements told one after the other in one chat."""
    apart = apart or near
    found = [
        Found(
            {"id": str(at), "answer": text, "source": {"chat": "c"}, "time": at * apart_by,
             "kind": "statement", "language": "en"},
            sure / 4, sure, near=lies,
        )
        for at, (text, lies, sure) in enumerate(zip(said, near, apart, strict=True))
    ]  # fmt: skip
    return found, Rows(one.fact for one in found)


def test_what_was_told_together_about_what_is_asked_is_a_list():
    found, rows = tell(FREEZER, NEAR)
    text, used = compose("whats in my freezer?", found, rows, "en", 10_000, wider=found)
    assert [one.fact["answer"] for one in used] == list(FREEZER[:3])
    assert "hens" not in text


def test_what_a_correction_replaced_is_no_statement_of_its_own():
    found, rows = tell(("no wait, I sold it, my car is a Kia now", "the bike is blue"), (0.9, 0.1))
    fact = found[0].fact | {"source": {"chat": "c", "before": "My car is a Mazda", "replaces": "x"}}
    found = [replace(found[0], fact=fact, apart=0.9), found[1]]
    rows = Rows(one.fact for one in found)
    assert compose("What car do I have?", found, rows, "en", 10_000, wider=found) is None


def test_a_correction_beside_a_yes_is_quoted_with_what_it_replaced():
    found, rows = tell(("no wait, it is a Kia", "the bike is blue"), (0.8, 0.9), (0.8, 0.95))
    fact = found[0].fact | {"source": {"chat": "c", "before": "My car is a Mazda", "replaces": "x"}}
    found = [replace(found[0], fact=fact), found[1]]
    rows = Rows(one.fact for one in found)
    text, used = compose("Is the bike blue?", found, rows, "en", 10_000, wider=found)
    assert text.startswith("Yes. The bike is blue.") and "Kia" in text
    assert "car is a Mazda" not in text.split("Before that you said")[0]
    assert len(used) == 2


def test_a_question_for_one_thing_gets_one_statement():
    found, rows = tell(("my brother Ewan has a boat", "the car is red"), (0.6, 0.1), (0.9, 0.01))
    assert compose("who has a boat?", found, rows, "en", 10_000, wider=found) is None


def test_statements_of_different_days_are_no_list_if_none_is_likely():
    said = ("helped uncle Sixten to fell trees", "Malte plays chess", "the plants need water")
    found, rows = tell(said, (0.3, 0.28, 0.27), (0.06, 0.05, 0.04), apart_by=HOUR)
    asked = Asked("what are my budgies called?", "en")
    assert keep_coherent(asked, found, rows) == []
    assert compose(asked.question, found, rows, "en", 10 * HOUR, wider=found) is None


@given(st.floats(-0.2, 1.0), st.floats(0.01, 0.5), st.booleans())
def test_the_nearer_a_statement_the_likelier_it_belongs_to_the_answer(near, more, together):
    apart_by = 1000 if together else HOUR
    found, rows = tell(FREEZER[:2], (1.5, near), (0.9, 0.1), apart_by)
    asked = Asked("whats in my freezer?", "en")
    nearer = [found[0], replace(found[1], near=min(1.5, near + more))]
    one, other = (weigh(describe(asked, some, rows)[1]) for some in (found, nearer))
    assert other > one


def test_what_was_told_together_with_the_likeliest_counts_more():
    asked = Asked("whats in my freezer?", "en")
    beside, alone = (
        weigh(describe(asked, *tell(FREEZER[:2], (0.6, 0.3), (0.9, 0.1), apart_by))[1])
        for apart_by in (1000, HOUR)
    )
    assert beside > alone


def test_at_most_so_many_are_selected_and_in_the_order_in_which_they_were_told():
    said = [f"I have a cat called {name}" for name in "ABCDEFGHIJKL"]
    found, rows = tell(said, [0.5 + at / 100 for at in range(len(said))])
    some = select(Asked("which cats do I have?", "en"), found, rows, 0.2)
    assert len(some) == MOST
    assert [one.fact["time"] for one in some] == sorted(one.fact["time"] for one in some)
    assert select(Asked("which cats do I have?", "en"), [], rows, 0.2) == []


@pytest.mark.parametrize(("apart_by", "changes"), [(1000, False), (HOUR, True)])
def test_a_statement_changes_none_of_those_that_were_told_together_with_it(apart_by, changes):
    found, rows = tell(("Bronagh comes to the barbecue", "Teo comes"), (0.5, 0.5), (), apart_by)
    first = replace(found[1], score=0.9, changes=True)
    assert changes_another([first, found[0]], rows) is changes
