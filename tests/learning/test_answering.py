"""Answers from statements: the newest one holds, the earlier one is named, and days become
dates."""

from datetime import date

import pytest

from oneseek.engine.learning.memory.statements.answering import MOST, answer, choose_statements
from oneseek.engine.learning.memory.statements.dating import add_dates
from oneseek.engine.learning.memory.statements.statement import Found

DAY_MS = 24 * 3600 * 1000
NOW = 1_764_158_400_000  # 26 November 2025


def make_found(words, ago, score, code="en", **source):
    fact = {"id": words, "kind": "statement", "question": words, "answer": words}
    fact |= {"language": code, "source": {"kind": "chat", **source}, "time": NOW - ago * DAY_MS}
    return Found(fact, score, score)  # both scores of a finding: among all, and alone


def answer_question(question, *found, code="en"):
    likeliest = sorted(found, key=lambda one: -one.score)
    kept = choose_statements(likeliest, question)
    return answer(kept, question, code, NOW) if kept else ""


OLD = make_found("We live in Harrogate", 30, 0.4)
NEW = make_found("We live in Ripon", 2, 0.5)


def test_of_two_that_contradict_the_newer_holds_and_the_older_is_named():
    assert answer_question("Where do we live?", OLD, NEW) == (
        "You live in Ripon. Before that you said: “We live in Harrogate”"
    )


def test_a_question_about_the_past_gets_what_was_said_before_first():
    old, new = make_found("We live in Harrogate", 30, 0.8), make_found("We live in Ripon", 2, 0.16)
    assert answer_question("Where did we live before?", old, new) == (
        "You live in Harrogate. Later you said: “We live in Ripon”"
    )


def test_what_is_unlikely_to_answer_is_not_said():
    assert answer_question("Where do we live?", make_found("Our dog is called Rex", 1, 0.3)) == ""
    other = make_found("I work in Leeds", 1, 0.05)
    assert "Leeds" not in answer_question(
        "Where do we live?", make_found("We live in Harrogate", 30, 0.9), other
    )


def test_what_was_said_twice_is_said_once():
    again = make_found("We live in Harrogate these days", 1, 0.95)
    assert (
        answer_question("Where do we live?", make_found("We live in Harrogate", 30, 0.2), again)
        == "You live in Harrogate these days."
    )


def test_who_asks_for_several_gets_all_that_are_near_the_newest_first():
    found = [
        make_found(f"My cousin {name} lives in Bath", i, 0.8) for i, name in enumerate("ABCDEF")
    ]
    words = answer_question("Who are all my cousins?", *found)
    places = [words.find(f"cousin {name} ") for name in "ABCDEF"]
    assert places[:MOST] == sorted(places[:MOST]) and -1 not in places[:MOST]
    assert set(places[MOST:]) == {-1}


@pytest.mark.parametrize(
    ("question", "words", "begins"),
    [
        ("Am I allergic to nuts?", "I'm allergic to nuts", "Yes. "),
        ("Do I eat pork?", "I don't eat pork", "No. "),
        ("Do we eat meat?", "We are vegetarians", "You are"),
        ("Is my sister a nurse?", "My sister used to be a nurse", "Your sister"),
        ("Did Anna call Tom?", "Tom called Anna", "Tom"),
        ("Äter jag kött?", "jag äter inte kött", "Nej. "),
    ],
)
def test_yes_and_no_are_said_where_the_words_say_so(question, words, begins):
    code = "sv" if question.startswith("Ä") else "en"
    assert answer_question(question, make_found(words, 1, 0.9, code), code=code).startswith(begins)


@pytest.mark.parametrize(
    ("words", "code", "expected"),
    [
        ("dentist tomorrow", "en", "dentist tomorrow [25 November]"),
        ("I moved last month", "en", "I moved last month [October 2026]"),
        ("exam next Friday at ten", "en", "exam next Friday [27 November] at ten"),
        ("my bike got nicked on Saturday", "en",
         "my bike got nicked on Saturday [21 November]"),
        ("the party is on Tuesday", "en", "the party is on Tuesday [1 December]"),
        ("we fly in three weeks", "en", "we fly in three weeks [15 December]"),
        ("I do yoga every Tuesday", "en", "I do yoga every Tuesday"),
        ("it moved from Monday to Wednesday", "en",
         "it moved from Monday to Wednesday [25 November]"),
        ("hon for i fredags", "sv", "hon for i fredags [20 november]"),
        ("tandläkaren i morgon", "sv", "tandläkaren i morgon [25 november]"),
        ("mötet är på torsdag", "sv", "mötet är på torsdag [26 november]"),
        ("vi flyttar nästa vecka", "sv",
         "vi flyttar nästa vecka [30 november till 6 december]"),
        ("jag slutade för två dagar sedan", "sv",
         "jag slutade för två dagar sedan [22 november]"),
    ],
)  # fmt: skip
def test_days_are_dated_from_the_day_they_were_named_on(words, code, expected):
    told_on = date(2026, 11, 24)  # a Tuesday
    assert add_dates(words, code, told_on, date(2026, 12, 20)) == expected
    assert add_dates(words, code, told_on, told_on) == words


def test_a_relative_day_is_quoted_with_its_date_once_the_day_is_over():
    words = "I have the dentist tomorrow"
    assert (
        answer_question("When is the dentist?", make_found(words, 0, 0.9))
        == "You have the dentist tomorrow."
    )
    later = answer_question("When is the dentist?", make_found(words, 3, 0.9))
    assert later == "On Sunday you told me: “I have the dentist tomorrow [24 November]”"
