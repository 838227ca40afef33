"""What somebody does not eat decides whether they can eat what is served."""

import pytest

from oneseek.engine.learning.composing.asked import Asked
from oneseek.engine.learning.composing.eating import find_exclusion, list_served
from oneseek.engine.learning.memory.statements.rows import Rows


def tell(*said):
    facts = [
        {"id": str(i), "answer": text, "time": i * 1000, "source": {"chat": "c"},
         "kind": "statement", "language": "en"}
        for i, text in enumerate(said)
    ]  # fmt: skip
    return Rows(facts)


@pytest.mark.parametrize(
    ("meal", "served", "not_served"),
    [
        ("flatbreads with oil, no butter", "oil", "butter"),
        ("lentils in coconut milk", "coconut", "milk"),
        ("a dairy-free cake with eggs", "eggs", "dairy"),
        ("peanut butter biscuits", "peanut", "butter"),
        ("pannkakor på havremjölk", "havre", "havremjölk"),
        ("en nötfri kaka med ägg", "ägg", "nötfri"),
    ],
)
def test_what_is_left_out_is_not_served(meal, served, not_served):
    assert served in list_served(meal) and not_served not in list_served(meal)


@pytest.mark.parametrize(
    ("meal", "excludes"),
    [
        ("I am making satay with peanut butter on Saturday", True),
        ("I am making satay without peanuts on Saturday", False),
    ],
)
def test_who_is_allergic_cannot_eat_what_has_it(meal, excludes):
    rows = tell("Odd is allergic to peanut", meal)
    asked = Asked("Can Odd eat the satay I am making?", "en")
    assert bool(find_exclusion(asked, rows)) == excludes
