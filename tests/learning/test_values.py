"""A place answers only if it holds the kind of value that the question asks for."""

import pytest

from oneseek.engine.learning.lessons.values import lacks


@pytest.mark.parametrize(
    "question, has, has_not",
    [
        ("How much does a tank cost?", "A tank is 18 pounds.", "The tank holds 3.8 litres."),
        ("Vad kostar en våffla?", "Våffla | 59 kr", "Våfflor gräddas på lördagar."),
        ("What's the phone number of the hotel?", "Ring 0499-55 31 07.", "Hotel | 284 euros"),
        ("Hur gammal är Majvor?", "Majvor är 71 år.", "Majvor valdes på ett år."),
        ("How deep is the pool?", "It is 1.8 metres deep.", "The pool opens at 10."),
        ("When is the gate locked?", "The gate is locked at 23:00.", "The gate is locked."),
        ("Who leads the choir?", "The choir is led by Ann Lee.", "it is led well."),
        ("How loud is it?", "It makes 41 dB.", "It is quiet."),
    ],
)
def test_the_value_is_there_or_is_lacking(question, has, has_not):
    assert not lacks(question, has)
    assert lacks(question, has_not)


def test_where_no_kind_of_value_is_asked_for_none_is_lacking():
    assert not lacks("May we row at night?", "Nobody rows at night.")
