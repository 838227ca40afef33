"""The two hosts of the HTTP API behind one interface: uvicorn on a port of this machine, and the
page, requested with fetch through its service worker."""

import asyncio
import contextlib
import http.client
import json
import math
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from playwright.sync_api import Page

from builder import ROOT
from oneseek.engine.assistant import Assistant
from oneseek.engine.backends.reference import Numpy
from oneseek.engine.core.settings import TrainingConfig
from oneseek.engine.core.storage.sqlite import SqliteStore
from oneseek.engine.history.round_plan import resolve
from oneseek.engine.model.families import configure
from oneseek.engine.model.formats import open_model
from oneseek.engine.model.registry import find
from oneseek.engine.open import assistant_of, clock
from oneseek.engine.turns import Turns
from oneseek.workers.server.api import create_app
from oneseek.workers.server.guard import Guard
from oneseek.workers.server.guests import Guest, Guests
from oneseek.workers.server.headless import server_settings
from oneseek.workers.server.service import PATIENCE, Service
from tests.support.rounds import force_accept

QUICK = TrainingConfig.preset("micro").replace(
    lesson={
        "max_steps": 2, "more_steps": 0, "anchor_rows": 1,
        "neighbour_rows": 0, "replay_neighbour_rows": 0,
    },
    practice={"steps_per_fact": 2},
)  # fmt: skip
SHORTEST = {
    "max_steps": 1, "cooling_steps": 0, "taught_rows": 1, "replay_rows": 0, "anchor_rows": 0,
    "neighbour_rows": 0, "replay_neighbour_rows": 0,
}  # fmt: skip
JSON = {"Content-Type": "application/json"}


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    text: str

    def json(self):
        return json.loads(self.text)

    @property
    def error(self) -> dict:
        return self.json()["error"]


class Listener:
    """The events of one stream, as they arrive."""

    def __init__(self):
        self.seen: list[dict] = []

    def hear(self, line: str) -> None:
        if line.startswith("data: {"):
            self.seen.append(json.loads(line[6:]))

    def pump(self) -> None:
        """Take in the events that have arrived."""

    def wait(self, kind: str, seconds: float = 240, /, **told) -> dict:
        """The first event of this kind with these values; waits for it."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.pump()
            for event in self.seen:
                if event["type"] == kind and told.items() <= event.items():
                    return event
            time.sleep(0.05)
        raise TimeoutError(f"no {kind} after {[event['type'] for event in self.seen]}")


class Native:
    """uvicorn, as `build.py headless` runs it; lessons have two steps and the gate always
    accepts."""

    name = "native"

    def __init__(self, port: int, service: Service, loop: asyncio.AbstractEventLoop):
        self.port, self.service, self.loop = port, service, loop
        self.base = f"http://127.0.0.1:{port}"

    def inside(self, act: Callable[[Service], Any]) -> Any:
        """The result of `act` on the service, run on the server's event loop."""

        async def run_act():
            return await resolve(act(self.service))

        return asyncio.run_coroutine_threadsafe(run_act(), self.loop).result(240)

    def ask(self, method: str, path: str, body=None, headers: dict | None = None) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=240)
        with contextlib.closing(connection):
            connection.request(method, path, encode_body(body), JSON | (headers or {}))
            answer = connection.getresponse()
            told = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, told, answer.read().decode())

    @contextlib.contextmanager
    def listen(self, path: str) -> Iterator[Listener]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=300)
        listener, over = Listener(), threading.Event()

        def read(answer) -> None:
            with contextlib.suppress(OSError, ValueError, AttributeError):
                while not over.is_set() and (line := answer.readline()):
                    listener.hear(line.decode().rstrip())

        with contextlib.closing(connection):
            connection.request("GET", path)
            answer = connection.getresponse()
            assert answer.status == 200
            thread = threading.Thread(target=read, args=(answer,), daemon=True)
            thread.start()
            try:
                listener.wait("initial_state", 240)
                yield listener
            finally:
                over.set()
                connection.sock.shutdown(2)
                thread.join(5)

    def learn_now(self) -> None:
        self.service.asked = 0.0  # as if nobody had asked for a long time
        self.service.patience = PATIENCE

    def learn_later(self) -> None:
        """Let no learning start before `learn_now`, as if somebody is about to ask."""
        self.service.asked = self.service.patience = math.inf

    def next_is_fiftieth(self) -> None:
        self.service.micro.dna_every = 1


class InPage:
    """The page with the demo model; requests go through its service worker."""

    name = "page"
    ASK = """async ([method, path, body, headers]) => {
      const data = Array.isArray(body) ? new Uint8Array(body) : body ?? undefined;
      const answer = await fetch(path, {method, body: data, headers});
      return [answer.status, Object.fromEntries(answer.headers), await answer.text()];
    }"""
    FOLLOW = """async (path) => {
      const stop = new AbortController();
      const answer = await fetch(path, {signal: stop.signal});
      window.followed = {lines: [], stop: () => stop.abort()};
      const mine = window.followed, parts = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      (async () => {
        let rest = "";
        for (;;) {
          const {value, done} = await parts.read().catch(() => ({done: true}));
          if (done) return;
          const lines = (rest + value).split("\\n");
          rest = lines.pop();
          mine.lines.push(...lines);
        }
      })();
      return answer.status;
    }"""
    ALMOST = """() => new Promise((done, failed) => {
      const opening = indexedDB.open("oneseek");
      opening.onerror = failed;
      opening.onsuccess = () => {
        const change = opening.result.transaction("state", "readwrite"), state = change.objectStore("state");
        const asked = state.get("micro");
        asked.onsuccess = () => {
          asked.result.stage_counts.stage2 = 49;
          state.put(asked.result, "micro");
        };
        change.oncomplete = () => (opening.result.close(), done());
        change.onerror = failed;
      };
    })"""

    def __init__(self, page: Page):
        self.page = page

    def ask(self, method: str, path: str, body=None, headers: dict | None = None) -> Answer:
        data = encode_body(body)
        sent = list(data) if data is not None else None
        return Answer(*self.page.evaluate(self.ASK, [method, path, sent, JSON | (headers or {})]))

    @contextlib.contextmanager
    def listen(self, path: str) -> Iterator[Listener]:
        assert self.page.evaluate(self.FOLLOW, path) == 200
        listener = Listener()

        def pump() -> None:
            for line in self.page.evaluate("() => window.followed.lines.splice(0)"):
                listener.hear(line)

        listener.pump = pump
        try:
            listener.wait("initial_state", 240)
            yield listener
        finally:
            self.page.evaluate("() => window.followed.stop()")

    def learn_now(self) -> None:
        self.page.get_by_role("tab", name="Activity").click()
        self.page.get_by_role("button", name="Learn now").click()

    def next_is_fiftieth(self) -> None:
        self.page.evaluate(self.ALMOST)


def encode_body(body) -> bytes | None:
    return body if body is None or isinstance(body, bytes) else json.dumps(body).encode()


async def resolve_and_accept(made):
    return force_accept(await resolve(made))


async def quick_assistant(
    path: Path, store: SqliteStore, base: str, executor: Numpy, leads: bool = True
) -> Assistant:
    more = {"config": QUICK, "rows": 1024, "leads": leads}
    with contextlib.closing(open_model(path)) as file:
        assistant = await assistant_of(file, executor, store, base, **more)
    trainer = assistant.learner.trainer
    begin, resume = trainer.begin, trainer.resume
    trainer.begin = lambda *given: resolve_and_accept(begin(*given))
    trainer.resume = lambda *given: resolve_and_accept(resume(*given))
    return assistant


async def quick_service(folder: Path, beside: dict[str, Path] | None = None, **more) -> Service:
    """A service with fast lessons; the models of `beside`, by name, can be used for runs."""
    store = SqliteStore(folder / "oneseek.sqlite")
    assistant = await quick_assistant(find("tiny"), store, "tiny", Numpy())

    def guest(name: str, path: Path) -> Guest:
        async def load(turns: Turns) -> Assistant:
            executor = Numpy()
            executor.share(turns)
            return await quick_assistant(path, store, name, executor, leads=False)

        with contextlib.closing(open_model(path)) as file:
            parameters = configure(file.config).parameters
        return Guest(name, path.stat().st_size, parameters, load)

    guests = Guests({name: guest(name, path) for name, path in (beside or {}).items()})
    return Service(store, assistant, "tiny", clock, folder=folder, guests=guests, **more)


@contextlib.contextmanager
def native(
    folder: Path,
    key: str = "",
    beside: dict[str, Path] | None = None,
    proxies: tuple[str, ...] = (),
    **more,
) -> Iterator[Native]:
    running: dict = {}
    folder.mkdir(exist_ok=True)

    async def serve() -> None:
        running["loop"] = asyncio.get_running_loop()
        running["service"] = service = await quick_service(folder, beside)
        guarded = Guard(create_app(service), key=key, **more)
        running["server"] = server = uvicorn.Server(
            server_settings(guarded, "127.0.0.1", 0, proxies)
        )
        await server.serve()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    try:
        until = time.monotonic() + 240
        while not ("server" in running and running["server"].started):
            assert thread.is_alive() and time.monotonic() < until, "the server did not start"
            time.sleep(0.02)
        port = running["server"].servers[0].sockets[0].getsockname()[1]
        yield Native(port, running["service"], running["loop"])
    finally:
        running["server"].should_exit = True
        thread.join(20)
        if thread.is_alive():  # a client keeps a connection open
            running["server"].force_exit = True
            thread.join(20)


@contextlib.contextmanager
def headless(folder: Path, environment: dict[str, str], *options: str) -> Iterator[Native]:
    """Run `build.py headless` as a process, with its own environment, on a free port."""
    folder.mkdir(exist_ok=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    where = ["--port", str(port), "--folder", str(folder), "--backend", "numpy"]
    command = [sys.executable, "-m", "oneseek.workers.server.headless", *where, *options]
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=os.environ | environment, stderr=log)
    host, until = Native(port, None, None), time.monotonic() + 120
    try:
        while True:
            with contextlib.suppress(OSError):
                if host.ask("GET", "/healthz").status == 200:
                    break
            assert process.poll() is None and time.monotonic() < until
            time.sleep(0.2)
        yield host
    finally:
        process.terminate()
        process.wait(30)
