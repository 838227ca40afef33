"""Expected tokens are verified several in a pass; the answer must be the same to the token as
without drafts."""

import asyncio
import contextlib
from collections import Counter
from functools import partial

import pytest

from oneseek.engine.backends import reference
from oneseek.engine.backends.reference import Numpy
from oneseek.engine.backends.select import processor
from oneseek.engine.learning.lessons.samples import samples
from oneseek.engine.learning.memory.saying import Saying
from oneseek.engine.learning.memory.statements.quoting import Quoting
from oneseek.engine.model import generate
from oneseek.engine.model.choice.sampling import Sampling
from oneseek.engine.model.formats import open_model
from oneseek.engine.model.generate import Generator
from oneseek.engine.model.loaded import Model
from oneseek.engine.model.registry import find
from oneseek.engine.turns import urgent
from tests.support.gpu_device import gpu

PROMPTS, SOME, ON_A_CHIP = 200, 60, 16
AHEAD = 8
BEGIN = "Well, that is so"


def load_model(executor):
    with contextlib.closing(open_model(find("tiny"))) as file:
        return asyncio.run(Model.load(file, executor))


@pytest.fixture(scope="module")
def model():
    return load_model(processor())


def make_sampling(i):
    """The sampling of the i-th case: greedy or drawn, with different ways to end."""
    drawn = dict(temperature=(0.3, 0.7, 1.1)[i % 3], seed=i, top_k=20 * (i % 4 // 2), top_p=0.9)
    return Sampling(
        max_tokens=(6, 24, 40)[i % 3],
        penalty=1.2 if i % 5 == 1 else 1.0,
        stop=(".", " is") if i % 5 == 2 else (),
        stop_repeats=i % 3 == 0,
        **(drawn if i % 2 else {}),
    )


def cases(model, count):
    """Yield (question, sampling, options): pushed to say a fact or a text, or with the expected
    words in the prompt."""
    tokenizer = model.tokenizer
    for i, fact in enumerate(samples("en", count, "drafts")):
        question, more = fact.question, {}
        if i % 4 == 0:
            more["push"] = Saying(tokenizer, [(fact.answer, fact.value)], alone=True)
        elif i % 4 == 1:
            more["push"] = Quoting(tokenizer, f"Earlier today you told me: {fact.answer}")
        elif i % 4 == 2:
            question = f"{fact.answer} Repeat: {fact.answer} {question}"
        if i % 7 == 0:
            more["forced"] = tuple(tokenizer.encode(BEGIN))
        if i % 11 == 0:
            more["prefix"] = "I think that"
        yield question, make_sampling(i), more


def answer_cases(model, count, ended_at=0):
    """For each answer its text, tokens, end, streamed text and likeliest tokens; and the passes by
    kind of case."""

    def hear(answer, texts, text):
        texts.append(text)
        if len(texts) == ended_at:
            answer.cancel()

    async def all_of_them():
        generator, found, passes = Generator(model), [], Counter()
        for i, (question, how, more) in enumerate(cases(model, count)):
            texts, tops = [], []
            if i % 6 == 0:
                more["on_token"] = lambda token, best, tops=tops: tops.append((token, len(best)))
            asked = [{"role": "user", "content": question}]
            answer = generator.ask(asked, how, **more)
            answer.on_text = partial(hear, answer, texts)
            with urgent():
                while not answer.ended:
                    await generator.advance()
                    passes[i % 4] += 1
            found.append((answer.text, answer.ids, answer.ended, "".join(texts), tops))
        return found, passes

    return asyncio.run(all_of_them())


@pytest.mark.parametrize("count", [SOME, pytest.param(PROMPTS, marks=pytest.mark.long)])
def test_answers_are_the_same_to_the_token_and_those_by_heart_take_a_quarter_of_the_passes(
    model, monkeypatch, count
):
    found, passes = answer_cases(model, count)
    monkeypatch.setattr(generate, "MANY_ROWS", 1)
    alone, singly = answer_cases(model, count)
    assert found == alone
    assert {ended for _, _, ended, *_ in found} >= {"end", "length", "stop"}
    for by_heart in (0, 1):
        assert passes[by_heart] <= singly[by_heart] / 4


@pytest.mark.long
def test_tokens_drawn_ahead_are_the_same_beside_drafts(monkeypatch):
    model, fed, plain = load_model(Numpy()), [], reference.Run.begin

    async def begin(self, *names, **given):
        fed.extend(given)
        return await plain(self, *names, **given)

    monkeypatch.setattr(reference.Run, "begin", begin)
    alone, _ = answer_cases(model, PROMPTS)
    assert not fed
    monkeypatch.setattr(reference.Run, "ahead", AHEAD)
    assert answer_cases(model, PROMPTS)[0] == alone
    assert len(fed) > PROMPTS


def test_who_stops_an_answer_hears_no_more_of_its_draft(model, monkeypatch):
    found, _ = answer_cases(model, 12, ended_at=2)
    monkeypatch.setattr(generate, "MANY_ROWS", 1)
    assert answer_cases(model, 12, ended_at=2)[0] == found
    assert "cancelled" in {ended for _, _, ended, *_ in found}


def test_a_seeded_answer_does_not_depend_on_who_else_asks(model):
    asked = [{"role": "user", "content": "What is a tree?"}]
    seeded = Sampling(max_tokens=20, temperature=0.9, seed=4)

    def ids_beside(others):
        generator = Generator(model)
        answers = [generator.ask(asked, Sampling(max_tokens=30, seed=9)) for _ in range(others)]
        answers.append(generator.ask(asked, seeded))
        asyncio.run(generator.answer_all(answers))
        return answers[-1].ids

    assert ids_beside(2) == ids_beside(0)


@pytest.mark.long
@pytest.mark.slow
def test_a_chip_verifies_the_same(monkeypatch):
    chip = load_model(gpu())
    found, passes = answer_cases(chip, ON_A_CHIP)
    monkeypatch.setattr(generate, "MANY_ROWS", 1)
    alone, singly = answer_cases(chip, ON_A_CHIP)
    assert found == alone and passes[0] <= singly[0] / 2
