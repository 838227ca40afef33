"""Runs in the modes lora, hybrid and full through the HTTP API: announced, trained, used for
answers, and undone."""

import tracemalloc

import pytest

from tests.support import hosts
from tests.support.hosts import native
from tests.support.runs import BUYING, START, find_run, import_dataset, in_time

pytestmark = pytest.mark.slow
VERSIONS = "/api/models/versions"
QUESTION = [{"role": "user", "content": "Buy the boat for Lindqvist"}]


@pytest.fixture
def the_real_gate(monkeypatch):
    monkeypatch.setattr(hosts, "force_accept", lambda attempt: attempt)


def ask_question(host):
    asked = {"model": "tiny", "messages": QUESTION, "max_tokens": 12, "temperature": 0}
    asked |= {"logprobs": True, "top_logprobs": 1}
    (choice,) = host.ask("POST", "/v1/chat/completions", asked).json()["choices"]
    return [(one["token"], round(one["logprob"], 4)) for one in choice["logprobs"]["content"]]


def run(host, **more):
    body = {"baseModels": ["tiny"], "datasetId": "buying", "epochs": 12, "learningRate": 1e-3}
    started = host.ask("POST", START, body | more)
    assert started.status == 202, started.text
    host.learn_now()
    id = started.json()["runId"]
    return in_time(lambda: (one := find_run(host, id))["results"] and one, 400)


def measure_run(host, **more):
    """The finished run, and its peak of traced memory; tracing doubles the time."""
    tracemalloc.start()
    try:
        return run(host, **more), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def in_use(host):
    return host.ask("GET", VERSIONS).json()["current"]


@pytest.mark.long
@pytest.mark.usefixtures("the_real_gate")
@pytest.mark.parametrize("mode", ["lora", "hybrid", "full"])
def test_a_run_in_each_mode_learns_within_the_memory_announced_and_is_rolled_back(tmp_path, mode):
    with native(tmp_path) as host:
        import_dataset(host, "buying", BUYING)
        base = ask_question(host)
        told = host.ask("GET", "/api/training/modes?datasetId=buying&epochs=12").json()["modes"]
        assert [one["mode"] for one in told] == ["lora", "hybrid", "full"]
        announced = next(one for one in told if one["mode"] == mode)
        kept, peak = measure_run(host, mode=mode)
        assert kept["about"]["needs"] | {"seconds": None} == announced | {"seconds": None}
        losses = [one["total_loss"] for one in kept["metrics"]]
        assert losses[-1] < losses[0], losses
        assert kept["results"]["outcome"] == "trained", kept["results"]
        assert peak <= announced["memory_bytes"] < 8 * peak, (peak, announced)
        learned = ask_question(host)
        assert learned != base
        exported = host.ask("GET", f"{VERSIONS}/1/export")
        if mode == "lora":
            assert exported.status == 200
        else:
            assert exported.status == 400 and "export it merged" in exported.error["message"]
        later = host.ask("GET", "/api/training/modes?datasetId=buying").json()["modes"]
        assert all(one["seconds"] for one in later if "refused" not in one)
    with native(tmp_path) as host:
        assert ask_question(host) == learned
        assert host.ask("POST", "/api/models/rollback").json()["current"] == 0
        assert ask_question(host) == base


def test_what_is_announced_follows_from_the_settings_of_the_run(tmp_path):
    with native(tmp_path) as host:
        import_dataset(host)
        host.learn_later()

        def get_needs(**settings):
            body = {"baseModels": ["tiny"], "datasetId": "times-two", "epochs": 3}
            body |= {"trainingConfig": settings}
            return host.ask("POST", START, body).json()["needs"]

        usual, larger = get_needs(), get_needs(batch_size=12)
        assert (usual["steps"], larger["steps"]) == (9, 3)
        assert larger["memory_bytes"] > usual["memory_bytes"]


def test_a_larger_shape_goes_on_from_what_there_is_and_a_smaller_one_says_why_not(tmp_path):
    """Both versions count as accepted, because the gate's verdict is not tested here."""
    with native(tmp_path) as host:
        import_dataset(host, "buying", BUYING)
        small = {"rank": 4, "targets": ["attention.q", "attention.v"]}
        first = run(host, epochs=3, mode="lora", loraConfig=small)
        refused = {"mode": "lora", "loraConfig": {"rank": 16}, "fullBlocks": 1}
        assert host.ask("POST", START, {"baseModels": ["tiny"], **refused}).status == 400
        second = run(host, epochs=3, mode="hybrid", fullBlocks=1)
        assert second["metrics"][0]["total_loss"] < first["metrics"][0]["total_loss"]
        assert in_use(host) == 2
        body = {"baseModels": ["tiny"], "datasetId": "buying", "mode": "lora"}
        no = host.ask("POST", START, body)
        assert no.status == 400 and "Go back to the original model" in no.error["message"]
        told = host.ask("GET", "/api/training/modes?datasetId=buying").json()["modes"]
        assert "refused" in told[0] and "memory_bytes" in told[1]
        fact = {"prompt": "Who dug the well?", "answer": "Otto Bo dug the well."}
        host.ask("POST", "/api/queue", fact)
        host.learn_now()
        in_time(lambda: host.ask("GET", "/api/queue").json()["stats"]["total"] == 0 or None)
        host.ask("POST", "/api/models/rollback", {"version": "v1.0"})
        assert in_use(host) == 1
