"""Drawing a token before the ones in front of it were read must give the same answers with fewer
waits."""

import asyncio
import contextlib

import pytest

from oneseek.engine.backends import reference
from oneseek.engine.backends.gpu.run import Run
from oneseek.engine.backends.reference import Numpy
from oneseek.engine.model.choice.sampling import Sampling
from oneseek.engine.model.formats import open_model
from oneseek.engine.model.generate import Generator
from oneseek.engine.model.loaded import Model
from oneseek.engine.model.registry import find
from oneseek.engine.turns import urgent
from tests.support.gpu_device import gpu

QUESTIONS = ("What is a tree?", "Who are you?", "What is the capital of France?", "Say hello.")
AHEAD = 8


def answers_of(model, cases):
    """Text, tokens and end of each answer, all asked at once; then the same again, which finds its
    cache."""

    async def answer_twice():
        generator, found = Generator(model), []
        for _ in range(2):
            asked = [
                generator.ask([{"role": "user", "content": question}], sampling)
                for question, sampling in cases
            ]
            with urgent():
                await generator.answer_all(asked)
            found += [(answer.text, answer.ids, answer.ended) for answer in asked]
        return found

    return asyncio.run(answer_twice())


def load_model(executor):
    with contextlib.closing(open_model(find("tiny"))) as file:
        return asyncio.run(Model.load(file, executor))


@pytest.fixture
def begun(monkeypatch) -> list[str]:
    """Let numpy's runs be begun ahead; returns the list of inputs fed with earlier draws."""
    found: list[str] = []
    plain = reference.Run.begin

    async def begin(self, *names, fed=None):
        found.extend(fed or ())
        return await plain(self, *names, fed=fed)

    monkeypatch.setattr(reference.Run, "begin", begin)
    monkeypatch.setattr(reference.Run, "ahead", AHEAD)
    return found


def test_answers_are_the_same_to_the_token_with_whatever_ends_them(begun, monkeypatch):
    model = load_model(Numpy())
    kinds = [
        Sampling(max_tokens=14),
        Sampling(max_tokens=9, temperature=0.9, seed=3),
        Sampling(max_tokens=14, temperature=0.7, top_k=20, seed=8, stop=("is", "a tree")),
        Sampling(max_tokens=11, penalty=1.3, temperature=0.5, seed=2),
    ]
    batches = [[(question, kind)] for question in QUESTIONS for kind in kinds]
    batches.append([(question, kinds[1]) for question in QUESTIONS])
    early = [answers_of(model, cases) for cases in batches]
    assert len(begun) > len(batches)
    monkeypatch.setattr(reference.Run, "ahead", 1)
    begun.clear()
    assert [answers_of(model, cases) for cases in batches] == early
    assert not begun
    assert {ended for found in early for _, _, ended in found} >= {"end", "length", "stop"}


@pytest.mark.slow
def test_a_device_feeds_itself_what_it_drew(monkeypatch):
    device = gpu()
    model, decode, turns = load_model(device), Generator.decode, []
    cases = [(QUESTIONS[2], Sampling(max_tokens=20, temperature=0.6, seed=5))]
    alone = answers_of(model, cases)

    async def note_decode(generator):
        turns.append(generator)
        await decode(generator)

    monkeypatch.setattr(Generator, "decode", note_decode)
    monkeypatch.setattr(Run, "ahead", AHEAD)
    assert answers_of(model, cases) == alone
    assert len(turns) <= sum(len(ids) // AHEAD + 1 for _, ids, _ in alone)
