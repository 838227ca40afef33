"""The words of a question as evidence beside its embedding: a rewording, or a different
question."""

import asyncio

import pytest

from builder import encoder as carried
from oneseek.engine.backends.reference import Numpy
from oneseek.engine.learning.lessons import Lesson
from oneseek.engine.learning.memory.encoder import Encoder, encoder_here
from oneseek.engine.learning.memory.memory import trim_question
from oneseek.engine.learning.memory.recogniser import SURE, FactEncoding, Recogniser, Text
from oneseek.engine.learning.memory.weighing import weigh_lesson

TURTLE = Lesson(
    "What is my cousin Ada's turtle called?", "Your cousin Ada's turtle is called Rune."
)
LATHE = Lesson("Where did I buy the lathe?", "You bought the lathe in Tornhult.")
KARIN = Lesson(
    "Vad är min moster Karin allergisk mot?", "Din moster Karin är allergisk mot lupiner."
)


@pytest.fixture(scope="module")
def score():
    """A function that scores a question in a memory with only this lesson."""
    carried.file()
    encoder = Encoder(encoder_here, Numpy())

    def score(lesson, question):
        question = trim_question(question)
        texts = [question, lesson.question, f"{lesson.question} {lesson.answer}"]
        meaning, asked, answered = runner.run(encoder.of(texts))
        recogniser = Recogniser()
        recogniser.add("it", FactEncoding([Text.of(asked)], Text.of(answered)))
        ((_, signs),) = recogniser.likely(meaning)
        return weigh_lesson(lesson, question, signs)

    with asyncio.Runner() as runner:
        yield score


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
def test_other_words_for_the_same_count_for_a_fact(score, lesson, question):
    assert score(lesson, question) >= SURE


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
def test_what_asks_for_something_else_counts_against_it(score, lesson, question):
    assert score(lesson, question) < SURE


@pytest.mark.parametrize("question", ["Hur håller sig en cykel upprätt?", "Vad väger en cykel?"])
def test_who_speaks_of_any_such_thing_asks_for_nothing_that_was_told(score, question):
    shed = Lesson("Vad är koden till cykelförrådet?", "Koden är 8265.", (), "sv")
    assert score(shed, question) == 0
    assert score(shed, "Vilken kod har cykelförrådet?") > SURE


def test_a_fact_about_any_such_thing_is_known_by_its_words(score):
    seal = Lesson("How long does a seal sleep?", "A seal sleeps for four hours in Ekvik.")
    assert score(seal, "How long does a seal sleep?") > SURE


def test_a_time_is_no_answer_to_a_fact_that_holds_none(score):
    hammock = Lesson("What did we hang between the birches?", "You hung a blue hammock there.")
    time, thing = "When did we hang it there?", "Which thing did we hang there?"
    when, what = (score(hammock, one) for one in (time, thing))
    assert what - when > 0.3


def test_the_same_form_with_another_word_is_another_question(score):
    shed = Lesson("Where does the ladder for the shed stand?", "It stands behind the stable.")
    same = score(shed, "Where does the rake for the shed stand?")
    other = score(shed, "I need the shed's ladder. Where?")
    assert same < SURE < other


@pytest.mark.parametrize("question", ["", "?", "\x00\x01", "ord " * 500, "(" * 240, "'" * 100])
def test_odd_questions_are_weighed_too(score, question):
    assert -5 < score(TURTLE, question) < 2


def test_every_word_that_excludes_others_stands_in_its_list_once():
    for code in ("en", "sv"):
        words = Lesson("a", "b", (), code).words
        for listed in words.record["contrasts"]:
            assert len(set(listed)) == len(listed) > 1
