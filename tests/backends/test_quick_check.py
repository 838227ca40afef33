"""The choice between two back ends by a measurement."""

import asyncio
from types import SimpleNamespace

from oneseek.engine.backends import native_cpu, quick_check
from oneseek.engine.backends.quick_check import both, measure_once, milliseconds, pace
from oneseek.engine.backends.reference import Numpy
from oneseek.engine.backends.wasm.executor import Wasm
from oneseek.engine.backends.wasm.native import Native
from oneseek.engine.compiler.schedule import plan
from oneseek.engine.core.storage.sqlite import SqliteStore
from oneseek.engine.model import programs
from oneseek.engine.model.llama import Config, Stored
from oneseek.engine.model.trainable import Trained
from oneseek.engine.open import keep_bits


def test_every_back_end_can_be_measured():
    for executor in (Numpy(), Wasm(Native(1))):
        assert 0 < asyncio.run(milliseconds(executor)) < 60_000


def test_a_chip_is_measured_once_and_another_one_anew(tmp_path):
    opened = []

    async def open_executor(kind):
        opened.append(kind)
        return Numpy()

    async def visits():
        store = SqliteStore(tmp_path / "oneseek.db", flush=False)
        found = [
            await measure_once(store, chip, lambda: both(open_executor))
            for chip in ("one chip", "one chip", "another")
        ]
        await store.close()
        assert found[0] == found[1]
        return found[0]

    first = asyncio.run(visits())
    assert set(first) == {"gpu", "cpu"} and opened == ["gpu", "cpu"] * 2


def test_the_pace_of_a_device_is_measured_once_and_of_another_one_anew(tmp_path, monkeypatch):
    monkeypatch.setattr(quick_check, "PACE_MS", 0)
    opened = []

    async def open_executor():
        opened.append(True)
        return Numpy()

    async def visits():
        store = SqliteStore(tmp_path / "oneseek.db", flush=False)
        found = [
            await measure_once(store, device, lambda: pace(open_executor))
            for device in ("one", "one", "other")
        ]
        await store.close()
        return found

    first, again, _ = asyncio.run(visits())
    assert first == again and len(opened) == 2
    assert set(first) == {"answer", "lesson"} and first["answer"] > first["lesson"] > 0


def test_what_learns_in_a_store_is_chosen_once_so_that_a_restart_comes_to_the_same_bits(
    tmp_path, monkeypatch
):
    """A store must keep its first choice, since numpy's sums and the kernels' differ in their last
    digits."""
    times = iter([2.0, 1.0, 1.0, 2.0, 1.0, 2.0])  # of wasm, then of numpy, by turns
    monkeypatch.setattr(native_cpu, "quickest", lambda run: next(times))

    async def restart(folder):
        store, executor = SqliteStore(folder / "oneseek.db", flush=False), native_cpu.Processor(1)
        await keep_bits(SimpleNamespace(executor=executor), store)
        await store.close()
        return executor.numpy_multiplies()

    (tmp_path / "other").mkdir()
    assert [asyncio.run(restart(tmp_path)) for _ in range(2)] == [True, True]
    assert asyncio.run(restart(tmp_path / "other")) is False


def test_what_learns_is_told_by_its_steps_and_not_by_its_name():
    """A program counts as learning if it has a loss and an update or accumulation; an update alone,
    or a score, does not count."""
    config = Config(
        vocab=96, width=64, layers=1, heads=4, kv_heads=2, head_width=16, hidden=96, positions=64
    )
    trained = Trained.lora(config, rank=4, alpha=8)
    stored = {name: Stored(shape) for name, shape in config.shapes().items()}
    sizes = config, stored, 8, 4, 64
    for made, learning in (
        (programs.learn(*sizes, trained), True),
        (programs.accumulate(*sizes, trained), True),
        (programs.apply(trained), False),
        (programs.score(*sizes, trained), False),
    ):
        made.name = "anything"
        assert native_cpu.learns(plan(made)) == learning
