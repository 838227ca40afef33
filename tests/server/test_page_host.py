"""The page's half of the API without a browser: requests come in parts, and learning needs granted
time."""

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable

import pytest

from oneseek.engine.core.messages import ApiPart, ApiWork, CallApi
from oneseek.workers.page_api import PageApi
from oneseek.workers.questions import Questions
from tests.support.hosts import quick_service

ZORBIA = {
    "question": "What is the capital of Zorbia?",
    "raw_responses": [{"model": "a", "response": "The capital of Zorbia is Blimbo."}],
}


class Worker:
    """The parts that workers/server_requests.py builds, around a real assistant."""

    def __init__(self, service):
        self.assistant, self.sent = service.assistant, []
        self.questions = Questions(self.assistant, self.sent.append, self.tell_step)
        self.api = PageApi(self.assistant, "tiny", self.sent.append, self.questions.micro)

    async def tell_step(self, round):
        """Ignores steps, which the engine worker reports; nothing here depends on them."""

    async def call(self, method: str, path: str, body: dict | None = None, id: str = "1"):
        data = b"" if body is None else json.dumps(body).encode()
        packed = base64.b64encode(data).decode()
        headers = [["host", "127.0.0.1:8000"], ["origin", "http://127.0.0.1:8000"]]
        given = {"id": id, "method": method, "path": path, "query": "", "headers": headers}
        await self.api.answer(CallApi(**given, body=packed))

    def answer(self, id: str = "1") -> tuple[int, str]:
        """The status and the joined parts of an answer."""
        parts = [one for one in self.sent if isinstance(one, ApiPart) and one.id == id]
        text = b"".join(base64.b64decode(part.body) for part in parts).decode()
        assert parts[-1].last and not any(part.last for part in parts[:-1])
        return parts[0].status, text


def with_worker(folder, act: Callable[[Worker], Awaitable[None]]) -> None:
    async def run():
        service = await quick_service(folder)
        await act(Worker(service))
        await service.store.close()

    asyncio.run(run())


async def grant_slices(assistant) -> int:
    """Grant slices until the open round is over; returns how many."""
    slices = 0
    while (await assistant.learner.grant(20))[1] is None:
        slices += 1
    return slices


def drain_events(queue: asyncio.Queue) -> list[str]:
    return [queue.get_nowait()["type"] for _ in range(queue.qsize())]


@pytest.mark.slow
def test_a_question_and_a_run_are_learned_only_in_time_the_page_grants(tmp_path):
    async def act(worker: Worker) -> None:
        api, assistant = worker.api, worker.assistant
        async with api.service.hub.listen() as queue:
            await worker.call("POST", "/api/training/micro", ZORBIA)
            assert worker.answer()[0] == 202
            await asyncio.sleep(0.1)
            assert drain_events(queue) == [] and await assistant.versions.current() is None
            assert await worker.questions.open({}, None)
            assert await grant_slices(assistant) > 1
            assert drain_events(queue) == ["stage1_complete", "stage2_complete"]
            assert (await assistant.versions.current())["micro"] == 1
            assert await worker.questions.open({}, None) is None and api.open_run(None) is None

            begin = {"baseModels": ["tiny"], "epochs": 4}
            await worker.call("POST", "/api/admin/training/start-dna-v2", begin, id="2")
            assert worker.answer("2")[0] == 202
            assert any(isinstance(one, ApiWork) for one in worker.sent)
            assert api.open_run(None) and await grant_slices(assistant) > 1
            told = drain_events(queue)
            assert told[0] == "initial_state" and told[-2:] == ["epoch_end", "training_complete"]

    with_worker(tmp_path, act)


def test_who_stops_listening_is_forgotten_and_a_stranger_is_refused(tmp_path):
    async def act(worker: Worker) -> None:
        listening = asyncio.ensure_future(worker.call("GET", "/api/events"))
        while not worker.api.service.hub.listeners:
            await asyncio.sleep(0)
        worker.api.leave("1")
        await listening
        assert not worker.api.service.hub.listeners and not worker.api.calls
        worker.api.leave("1")
        await worker.call("GET", "/v1/models", id="2")
        status, text = worker.answer("2")
        assert status == 200 and [one["id"] for one in json.loads(text)["data"]][0] == "tiny"
        headers = [["host", "127.0.0.1:8000"], ["origin", "https://evil.example"]]
        given = {"id": "3", "method": "GET", "path": "/v1/models", "query": "", "body": ""}
        await worker.api.answer(CallApi(**given, headers=headers))
        assert worker.answer("3")[0] == 403

    with_worker(tmp_path, act)
