"""Questions that leave out what the message before them said."""

import pytest

from oneseek.engine.learning.memory.statements.following import in_full

INGRID = "My wife Ingrid is turning 40 on the 12th of June. Any gift ideas?"
COLOUR = "what's my sister's favourite colour?"


@pytest.mark.parametrize(
    ("before", "question", "full"),
    [
        (INGRID, "how old will she be?", "how old will my wife Ingrid be?"),
        (INGRID, "what's her shoe size?", "what's my wife Ingrid's shoe size?"),
        (INGRID, "when did I meet her?", "when did I meet my wife Ingrid?"),
        ("is my brother in Oslo?", "where's he working?", "where's my brother working?"),
        ("who is Priya again?", "how old is she", "how old is Priya"),
        ("tell me about Priya", "how old is she", "how old is Priya"),
        ("min syster Elsa pluggar", "var bor hon?", "var bor min syster Elsa?"),
        ("min syster pluggar", "vad heter hennes hund?", "vad heter min systers hund?"),
        ("how old is my son?", "and what's his name?", "and what's my son's name?"),
        ("how much is my rent now?", "what was it before?", "what was my rent before?"),
        ("vad är min hyra?", "vad var den förut?", "vad var min hyra förut?"),
        (COLOUR, "and mine?", "what's my favourite colour?"),
        (COLOUR, "what about my mum's?", "what's my mum's favourite colour?"),
        ("vad är min systers skostorlek?", "och min brors?", "vad är min brors skostorlek?"),
    ],
)
def test_a_question_is_written_out_with_what_it_leaves_out(before, question, full):
    assert in_full(question, before) == full


@pytest.mark.parametrize(
    ("before", "question"),
    [
        ("", "how old is she?"),
        (INGRID, "what time is it?"),
        (INGRID, "what is my car called and does she like it?"),
        ("who wrote Hamlet?", "and mine?"),
        ("hi there", "where was he born?"),
        (INGRID, "she is 39 now"),
    ],
)
def test_what_leaves_nothing_out_or_follows_nothing_stays_as_it_is(before, question):
    assert in_full(question, before) == question
