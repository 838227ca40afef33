"""Skills over HTTP: taught as a run, addressed as a model, named in the answer, removed."""

import pytest

from tests.support.hosts import native
from tests.support.runs import find_run, import_dataset, in_time

pytestmark = pytest.mark.slow
ASK = {"messages": [{"role": "user", "content": "What is 4 times two?"}], "max_tokens": 8}
COMPLETIONS = "/v1/chat/completions"


def ask_model(host, model):
    answer = host.ask("POST", COMPLETIONS, {**ASK, "model": model, "temperature": 0})
    assert answer.status == 200, answer.text
    return answer.json()


def corrects(host, skill):
    """Correct, remove and add examples of the skill, whose wrong answers must be listed with the
    wanted ones; then teach it again."""
    examples = "/api/skills/doubling/examples"
    assert (skill["least"], skill["examples"], skill["changed"]) == (20, 12, 0)
    assert all(one["said"] != one["wanted"] for one in skill["wrong"])
    known = host.ask("GET", examples).json()["lines"]
    first, second = (one["prompt"] for one in known[:2])
    changes = [{"prompt": first, "answer": "It is more."}, {"prompt": second, "answer": ""},
               {"prompt": "What is 40 times two?", "answer": "It is 80."}]  # fmt: skip
    told = host.ask("POST", examples, {"examples": changes}).json()
    assert (told["added"], told["corrected"], told["removed"], told["examples"]) == (1, 1, 1, 12)
    lines = host.ask("GET", examples).json()["lines"]
    assert {"prompt": first, "answer": "It is more."} in lines
    assert second not in [one["prompt"] for one in lines]
    bad = host.ask("POST", examples, {"examples": [{"prompt": " ", "answer": "x"}]})
    assert bad.status == 400 and host.ask("GET", examples).json()["lines"] == lines
    started = host.ask("POST", "/api/skills", {"name": "doubling", "epochs": 1})
    assert started.status == 202 and started.json()["examples"] == 12
    host.learn_now()
    run = started.json()["runId"]
    in_time(lambda: find_run(host, run)["state"] == "complete")
    (again,) = host.ask("GET", "/api/skills").json()["skills"]
    assert (again["changed"], again["examples"]) == (0, 12) and again["version"]


@pytest.mark.long
def test_a_skill_is_taught_named_answers_what_asks_for_it_and_is_removed(tmp_path):
    with native(tmp_path) as host:
        data = import_dataset(host)
        no = host.ask("POST", "/api/skills", {"name": "No Name", "datasetId": data["id"]})
        assert no.status == 400 and "not a valid name for a skill" in no.error["message"]
        assert host.ask("GET", "/api/skills").json() == {"skills": []}
        body = {"name": "doubling", "datasetId": data["id"], "epochs": 1}
        started = host.ask("POST", "/api/skills", body)
        assert started.status == 202 and started.json()["skill"] == "doubling"
        host.learn_now()
        run = started.json()["runId"]
        in_time(lambda: find_run(host, run)["state"] == "complete")
        (one,) = host.ask("GET", "/api/skills").json()["skills"]
        assert (one["name"], one["examples"]) == ("doubling", 12) and one["version"]
        corrects(host, one)
        ids = [model["id"] for model in host.ask("GET", "/v1/models").json()["data"]]
        assert "oneseek:doubling" in ids
        for model in ("oneseek:doubling", "oneseek"):
            told = ask_model(host, model)["oneseek"]
            assert (told["by"], told["skill"]) == ("skill", "doubling"), model
        assert ask_model(host, "oneseek:v0")["oneseek"]["by"] == "base"
        other = host.ask("POST", COMPLETIONS, {**ASK, "model": "oneseek", "messages": [
            {"role": "user", "content": "Write a poem about the sea."}]}).json()  # fmt: skip
        assert other["oneseek"]["by"] == "base"
        assert host.ask("DELETE", "/api/skills/doubling").status == 200
        assert host.ask("GET", "/api/skills").json() == {"skills": []}
        assert host.ask("GET", "/api/skills/doubling/examples").status == 404
        assert host.ask("DELETE", "/api/skills/doubling").status == 404
        assert ask_model(host, "oneseek")["oneseek"]["by"] == "base"
        gone = host.ask("POST", COMPLETIONS, {**ASK, "model": "oneseek:doubling"})
        assert gone.status == 404
        assert run not in [
            one["runId"] for one in host.ask("GET", "/api/training/runs").json()["runs"]
        ]
