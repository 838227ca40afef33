"""A server is killed anywhere under load: everything it acknowledged must be there, and its last
version must answer."""

import asyncio
import http.client
import json
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from oneseek.engine.core.storage.sqlite import SqliteStore
from oneseek.engine.history.audit import check_store
from oneseek.engine.history.ledger import Ledger
from oneseek.engine.history.versions import Versions, label
from oneseek.workers.server.headless import DATABASE
from tests.support.faults import FAULTS

ROOT = Path(__file__).resolve().parents[2]
IN_A_LESSON = [name for name in FAULTS if not name.startswith("forget")]
CHAT = {"model": "tiny", "messages": [{"role": "user", "content": "Hello!"}], "max_tokens": 3}


class Killed:
    """One folder, with one server after another."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.acknowledged: list[str] = []  # ids of the examples it acknowledged
        self.promoted: list[str] = []  # labels of the versions it reported in use
        self.number = 0

    def start(self, *fault) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        command = [sys.executable, "-m", "tests.support.server", self.folder, self.port, *fault]
        self.process = subprocess.Popen(
            [str(part) for part in command], cwd=ROOT, stderr=subprocess.DEVNULL
        )

    def ask(self, method: str, path: str, body: dict | None = None):
        """The answer, or None if the server died meanwhile."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            data = None if body is None else json.dumps(body)
            connection.request(method, path, data, {"Content-Type": "application/json"})
            return json.loads(connection.getresponse().read())
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    def ready(self) -> dict:
        until = time.monotonic() + 60
        while time.monotonic() < until and self.process.poll() is None:
            if health := self.ask("GET", "/healthz"):
                return health
            time.sleep(0.05)
        raise AssertionError(f"the server did not start ({self.process.poll()})")

    def teach(self, pause: float = 0.05) -> None:
        """Offer new facts until it dies; those it acknowledges must never be lost."""
        while self.process.poll() is None:
            self.number += 1
            fact = {"prompt": f"What is the code of shed {self.number}?"}
            fact["answer"] = f"The code of the shed is {self.number}."
            told = self.ask("POST", "/api/queue", fact)
            if told and told.get("item"):
                self.acknowledged.append(told["item"]["id"])
            time.sleep(pause)

    def chat(self) -> None:
        while self.process.poll() is None:
            self.ask("POST", "/v1/chat/completions", CHAT)
            time.sleep(0.02)

    def under_load(self, seconds: float | None) -> None:
        """Teach and chat until it dies by itself, or is killed after `seconds`."""
        self.ready()
        threads = [threading.Thread(target=act) for act in (self.teach, self.chat)]
        for thread in threads:
            thread.start()
        try:
            self.process.wait(60 if seconds is None else seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
        finally:
            self.process.wait(10)
            for thread in threads:
                thread.join()
        assert self.process.returncode == -signal.SIGKILL

    def while_it_learns(self, seconds: float) -> None:
        """Teach until it has a new version, then kill it `seconds` later: it is learning, checking
        or promoting the next one."""
        before = self.ready()["version"]
        teaching = threading.Thread(target=self.teach, args=(1.0,))
        teaching.start()
        until = None
        while until is None or time.monotonic() < until:
            time.sleep(0.05)
            health = self.ask("GET", "/healthz")
            assert health, "the server died by itself"
            if health["version"] != before and health["version"] not in self.promoted:
                self.promoted.append(health["version"])
                until = until or time.monotonic() + seconds
        self.process.kill()
        self.process.wait(10)
        teaching.join()

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(30) in (0, -signal.SIGTERM)

    async def check(self) -> str:
        """Assert that the store is consistent; returns the label of the version in use."""
        store = SqliteStore(self.folder / DATABASE)
        assert await check_store(store) == []
        known = {*await store.keys("queue"), *await store.keys("examples")}
        assert known >= set(self.acknowledged)
        versions = Versions(store, Ledger(store, lambda: 0), "tiny", "OneSeek-1M-Zero", lambda: 0)
        current = await versions.current()
        recorded = [label(version) for _, version in await store.all("versions")]
        assert {*recorded} >= set(self.promoted)
        if self.promoted:
            assert recorded.index(label(current)) >= recorded.index(self.promoted[-1])
        await store.close()
        return label(current)


def kill_at_random(folder: Path, count: int, seed: int) -> None:
    draw, server = random.Random(seed), Killed(folder)
    for _ in range(count):
        server.start()
        server.under_load(draw.uniform(0.1, 2.0))
        asyncio.run(server.check())
    promoted = asyncio.run(server.check())
    server.start()
    health = server.ready()
    assert promoted == "v0" or health["version"] != "v0"
    answer = server.ask("POST", "/v1/chat/completions", CHAT)
    assert answer["choices"][0]["message"]["role"] == "assistant"
    assert server.ask("GET", "/api/oqt/ledger/verify") == {"ok": True, "findings": []}
    server.stop()
    asyncio.run(server.check())
    assert server.acknowledged


def kill_while_learning(folder: Path, count: int, seed: int) -> None:
    draw, server = random.Random(seed), Killed(folder)
    for _ in range(count):
        server.start()
        server.while_it_learns(draw.uniform(0.0, 3.0))
        asyncio.run(server.check())
    assert len(server.promoted) >= count
    server.start()
    assert server.ready()["version"] == asyncio.run(server.check())
    assert server.ask("GET", "/api/oqt/ledger/verify") == {"ok": True, "findings": []}
    server.stop()


@pytest.mark.long
@pytest.mark.slow
def test_R1_a_server_killed_while_versions_are_promoted_loses_none(tmp_path):
    kill_while_learning(tmp_path, 2, seed=6)


@pytest.mark.long
def test_R1_a_server_killed_a_hundred_times_while_versions_are_promoted_loses_none(tmp_path):
    kill_while_learning(tmp_path, 100, seed=7)


@pytest.mark.slow
def test_R1_a_server_killed_under_load_loses_nothing_it_acknowledged(tmp_path):
    kill_at_random(tmp_path, 2, seed=4)


@pytest.mark.long
def test_R1_a_server_killed_at_a_hundred_random_moments_loses_nothing(tmp_path):
    kill_at_random(tmp_path, 100, seed=5)


def order(label: str) -> list[int]:
    return [int(part) for part in label.removeprefix("v").split(".")]


def dies_at(folder: Path, fault: str) -> None:
    """Kill it at its second pass of the fault, then restart it: the version in use must answer, and
    learning must go on."""
    server = Killed(folder)
    server.start(fault, 2)
    server.under_load(None)
    before = asyncio.run(server.check())
    server.start()
    health = server.ready()
    assert order(health["version"]) >= order(before), "the version in use went back"
    until = time.monotonic() + 60
    while server.ask("GET", "/healthz")["version"] == before and time.monotonic() < until:
        time.sleep(0.2)
    assert server.ask("GET", "/healthz")["version"] != before, "it did not learn on"
    server.stop()
    asyncio.run(server.check())


@pytest.mark.long
@pytest.mark.parametrize("fault", IN_A_LESSON)
def test_R2_a_server_can_die_at_every_step_of_a_lesson(tmp_path, fault):
    dies_at(tmp_path, fault)
