"""Weights may change between answers only, and must go back when they are worse."""

import asyncio

import numpy as np
import pytest

from oneseek.engine.history import updater as updater_module
from oneseek.engine.history.snapshot import weights_sha256
from oneseek.engine.history.updater import WeightUpdater
from tests.support.living import Living, run


@pytest.fixture
def living(tmp_path):
    return Living(tmp_path)


def updater_of(living, quiet=None):
    """An updater, and the hashes of all weights it has put in place."""
    written = []

    async def nobody_answers():
        await (quiet.wait() if quiet else asyncio.sleep(0))

    def write(weights):
        written.append(weights_sha256(weights))

    versions = living.versions
    return WeightUpdater(versions, versions.weights, write, nobody_answers), written


def test_weights_are_put_in_place_only_when_no_answer_needs_those_that_are(living):
    version = living.teach("one")["version"]

    async def while_somebody_is_answered():
        quiet = asyncio.Event()
        updater, written = updater_of(living, quiet)
        waits = asyncio.ensure_future(updater.update(version["number"]))
        for _ in range(50):
            await asyncio.sleep(0)
        assert written == [] and updater.in_place == 0 and not waits.done()
        quiet.set()
        await waits
        await updater.update(version["number"])  # it is in place already
        assert written == [version["weights_sha256"]] and updater.in_place == version["number"]

    run(while_somebody_is_answered())


def test_rollback_goes_to_the_version_before_and_then_to_the_base(living):
    updater, _ = updater_of(living)
    first = living.teach("one")["version"]
    living.teach("two")
    assert run(updater.rollback())["number"] == first["number"]
    assert run(updater.rollback()) is None
    with pytest.raises(ValueError, match="base model is in use"):
        run(updater.rollback())
    run(updater.rollback(2))
    assert run(living.versions.current())["number"] == 2


def test_should_rollback_compares_with_what_the_gate_found(living):
    updater, _ = updater_of(living)
    with pytest.raises(ValueError, match="base model is in use"):
        run(updater.should_rollback({"loss": 1.0}))
    version = living.teach("one")["version"]
    measures = [{"name": "taught", "value": 0.9}]
    gate = {**version["gate"], "measures": measures, "held_out": {"before": 3.0, "after": 1.0}}
    run(living.store.batch([["put", "versions", version["number"], {**version, "gate": gate}]]))
    worse = [{"loss": 1.2}, {"accuracy": 0.8}, {"loss": 0.5, "accuracy": 0.1}]
    fine = [{}, {"loss": 1.05}, {"accuracy": 0.9}, {"loss": 0.9, "accuracy": 1.0}]
    assert [run(updater.should_rollback(one)) for one in worse + fine] == [True] * 3 + [False] * 4


def test_weights_that_were_in_place_lately_are_not_read_again_until_they_are_too_many(monkeypatch):
    asked, written = [], []
    weights = {number: {"adapter": np.full(100, number, np.float32)} for number in (1, 2, 3)}

    async def load(number):
        asked.append(number)
        return weights[number]

    async def quiet():
        pass

    monkeypatch.setattr(updater_module, "KEPT_BYTES", 2 * 400)
    updater = WeightUpdater(None, load, lambda one: written.append(one["adapter"][0]), quiet)
    for number in (1, 2, 1, 2, 3, 2, 1):
        run(updater.update(number))
    assert written == [1, 2, 1, 2, 3, 2, 1]
    assert asked == [1, 2, 3, 1]  # the third took the place of the first
    updater.forget()
    run(updater.update(1))
    assert asked[-1] == 1 and len(asked) == 5
