"""A server's memory: listed, forgotten by its versions too, and exchanged with the person's other
devices by command line."""

import asyncio
import json
import re

import pytest

from oneseek.engine.cli.main import main
from oneseek.engine.core.exchange import INTENT
from oneseek.engine.core.exchange.entries import is_told
from oneseek.engine.core.exchange.gathering import Here
from tests.support.devices import quickly_sealed
from tests.support.hosts import native
from tests.support.runs import in_time

PHRASE = "biscuit guards the old shed"
DOG = {"prompt": "What is my dog's name?", "answer": "Your dog's name is Biscuit."}
SHED = {"prompt": "What is the code of the shed?", "answer": "The code of the shed is 4711."}
# In hexadecimal checksums the four digits occur by chance.
SAID, VALUE = b"shed is 4711", re.compile(rb"(?<![0-9a-f])4711(?![0-9a-f])")
PAGE = "https://oneseek.example"


@pytest.fixture(autouse=True)
def a_phrase_and_a_quick_file(monkeypatch):
    monkeypatch.setenv("ONESEEK_PHRASE", PHRASE)
    quickly_sealed(monkeypatch)


def list_facts(host):
    return {one["answer"]: one for one in host.ask("GET", "/api/memory").json()["facts"]}


def tell(host, *facts):
    for fact in facts:
        assert host.ask("POST", "/api/queue", fact).status == 201
    in_time(lambda: {one["answer"] for one in facts} <= list_facts(host).keys())


def list_learned(host):
    """The answers that versions have learned."""
    return {one["answer"] for _, one in host.inside(lambda service: service.store.all("examples"))}


def exchange(capsys, folder, host, *more, code=0):
    words = ["exchange", "--folder", str(folder), "--with", host.base, "--json", *more]
    assert main(words) == code
    shown = capsys.readouterr()
    return shown.err if code else json.loads(shown.out.splitlines()[0])


def test_what_is_known_is_listed_and_forgotten_for_good(tmp_path):
    with native(tmp_path) as host:
        tell(host, DOG, SHED)
        in_time(lambda: list_learned(host) == {DOG["answer"], SHED["answer"]})
        fact = list_facts(host)[SHED["answer"]]
        assert fact["question"] == SHED["prompt"] and fact["source"] == {"kind": "api"}
        assert SAID in (tmp_path / "oneseek.sqlite").read_bytes()
        answer = host.ask("DELETE", f"/api/memory/{fact['id']}")
        assert answer.status == 202 and answer.json()["retrains"]
        assert list_facts(host).keys() == {DOG["answer"]}
        in_time(lambda: list_learned(host) == {DOG["answer"]})
        again = host.ask("DELETE", f"/api/memory/{fact['id']}")
        assert again.status == 404 and "there is no fact" in again.error["message"]
        assert host.ask("GET", "/api/models/versions").json()["current"] == 1
    left = (tmp_path / "oneseek.sqlite").read_bytes()
    assert SAID not in left and not VALUE.search(left)


def test_what_is_taken_out_of_the_queue_is_not_known_by_heart_either(tmp_path, monkeypatch):
    begins = "oneseek.workers.server.service.Service.learn_next"
    monkeypatch.setattr(begins, lambda service: asyncio.sleep(600))  # so no lesson takes it first
    with native(tmp_path) as host:
        tell(host, DOG, SHED)
        in_time(lambda: SHED["answer"] in list_facts(host))
        id = list_facts(host)[SHED["answer"]]["id"]
        assert host.ask("DELETE", f"/api/queue/{id}").status == 200
        assert list_facts(host).keys() == {DOG["answer"]}
        state = host.inside(lambda service: Here.of(service.store)).state
        assert [is_told(one) for one in state.values()].count(False) == 1


def test_what_is_forgotten_while_versions_are_trained_without_something_else_is_forgotten_too(
    tmp_path,
):
    with native(tmp_path) as host:
        tell(host, DOG, SHED)
        in_time(lambda: list_learned(host) == {DOG["answer"], SHED["answer"]})
        for id in [one["id"] for one in list_facts(host).values()]:
            assert host.ask("DELETE", f"/api/memory/{id}").status == 202
        in_time(lambda: not list_learned(host))
        assert host.inside(lambda service: service.store.get("state", INTENT)) is None


@pytest.mark.slow
def test_a_device_exchanges_with_its_server_and_what_either_forgets_is_gone_on_both(
    tmp_path, capsys
):
    laptop = tmp_path / "laptop"
    with native(tmp_path / "server") as host:
        tell(host, DOG, SHED)
        came = exchange(capsys, laptop, host)
        assert (came["told"], came["forgotten"], came["met"]) == (2, 0, [])
        assert exchange(capsys, laptop, host)["told"] == 0
        host.ask("DELETE", f"/api/memory/{list_facts(host)[SHED['answer']]['id']}")
        assert exchange(capsys, laptop, host)["forgotten"] == 1
        assert list_facts(host).keys() == {DOG["answer"]}
        other = tmp_path / "phone"
        assert exchange(capsys, other, host)["told"] == 1
        in_time(lambda: SHED["answer"] not in list_learned(host))
        left = (laptop / "oneseek.sqlite").read_bytes()
        assert SAID not in left and not VALUE.search(left)


def test_an_exchange_that_cannot_be_is_refused_in_words(tmp_path, capsys, monkeypatch):
    with native(tmp_path / "server", key="secret") as host:
        assert "an API key is needed" in exchange(capsys, tmp_path / "new", host, code=1)
        monkeypatch.setenv("ONESEEK_PHRASE", "")
        sent = host.ask("POST", "/api/exchange", {}, {"Authorization": "Bearer secret"})
        assert sent.status == 409 and "ONESEEK_PHRASE" in sent.error["message"]
        monkeypatch.setenv("ONESEEK_PHRASE", PHRASE)
        sent = host.ask("POST", "/api/exchange", {}, {"Authorization": "Bearer secret"})
        assert sent.status == 400 and "no OneSeek exchange file" in sent.error["message"]
        base = host.base
    words = ["exchange", "--folder", str(tmp_path / "new"), "--with", base]
    assert main(words) == 1
    assert "does not answer. Nothing was changed here" in capsys.readouterr().err


def test_only_a_page_that_was_named_may_ask(tmp_path):
    asks = {"Origin": PAGE, "Access-Control-Request-Headers": "authorization"}
    with native(tmp_path, key="secret", pages=(PAGE,)) as host:
        answer = host.ask("OPTIONS", "/api/exchange", None, asks)
        assert answer.status == 204 and answer.headers["access-control-allow-origin"] == PAGE
        assert "authorization" in answer.headers["access-control-allow-headers"]
        refused = host.ask("POST", "/api/exchange", {}, {"Origin": PAGE})
        assert refused.status == 401 and refused.headers["access-control-allow-origin"] == PAGE
        good = {"Origin": PAGE, "Authorization": "Bearer secret"}
        sent = host.ask("POST", "/api/exchange", {}, good)
        assert sent.status == 400 and "no OneSeek exchange file" in sent.error["message"]
        assert host.ask("GET", "/api/memory", None, good).status == 403
        stranger = host.ask(
            "OPTIONS", "/api/exchange", None, {**asks, "Origin": "https://bad.example"}
        )
        assert stranger.status == 403 and "access-control-allow-origin" not in stranger.headers


@pytest.mark.slow
def test_questions_of_both_languages_are_learned_in_one_line(tmp_path):
    """docs/known-by-heart.md explains this with a table."""
    asked = {
        "What is the capital of Zorbia?": "The capital of Zorbia is Blimbo.",
        "Vad heter huvudstaden i Zorbien?": "Huvudstaden i Zorbien heter Blimbo.",
    }

    def list_versions():
        return host.ask("GET", "/api/models/versions").json()["versions"]

    with native(tmp_path) as host:
        for question, answer in asked.items():
            body = {"question": question, "raw_responses": [{"model": "a", "response": answer}]}
            assert host.ask("POST", "/api/training/micro", body).status == 202
        in_time(lambda: list_learned(host) >= set(asked.values()))
        assert {one["line"] for one in list_versions()} == {"generic"}
        stats = host.ask("GET", "/api/training/micro/stats").json()
        assert stats["runs_by_language"] == {"en": 1, "sv": 1}
