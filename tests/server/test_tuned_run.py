"""A run over HTTP that first searches its settings."""

import itertools
import json

import pytest

from oneseek.engine.learning.tuning.halving import DEFAULTS
from oneseek.engine.turns import Turns
from tests.support.hosts import native
from tests.support.runs import START, find_run, import_dataset, in_time

BODY = {"baseModels": ["tiny"], "epochs": 1, "learningRate": 1e-4, "tune": "3s",
        "trainingConfig": {"skip_poor": False}}  # fmt: skip
MANY = "".join(
    json.dumps({"prompt": f"What is {n} times two?", "completion": f"It is {2 * n}."}) + "\n"
    for n in range(30)
)


pytestmark = [pytest.mark.slow, pytest.mark.long]


@pytest.fixture(autouse=True)
def a_moment_for_each_look(monkeypatch):
    """A clock that advances at every look, so that the same steps fit into the time on any
    machine."""
    moments = itertools.count()
    monkeypatch.setattr(Turns, "worked", property(lambda turns: next(moments) / 10))


def test_settings_are_found_within_the_time_and_the_run_trains_by_them(tmp_path):
    with native(tmp_path) as host:
        import_dataset(host)  # twelve examples
        few = host.ask("POST", START, BODY | {"datasetId": "times-two"})
        assert few.status == 400 and "to find settings 18 are needed" in few.error["message"]
        host.ask("POST", "/api/training/datasets", {"name": "many", "text": MANY})
        run = host.ask("POST", START, BODY | {"datasetId": "many"}).json()["runId"]
        host.learn_now()
        ended = in_time(lambda: (one := find_run(host, run))["results"] and one)
        table, shape = ended["about"]["tuning"], ended["about"]["shape"]
        assert ended["state"] == "complete" and table["results"][0]["try"] == DEFAULTS
        chosen = table["tries"][table["chosen"]]
        assert (ended["learning_rate"], ended["epochs"]) == (
            chosen["learning_rate"], chosen["epochs"],
        )  # fmt: skip
        assert shape["batch_size"] == chosen["batch_size"]
        assert shape["lora_config"] == chosen["lora_config"]
        steps = host.ask("GET", f"/api/training/{run}/metrics").json()["metrics"]
        assert max(one["learning_rate"] for one in steps) <= chosen["learning_rate"]
