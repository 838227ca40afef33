"""What a question's words say beside its states: the same asked otherwise, or something else."""

import pytest

from engine.learning.lessons import Lesson
from engine.learning.memory.second_look import DOUBT, HINT, MENTIONED, bearing

TURTLE = Lesson(
    "What is my cousin Ada's turtle called?", "Your cousin Ada's turtle is called Rune."
)
LATHE = Lesson("Where did I buy the lathe?", "You bought the lathe in Tornhult.")
KARIN = Lesson(
    "Vad är min moster Karin allergisk mot?", "Din moster Karin är allergisk mot lupiner."
)


@pytest.mark.parametrize(
    "lesson, question",
    [
        (TURTLE, "Do you remember the name of my cousin Ada's turtle?"),
        (TURTLE, "Cousin Ada brings her turtle. What do I shout after it?"),
        (LATHE, "In which town did I get the lathe?"),
        (KARIN, "Moster Karin kommer på middag. Vad tål hon inte?"),
        (KARIN, "Vilken allergi har min moster Karin?"),
    ],
)
def test_other_words_for_the_same_count_for_a_fact(lesson, question):
    assert bearing(lesson, question) >= 0


@pytest.mark.parametrize(
    "lesson, question",
    [
        (TURTLE, "What is my cousin Nora's turtle called?"),
        (TURTLE, "What is my cousin Ada's rabbit called?"),
        (TURTLE, "How old is my cousin Ada's turtle?"),
        (TURTLE, "What is my uncle's turtle called?"),
        (TURTLE, "How long does a turtle live?"),
        (LATHE, "When did I buy the lathe?"),
        (LATHE, "Where did my brother buy the lathe?"),
        (KARIN, "Vad är min moster Berit allergisk mot?"),
        (KARIN, "Var bor min moster Karin?"),
        (KARIN, "Vad är min farbror allergisk mot?"),
    ],
)
def test_what_asks_for_something_else_counts_against_it(lesson, question):
    assert bearing(lesson, question) <= MENTIONED / 2 - DOUBT


def test_one_thing_in_place_of_another_counts_less_for_it_may_be_a_synonym():
    other = bearing(LATHE, "Where did I buy the grindstone?")
    assert MENTIONED / 2 - DOUBT < other <= MENTIONED / 2 - HINT


@pytest.mark.parametrize("question", ["", "?", "\x00\x01", "ord " * 500, "(" * 240, "'" * 100])
def test_odd_questions_are_weighed_too(question):
    assert -5 < bearing(TURTLE, question) < 1


def test_every_word_that_excludes_others_stands_in_its_list_once():
    for code in ("en", "sv"):
        words = Lesson("a", "b", (), code).words
        for listed in words.record["contrasts"]:
            assert len(set(listed)) == len(listed) > 1
