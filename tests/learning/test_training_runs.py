"""Runs over data sets through the HTTP API: true validation losses, the gate's verdict, restarts,
and refusals."""

import asyncio
import http.client
import json

import pytest

from oneseek.engine.core.settings import StopConfig
from oneseek.engine.learning.rounds.dataset import DataSetAttempt
from oneseek.engine.learning.runs import TrainingRun
from oneseek.engine.learning.training_engine import TrainingEngine
from tests.support import hosts
from tests.support.base_said import forget_answers
from tests.support.hosts import native
from tests.support.runs import BUYING, BUYING_MORE, START, find_run, import_dataset, in_time

pytestmark = pytest.mark.slow
RUNS_NOW = "/api/training/runs"
LARGER = {"trainingConfig": {"batch_size": 12}}  # a third of the steps for the same examples


@pytest.fixture(autouse=True)
def the_real_gate(monkeypatch):
    monkeypatch.setattr(hosts, "force_accept", lambda attempt: attempt)


def start_run(host, **more):
    body = {"baseModels": ["tiny"], "epochs": 3, "learningRate": 1e-3, **more}
    answer = host.ask("POST", START, body)
    assert answer.status == 202, answer.text
    return answer.json()["runId"]


def finish_run(host, run):
    host.learn_now()
    return in_time(lambda: (one := find_run(host, run))["results"] and one, 900)


def weights(host):
    (version,) = host.ask("GET", "/api/models/versions").json()["versions"]
    return version["weights_sha256"]


def test_a_data_set_that_is_not_there_is_not_found(tmp_path):
    with native(tmp_path) as host:
        for name, words in (("no-such-dataset", "there are: identity"), ("learned", "is empty")):
            body = {"baseModels": ["tiny"], "datasetId": name}
            answer = host.ask("POST", START, body)
            assert answer.status == 404 and words in answer.error["message"]
        assert host.ask("GET", "/api/training/runs").json() == {"runs": []}
        offered = host.ask("GET", "/api/training/datasets").json()["datasets"]
        assert offered == [{"id": "identity", "name": "identity", "examples": 50}]
        kept = import_dataset(host)
        assert kept["examples"] == 12
        assert host.ask("GET", "/api/training/datasets").json()["datasets"][-1]["id"] == kept["id"]


def test_a_run_tells_different_epochs_and_what_the_gate_said_and_keeps_all_of_it(tmp_path):
    with native(tmp_path) as host:
        import_dataset(host)
        with host.listen("/api/events") as listener:
            run = start_run(host, datasetId="times-two")
            host.learn_now()
            done = listener.wait("training_complete", runId=run)
            epochs = [one for one in listener.seen if one["type"] == "epoch_end"]
        losses = [one["val_losses"]["tiny"] for one in epochs]
        assert len(set(losses)) == 3 and losses[-1] < losses[0]
        assert done["outcome"] == "trained" and done["version"] == "v1.0"
        assert done["gate"]["losses"] == losses and done["stopped_early"] is False
        kept = find_run(host, run)
        folder = tmp_path / "runs" / run
        assert json.loads((folder / "training_results.json").read_text()) == kept["results"]
        assert json.loads((folder / "live_metrics.json").read_text()) == kept["metrics"]
        assert json.loads((folder / "ledger_proof.json").read_text())["entries"]
        assert len(json.loads((folder / "oneseek_dna.json").read_text())["dna"]) == 64
    with native(tmp_path) as host:
        assert find_run(host, run) == kept
        told = host.ask("GET", f"/api/training/{run}/metrics").json()
        assert (told["state"], told["epochs"]) == ("complete", kept["metrics"])
        board = host.ask("GET", f"/api/training/{run}/leaderboard").json()["leaderboard"]
        assert board[0]["loss"] == losses[-1]


def test_a_run_whose_steps_are_used_up_before_its_epochs_is_complete(tmp_path):
    with native(tmp_path) as host:
        import_dataset(host)
        run = start_run(host, datasetId="times-two", epochs=9, trainingConfig={"max_steps": 1})
        kept = finish_run(host, run)
        assert (kept["state"], len(kept["metrics"])) == ("complete", 1)
        assert kept["results"]["gate"]["steps"] == 1


@pytest.mark.long
def test_auto_stop_ends_where_the_losses_of_a_run_to_the_end_say(tmp_path):
    def losses_of(folder, **more):
        folder.mkdir()
        with native(folder) as host:
            import_dataset(host)
            gently = {"learningRate": 1e-4}  # no epoch's loss falls by more than 1
            kept = finish_run(
                host, start_run(host, datasetId="times-two", epochs=4, **gently, **more)
            )
        return [one["total_loss"] for one in kept["metrics"]], kept["results"]

    whole, _ = losses_of(tmp_path / "whole", autoStopThreshold=0, autoStopPatience=100)
    assert len(whole) == 4
    falls = [before - after for before, after in zip(whole, whole[1:], strict=False)]
    threshold = min(1.0, sorted(falls)[-1] + 1e-6)  # no fall reaches it, so two epochs end the run
    short, results = losses_of(
        tmp_path / "short", autoStopThreshold=threshold, autoStopPatience=2
    )  # fmt: skip
    assert short == whole[:3] and results["stopped_early"]
    assert StopConfig().min_epochs <= 3


@pytest.mark.long
def test_a_run_stops_by_what_it_does_and_not_by_its_loss(tmp_path):
    """No epoch's loss falls by 1, so judged by its loss the run ends after two epochs."""
    with native(tmp_path) as host:
        import_dataset(host, "buying", BUYING)
        asks = {"datasetId": "buying", "epochs": 4, "learningRate": 1e-4,
                "autoStopThreshold": 1, "autoStopPatience": 1}  # fmt: skip
        by_doing, by_loss = (
            finish_run(host, start_run(host, **asks, **more))
            for more in ({"trainingConfig": {"stop_by": "doing"}}, {})
        )
    assert by_loss["about"]["shape"]["stop_by"] == "loss" and len(by_loss["metrics"]) == 2
    assert by_doing["about"]["shape"]["stop_by"] == "doing"
    gate = by_doing["results"]["gate"]
    assert len(gate["losses"]) == len(by_doing["metrics"]) > 2
    told = gate["doing"]
    assert told["told"].startswith(f"{told['right']} of {told['of']} held-back examples right;")


def test_a_run_that_a_restart_interrupts_goes_on_to_the_same_bits(tmp_path):
    for name in ("whole", "killed"):
        (tmp_path / name).mkdir()
    with native(tmp_path / "whole") as host:
        import_dataset(host)
        whole = finish_run(host, start_run(host, datasetId="times-two"))
        expected = weights(host)
    with native(tmp_path / "killed") as host:
        import_dataset(host)
        run = start_run(host, datasetId="times-two")
        host.learn_now()
        in_time(lambda: find_run(host, run)["metrics"])
    forget_answers()
    with native(tmp_path / "killed") as host:
        assert not find_run(host, run)["results"]
        kept = finish_run(host, run)
        assert [one["val_losses"] for one in kept["metrics"]] == [
            one["val_losses"] for one in whole["metrics"]
        ]
        assert weights(host) == expected


@pytest.mark.long
def test_a_run_killed_before_its_gate_is_judged_by_all_its_epochs(tmp_path, monkeypatch):
    """Its last checkpoint is older than its reported epochs."""

    async def never(attempt):
        await asyncio.Event().wait()

    for name in ("whole", "killed"):
        (tmp_path / name).mkdir()
    with native(tmp_path / "whole") as host:
        import_dataset(host)
        whole = finish_run(host, start_run(host, datasetId="times-two"))
        expected = weights(host)
    with monkeypatch.context() as held, native(tmp_path / "killed") as host:
        held.setattr(TrainingEngine, "_worth_saving", lambda self: self.metrics["step"] == 2)
        held.setattr(DataSetAttempt, "judge", never)
        import_dataset(host)
        run = start_run(host, datasetId="times-two")
        host.learn_now()
        in_time(lambda: len(find_run(host, run)["metrics"]) == 3)
    with native(tmp_path / "killed") as host:
        kept = finish_run(host, run)
        assert kept["results"]["gate"]["losses"] == whole["results"]["gate"]["losses"]
        assert weights(host) == expected


def test_a_run_killed_when_its_version_was_stored_makes_no_second_one(tmp_path, monkeypatch):
    async def never(run, ended):
        await asyncio.Event().wait()

    with monkeypatch.context() as held, native(tmp_path) as host:
        held.setattr(TrainingRun, "complete", never)
        import_dataset(host)
        run = start_run(host, datasetId="times-two")
        host.learn_now()
        in_time(lambda: host.ask("GET", "/api/models/versions").json()["versions"])
    with native(tmp_path) as host:
        assert find_run(host, run)["state"] == "training"
        results = finish_run(host, run)["results"]
        (version,) = host.ask("GET", "/api/models/versions").json()["versions"]
        assert (results["outcome"], results["version_name"]) == ("trained", version["name"])
        assert results["gate"]["losses"] == [
            one["total_loss"] for one in find_run(host, run)["metrics"]
        ]


def test_a_run_can_be_ended_and_one_that_fails_says_why_after_a_restart(tmp_path):
    with native(tmp_path) as host:
        import_dataset(host)
        run = start_run(host, datasetId="times-two", epochs=50)
        host.learn_now()
        in_time(lambda: find_run(host, run)["metrics"])
        assert host.ask("POST", f"/api/training/{run}/cancel").json()["state"] == "cancelled"
        assert host.ask("POST", f"/api/training/{run}/cancel").status == 400
        assert host.ask("GET", "/api/models/versions").json()["versions"] == []
        host.learn_later()
        lost = start_run(host, datasetId="times-two")
        data = find_run(host, lost)["about"]["record"]
        host.inside(lambda service: service.store.batch([["delete", "queue", data]]))
        host.learn_now()
        in_time(lambda: find_run(host, lost)["state"] == "failed")
    with native(tmp_path) as host:
        assert find_run(host, run)["state"] == "cancelled"
        assert "no longer there" in find_run(host, lost)["reason"]
        assert host.ask("GET", "/healthz").status == http.client.OK


def test_reset_ends_the_run_under_way_and_takes_every_run_along(tmp_path):
    with native(tmp_path) as host:
        import_dataset(host)
        done = start_run(host, datasetId="times-two", epochs=1)
        finish_run(host, done)
        under_way = start_run(host, datasetId="identity", epochs=50)
        host.learn_now()
        in_time(lambda: find_run(host, under_way)["state"] == "training")
        waiting = start_run(host, datasetId="times-two")
        reset = "/api/models/reset"
        assert host.ask("POST", reset, {"confirmation": "reset"}).status == 400
        assert {one["runId"] for one in host.ask("GET", RUNS_NOW).json()["runs"]} == {
            done, under_way, waiting
        }  # fmt: skip
        assert host.ask("POST", reset, {"confirmation": "RESET"}).status == 200
        host.learn_now()
        left = host.inside(lambda service: service.store.keys("state"))
        assert not [key for key in left if str(key).startswith("run")]
        assert host.inside(lambda service: service.store.keys("snapshots")) == []
        assert not (tmp_path / "runs").exists()
        assert host.ask("GET", "/api/queue").json()["stats"]["total"] == 0
    with native(tmp_path) as host:
        host.learn_now()
        assert host.ask("GET", RUNS_NOW).json() == {"runs": []}
        assert host.ask("GET", "/api/models/versions").json() == {"current": 0, "versions": []}


@pytest.mark.long
def test_a_run_over_fifty_examples_learns_stops_and_goes_on_after_a_kill(tmp_path):
    """In both languages, at a rate at which no epoch's loss falls by 1."""

    def over_all(folder, **more):
        folder.mkdir()
        with native(folder) as host:
            return finish_run(host, start_buying_run(host, **more)), sha256(host)

    def start_buying_run(host, **more):
        import_dataset(host, "buying", BUYING_MORE)
        gently = {"learningRate": 3e-4}
        return start_run(host, datasetId="buying", epochs=3, **LARGER, **gently, **more)

    def sha256(host):
        return host.ask("GET", "/api/models/versions").json()["versions"][0]["weights_sha256"]

    whole, expected = over_all(tmp_path / "whole", autoStopThreshold=0)
    losses = [one["total_loss"] for one in whole["metrics"]]
    assert len(losses) == 3 and losses[-1] < losses[0]
    results = whole["results"]
    assert (results["outcome"], results["examples"]) == ("trained", 50), results
    falls = [before - after for before, after in zip(losses, losses[1:], strict=False)]
    assert max(falls) < 1
    stopped, _ = over_all(
        tmp_path / "stopped", autoStopThreshold=max(falls) + 1e-6, autoStopPatience=1
    )
    assert [one["total_loss"] for one in stopped["metrics"]] == losses[:2]
    assert stopped["results"]["stopped_early"]
    (tmp_path / "killed").mkdir()
    with native(tmp_path / "killed") as host:
        run = start_buying_run(host, autoStopThreshold=0)
        host.learn_now()
        in_time(lambda: find_run(host, run)["metrics"])
    with native(tmp_path / "killed") as host:
        assert not find_run(host, run)["results"]
        kept = finish_run(host, run)
        assert [one["total_loss"] for one in kept["metrics"]] == losses
        assert sha256(host) == expected
