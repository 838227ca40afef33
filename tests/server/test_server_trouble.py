"""Trouble from outside: strange requests, slow and half-open connections, full and read-only disks,
wrong clocks, a second server, private addresses.

Each must end in the right status, and the server must survive.
"""

import asyncio
import http.server
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oneseek.engine.history.ledger import canonical
from oneseek.engine.history.native_keys import new_key, read_key
from oneseek.engine.history.verify_integrity import holds
from oneseek.importers.pages.fetch import Fetcher
from oneseek.workers.server import headless
from oneseek.workers.server.admission import Admission
from oneseek.workers.server.endpoints import deprecated
from oneseek.workers.server.headless import DATABASE
from oneseek.workers.server.witness import Witness
from tests.support.answering import run_server
from tests.support.hosts import Native, native
from tests.support.living import Living

ROOT = Path(__file__).resolve().parents[2]
CHAT = "/v1/chat/completions"
HELLO = {"model": "tiny", "messages": [{"role": "user", "content": "Hello!"}], "max_tokens": 4}
DAY = 86_400_000


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Native]:
    with native(tmp_path_factory.mktemp("server"), body_seconds=1.0) as host:
        yield host


def answers(host: Native) -> None:
    assert host.ask("POST", CHAT, HELLO).status == 200


def fact(number: int) -> dict:
    return {"prompt": f"What is the code of shed {number}?", "answer": f"The code is {number}."}


# ---- any request at all

JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


def values(schema: dict) -> st.SearchStrategy:
    """A strategy for values of a JSON Schema, with an occasional wrong one."""
    if "anyOf" in schema:
        return st.one_of(*(values(one) for one in schema["anyOf"]))
    inside = values(schema["items"]) if "items" in schema else JUNK
    fields = {name: values(field) for name, field in schema.get("properties", {}).items()}
    kinds = {
        "string": st.text(max_size=12) | st.sampled_from(["tiny", "user", "text", "approved"]),
        "integer": st.integers(-2, 40),
        "number": st.floats(-1, 3),
        "boolean": st.booleans(),
        "array": st.lists(inside, max_size=3),
        "object": st.fixed_dictionaries({}, optional=fields),
    }
    return kinds.get(schema.get("type"), JUNK) | JUNK


def requests(document: dict) -> st.SearchStrategy:
    """A strategy for (method, path, body) of any operation of the OpenAPI document."""
    path_part = st.text(max_size=12).filter(lambda text: text not in (".", "..")) | st.sampled_from(
        ["0", "1", "9" * 30, "run-20260101-000000", "tiny:v0", "entries", "%00", "%ff", "a%2fb"]
    )

    def one(path: str, method: str, operation: dict) -> st.SearchStrategy:
        holes = len(re.findall(r"{\w+}", path))
        schema = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
        body = values(schema["schema"]) if schema else st.none()
        return st.tuples(st.just(method), st.just(path), st.tuples(*[path_part] * holes), body)

    operations = [
        one(path, method.upper(), operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if path != "/api/events"  # it never ends
    ]
    return st.one_of(*operations)


def check_answer(host: Native, asked: tuple) -> None:
    method, path, parts, body = asked
    for part in parts:
        beginning, _, rest = re.split(r"({\w+})", path, maxsplit=1)
        path = beginning + quote(part, safe="%") + rest  # an escape stays as it is
    if path == CHAT and isinstance(body, dict):
        body["max_tokens"] = 2
    answer = host.ask(method, path, None if body is None else json.dumps(body).encode())
    assert answer.status < 500, (asked, answer.text)
    if answer.status >= 400:
        assert set(answer.error) == {"message", "type", "code", "param"}


@pytest.mark.slow
@pytest.mark.parametrize(
    "count", [120, pytest.param(10_000, marks=pytest.mark.long)], ids=["some", "many"]
)
def test_no_request_the_document_allows_or_not_is_answered_with_500(server, monkeypatch, count):
    monkeypatch.setattr(deprecated, "LONGEST", 2)
    document = server.ask("GET", "/openapi.json").json()

    @settings(max_examples=count, deadline=None, derandomize=True)
    @given(requests(document))
    def never_500(asked):
        check_answer(server, asked)

    never_500()
    assert server.service.failures == 0
    answers(server)


def test_a_question_of_a_hundred_thousand_letters_is_told_to_be_shorter(server):
    long = HELLO | {"messages": [{"role": "user", "content": "å" * 100_000}]}
    answer = server.ask("POST", CHAT, long)
    assert answer.status == 400 and answer.error["code"] == "context_length_exceeded"
    micro = {"question": "å" * 100_001, "raw_responses": [{"model": "a", "response": "b"}]}
    told = server.ask("POST", "/api/training/micro", micro)
    assert told.status == 400 and "at most 100000 fit" in told.error["message"]
    answers(server)


def test_ten_megabytes_are_413_whether_announced_or_not(server):
    body = b'{"text": "' + b"x" * 10_000_000 + b'"}'
    assert server.ask("POST", "/api/import", body).status == 413
    with socket.create_connection(("127.0.0.1", server.port), timeout=120) as line:
        head = b"POST /api/import HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n"
        line.sendall(head)
        for _ in range(10):
            line.sendall(b"100000\r\n" + b"x" * (1 << 20) + b"\r\n")
        line.sendall(b"0\r\n\r\n")
        assert b" 413 " in line.recv(1000)
    answers(server)


# ---- slow lines


def test_a_body_that_comes_too_slowly_is_408_and_delays_nobody(server):
    lines = [socket.create_connection(("127.0.0.1", server.port), timeout=120) for _ in range(20)]
    for line in lines:
        line.sendall(b"POST /api/queue HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 99\r\n\r\n{")
    answers(server)
    for line in lines:
        assert b" 408 " in line.recv(1000)
        line.close()
    answers(server)


def test_lines_that_never_ask_are_closed_and_delay_nobody(server, monkeypatch):
    monkeypatch.setattr(headless, "HEADER_SECONDS", 1.0)
    lines = [socket.create_connection(("127.0.0.1", server.port), timeout=120) for _ in range(200)]
    for line in lines[:100]:
        line.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0")
    answers(server)
    for line in lines:
        assert line.recv(10) == b""
        line.close()
    answers(server)


def test_an_answer_nobody_waits_for_any_more_is_ended(server):
    body = json.dumps(HELLO | {"max_tokens": 900, "stream": True, "temperature": 1.5}).encode()
    head = f"POST {CHAT} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n\r\n"
    lines = [socket.create_connection(("127.0.0.1", server.port), timeout=120) for _ in range(3)]
    for line in lines:
        line.sendall(head.encode() + body)
        line.recv(100)
        line.close()
    until = time.monotonic() + 20
    while server.inside(lambda service: service.assistant.answering) and time.monotonic() < until:
        time.sleep(0.05)
    assert not server.inside(lambda service: service.assistant.answering)
    assert server.inside(lambda service: service.admission.free) == 16


# ---- fairness


def test_who_asks_much_waits_for_itself_and_who_asks_once_is_next():
    async def admit_clients() -> list[str]:
        places, order = Admission(1), []

        async def ask(client: str) -> None:
            async with places.place(client):
                order.append(client)
                await asyncio.sleep(0)

        await places.enter("greedy")
        waiting = [ask(client) for client in ["greedy"] * 4 + ["one", "two"]]
        asked = asyncio.gather(*waiting)
        await asyncio.sleep(0)
        assert places.waiting == 6
        places.leave()
        await asked
        assert places.free == 1 and places.waiting == 0
        return order

    assert asyncio.run(admit_clients()) == ["greedy", "one", "two", *["greedy"] * 3]


def test_a_place_given_to_someone_who_just_left_goes_to_the_next():
    async def admit_next() -> None:
        places = Admission(1)
        await places.enter("a")
        waiting = [asyncio.ensure_future(places.enter(name)) for name in "bc"]
        await asyncio.sleep(0)
        places.leave()
        waiting[0].cancel()
        await asyncio.wait(waiting)
        assert not waiting[1].cancelled() and places.free == 0
        places.leave()
        assert places.free == 1

    asyncio.run(admit_next())


# ---- the disk


def test_R6_a_full_disk_refuses_what_is_new_and_harms_nothing(tmp_path):
    with native(tmp_path) as host:
        assert host.ask("POST", "/api/queue", fact(1)).status == 201

        def full(service):
            (pages,) = service.store.db.execute("PRAGMA page_count").fetchone()
            service.store.db.execute(f"PRAGMA max_page_count = {pages}")

        host.inside(full)
        long = {"question": "Why?", "raw_responses": [{"model": "a", "response": "x" * 90_000}]}
        refused = host.ask("POST", "/api/training/micro", long)
        assert refused.status == 507 and refused.error["code"] == "storage_full"
        assert "nothing was stored" in refused.error["message"]
        answers(host)
        assert host.ask("GET", "/api/models/versions/0/verify").json()["ok"] is True
        host.inside(lambda service: service.store.db.execute("PRAGMA max_page_count = 100000"))
        assert host.ask("POST", "/api/training/micro", long).status == 202


def test_a_folder_that_takes_no_changes_still_answers_and_says_what_it_could_not_keep(tmp_path):
    with native(tmp_path) as host:
        host.inside(lambda service: service.store.db.execute("PRAGMA query_only = ON"))
        refused = host.ask("POST", "/api/queue", fact(1))
        assert refused.status == 507 and "read-only" in refused.error["message"]
        answers(host)
        host.inside(lambda service: service.store.db.execute("PRAGMA query_only = OFF"))
        assert host.ask("POST", "/api/queue", fact(1)).status == 201


def run_headless(*options: str, **more) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "oneseek.workers.server.headless", *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, **more)


def test_a_folder_that_cannot_be_made_is_named_and_nothing_starts():
    ended = run_headless("--model", "tiny", "--folder", "/proc/oneseek")
    assert ended.returncode == 1 and "/proc/oneseek" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_second_server_on_one_folder_is_refused_and_the_first_goes_on(tmp_path):
    with headless.alone_in(tmp_path):
        ended = run_headless("--model", "tiny", "--folder", str(tmp_path))
        assert ended.returncode == 1 and "another OneSeek already runs" in ended.stderr
        with pytest.raises(SystemExit, match="nothing was changed"), headless.alone_in(tmp_path):
            raise AssertionError("two servers on one folder")


@pytest.mark.slow
def test_no_model_and_no_key_for_a_public_address_are_told_before_anything_starts(tmp_path):
    ended = run_headless("--folder", str(tmp_path))
    assert ended.returncode == 3 and "No base models selected" in ended.stderr
    ended = run_headless("--model", "tiny", "--host", "0.0.0.0", "--folder", str(tmp_path))
    assert ended.returncode == 2 and "--key" in ended.stderr


def test_a_server_that_is_told_to_stop_ends_in_order_and_its_log_is_json(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "oneseek.workers.server.headless",
        "--model",
        "tiny",
        "--backend",
        "numpy",
    ]
    command += ["--folder", str(tmp_path), "--port", str(port)]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    host, until, secret = Native(port, None, None), time.monotonic() + 30, "x-ray-secret"
    while True:
        try:
            assert host.ask("POST", "/api/queue", fact(1) | {"answer": secret}).status == 201
            break
        except OSError:
            assert time.monotonic() < until and process.poll() is None
            time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    _, log = process.communicate(timeout=30)
    assert process.returncode in (0, -signal.SIGTERM)
    assert not (tmp_path / f"{DATABASE}-wal").exists(), "the log was not folded into the database"
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    (told,) = [line for line in lines if line["message"] == "request"]
    assert (told["method"], told["path"], told["status"]) == ("POST", "/api/queue", 201)
    assert all({"time", "level", "message"} <= set(line) for line in lines) and secret not in log


# ---- the ledger and the clock


def teach_facts(host: Native, count: int) -> None:
    """Learn so many versions, one fact each."""
    for number in range(count):
        assert host.ask("POST", "/api/queue", fact(number)).status == 201
    until = time.monotonic() + 240  # long, for a busy machine
    while len(host.ask("GET", "/api/models/versions").json()["versions"]) < count:
        host.service.asked = 0.0
        assert time.monotonic() < until, "it did not learn"
        time.sleep(0.1)


@pytest.mark.slow
def test_R38_and_R39_what_a_server_learned_under_a_lying_clock_is_in_order_and_shows_every_edit(
    tmp_path,
):
    with native(tmp_path) as host:
        lies = iter([-DAY, 10 * 365 * DAY, 0] * 10_000)
        now = int(time.time() * 1000)
        host.service.versions.clock = host.service.versions.ledger.clock = lambda: now + next(lies)
        teach_facts(host, 2)
        told = host.ask("GET", "/api/models/versions").json()["versions"]
        assert [one["number"] for one in told] == [*range(len(told), 0, -1)]
        assert host.ask("GET", "/api/models/versions/0/verify").json()["ok"] is True
        head = host.ask("GET", "/api/oqt/ledger/head").json()["head"]
        entries = host.ask("GET", "/api/oqt/ledger").json()["entries"]
        assert [entry["seq"] for entry in entries] == [*range(head["seq"], 0, -1)]
        edit(tmp_path / DATABASE)
        verified = host.ask("GET", "/api/oqt/ledger/verify").json()
        assert verified["ok"] is False and "entry 2" in verified["findings"][0]


def edit(database: Path) -> None:
    """Change one letter of the ledger with another tool."""
    with sqlite3.connect(database) as other:
        (value,) = other.execute("SELECT value FROM ledger WHERE key = 2").fetchone()
        changed = value.replace(b"version", b"varsion", 1)
        assert changed != value
        other.execute("UPDATE ledger SET value = ? WHERE key = 2", (changed,))
    other.close()


# ---- addresses


@pytest.mark.parametrize("address", ["http://127.0.0.1:{port}/", "http://[::1]:{port}/"])
def test_R36_the_api_imports_from_no_address_inside(server, address):
    with socket.create_server(("127.0.0.1", 0)) as inside:
        inside.settimeout(0.2)
        url = address.format(port=inside.getsockname()[1])
        answer = server.ask("POST", "/api/import", {"url": url})
        assert answer.status == 400
        assert "inside this computer or network" in answer.error["message"]
        with pytest.raises(TimeoutError):
            inside.accept()


def test_R36_a_name_that_changes_its_address_after_the_check_gains_nothing(monkeypatch):
    """DNS rebinding: the address is public when it is checked, and this machine afterwards."""
    asked, connected = [], []

    def resolve(host, port, **more):
        asked.append(host)
        address = "93.184.216.34" if len(asked) == 1 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    def connect(self, target):
        connected.append(target[0])
        raise TimeoutError

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(socket.socket, "connect", connect)
    with pytest.raises(Exception, match="did not answer"):
        Fetcher().send("http://rebound.example/", b"{}")
    assert connected == ["93.184.216.34"] and len(asked) == 1


class Outside(http.server.BaseHTTPRequestHandler):
    """A witness that records what it is told."""

    def do_POST(self):
        self.server.told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *words):
        pass


@pytest.fixture
def outside() -> Iterator[http.server.HTTPServer]:
    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Outside)
    running.told, running.status = [], 200
    with run_server(running):
        yield running


def test_R38_a_witness_is_told_each_new_head_signed_with_the_persons_key(tmp_path, outside):
    file = tmp_path / "key.pem"
    file.write_text(new_key())
    living = Living(tmp_path, signer=read_key(file))
    address = f"http://127.0.0.1:{outside.server_port}/heads"
    witness = Witness(living.versions, address, Fetcher(allowed=lambda address, port: True))
    assert asyncio.run(witness.tell()) and outside.told == []
    living.teach("alpha")
    outside.status = 500
    assert not asyncio.run(witness.tell())
    outside.status = 200
    assert asyncio.run(witness.tell()) and asyncio.run(witness.tell())
    assert len(outside.told) == 2
    said, head = outside.told[-1], asyncio.run(living.ledger.head())
    signature, key = said.pop("signature"), said.pop("signed_by")
    assert said == {"seq": head["seq"], "hash": head["hash"], "base": "tiny"}
    assert key == read_key(file).public_key and holds(key, canonical(said).encode(), signature)


def test_R36_a_witness_inside_the_network_is_never_told(tmp_path, outside, caplog):
    living = Living(tmp_path)
    living.teach("alpha")
    address = f"http://127.0.0.1:{outside.server_port}/heads"
    assert not asyncio.run(Witness(living.versions, address).tell())
    assert outside.told == [] and "inside this computer or network" in caplog.text


def test_a_key_that_cannot_sign_ends_the_server_with_words(tmp_path):
    (tmp_path / "key.pem").write_text("nothing")
    environment = os.environ | {"LEDGER_PRIVATE_KEY_PATH": str(tmp_path / "key.pem")}
    options = ("--model", "tiny", "--backend", "numpy", "--folder", str(tmp_path / "data"))
    ended = run_headless(*options, env=environment)
    assert ended.returncode == 1 and "PEM file" in ended.stderr
    assert "Traceback" not in ended.stderr
