"""Every setting of a run through the HTTP API must change what is trained, or be refused by
name."""

import base64
import json
import re

import pytest

from tests.support import hosts
from tests.support.hosts import native
from tests.support.rounds import force_accept
from tests.support.runs import START, find_run, import_dataset, in_time

pytestmark = [pytest.mark.slow, pytest.mark.long]
BODY = {"baseModels": ["tiny"], "datasetId": "times-two", "epochs": 1, "learningRate": 1e-3}
SMALL = {"rank": 4, "alpha": 16, "dropout": 0, "targets": ["attention.q"]}
LORA = {"rank": 8, "alpha": 32, "dropout": 0.1, "targets": ["attention.q", "attention.v"]}
OTHERS = {
    "batch_size": 2,
    "max_steps": 2,
    "validation_split": 0.5,
    "max_grad_norm": 0.01,
    "weight_decay": 0.1,
    "adam_beta1": 0.5,
    "adam_beta2": 0.9,
    "adam_epsilon": 1e-3,
}


@pytest.fixture(autouse=True)
def the_real_gate(monkeypatch):
    monkeypatch.setattr(hosts, "force_accept", lambda attempt: attempt)


def train(host, lora, others, epochs=1):
    """Train from the base model with these settings; returns the run and its steps."""
    host.ask("POST", "/api/models/versions/0/activate")
    body = BODY | {"loraConfig": lora, "trainingConfig": others, "epochs": epochs}
    started = host.ask("POST", START, body)
    assert started.status == 202, started.text
    host.learn_now()
    run = started.json()["runId"]
    kept = in_time(lambda: (one := find_run(host, run))["state"] == "complete" and one)
    steps = host.ask("GET", f"/api/training/{run}/metrics").json()["metrics"]
    return kept, [(one["step"], one["loss"], one["learning_rate"]) for one in steps]


def test_every_setting_of_a_run_has_its_effect(tmp_path):
    with native(tmp_path) as host:
        import_dataset(host)
        usual = {"batch_size": 1}
        first, steps = train(host, SMALL, usual)
        again, same = train(host, SMALL, usual)
        assert (again["metrics"][0]["val_losses"], same) == (
            first["metrics"][0]["val_losses"],
            steps,
        )
        longer = [train(host, SMALL, {**usual, "warmup_steps": n}, 2)[1] for n in (4, 0)]
        assert longer[0] != longer[1], "warmup_steps, at most a tenth of all"
        for name, value in LORA.items():
            kept, other = train(host, {**SMALL, name: value}, usual)
            assert (kept["metrics"][0]["val_losses"], other) != (
                first["metrics"][0]["val_losses"], steps
            ), name  # fmt: skip
        for name, value in OTHERS.items():
            kept, other = train(host, SMALL, {**usual, name: value})
            assert (kept["metrics"][0]["val_losses"], other) != (
                first["metrics"][0]["val_losses"], steps
            ), name  # fmt: skip


def test_the_shape_asked_for_is_the_shape_exported(tmp_path, monkeypatch):
    monkeypatch.setattr(hosts, "force_accept", force_accept)  # so little training teaches nothing
    with native(tmp_path) as host:
        import_dataset(host)
        body = BODY | {"loraConfig": LORA | {"firstLayer": 1}, "epochs": 3}
        run = host.ask("POST", START, body).json()["runId"]
        host.learn_now()
        kept = in_time(lambda: (one := find_run(host, run))["results"] and one)
        assert kept["results"]["version"] == "v1.0", kept["results"]
        files = host.ask("GET", "/api/models/versions/1/export").json()["files"]
        told = json.loads(base64.b64decode(files["adapter_config.json"]))
        assert (told["r"], told["lora_alpha"]) == (8, 32)
        assert told["target_modules"] == ["q_proj", "v_proj"]
        assert told["layers_to_transform"] == [1, 2, 3]
        held = len(base64.b64decode(files["adapter_model.safetensors"]))
        needs = kept["about"]["needs"]["trained_values"]
        assert 4 * needs * 0.9 < held < 4 * needs * 1.1 + 20_000


@pytest.mark.parametrize(
    "more, words",
    [
        ({"trainingConfig": {"lesson": {}}}, "has no setting lesson"),
        ({"trainingConfig": {"batch_size": 99}}, "a whole number from 1 to 32"),
        ({"loraConfig": {"rank": 99}}, "rank must be a number from 4 to 16"),
        ({"loraConfig": {"targets": ["nose"]}}, "one or more of"),
        ({"loraConfig": {"targetModules": ["nose"]}}, "one or more of"),
        ({"loraConfig": {"enableBias": "yes"}}, "enable_bias must be true or false"),
        ({"loraConfig": {"rnak": 8}}, "'rnak' is not a known field"),
        ({"learningrate": 1e-4}, "'learningrate' is not a known field"),
        ({"mode": "full", "loraConfig": {"rank": 8}}, "needs the mode lora or hybrid"),
        ({"mode": "lora", "fullBlocks": 1}, "needs the mode hybrid or full"),
        ({"mode": "half"}, "mode must be one of"),
        ({"tune": "soon"}, "no time for tries"),
        ({"tune": "5m", "mode": "full"}, "trains an adapter"),
    ],
)
def test_what_has_no_effect_or_is_out_of_range_is_refused_by_name(server, more, words):
    no = server.ask("POST", START, BODY | {"datasetId": "identity"} | more)
    assert no.status == 400 and re.search(words, no.error["message"]), no.text


def test_the_adapter_is_shaped_by_the_names_of_the_documents(server):
    values = {}
    for name, lora in {
        "q": {"targets": ["attention.q"]},
        "q by its other name": {"targetModules": ["attention.q"]},
        "q with a bias": {"targetModules": ["attention.q"], "enableBias": True},
    }.items():
        body = BODY | {"datasetId": "identity", "loraConfig": {"rank": 4} | lora}
        started = server.ask("POST", START, body)
        assert started.status == 202, started.text
        run = started.json()["runId"]
        values[name] = find_run(server, run)["about"]["needs"]["trained_values"]
        server.ask("POST", f"/api/training/{run}/cancel")
    assert values["q"] == values["q by its other name"] < values["q with a bias"], values


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with native(tmp_path_factory.mktemp("server")) as host:
        yield host
