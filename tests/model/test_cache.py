"""A conversation must go on from its cache, which is found again, grows in place, and is never
taken away."""

import asyncio
import contextlib

import numpy as np
import pytest

from oneseek.engine.backends.reference import Numpy
from oneseek.engine.model.choice.sampling import Sampling
from oneseek.engine.model.formats import open_model
from oneseek.engine.model.generate import CARRIED, SHARED, Generator, common_prefix
from oneseek.engine.model.kv_cache import NoRoom, Pool
from oneseek.engine.model.llama import Config
from oneseek.engine.model.loaded import Model
from oneseek.engine.model.registry import find

SMALL = Config(vocab=9, width=8, layers=1, heads=1, kv_heads=1, head_width=8, hidden=8)


@pytest.fixture(scope="module")
def model() -> Model:
    with contextlib.closing(open_model(find("tiny"))) as file:
        return asyncio.run(Model.load(file, Numpy()))


def answer_chat(generator: Generator, messages: list[dict]) -> str:
    async def answer_messages():
        answer = generator.ask(messages, Sampling(max_tokens=12))
        await generator.answer_all([answer])
        return answer.text

    return asyncio.run(answer_messages())


def test_the_next_turn_computes_only_what_is_new_and_says_the_same(model, monkeypatch):
    generator, read = Generator(model), []
    write = Generator.write_tokens

    def note_write(self, run, tokens, size):
        read.append(len(tokens))
        return write(self, run, tokens, size)

    monkeypatch.setattr(Generator, "write_tokens", note_write)
    chat: list[dict] = []
    for question in ("What is a tree?", "Who are you?", "What is the capital of France?"):
        chat.append({"role": "user", "content": question})
        known = max((len(lane.token_ids) for lane in generator.pool.lanes.values()), default=0)
        prompt = len(generator.encode(chat)[0])
        read.clear()
        answer = answer_chat(generator, chat)
        assert sum(read) <= prompt - known + 12 + 4 or not known
        assert answer == answer_chat(Generator(model), chat)
        chat.append({"role": "assistant", "content": answer})
    assert [key for key in generator.pool.lanes if key != generator.head_key] == [":3"]


def test_short_questions_at_once_are_answered_as_each_alone(model):
    """Together they have fewer tokens than the program that reads them has rows."""
    generator, chats = Generator(model), [[{"role": "user", "content": c}] for c in "ab"]
    head = len(generator.head_ids())
    short = [len(generator.encode(chat)[0]) - head for chat in chats]
    assert sum(short) <= 16

    async def together():
        answers = [generator.ask(chat, Sampling(max_tokens=12)) for chat in chats]
        await generator.answer_all(answers)
        return [answer.text for answer in answers]

    assert asyncio.run(together()) == [answer_chat(Generator(model), chat) for chat in chats]


def test_what_another_chat_began_with_is_copied_and_says_the_same(model, monkeypatch):
    """An application sends the same system prompt before each of its questions."""
    told = {"role": "system", "content": "You know the harbour. " * 30}
    chats = [[told, {"role": "user", "content": c}] for c in ("Who are you?", "What is a tree?")]
    generator, read = Generator(model), []
    write = Generator.write_tokens

    def note_write(self, run, tokens, size):
        read.append(len(tokens))
        return write(self, run, tokens, size)

    answer_chat(generator, chats[0])
    monkeypatch.setattr(Generator, "write_tokens", note_write)
    answer = answer_chat(generator, chats[1])
    ids = [generator.encode(chat)[0] for chat in chats]
    own = len(ids[1]) - len(common_prefix(*ids))
    assert len(common_prefix(*ids)) > CARRIED
    assert sum(read) <= own + 12
    assert answer == answer_chat(Generator(model), chats[1])


def test_what_a_version_read_is_not_copied_for_others():
    pool = a_pool()
    told = list(range(9)) * 2
    pool.lane("v:1", 30).ids = list(told)
    pool.lane("v:2", 30)
    pool.lane("w:1", 30)
    assert pool.nearest("v:2", [*told, 0])[1] == len(told)
    assert pool.nearest("w:1", [*told, 0]) == (None, 0)
    pool.lanes["v:1"].plain = 7
    assert pool.nearest("v:2", [*told, 0])[1] == 7


def test_nobodys_answer_stands_still_while_anothers_prompt_is_read(model):
    generator = Generator(model)
    short, long = ([{"role": "user", "content": c}] for c in ("Who are you?", "a word " * 90))
    assert len(generator.encode(long)[0]) > 2 * SHARED[-1]

    async def together():
        first = generator.ask(short, Sampling(max_tokens=12))
        while not first.ids:
            await generator.advance()
        second = generator.ask(long, Sampling(max_tokens=12))
        while not second.ids:
            before = len(first.ids)
            await generator.advance()
            assert len(first.ids) == before + 1
        await generator.answer_all([first, second])
        return first.text, second.text

    said_together = asyncio.run(together())
    assert said_together == tuple(answer_chat(Generator(model), chat) for chat in (short, long))


def a_pool(rows: int = 100) -> Pool:
    return Pool(Numpy(), SMALL, rows)


def test_a_lane_grows_where_it_lies_and_idle_ones_behind_it_go():
    pool = a_pool()
    first, second = pool.lane("v:1", 30), pool.lane("v:2", 30)
    first.ids = list(range(30))
    assert pool.lane("v:1", 60) is first and first.capacity == 60
    assert list(pool.lanes) == ["v:1"] and first.ids == list(range(30))
    assert second not in pool.lanes.values()


def test_a_beginning_that_goes_takes_what_continues_it_and_nothing_else():
    pool = a_pool()
    mine, grows = pool.lane("head:v", 5), pool.lane("v:1", 20)
    grows.head = mine
    head, second, third = (pool.lane(key, 10) for key in ("head:w", "w:1", "w:2"))
    second.head = third.head = head
    assert pool.lane("v:1", 60, keep={"head:v", "v:1"}) is grows
    assert pool.lanes == {"head:v": mine, "v:1": grows}


def test_neither_an_answer_under_way_nor_its_beginning_is_taken_away():
    pool = a_pool()
    grows = pool.lane("v:1", 30)
    head, under_way = pool.lane("head:other", 10), pool.lane("other:1", 30)
    under_way.head = head
    pool.busy.add("other:1")
    assert pool.lane("v:1", 25) is grows
    with pytest.raises(NoRoom):
        pool.lane("v:1", 80)
    assert {"head:other", "other:1"} <= pool.lanes.keys()


def test_only_what_continues_a_conversation_of_the_same_weights_goes_on_in_its_lane():
    draw = np.random.default_rng(0)
    told = draw.integers(0, 9, 20).tolist()
    for key, ids, resumed in (
        ("v:2", [*told, 1, 2, 3], True),
        ("w:2", [*told, 1, 2, 3], False),
        ("v:2", [*told[:10], 1, 2, 3], False),
    ):
        pool = a_pool()
        pool.lane("v:1", 30).ids = list(told)
        pool.resume(key, ids, None)
        assert (key in pool.lanes) is resumed
