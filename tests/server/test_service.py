"""The assistant without a page: what comes first when nobody asks."""

import asyncio

import pytest

from oneseek.engine.core.storage.sqlite import SqliteStore
from oneseek.workers.server.service import Service


class Round:
    run, kind = "run-1", "practice"

    def __init__(self, task):
        self.task = task


class SlowAssistant:
    """Practices for ever; everything else is somebody else's test."""

    def __init__(self):
        self.versions = self.training = self.turns = self
        self.round, self.dropped = None, 0

    async def learn(self, kind, ids, line, on_step, config):
        self.round = Round(asyncio.ensure_future(asyncio.Event().wait()))
        return self.round

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


async def begun(service):
    """The practice under way, once its round is open."""
    practising = asyncio.ensure_future(service.practise())
    while not service.assistant.round:
        assert not practising.done(), practising
        await asyncio.sleep(0)
    return practising


def test_something_new_ends_practice_and_practice_is_worth_trying_again(service):
    async def run():
        practising = await begun(service)
        assert service.practised_at == 7
        service.hurry()
        await asyncio.wait_for(practising, 1)
        assert service.assistant.dropped == 1 and service.practised_at == 0
        assert not service.practising and service.wake.is_set()

    asyncio.run(run())


def test_a_service_that_ends_ends_its_practice_too(service):
    async def run():
        practising = await begun(service)
        practising.cancel()
        with pytest.raises(asyncio.CancelledError):
            await practising

    asyncio.run(run())
