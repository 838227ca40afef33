"""Requests that could cost others: long conversations, large bodies, slow connections, invented
names.

Each must be refused in words or answered, while the server goes on answering everybody else.
"""

import http.client
import json
import socket
import stat
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial

import pytest

from oneseek.engine.learning.composing.tasks import is_task
from oneseek.engine.learning.memory import mind
from oneseek.importers.sandbox import read_in_sandbox
from oneseek.workers.server import guard, hub
from oneseek.workers.server import headless as hosting
from oneseek.workers.server.endpoints import lessons
from tests.support.hosts import Native, headless, native

CHAT = "/v1/chat/completions"
MEGABYTE = 1 << 20


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Native]:
    with native(tmp_path_factory.mktemp("server")) as host:
        yield host


def chat(messages: list[dict]) -> dict:
    return {"model": "tiny", "messages": messages, "max_tokens": 2}


def user(text: str) -> dict:
    return {"role": "user", "content": text}


def many(count: int) -> list[dict]:
    return [user(f"word {n}") for n in range(count)]


# ---- long conversations


@pytest.mark.parametrize("count", [100, 400])
def test_a_conversation_of_any_length_is_rendered_a_few_times(server, monkeypatch, count):
    template = server.service.assistant.model.template
    render, lengths = template.render, []

    def record_length(messages, **more):
        lengths.append(len(messages))
        return render(messages, **more)

    monkeypatch.setattr(template, "render", record_length)
    answer = server.ask("POST", CHAT, chat(many(count)))
    context = server.service.assistant.base.context
    assert answer.status == 200 and answer.json()["usage"]["prompt_tokens"] > context / 2
    assert len(lengths) < 30 and sum(lengths) < 20 * context


def test_more_messages_than_the_model_reads_tokens_are_refused_in_words(server, monkeypatch):
    base = server.service.assistant.base
    monkeypatch.setattr(base.model.template, "render", None)  # rendering any of them would fail
    answer = server.ask("POST", CHAT, chat(many(9_999)))
    assert (answer.status, answer.error["code"]) == (400, "context_length_exceeded")
    assert "9,999 messages" in answer.error["message"] and "newest" in answer.error["message"]
    assert server.ask("GET", "/healthz").status == 200


def test_what_is_left_out_is_the_oldest_and_no_more_than_must_be(server):
    base = server.service.assistant.base
    for reserve in (2, 100, 300):
        messages = [{"role": "system", "content": "Be kind."}, *many(300)]
        ids, dropped = base.encode(messages, reserve)
        text = base.model.tokenizer.decode(ids, special=True)
        assert "Be kind." in text and f"word {dropped}" in text and "word 299" in text
        assert f"word {dropped - 1}\n" not in text
        one_more = [messages[0], *messages[dropped:]]
        whole = base.model.template.render(one_more, enable_thinking=False)
        assert len(base.model.tokenizer.encode(whole, special=True)) + reserve > base.context


def test_others_are_answered_while_a_prompt_is_made(server, monkeypatch):
    template = server.service.assistant.model.template
    render, begun, go = template.render, threading.Event(), threading.Event()

    def wait_then_render(*given, **more):
        begun.set()
        assert go.wait(20)
        return render(*given, **more)

    monkeypatch.setattr(template, "render", wait_then_render)
    with ThreadPoolExecutor(1) as beside:
        asked = beside.submit(server.ask, "POST", CHAT, chat([user("Hello!")]))
        assert begun.wait(20)
        assert server.ask("GET", "/healthz").status == 200 and not asked.done()
        go.set()
        assert asked.result(20).status == 200


# ---- large bodies

LARGE = {
    "a word": (CHAT, json.dumps(chat([user("a" * (MEGABYTE - 200))])), "Shorten it"),
    "words": (CHAT, json.dumps(chat([user("the cat sat " * 80_000)])), "Shorten it"),
    "lists in lists": (CHAT, "[" * MEGABYTE, "nested more than 64 deep"),
    "lists": ("/api/queue", '{"a":[' + "[]," * 300_000 + "1]}", "100000 values"),
    "numbers": ("/api/queue", '{"a":[' + "1," * 500_000 + "1]}", "100000 values"),
    "a number": ("/api/queue", '{"prompt": 1e999, "answer": "b"}', "larger than any number"),
}


@pytest.mark.parametrize("name", LARGE)
def test_a_large_body_is_refused_in_words(server, name):
    path, body, words = LARGE[name]
    answer = server.ask("POST", path, body.encode()[:MEGABYTE])
    assert answer.status == 400 and words in answer.error["message"], answer.text


def test_no_megabyte_is_searched_for_a_task_between_two_answers(server, monkeypatch):
    searched: list[int] = []

    def record_length(question: str) -> bool:
        searched.append(len(question))
        return is_task(question)

    monkeypatch.setattr(mind, "is_task", record_length)
    for count in (1, 80_000):
        server.ask("POST", CHAT, chat([user("write a card " * count)]))
    assert searched and max(searched) <= mind.LONGEST_QUESTION


def test_an_import_is_read_in_a_process_of_its_own_and_ended_after_its_time(server, monkeypatch):
    monkeypatch.setattr(lessons, "read_in_sandbox", partial(read_in_sandbox, seconds=0.05))
    answer = server.ask("POST", "/api/import", {"text": "My boat is called Saltkråkan. " * 9000})
    assert answer.status == 400 and "took longer than" in answer.error["message"]
    monkeypatch.undo()
    text = "The town of Quillmere was founded by Otto Brannigan in 1712. It lies by a lake."
    answer = server.ask("POST", "/api/import", {"text": text})
    assert answer.status == 201, answer.text


def test_a_tag_of_thirty_thousand_attributes_is_refused(server):
    page = "<html><body><p " + " ".join(f"a{n}" for n in range(30_000)) + ">Hello.</p>"
    answer = server.ask("POST", "/api/import", {"text": page})
    assert answer.status == 400 and "attributes" in answer.error["message"]


@pytest.mark.parametrize(
    "path, body",
    [
        ("/api/training/datasets", {"name": "å" * 200, "text": "Some words to learn from."}),
        ("/api/training/datasets", {"name": "a\0b/..", "text": "Some words to learn from."}),
        ("/api/import", {"url": "http://exam\0ple.com/"}),
        ("/api/import", {"url": "http://" + "a" * 200 + ".com/"}),
    ],
)
def test_strange_names_and_addresses_are_no_fault_of_the_servers(server, path, body):
    answer = server.ask("POST", path, body)
    assert answer.status in (201, 400), answer.text
    assert "60 seconds" not in answer.text  # not refused for its time


def test_a_megabyte_of_responses_is_compared_soon_and_beside_the_answers(server):
    responses = [
        {"model": f"model {n}", "response": f"My boat is called Yacht {n}. " * 200}
        for n in range(100)
    ]
    question = {"question": "boat " * 19_000, "raw_responses": responses}
    assert server.ask("POST", "/api/training/micro", question).status == 202
    server.learn_now()
    until = time.monotonic() + 120
    while server.inside(lambda service: service.micro.list_waiting()):
        assert time.monotonic() < until, "it is still compared"
        time.sleep(0.2)


# ---- slow lines


def health(line: http.client.HTTPConnection) -> int:
    line.request("GET", "/healthz")
    answer = line.getresponse()
    answer.read()
    return answer.status


def test_half_a_header_after_a_whole_request_is_closed(server, monkeypatch):
    monkeypatch.setattr(hosting, "HEADER_SECONDS", 0.5)
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)) as line:
        assert health(line) == 200
        line.sock.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0")
        assert line.sock.recv(1000) == b""


def test_a_line_that_asks_again_and_again_is_kept(server, monkeypatch):
    monkeypatch.setattr(hosting, "HEADER_SECONDS", 3.0)  # less than the whole connection takes
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)) as line:
        assert health(line) == 200
        begun = line.sock.getsockname()
        for _ in range(4):
            assert health(line) == 200
            time.sleep(0.9)
        assert line.sock.getsockname() == begun


def test_who_listens_beyond_the_limit_is_told_so(server, monkeypatch):
    monkeypatch.setattr(hub, "MOST_LISTENERS", 2)
    with server.listen("/api/events"), server.listen("/api/events"):
        refused = server.ask("GET", "/api/events")
        assert refused.status == 503 and "2 clients listen already" in refused.error["message"]


# ---- trust in names and addresses


def post_dataset(host: Native, **headers: str) -> int:
    return host.ask("POST", "/api/training/datasets", {"name": ""}, headers).status


def test_data_sets_are_limited_and_nobody_is_believed_whom_it_asks_for(tmp_path):
    with native(tmp_path / "plain") as host:
        asked = [post_dataset(host, **{"X-Forwarded-For": f"10.0.0.{n}"}) for n in range(31)]
        assert asked == [400] * guard.LIMIT + [429]
        for _ in range(31):
            assert host.ask("GET", "/api/training/datasets").status == 200
    with native(tmp_path / "proxied", proxies=("127.0.0.1",)) as host:
        asked = [post_dataset(host, **{"X-Forwarded-For": f"10.0.0.{n}"}) for n in range(31)]
        assert asked == [400] * 31


def test_figures_of_a_run_that_never_was_are_not_stored(server):
    path = "/api/training/run-20260101-000000/metrics"
    answer = server.ask("POST", path, {"step": 1, "loss": 2.5})
    assert answer.status == 404 and "there is no run" in answer.error["message"]
    assert server.ask("GET", path).status == 404


def test_a_named_page_may_exchange_and_nothing_else(tmp_path):
    page = {"Origin": "https://oneseek.example"}
    with native(tmp_path, pages=("https://oneseek.example",)) as host:
        assert host.ask("POST", "/api/exchange", b"", page).status != 403
        assert host.ask("OPTIONS", "/api/exchange", headers=page).status == 204
        for method, path in (("GET", "/api/queue"), ("POST", CHAT), ("OPTIONS", "/api/queue"),
                             ("POST", "/api/models/reset"), ("GET", "/v1/models")):  # fmt: skip
            refused = host.ask(method, path, headers=page)
            assert refused.status == 403, (method, path)
            assert "access-control-allow-origin" not in refused.headers


@pytest.mark.parametrize("code", ["utf-8", "latin-1"])
def test_a_key_beyond_ascii_opens_as_clients_send_it(tmp_path, code):
    with native(tmp_path, key="nyckelåäö") as host:
        for key, status in (("nyckelåäö", 200), ("nyckelaao", 401)):
            with socket.create_connection(("127.0.0.1", host.port), timeout=120) as line:
                head = "GET /v1/models HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
                line.sendall(f"{head}Authorization: Bearer {key}\r\n\r\n".encode(code))
                assert f" {status} ".encode() in line.recv(1000)


def test_a_wrong_word_resets_nothing_and_ends_no_round(server):
    ended = []
    server.inside(lambda service: setattr(service.assistant, "drop", lambda: ended.append(1)))
    try:
        refused = server.ask("POST", "/api/models/reset", {"confirmation": "reset"})
        assert refused.status == 400 and "type RESET" in refused.error["message"]
        assert not ended
    finally:
        server.inside(lambda service: delattr(service.assistant, "drop"))


# ---- the folder


@pytest.mark.slow
def test_what_the_server_keeps_is_its_owners_alone(tmp_path):
    folder = tmp_path / "kept" / "here"
    folder.parent.mkdir()
    with headless(tmp_path, {}, "--model", "tiny", "--folder", str(folder)):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        kept = [one for one in folder.iterdir() if "sqlite" in one.name]
        assert len(kept) == 3  # the database, its WAL, and the WAL's index
        assert {stat.S_IMODE(one.stat().st_mode) for one in kept} == {0o600}
