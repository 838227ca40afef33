"""The reports of the training engine, and a model that is saved and loaded again."""

import base64
import itertools
import json
import math

import pytest

from oneseek.engine.history.audit import check_store
from oneseek.engine.history.snapshot import SnapshotDamaged
from oneseek.engine.model.adapters import name_in
from tests.support.living import Living, run


@pytest.fixture
def living(tmp_path):
    return Living(tmp_path)


def test_the_latest_metrics_are_those_of_the_last_step_and_of_the_gate(living):
    record = living.offer("one")
    run(living.training.open("lesson", [record]))
    assert living.training.get_latest_metrics() == {}
    steps = 0
    while (told := run(living.training.advance(math.inf))) is not None:
        steps += 1
        latest = living.training.get_latest_metrics()
        assert latest == {**told, "tokens_per_second": latest["tokens_per_second"]}
        assert {"step", "loss", "learning_rate", "grad_norm", "examples_processed"} <= set(latest)
    ended = run(living.training.finish())
    assert steps and living.training.get_latest_metrics()["gate"] == ended["gate"]


def test_at_most_ten_steps_are_lost_also_where_saving_is_slow(living):
    living.teach("one")
    clock = itertools.count(0, 1_000)  # each look at the clock is 1,000 seconds after the last one
    living.training.monotonic = lambda: float(next(clock))
    living.training.checkpoint_share = 0.0
    saved: list[int] = []
    batch, steps = living.store.batch, 0

    async def note_batch(ops, *more):
        saved.extend(steps for op in ops if op[1] == "snapshots" and op[2].startswith("round."))
        return await batch(ops, *more)

    living.store.batch = note_batch
    run(living.training.open("practice"))
    while run(living.training.advance(math.inf)) is not None:
        steps += 1
    assert steps == 24
    gaps = [after - before for before, after in zip([0, *saved], saved, strict=False)]
    assert saved and max([*gaps, steps - saved[-1]]) <= 10


def test_a_saved_model_is_the_version_in_use_wherever_it_is_loaded(living, tmp_path):
    taught = living.teach("one")["version"]
    saved = run(living.training.save_model())
    for place in (living, Living(tmp_path / "elsewhere")):
        record = run(place.training.load_model(json.loads(json.dumps(saved))))
        assert record["weights_sha256"] == taught["weights_sha256"] and record["kind"] == "import"
        assert run(place.versions.current())["number"] == record["number"]
        assert run(check_store(place.store)) == []


def test_a_model_that_learned_nothing_is_saved_as_what_changes_nothing(living):
    saved = run(living.training.save_model())
    record = run(living.training.load_model(saved))
    fresh, loaded = living.trainer.fresh(), run(living.versions.weights(record["number"]))
    assert all((loaded[name] == array).all() for name, array in fresh.items())


def test_what_is_damaged_or_of_another_model_is_refused_and_changes_nothing(living, tmp_path):
    living.teach("one")
    saved = run(living.training.save_model())
    data = bytearray(base64.b64decode(saved["data"]))
    data[-1] ^= 1
    for damaged in (base64.b64encode(data).decode(), saved["data"][:-5], "not base64"):
        with pytest.raises(SnapshotDamaged, match="the saved model is damaged"):
            run(living.training.load_model({**saved, "data": damaged}))
    other = Living(tmp_path / "other")
    other.versions.base = "another model"
    with pytest.raises(ValueError, match="belongs to the base model"):
        run(other.training.load_model(saved))
    assert run(other.versions.records()) == [] and len(run(living.versions.records())) == 1


def test_an_adapter_of_another_shape_is_refused_by_name_and_shapes(living):
    weights = {name: array[:1] for name, array in living.trainer.fresh().items()}
    with pytest.raises(ValueError, match=r"is \(1.*this model wants"):
        run(living.training.adopt(weights))
    assert run(living.versions.records()) == []


def test_an_adapter_keeps_the_name_it_came_with(living):
    card = b"---\nbase_model: tiny\n---\n# OneSeek-1M-Zero.v3.1.sv\n\nAn adapter.\n"
    record = run(living.training.adopt(living.trainer.fresh(), name_in(card)))
    assert record["gate"]["came_as"] == "OneSeek-1M-Zero.v3.1.sv"
    assert name_in(b"no heading\n") == ""
