"""What takes back the message before it, told by the real reader."""

import asyncio

import pytest

from oneseek.engine.backends.select import processor
from oneseek.engine.learning.memory.encoder import Encoder, encoder_here
from oneseek.engine.learning.memory.statements.correcting import (
    LIMIT,
    compute_signs,
    extract_features,
    weigh,
)
from oneseek.engine.learning.memory.statements.reader import Reader


@pytest.fixture(scope="module")
def reader():
    return Reader(Encoder(encoder_here, processor()))


async def weigh_pair(reader, before, message):
    (alone,) = await reader.alone([message])
    (pair,) = await reader.read_pairs([(before, message)])
    return weigh(extract_features(pair, before, message, alone.states))


@pytest.mark.parametrize(
    ("before", "message", "corrects"),
    [
        ("The ferry leaves at 8:05 on Sunday", "no wait, 8:50", True),
        ("our class reunion is in May", "oops, June I mean", True),
        ("The rehearsal is at the town hall", "Actually no, it's in the library.", True),
        ("Kören övar på tisdagar", "nej förlåt, onsdagar", True),
        ("my flat has number 1203", "oj, 1302 ska det va", True),
        ("gave up meat in 2021", "I swim on Tuesdays", False),
        ("My rent is 720", "no idea what to cook tonight", False),
        ("My uncle keeps bees", "thanks, that's all", False),
        ("Vi bor på Ekgatan 5", "min syster har en röd cykel", False),
    ],
)
def test_a_correction_is_told_from_another_message(reader, before, message, corrects):
    likely = asyncio.run(weigh_pair(reader, before, message))
    assert (likely >= LIMIT) == corrects, likely


@pytest.mark.parametrize(
    ("before", "message", "sign"),
    [
        ("we sit in row 5", "row 15, sorry", "unit"),
        ("it is on Monday", "Tuesday", "day"),
        ("the code is 12", "no, 21", "number"),
        ("I met Ann", "it was Beth", "name"),
        ("we take the red one", "not the red one", "denies"),
    ],
)
def test_another_value_of_the_same_kind_is_a_sign(before, message, sign):
    assert compute_signs(before, message)[sign] == 1
    assert compute_signs(before, "I like tea")[sign] == 0
