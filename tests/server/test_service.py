"""The order of work of the assistant without a page, when nobody asks."""

import asyncio
import threading

import pytest

from oneseek.engine.core.storage.sqlite import SqliteStore
from oneseek.workers.server.service import Service
from tests.support.hosts import native
from tests.support.runs import in_time


class Round:
    run, kind = "run-1", "practice"

    def __init__(self, task):
        self.task = task


class SlowAssistant:
    """An assistant whose practice never ends; other work is tested elsewhere."""

    def __init__(self):
        self.versions = self.training = self.turns = self.learner = self
        self.round, self.library, self.dropped = None, None, 0

    async def learn(self, kind, ids, line, on_step, config):
        self.round = Round(asyncio.ensure_future(asyncio.Event().wait()))
        return self.round

    def read_from(self, library):
        return library

    async def outcome(self, round):
        return await round.task

    def interrupt(self):
        self.round.task.cancel()

    async def current(self):
        return {"number": 7}

    def free(self):
        pass

    def drop(self):
        self.dropped += 1


@pytest.fixture
def service(tmp_path):
    assistant = SlowAssistant()
    assistant.store = SqliteStore(tmp_path / "oneseek.db", flush=False)
    return Service(assistant.store, assistant, "tiny", ["tiny"], lambda: 0)


async def start_practice(service):
    """Start practice; returns it once its round is open."""
    practising = asyncio.ensure_future(service.practise())
    while not service.learner.round:
        assert not practising.done(), practising
        await asyncio.sleep(0)
    return practising


def test_something_new_ends_practice_and_practice_is_worth_trying_again(service):
    async def run():
        practising = await start_practice(service)
        assert service.practised_at == 7
        service.hurry()
        await asyncio.wait_for(practising, 1)
        assert service.assistant.dropped == 1 and service.practised_at == 0
        assert not service.practising and service.wake.is_set()

    asyncio.run(run())


def test_a_service_that_ends_ends_its_practice_too(service):
    async def run():
        practising = await start_practice(service)
        practising.cancel()
        with pytest.raises(asyncio.CancelledError):
            await practising

    asyncio.run(run())


@pytest.mark.long
@pytest.mark.slow
def test_a_lesson_ends_on_a_server_that_is_never_quiet(tmp_path):
    over, answers = threading.Event(), []
    hello = {"model": "tiny", "messages": [{"role": "user", "content": "Hello!"}], "max_tokens": 4}

    def ask_on():
        while not over.is_set():
            answers.append(host.ask("POST", "/v1/chat/completions", hello).status)

    with native(tmp_path) as host:
        host.service.patience = 0.5
        clients = [threading.Thread(target=ask_on) for _ in range(2)]
        for client in clients:
            client.start()
        try:
            fact = {"prompt": "What is the code of shed 1?", "answer": "The code is 1."}
            assert host.ask("POST", "/api/queue", fact).status == 201
            in_time(lambda: host.ask("GET", "/api/models/versions").json()["versions"])
            assert not host.service.is_quiet
        finally:
            over.set()
            for client in clients:
                client.join()
    assert set(answers) == {200}
