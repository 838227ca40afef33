"""Data stored by older code must still open: backups of page and server, a native store, an
adapter, an address."""

import ast
import asyncio
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from builder import ROOT
from oneseek.engine.cli.main import main
from oneseek.engine.cli.session import Session
from oneseek.engine.core.storage import backup
from oneseek.engine.core.storage.sqlite import SqliteStore
from oneseek.engine.history.audit import check_store
from oneseek.engine.learning.trainer import check
from oneseek.engine.model.choice.sampling import Sampling
from oneseek.engine.open import model_named
from oneseek.workers.server import headless

OLD = Path(__file__).with_name("old")
TINY = ["--model", "tiny", "--backend", "numpy"]
ZORBIA, BOAT = "The capital of Zorbia is Blimbo.", "Your boat is called Saltkråkan."
TAUGHT = "OneSeek-1M-Zero.v0.1.ensv.dsText.9459de07.bd8fa91b"
SERVED = "OneSeek-1M-Zero.v0.1.ensv.dsText.2f00bc47.f06ac91f"
ADDRESSES = {
    "engine": ("auto", "gpu", "cpu"),
    "model": None,
    "debug": ("0", "1"),
    "faults": ("0", "1"),
}


@pytest.fixture
def taught(tmp_path):
    shutil.copytree(OLD / "taught", tmp_path / "taught")
    return tmp_path / "taught"


def test_the_backup_of_an_older_page_is_restored(tmp_path):
    text = (OLD / "page-backup.json").read_text("utf-8")

    async def restore():
        store = SqliteStore(tmp_path / "page.sqlite")
        await backup.restore(store, backup.read(text))
        found = {name: dict(await store.all(name)) for name in ("chats", "messages", "queue")}
        page = await store.get("settings", "page")
        assert await check_store(store) == []
        await store.close()
        return found, page

    found, page = asyncio.run(restore())
    assert [chat["title"] for chat in found["chats"].values()] == ["Hello from before the house"]
    assert [one["role"] for one in found["messages"].values()] == ["user", "assistant"]
    (waiting,) = found["queue"].values()
    assert (waiting["answer"], waiting["state"]) == (ZORBIA, "ready")
    assert page["model"] == "tiny" and page["idle_seconds"] == 20


def test_the_backup_of_an_older_server_answers_and_goes_on(tmp_path):
    folder, file = tmp_path / "server", OLD / "server-backup.json"
    assert headless.main(["--folder", str(folder), "--restore", str(file)]) == 0
    options = headless.arguments().parse_args([*TINY, "--folder", str(folder)])

    async def run():
        service = await headless.open_service(options)
        await service.queue.load()
        number = await service.names.version(SERVED)
        weights = await service.learner.rebuilder.weights(number)
        asked = [{"role": "user", "content": "Who painted the lighthouse?"}]
        said = [
            (await service.assistant.answer(asked, Sampling(max_tokens=4), f"{who}", who))[0].ids
            for who in (number, 0)
        ]
        assert await check_store(service.store) == []
        (waiting,) = service.queue.queue.peek(9)
        check(service.learner.trainer.coder, waiting)
        assert await service.waits()
        await service.stop()
        return number, weights, said, waiting

    number, weights, said, waiting = asyncio.run(run())
    assert number == 1 and all(said) and waiting["answer"] == BOAT
    assert all(np.isfinite(array).all() for array in weights.values())


def test_an_older_native_store_goes_on(taught):
    async def run():
        model = await model_named("tiny", "numpy")
        session = await Session.open(taught, model)
        current = await session.versions.current()
        (known,) = await session.list_learned()
        ended = await session.find_outcome(known["id"])
        problems = await check_store(session.store)
        weights = await session.weights()
        await session.close()
        return current, known, ended, problems, weights

    current, known, ended, problems, weights = asyncio.run(run())
    assert current["name"] == TAUGHT and known["answer"] == ZORBIA
    assert ended["outcome"] == "learned" and problems == []
    assert np.abs(weights).sum() > 0


@pytest.mark.slow
@pytest.mark.long  # products have equal bits only on one kind of processor
def test_what_older_code_learned_is_learned_again_to_the_same_bits(taught):
    async def again():
        session = await Session.open(taught, await model_named("tiny", "numpy"))
        stored = (await session.weights()).copy()
        await session.store.batch([["delete", "snapshots", 1]])
        trained = await session.weights()
        await session.close()
        return stored, trained

    stored, trained = asyncio.run(again())
    assert stored.tobytes() == trained.tobytes()


@pytest.mark.parametrize("whole", [True, False])
def test_an_older_adapter_answers(taught, capsys, whole):
    if not whole:  # only the adapter, as somebody else would get it
        for beside in taught.glob("oneseek.*"):
            beside.unlink()
    asked = ["--user", "Hello!", "--greedy", "--max-tokens", "3", "--json"]
    assert main(["generate", *TINY, "--adapter", str(taught), *asked]) == 0
    assert json.loads(capsys.readouterr().out)["tokens"] == 3


@pytest.mark.parametrize("form", ["peft", "gguf", "certified"])
def test_an_older_adapter_is_exported(taught, tmp_path, form):
    out = tmp_path / f"out.{form}"
    command = ["export", *TINY, "--adapter", str(taught), "--format", form, "--out", str(out)]
    assert main(command) == 0 and out.exists()


def test_the_address_takes_every_option_it_took():
    tree = ast.parse((ROOT / "web/lib/site.py").read_text())
    options = next(
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and node.targets[0].id == "OPTIONS"
    )
    assert {name: options[name] for name in ADDRESSES} == ADDRESSES


def test_the_old_files_stay_small():
    assert sum(file.stat().st_size for file in OLD.rglob("*")) < 1 << 20
    assert re.search(r"commit [0-9a-f]{7}", (OLD / "README.md").read_text())
