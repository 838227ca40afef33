"""Skills over HTTP: taught as a run, named as a model, told under an answer, removed."""

import pytest

from tests.support.hosts import native
from tests.support.runs import brought_in, in_time, stored

pytestmark = pytest.mark.slow
ASK = {"messages": [{"role": "user", "content": "What is 4 times two?"}], "max_tokens": 8}
COMPLETIONS = "/v1/chat/completions"


def named(host, model):
    answer = host.ask("POST", COMPLETIONS, {**ASK, "model": model, "temperature": 0})
    assert answer.status == 200, answer.text
    return answer.json()


def test_a_skill_is_taught_named_answers_what_asks_for_it_and_is_removed(tmp_path):
    with native(tmp_path) as host:
        data = brought_in(host)
        no = host.ask("POST", "/api/skills", {"name": "No Name", "datasetId": data["id"]})
        assert no.status == 400 and "no name of a skill" in no.error["message"]
        assert host.ask("GET", "/api/skills").json() == {"skills": []}
        body = {"name": "doubling", "datasetId": data["id"], "epochs": 1}
        started = host.ask("POST", "/api/skills", body)
        assert started.status == 202 and started.json()["skill"] == "doubling"
        host.learn_now()
        run = started.json()["runId"]
        in_time(lambda: stored(host, run)["state"] == "complete")
        (one,) = host.ask("GET", "/api/skills").json()["skills"]
        assert (one["name"], one["examples"]) == ("doubling", 12) and one["version"]
        ids = [model["id"] for model in host.ask("GET", "/v1/models").json()["data"]]
        assert "oneseek:doubling" in ids
        for model in ("oneseek:doubling", "oneseek"):
            told = named(host, model)["oneseek"]
            assert (told["by"], told["skill"]) == ("skill", "doubling"), model
        assert named(host, "oneseek:v0")["oneseek"]["by"] == "base"
        other = host.ask("POST", COMPLETIONS, {**ASK, "model": "oneseek", "messages": [
            {"role": "user", "content": "Write a poem about the sea."}]}).json()  # fmt: skip
        assert other["oneseek"]["by"] == "base"
        assert host.ask("DELETE", "/api/skills/doubling").status == 200
        assert host.ask("DELETE", "/api/skills/doubling").status == 404
        assert named(host, "oneseek")["oneseek"]["by"] == "base"
        gone = host.ask("POST", COMPLETIONS, {**ASK, "model": "oneseek:doubling"})
        assert gone.status == 404
        assert run not in [
            one["runId"] for one in host.ask("GET", "/api/training/runs").json()["runs"]
        ]
