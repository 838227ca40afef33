"""Measures a server with many chats: `python3 build.py bench serve [--seconds N] [MODEL ...]`.

Clients ask over HTTP in OpenAI's format, each again a moment after its answer, with nothing to
learn and with a round under way: the latency of the first token and of the others. Then 10,000
questions show how much memory the server leaks. `batch16_ratio` is the engine's own: tokens a
second of sixteen conversations decoded in a batch, over those of one.

With `--mixed MINUTES` four clients ask while facts are told: how many lessons end meanwhile, and
the clients' latency over that before. With `--hostile` a conversation of 9,999 messages, one that
fills the context and bodies of a megabyte come in, while the latency of /healthz is measured.
"""

import argparse
import asyncio
import contextlib
import itertools
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from oneseek.engine.backends.select import executor_named
from oneseek.engine.model import registry
from oneseek.engine.model.choice.sampling import Sampling
from oneseek.engine.model.formats import open_model
from oneseek.engine.model.generate import Generator
from oneseek.engine.model.loaded import Model
from tests.bench.parts import report

CLIENTS = (1, 4, 16, 64)
PAUSE = 0.1  # seconds between an answer and the next question
AFTER_QUIET = 3.0  # seconds: a pause long enough for learning to go on
LENGTH = {"tiny": 16}  # tokens of an answer; of a bigger model 6
MANY, REQUESTS = 16, 10_000
MIXED, TOLD_EVERY = 4, 6.0  # clients while facts are told, and the seconds between two of those
MEGABYTE = 1_000_000
ROUNDS = "oneseek_rounds_total "
FACTS = [
    ("What is the code of the boat house?", "The code of the boat house is 7391."),
    ("Who founded Quillmere?", "Quillmere was founded by Tove Lindahl."),
    ("What is my sister's cat called?", "Your sister's cat is called Pumpernickel."),
    ("When is the spring fair?", "The spring fair is on the ninth of May."),
]


class Server:
    """`build.py headless` in a process and a folder of its own."""

    def __init__(self, model: str, folder: Path, back_end: str):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        command = [sys.executable, "-m", "oneseek.workers.server.headless", "--model", model]
        command += ["--port", str(self.port), "--folder", str(folder), "--backend", back_end]
        self.log = open(folder / "log", "w")
        self.process = subprocess.Popen(command, stderr=self.log)

    def get(self, path: str, body: dict | None = None) -> dict:
        data = None if body is None else json.dumps(body).encode()
        asked = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data)
        with urllib.request.urlopen(asked, timeout=60) as answer:
            return json.load(answer)

    def ready(self) -> None:
        until = time.monotonic() + 120
        while time.monotonic() < until and self.process.poll() is None:
            with contextlib.suppress(OSError):
                if self.get("/healthz")["status"] == "ok":
                    return
            time.sleep(0.1)
        raise SystemExit(f"the server did not start: {Path(self.log.name).read_text()[-500:]}")

    def teach(self) -> None:
        """Teach FACTS and wait until a round is under way."""
        for prompt, answer in FACTS:
            self.get("/api/queue", {"prompt": prompt, "answer": answer})
        while not self.get("/healthz")["learning"]:
            time.sleep(0.2)

    def learn(self, fact: tuple[str, str]) -> None:
        """Teach a fact and wait until its lesson has ended."""
        self.get("/api/queue", {"prompt": fact[0], "answer": fact[1]})
        before = self.rounds()
        while self.rounds() == before:
            time.sleep(0.5)

    def rounds(self) -> int:
        """The number of rounds that have ended."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=60) as answer:
            lines = answer.read().decode().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(ROUNDS))

    def resident(self) -> int:
        """Bytes of memory the process holds."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1]) * 1024
        raise RuntimeError("the system does not say how much memory a process holds")

    def stop(self) -> None:
        self.process.send_signal(signal.SIGINT)
        self.process.wait(30)
        self.log.close()


@contextlib.contextmanager
def serving(model: str, back_end: str = "auto"):
    with tempfile.TemporaryDirectory() as folder:
        server = Server(model, Path(folder), back_end)
        try:
            server.ready()
            yield server
        finally:
            server.stop()


# ---- clients


async def ask(port: int, body: bytes) -> tuple[float, list[float]]:
    """Seconds to the first token, and between each token and the next."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    began, times = time.perf_counter(), []
    head = "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    status = await reader.readline()
    assert b" 200 " in status, status
    async for line in reader:
        if line.startswith(b"data: {") and b'"content": "' in line and b'"content": ""' not in line:
            times.append(time.perf_counter())
    writer.close()
    if not times:  # an answer without a visible letter
        return time.perf_counter() - began, []
    return times[0] - began, [b - a for a, b in itertools.pairwise(times)]


def question(model: str, number: int, length: int) -> bytes:
    said = f"Please tell me about number {number}."
    body = {"model": "oneseek", "stream": True, "max_tokens": length, "temperature": 1.0}
    return json.dumps(
        body | {"seed": number, "messages": [{"role": "user", "content": said}]}
    ).encode()


async def load(server: Server, model: str, clients: int, seconds: float, pause: float) -> dict:
    """Run clients for some seconds; return requests a second and percentiles of the latencies."""
    length, numbers, firsts, gaps = LENGTH.get(model, 6), itertools.count(), [], []
    began = time.monotonic()

    async def client() -> None:
        while time.monotonic() < began + seconds:
            first, between = await ask(server.port, question(model, next(numbers), length))
            firsts.append(first)
            gaps.extend(between)
            await asyncio.sleep(pause)

    await asyncio.gather(*(client() for _ in range(clients)))
    took = time.monotonic() - began
    told = {"requests": len(firsts), "requests_per_s": len(firsts) / took}
    told |= {f"first_token_p{p}_ms": 1e3 * percentile(firsts, p) for p in (50, 95, 99)}
    return told | {f"token_p{p}_ms": 1e3 * percentile(gaps, p) for p in (50, 95, 99)}


def percentile(values: list[float], percent: int) -> float:
    if len(values) < 2:
        return values[0] if values else 0.0
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def under_load(model: str, seconds: float) -> list[dict]:
    rows = []
    with serving(model) as server:
        asyncio.run(load(server, model, 2, 2, 0))  # the first questions compile the programs
        for learning in (False, True):
            if learning:
                server.teach()
            cases = [(clients, PAUSE) for clients in CLIENTS] + [(1, AFTER_QUIET)]
            for clients, pause in cases:
                row = {"model": model, "clients": clients, "learning": learning, "pause_s": pause}
                span = seconds * 2 if pause == AFTER_QUIET else seconds
                rows.append(row | asyncio.run(load(server, model, clients, span, pause)))
                report.say(rows[-1])
    return rows


def sixteen(model: str, seconds: float) -> list[dict]:
    """Sixteen clients on the default back end, and on numpy."""
    rows = []
    for back_end in ("auto", "numpy"):
        with serving(model, back_end) as server:
            asyncio.run(load(server, model, 2, 2, 0))
            row = {"model": model, "clients": MANY, "back_end": back_end}
            rows.append(row | asyncio.run(load(server, model, MANY, seconds, PAUSE)))
            report.say(rows[-1])
    return rows


# ---- while facts are told


async def tell_facts(server: Server, seconds: float) -> int:
    """Tell a fact every TOLD_EVERY seconds; return how many."""
    until, count = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        count += 1
        fact = {"prompt": f"What is the code of shed {count}?"}
        fact["answer"] = f"The code of shed {count} is {1000 + 37 * count}."
        await asyncio.to_thread(server.get, "/api/queue", fact)
        await asyncio.sleep(TOLD_EVERY)
    return count


def measure_mixed(model: str, minutes: float) -> tuple[dict, list[dict]]:
    async def both(server: Server, seconds: float) -> tuple[dict, int]:
        asking = load(server, model, MIXED, seconds, PAUSE)
        return tuple(await asyncio.gather(asking, tell_facts(server, seconds)))

    with serving(model) as server:
        asyncio.run(load(server, model, 2, 2, 0))
        server.learn(FACTS[1])  # so that answers read a memory also before the load
        quiet = asyncio.run(load(server, model, MIXED, 60, PAUSE))
        report.say(quiet)
        rounds = server.rounds()
        busy, count = asyncio.run(both(server, 60 * minutes))
        rounds = server.rounds() - rounds
        report.say(busy)
        ended = server.get("/api/training/micro/stats")
        versions = len(server.get("/api/models/versions")["versions"])
    p95 = "first_token_p95_ms"
    figures = {
        "mixed_told": count,
        "mixed_lessons_ended": rounds,
        "mixed_versions": versions,
        "mixed_p95_quiet_ms": quiet[p95],
        "mixed_p95_ms": busy[p95],
        "mixed_p95_ratio": busy[p95] / quiet[p95],
    }
    return figures, [quiet, busy, ended]


# ---- requests that are too much


async def watch_request(server: Server, path: str, body: bytes) -> dict:
    """The status and seconds of a request, and the longest seconds of /healthz meanwhile."""
    waits: list[float] = []

    def ask_for_it() -> int:
        asked = urllib.request.Request(f"http://127.0.0.1:{server.port}{path}", body)
        asked.add_header("Content-Type", "application/json")
        try:
            return urllib.request.urlopen(asked, timeout=120).status
        except urllib.error.HTTPError as error:
            return error.code

    began = time.perf_counter()
    asking = asyncio.create_task(asyncio.to_thread(ask_for_it))
    while not asking.done():
        before = time.perf_counter()
        await asyncio.to_thread(server.get, "/healthz")
        waits.append(time.perf_counter() - before)
        await asyncio.sleep(0.02)
    spent = time.perf_counter() - began
    return {"status": asking.result(), "seconds": spent, "healthz_s": max(waits)}


def hostile(model: str) -> tuple[dict, list[dict]]:
    def chat(messages: list[str]) -> bytes:
        said = [{"role": "user", "content": message} for message in messages]
        return json.dumps({"model": "oneseek", "max_tokens": 2, "messages": said}).encode()

    story = "The mill by the river was built in 1874 by Anna Berg. " * 15_000
    page = "<p " + " ".join(f"a{n}=1" for n in range(90_000)) + ">x</p>"
    requests = {
        "many_messages": ("/v1/chat/completions", chat([f"word {n}" for n in range(9_999)])),
        "full_context": ("/v1/chat/completions", chat([f"word {n}" for n in range(400)])),
        "long_message": ("/v1/chat/completions", chat(["the cat sat " * 86_000])),
        "one_word": ("/v1/chat/completions", chat(["a" * MEGABYTE])),
        "nested": ("/v1/chat/completions", b"[" * MEGABYTE),
        "numbers": ("/api/queue", b'{"a":[' + b"1," * 500_000 + b"1]}"),
        "page": ("/api/import", json.dumps({"title": "a", "text": page}).encode()),
        "text": ("/api/import", json.dumps({"title": "b", "text": story}).encode()),
    }
    rows: list[dict] = []
    with serving(model) as server:
        asyncio.run(load(server, model, 2, 2, 0))
        for name, (path, body) in requests.items():
            rows.append({"request": name, "bytes": len(body)})
            rows[-1] |= asyncio.run(watch_request(server, path, body))
            report.say(rows[-1])
    figures = {
        "hostile_longest_s": max(r["seconds"] for r in rows if r["request"] != "full_context"),
        "hostile_healthz_s": max(row["healthz_s"] for row in rows),
    }
    return figures, rows


# ---- one at a time and together


async def measure_decoding(model: Model, many: int, tokens: int) -> float:
    """Tokens a second of `many` conversations decoded together; their tokens are forced, so that
    none ends early."""
    generator = Generator(model)
    prompt = generator.encode([{"role": "user", "content": "Tell me about the sea."}])[0]
    word = tuple(model.tokenizer.encode(" sea")) * tokens
    sampling = Sampling(max_tokens=tokens)
    answers = [generator.start(prompt, sampling, forced=word) for _ in range(many)]
    while any(len(answer.ids) < 2 for answer in answers):
        await generator.advance()
    before, began = sum(len(answer.ids) for answer in answers), time.perf_counter()
    await generator.answer_all(answers)
    return (sum(len(a.ids) for a in answers) - before) / (time.perf_counter() - began)


async def together(name: str) -> dict:
    executor = await executor_named("auto")
    with contextlib.closing(open_model(registry.find(name))) as file:
        model = await Model.load(file, executor)
    tokens = 64 if name == "tiny" else 8
    pairs = []
    for _ in range(3):  # by turns, as the machine may slow down in between
        one = await measure_decoding(model, 1, tokens)
        pairs.append((one, await measure_decoding(model, MANY, tokens)))
    one, many = (statistics.median(values) for values in zip(*pairs, strict=True))
    row = {"model": name, "back_end": executor.name, "ratio": many / one}
    return row | {"tokens_per_s_one": one, f"tokens_per_s_{MANY}": many}


# ---- memory


async def ask_many(server: Server, requests: int) -> list[tuple[int, int]]:
    """(questions so far, resident bytes) after every five hundred."""
    numbers, seen = iter(range(requests)), []

    async def client() -> None:
        for number in numbers:
            await ask(server.port, question("tiny", number, 1))
            if number % 500 == 0:
                seen.append((number, server.resident()))

    await asyncio.gather(*(client() for _ in range(MANY)))
    return seen


def memory(requests: int) -> dict:
    with serving("tiny") as server:
        seen = asyncio.run(ask_many(server, requests))
    settled = seen[len(seen) // 4 :]  # the cache and the programs have filled by then
    slope = statistics.linear_regression(*zip(*settled, strict=True)).slope
    row = {"model": "tiny", "requests": requests, "bytes_per_1000_requests": 1000 * slope}
    return row | {"first_bytes": seen[0][1], "last_bytes": seen[-1][1]}


def ratio(rows: list[dict], key: str, **wanted) -> float:
    """A figure with learning over the same figure without."""
    found = {row["learning"]: row[key] for row in rows if wanted.items() <= row.items()}
    return found[True] / found[False]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="*", default=["tiny", "smollm2-135m"])
    parser.add_argument("--seconds", type=float, default=12.0, help="of load for each row")
    parser.add_argument("--requests", type=int, default=REQUESTS, help="in the memory test")
    parser.add_argument("--sixteen", action="store_true", help="only compare with numpy")
    parser.add_argument("--mixed", type=float, metavar="MINUTES", help="only facts beside chats")
    parser.add_argument("--hostile", action="store_true", help="only requests that are too much")
    options = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", str(len(os.sched_getaffinity(0))))
    if options.mixed or options.hostile:
        model = options.models[0]
        report.write(
            "serve", *(measure_mixed(model, options.mixed) if options.mixed else hostile(model))
        )
        return
    beside = sixteen(options.models[-1], options.seconds)
    ours, theirs = (row["first_token_p95_ms"] for row in beside)
    compared = {"p95_first_token_to_numpy": ours / theirs}
    if options.sixteen:
        report.write("serve", compared, beside)
        return
    rows, loads = [], []
    for name in options.models:
        rows.append(asyncio.run(together(name)))
        report.say(rows[-1])
        loads += under_load(name, options.seconds)
    kept = memory(options.requests)
    product, p95 = options.models[-1], "first_token_p95_ms"
    busy, quiet = {"model": product, "pause_s": PAUSE}, {"model": product, "pause_s": AFTER_QUIET}
    many = next(row for row in loads if row["clients"] == MANY and busy.items() <= row.items())
    figures = compared | {
        "batch16_ratio": rows[-1]["ratio"],
        "p95_first_token_ms": many[p95],
        "p95_ratio_learning": ratio(loads, p95, clients=MANY, **busy),
        "p95_ratio_learning_one": ratio(loads, p95, clients=1, **busy),
        "p95_ratio_learning_after_quiet": ratio(loads, p95, clients=1, **quiet),
        "bytes_per_1000_requests": kept["bytes_per_1000_requests"],
    }
    report.write("serve", figures, [*beside, *rows, *loads, kept])


if __name__ == "__main__":
    main()
