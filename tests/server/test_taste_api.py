"""A taste over HTTP: choices are sent, trained on as a run, named in the answer, switched off and
removed."""

import json

import pytest

from builder import ROOT
from tests.support.hosts import native
from tests.support.runs import find_run, in_time

pytestmark = pytest.mark.slow
ASK = {"messages": [{"role": "user", "content": "How do I boil an egg?"}], "max_tokens": 8}
CHOICES = ROOT / "examples" / "tastes" / "brief" / "choices.jsonl"


def answer(host, model="oneseek"):
    told = host.ask("POST", "/v1/chat/completions", {**ASK, "model": model, "temperature": 0})
    assert told.status == 200, told.text
    return told.json()["choices"][0]["message"]["content"], told.json()["oneseek"]["by"]


@pytest.mark.long
def test_a_taste_is_brought_trained_used_switched_off_and_removed(tmp_path):
    given = [json.loads(line) for line in CHOICES.read_text("utf-8").splitlines()][:14]
    with native(tmp_path) as host:
        base = answer(host)
        assert base[1] == "base"
        refused = host.ask("POST", "/api/taste/train", {})
        assert refused.status == 400 and "needs at least 12" in refused.error["message"]
        secret = {"prompt": "My card?", "chosen": "4111 1111 1111 1111", "rejected": "None."}
        body = {"choices": [*given, given[0], secret]}
        brought = host.ask("POST", "/api/taste/choices", body)
        assert brought.status == 201
        counts = {name: brought.json()[name] for name in ("added", "known", "secret")}
        assert counts == {"added": 14, "known": 1, "secret": 1}
        same = host.ask("POST", "/api/taste/choices", {"choices": [{"prompt": "a", "chosen": "b",
                                                                    "rejected": "B."}]})  # fmt: skip
        assert same.status == 400 and "both with different texts" in same.error["message"]

        early = host.ask("GET", "/api/taste").json()["choices"][-1]["id"]
        assert host.ask("DELETE", f"/api/taste/choices/{early}").json()["versions"] == []

        started = host.ask("POST", "/api/taste/train", {})
        assert started.status == 202, started.text
        host.learn_now()
        run = started.json()["runId"]
        in_time(lambda: find_run(host, run)["state"] == "complete")

        told = host.ask("GET", "/api/taste").json()
        assert told["used"] and told["version"] and len(told["choices"]) == 13
        assert answer(host)[1] == "taste"
        assert answer(host, "oneseek:v0") == base
        assert host.ask("POST", "/api/taste", {"used": False}).json()["used"] is False
        assert answer(host) == base
        assert host.ask("POST", "/api/taste", {"used": True}).status == 200
        assert answer(host)[1] == "taste"

        one = told["choices"][0]["id"]
        assert host.ask("DELETE", "/api/taste/choices/abc").status == 404
        gone = host.ask("DELETE", f"/api/taste/choices/{one}")
        assert gone.status == 200 and len(gone.json()["versions"]) == 1
        assert answer(host) == base
        told = host.ask("GET", "/api/taste").json()
        assert len(told["choices"]) == 12 and told["version"] is None
        assert host.ask("DELETE", "/api/taste").status == 200
        assert host.ask("GET", "/api/taste").json()["choices"] == []
        runs = host.ask("GET", "/api/training/runs").json()["runs"]
        assert run not in [one["runId"] for one in runs]
