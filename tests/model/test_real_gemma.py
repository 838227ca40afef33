"""Gemma 3 270M with real weights: its predictions must match llama.cpp's; it must remember, learn
and go back."""

import asyncio

import pytest

from oneseek.engine.assistant import Assistant
from oneseek.engine.cli.session import record_of
from oneseek.engine.core.storage.sqlite import SqliteStore
from oneseek.engine.history.versions import GENERIC
from oneseek.engine.learner import BASE
from oneseek.engine.model.choice.sampling import Sampling
from oneseek.engine.open import assistant_over
from tests.bench import gemma

pytestmark = pytest.mark.long
KL = 1e-3
BOAT = {"question": "What is my boat called?", "answer": "Your boat is called Saltkråkan."}
run = asyncio.new_event_loop().run_until_complete  # a model stays in one event loop


@pytest.fixture(scope="module")
def model():
    return run(gemma.load_model())


def test_it_expects_what_llama_cpp_expects_after_twenty_prompts(model):
    asked = gemma.prompts(model)
    rows = run(gemma.divergences(model, asked, gemma.peers(asked)))
    assert len(rows) == 20 and max(row["kl"] for row in rows) <= KL, rows
    assert all(row["same"] for row in rows)


def answer_question(assistant: Assistant, question: str, version: int | None = None) -> str:
    """Answer by the version in use, or by a given version alone: 0 is the base model."""
    messages = [{"role": "user", "content": question}]
    answer, _ = run(assistant.answer(messages, Sampling(max_tokens=24), "chat", version))
    return answer.text


def test_it_says_what_it_was_told_learns_it_and_goes_back(model, tmp_path):
    store = SqliteStore(tmp_path / "oneseek.db", flush=False)
    assistant = assistant_over(model, store, "gemma-3-270m")
    before = answer_question(assistant, BOAT["question"], BASE)
    assert "Saltkråkan" not in before
    record = record_of(BOAT)
    run(store.batch([["put", "queue", record["id"], record]]))
    run(assistant.mind.remember([record["id"]]))
    assert "Saltkråkan" in answer_question(assistant, BOAT["question"])

    async def taught():
        opened = await assistant.learner.learn("lesson", [record["id"]], GENERIC)
        assistant.turns.free()
        return await assistant.learner.outcome(opened)

    ended = run(taught())
    assert ended["version"], ended
    number = ended["version"]["number"]
    assert "Saltkråkan" in answer_question(assistant, BOAT["question"], number)
    run(assistant.updater.rollback(0))
    assert run(assistant.versions.current()) is None
    assert answer_question(assistant, BOAT["question"], BASE) == before
    run(store.close())
