"""What a question's words say beside its states: the same asked otherwise, or something else."""

import pytest

from engine.learning.lessons import Lesson
from engine.learning.memory.recogniser import SURE
from engine.learning.memory.weighing import weighed

STATES, NEARNESS = 0.4, 0.4  # what the states of a question about the same thing often say

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
    assert weighed(lesson, question, STATES, NEARNESS) >= SURE


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
    assert weighed(lesson, question, STATES, NEARNESS) < SURE


def test_a_time_is_no_answer_to_a_fact_that_holds_none():
    hammock = Lesson("What did we hang between the birches?", "You hung a blue hammock there.")
    time, thing = "When did we hang it there?", "Which thing did we hang there?"
    when, what = (weighed(hammock, one, STATES, NEARNESS) for one in (time, thing))
    assert what - when > 0.3


def test_the_same_form_with_another_word_is_another_question():
    shed = Lesson("Where does the ladder for the shed stand?", "It stands behind the stable.")
    same = weighed(shed, "Where does the rake for the shed stand?", STATES, NEARNESS)
    other = weighed(shed, "I need the shed's ladder. Where?", STATES, NEARNESS)
    assert same < SURE < other


@pytest.mark.parametrize("question", ["", "?", "\x00\x01", "ord " * 500, "(" * 240, "'" * 100])
def test_odd_questions_are_weighed_too(question):
    assert -5 < weighed(TURTLE, question, STATES, NEARNESS) < 2


def test_every_word_that_excludes_others_stands_in_its_list_once():
    for code in ("en", "sv"):
        words = Lesson("a", "b", (), code).words
        for listed in words.record["contrasts"]:
            assert len(set(listed)) == len(listed) > 1
