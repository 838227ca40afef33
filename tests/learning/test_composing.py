"""Questions that need several statements, and tasks that should use one, put to the assistant as a
server opens it."""

import asyncio
from contextlib import closing

import pytest

from oneseek.engine.backends.select import processor
from oneseek.engine.core.queue.saved import SavedQueue
from oneseek.engine.core.queue.training_queue import TrainingQueue
from oneseek.engine.core.storage.sqlite import SqliteStore
from oneseek.engine.learning.composing.tasks import is_task
from oneseek.engine.model.choice.sampling import Sampling
from oneseek.engine.model.formats import open_model
from oneseek.engine.model.registry import find
from oneseek.engine.open import assistant_of, clock

TOLD = (
    "My daughter Maja is 9", "my son Elliot turned 6 in March", "My sister Petra lives in Oslo",
    "my brother Kit lives in Bath", "my brother Joel has twins", "I am a vegetarian",
    "My boss Ines speaks fluent Italian",
)  # fmt: skip


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """A function that answers a question, after all statements were told."""
    loop = asyncio.new_event_loop()
    store = SqliteStore(tmp_path_factory.mktemp("composed") / "told.sqlite")

    async def open_assistant():
        with closing(open_model(find("tiny"))) as file:
            assistant = await assistant_of(file, processor(), store, "tiny")
        queue = SavedQueue(TrainingQueue(clock), store)
        for text in TOLD:
            assert await assistant.hear([{"role": "user", "content": text}], queue)
        return assistant

    assistant = loop.run_until_complete(open_assistant())

    async def whole(question):
        messages = [{"role": "user", "content": question}]
        answer, _ = await assistant.answer(messages, Sampling(max_tokens=200), "asked")
        return answer.text

    def answer(question):
        return loop.run_until_complete(whole(question))

    yield answer
    loop.run_until_complete(store.close())
    loop.close()


@pytest.mark.parametrize(
    "question, values",
    [
        ("What are my children called and how old are they?", ("Maja", "9", "Elliot", "6")),
        ("Name all my siblings.", ("Petra", "Kit", "Joel")),
        ("How many brothers do I have?", ("Two", "Kit", "Joel")),
        ("Who is Petra?", ("sister",)),
        ("How many years older is Maja than Elliot?", ("3,", "Maja", "Elliot")),
    ],
)
def test_all_that_is_asked_for_is_said(said, question, values):
    answer = said(question)
    assert all(value in answer for value in values), answer


@pytest.mark.parametrize(
    "question, begins",
    [
        ("Does my sister live in Oslo?", "Yes"),
        ("Can my boss speak Italian?", "Yes"),
        ("Do I eat meat?", "No"),
        ("Is Elliot older than Maja?", "No"),
    ],
)
def test_yes_or_no_comes_first(said, question, begins):
    assert said(question).startswith(begins)


def test_what_a_task_does_not_use_of_what_was_told_is_quoted_beside_it(said):
    """The demo model ignores notes, so the product must quote them."""
    answer = said("Write a birthday card for my daughter.")
    assert "Maja" in answer and "Ines" not in answer


def test_a_task_of_nobodys_is_the_bases():
    assert is_task("Please write a card for my wife") and is_task("Skriv ett kort till min fru")
    assert not is_task("Write a poem about the sea") and not is_task("Who is my wife?")


def test_a_question_finds_what_waits_in_the_queue_unless_it_was_taken_back(tmp_path):
    async def decide_answers():
        store = SqliteStore(tmp_path / "told.sqlite")
        with closing(open_model(find("tiny"))) as file:
            assistant = await assistant_of(file, processor(), store, "tiny")
        saved, ids = SavedQueue(TrainingQueue(clock), store), []
        for said in ("My sister lives in Oslo", "My brother lives in Bath"):
            one = {"kind": "statement", "prompt": said, "answer": said, "language": "en",
                   "source": {"kind": "chat"}, "priority": "approved", "why": "statement",
                   "state": "kept"}  # fmt: skip
            ids.append((await saved.change(lambda queue, one=one: queue.add(one)))["id"])
        await saved.change(lambda queue: queue.skip(ids[1]))
        asked = [
            await assistant.decide_answer(0, f"Where does my {who} live?", None, True, False, "")
            for who in ("sister", "brother")
        ]
        known = [one["answer"] for one in assistant.mind.memory.facts.values()]
        await store.close()
        return [[one["id"] for one in said.facts] for said in asked], ids, known

    found, ids, known = asyncio.run(decide_answers())
    assert known == ["My sister lives in Oslo"]
    assert found == [[ids[0]], []]
