"""A model must have the same size by every way in: the file, the server, the command line."""

import asyncio
import shutil
from contextlib import closing

from oneseek.engine import learner
from oneseek.engine.backends.reference import Numpy
from oneseek.engine.cli.session import Session
from oneseek.engine.core import settings
from oneseek.engine.core.storage.sqlite import SqliteStore
from oneseek.engine.model.demo import MODEL
from oneseek.engine.model.loaded import Model
from oneseek.engine.model.registry import open_named
from oneseek.workers.server import headless
from tests.support.hosts import native
from tests.support.runs import import_dataset


def open_service(tmp_path, name):
    given = ["--model", str(name), "--folder", str(tmp_path / "data"), "--backend", "numpy"]
    (tmp_path / "data").mkdir(exist_ok=True)
    return headless.open_service(headless.arguments().parse_args(given))


def test_a_server_and_a_course_train_a_file_as_models_of_its_size_want_it(tmp_path):
    path = shutil.copy(MODEL, tmp_path / "some.model-0.5b.gguf")

    async def run():
        service = await open_service(tmp_path, path)
        with closing(open_named(str(path))) as file:
            session = await Session.open(tmp_path / "out", await Model.load(file, Numpy()))
        small = settings.for_model(service.assistant.model.config.parameters)
        assert service.learner.config == session.config == small
        assert small.lesson.max_steps == 64
        assert service.model == "some.model-0.5b"
        await session.close()
        await service.store.close()

    asyncio.run(run())


def test_versions_kept_under_the_shortened_id_of_an_earlier_server_still_open(tmp_path):
    async def run():
        store = SqliteStore(tmp_path / "oneseek.sqlite")
        assert await headless.base_of("qwen2.5-0.5b", store) == "qwen2.5-0.5b"
        await store.batch([["put", "versions", 1, {"number": 1, "base": "qwen2.5-0"}]])
        assert await headless.base_of("qwen2.5-0.5b", store) == "qwen2.5-0"
        await store.close()

    asyncio.run(run())


def test_a_model_that_only_chats_learns_through_no_door_and_says_so(tmp_path, monkeypatch):
    with native(tmp_path) as host:
        little = {"learn_bytes": 3.1e9, "room": 2e9, "learns": False}
        monkeypatch.setattr(learner, "judge", lambda *model_and_device: little)
        fact = {"prompt": "What is the capital of Zorbia?", "answer": "It is Blimbo."}
        micro = {"question": "Hi?", "raw_responses": [{"model": "m", "response": "Hello."}]}
        import_dataset(host)
        run = {"baseModels": ["tiny"], "datasetId": "times-two"}
        for path, body in (
            ("/api/queue", fact),
            ("/api/training/micro", micro),
            ("/api/admin/training/start-dna-v2", run),
        ):
            answer = host.ask("POST", path, body)
            assert (answer.status, answer.error["code"]) == (409, "chats_only"), path
            assert "needs about 3.1 GB of memory, and 2.0 GB" in answer.error["message"]
