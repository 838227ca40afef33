"""Gemma 3 270M with real weights: it expects what llama.cpp expects, remembers, learns and goes
back."""

import asyncio

import pytest

from oneseek.engine.assistant import Assistant
from oneseek.engine.cli.session import record_of
from oneseek.engine.core.storage.sqlite import SqliteStore
from oneseek.engine.history.versions import GENERIC
from oneseek.engine.model.choice.sampling import Sampling
from oneseek.engine.open import assistant_over
from tests.bench import gemma

pytestmark = pytest.mark.long
KL = 1e-3
BOAT = {"question": "What is my boat called?", "answer": "Your boat is called Saltkråkan."}
run = asyncio.new_event_loop().run_until_complete  # a model lives in one loop


@pytest.fixture(scope="module")
def model():
    return run(gemma.loaded())


def test_it_expects_what_llama_cpp_expects_after_twenty_prompts(model):
    asked = gemma.prompts(model)
    rows = run(gemma.divergences(model, asked, gemma.peers(asked)))
    assert len(rows) == 20 and max(row["kl"] for row in rows) <= KL, rows
    assert all(row["same"] for row in rows)


def said(assistant: Assistant, question: str) -> str:
    messages = [{"role": "user", "content": question}]
    answer, _ = run(assistant.answer(messages, Sampling(max_tokens=24), "chat"))
    return answer.text


def test_it_says_what_it_was_told_learns_it_and_goes_back(model, tmp_path):
    store = SqliteStore(tmp_path / "oneseek.db", flush=False)
    assistant = assistant_over(model, store, "gemma-3-270m")
    before = said(assistant, BOAT["question"])
    assert "Saltkråkan" not in before
    record = record_of(BOAT)
    run(store.batch([["put", "queue", record["id"], record]]))
    run(assistant.mind.remember([record["id"]]))
    assert "Saltkråkan" in said(assistant, BOAT["question"])

    async def heard(_):
        """Each step, of which nobody asks anything here."""

    ended = run(assistant.learner.lesson([record["id"]], GENERIC, heard))
    assert ended["version"], ended
    number = ended["version"]["number"]
    messages = [{"role": "user", "content": BOAT["question"]}]
    answer, used = run(assistant.answer(messages, Sampling(max_tokens=24), "chat", number))
    assert used == number and "Saltkråkan" in answer.text
    run(assistant.updater.rollback(0))
    assert run(assistant.versions.current()) is None
    plain = run(assistant.answer(messages, Sampling(max_tokens=24), "chat", 0))[0]
    assert plain.text == before
    run(store.close())
