"""Thoughts and answer must be told apart at every moment of a growing reply."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oneseek.engine.core.conversation import split_thought

WHOLE = "<think>\nParis, surely.\n</think>\n\nThe capital is Paris."


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (WHOLE, ("Paris, surely.", "The capital is Paris.")),
        ("<think>\n\n</think>\n\nParis.", ("", "Paris.")),
        ("<think>\nHm, Par", ("Hm, Par", "")),
        ("Paris.", ("", "Paris.")),
        ("I <think> so", ("", "I <think> so")),
        ("", ("", "")),
    ],
)
def test_an_answer_is_taken_apart(text, found):
    assert split_thought(text) == found


def test_nothing_of_what_is_thought_is_shown_as_said_while_it_grows():
    said = [split_thought(WHOLE[:end])[1] for end in range(len(WHOLE) + 1)]
    assert all("The capital is Paris.".startswith(one) for one in said)


@given(st.text())
def test_an_answer_without_a_thought_stays_as_it_is(text):
    if not text.lstrip().startswith("<"):
        assert split_thought(text) == ("", text)
