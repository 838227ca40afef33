"""An answer that repeats itself without end must be stopped, and no other one, and only on
request."""

import asyncio
import contextlib
import random

import pytest

from oneseek.engine.backends.reference import Numpy
from oneseek.engine.model.choice.repetition import LEAST, LONGEST, TIMES, goes_round
from oneseek.engine.model.choice.sampling import Sampling
from oneseek.engine.model.formats import open_model
from oneseek.engine.model.generate import Generator
from oneseek.engine.model.loaded import Model
from oneseek.engine.model.registry import find

UNIQUE = list(range(1000, 1400))


def slow(ids: list[int]) -> bool:
    """The same rule, written token by token."""
    for piece in range(1, LONGEST + 1):
        need = max(TIMES * piece, LEAST)
        if len(ids) >= need and all(
            ids[len(ids) - need + i] == ids[len(ids) - need + i + piece]
            for i in range(need - piece)
        ):
            return True
    return False


@pytest.mark.parametrize("piece", [1, 2, 7, 16, 17, 40, LONGEST])
def test_it_is_found_at_the_very_token_that_completes_it(piece: int):
    ids, block = UNIQUE[:50], list(range(piece))
    need = max(TIMES * piece, LEAST)
    ids += [block[i % piece] for i in range(need - 1)]
    assert not goes_round(ids)
    assert goes_round([*ids, block[(need - 1) % piece]])


def test_longer_pieces_and_near_repeats_go_on():
    assert not goes_round(list(range(LONGEST + 1)) * TIMES)
    changed = list(range(20)) * 5
    changed[-30] = 999
    assert not goes_round(changed)
    assert not goes_round([]) and not goes_round([1] * (LEAST - 1))


def test_it_agrees_with_the_rule_written_token_by_token():
    draw = random.Random(3)
    for _ in range(3000):
        piece = [draw.randrange(4) for _ in range(draw.randint(1, 70))]
        ids = [draw.randrange(4) for _ in range(draw.randint(0, 40))] + piece * draw.randint(1, 60)
        ids = ids[: draw.randint(0, 260)] + [draw.randrange(4)] * draw.randint(0, 2)
        assert goes_round(ids) == slow(ids)


def force_repeats(generator, **more):
    """An answer with forced tokens: the same four words over and over."""
    words = generator.model.tokenizer.encode(" a b c d")
    sampling = Sampling(max_tokens=120, **more)
    ids, _ = generator.encode([{"role": "user", "content": "Go on."}], 0)
    answer = generator.start(ids, sampling, forced=tuple(words * 40))
    asyncio.run(generator.answer_all([answer]))
    return answer, len(words)


def test_the_answer_ends_there_and_an_api_client_gets_all_it_asked_for():
    with contextlib.closing(open_model(find("tiny"))) as file:
        generator = Generator(asyncio.run(Model.load(file, Numpy())))
    answer, piece = force_repeats(generator, stop_repeats=True)
    assert answer.ended == "repeats" and len(answer.ids) == max(LEAST, TIMES * piece)
    answer, _ = force_repeats(generator)
    assert answer.ended == "length" and len(answer.ids) == 120
