"""Questions asked during a run over a data set: their stages run between its epochs, and the run's
result is the same as without them."""

import asyncio
import contextlib

import pytest

from oneseek.engine.history.round_plan import IMPORT, make_plan
from oneseek.engine.history.versions import GENERIC, Versions
from tests.support.hosts import native
from tests.support.runs import START, find_run, import_dataset, in_time

pytestmark = pytest.mark.slow
EPOCHS = 3
RESPONSES = [
    {"model": name, "response": "Quillmere was founded by Tove Lindahl."} for name in ("a", "b")
]
QUESTION = {"question": "Who founded Quillmere?", "raw_responses": RESPONSES, "language": "en"}


def start_run(host):
    body = {"baseModels": ["tiny"], "datasetId": "times-two", "epochs": EPOCHS}
    return host.ask("POST", START, body | {"learningRate": 1e-3}).json()["runId"]


def versions(host):
    """The versions, oldest first."""
    told = host.ask("GET", "/api/models/versions").json()["versions"]
    return sorted(told, key=lambda one: one["number"])


def train_undisturbed(folder):
    """The hash of the weights of a run without a question."""
    folder.mkdir()
    with native(folder) as host:
        import_dataset(host)
        run = start_run(host)
        host.learn_now()
        in_time(lambda: find_run(host, run)["state"] == "complete")
        return versions(host)[0]["weights_sha256"]


def order(events):
    kinds = ("epoch_end", "stage1_complete", "stage2_complete", "training_complete")
    return [one["type"] for one in events if one["type"] in kinds]


@contextlib.contextmanager
def a_run_with_a_question(folder, hears=None):
    """Yield (host, events, run) with a question asked during the first epoch; each event of its
    stages waits until `hears(event)` has returned."""
    with native(folder) as host:
        import_dataset(host)
        if hears:
            host.inside(lambda service: service.micro.listen(hears))
        with host.listen("/api/events") as listener:
            run = start_run(host)
            host.learn_now()
            listener.wait("step", runId=run)
            assert host.ask("POST", "/api/training/micro", QUESTION).status == 202
            yield host, listener, run


def test_a_question_asked_during_a_run_is_learned_between_its_epochs(tmp_path):
    expected = train_undisturbed(tmp_path / "alone")
    with a_run_with_a_question(tmp_path / "asked") as (host, listener, run):
        done = listener.wait("training_complete", runId=run)
        told = order(listener.seen)
        assert told[-1] == "training_complete" and told.count("epoch_end") == EPOCHS
        assert told.index("stage2_complete") < len(told) - 1 - told[::-1].index("epoch_end")
        (stage,) = [one for one in listener.seen if one["type"] == "stage1_complete"]
        assert stage["outcome"] == "learned" and stage["version"]
        assert done["outcome"] == "learned" and done["version_name"]
        # the run's version learns the question's answer once more
        again = in_time(lambda: len(versions(host)) == 3 and versions(host))
        first, trained, last = again
        assert [one["kind"] for one in again] == ["lesson", "training", "lesson"]
        assert (first["parent"], trained["parent"]) == (None, None)
        assert trained["weights_sha256"] == expected and last["parent"] == trained["number"]
        assert last["lessons"] == first["lessons"] == stage["examples"]
        current = host.inside(lambda service: service.versions.number(GENERIC))
        assert current == last["number"]
        assert host.ask("GET", "/api/models/versions/0/verify").json()["ok"]


async def stays(event: dict) -> None:
    """Block after the question's second stage."""
    if event["type"] == "stage2_complete":
        await asyncio.Event().wait()


@pytest.mark.long
def test_a_run_stopped_after_a_question_between_its_epochs_goes_on_to_the_same_bits(tmp_path):
    expected = train_undisturbed(tmp_path / "alone")
    folder = tmp_path / "killed"
    with a_run_with_a_question(folder, stays) as (_, listener, run):
        listener.wait("stage2_complete")
    with native(folder) as host:
        assert find_run(host, run)["state"] == "training"
        host.learn_now()
        in_time(lambda: find_run(host, run)["state"] == "complete")
        made = find_run(host, run)["results"]["version_name"]
        (trained,) = [one for one in versions(host) if one["name"] == made]
        assert trained["weights_sha256"] == expected


@pytest.mark.long
def test_a_version_that_is_no_lesson_still_makes_a_run_worthless(tmp_path):
    with a_run_with_a_question(tmp_path) as (host, listener, run):
        listener.wait("stage2_complete")
        host.inside(lambda service: service.versions.rollback(GENERIC, None))
        host.inside(
            lambda service: import_weights(service.versions, service.learner.trainer.fresh())
        )
        done = listener.wait("training_complete", runId=run)
        assert done["outcome"] == "dropped" and done["version"] is None


async def import_weights(versions: Versions, weights):
    gate = {"accepted": True, "outcome": "imported", "reason": ""}
    plan = make_plan(IMPORT, weights, [], [], {})
    return await versions.promote(GENERIC, None, plan, weights, gate)
