"""How the benchmarks judge an answer by its keys."""

import pytest

from tests.bench.parts.keys import is_right, stands


@pytest.mark.parametrize(
    ("text", "key", "wanted"),
    [
        ("Next load is onions to Fresno.", "onion", True),
        ("Snickaren heter Dragoslav.", "snick", True),
        ("It is Nasrins, she fetches it.", "Nasrin", True),
        ("Hanna lives there.", "Anna", False),
        ("Four girls", "four", True),
        ("45 pounds", "4", False),
        ("the 12th of May", "12", False),
        ("an Ana", "an", True),
        ("Ana", "an", False),
        ("C++ and C", "C++", True),
    ],
)
def test_a_key_stands_as_a_word_or_as_the_beginning_of_one(text, key, wanted):
    assert stands(text, key) is wanted


def test_an_answer_holds_one_of_each_list():
    keys = [["onion"], ["Fresno", "California"]]
    assert is_right("Onions, to California", keys)
    assert not is_right("Onions, to Texas", keys)
    assert is_right("anything", [])
