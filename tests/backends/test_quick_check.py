"""The measured choice between two back ends."""

import asyncio

from engine.backends.quick_check import measured, milliseconds
from engine.backends.reference import Numpy
from engine.backends.wasm.executor import Wasm
from engine.backends.wasm.native import Native
from engine.core.storage.sqlite import SqliteStore


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
        first = await measured(store, "one chip", open_executor)
        assert await measured(store, "one chip", open_executor) == first
        await measured(store, "another", open_executor)
        return first

    first = asyncio.run(visits())
    assert set(first) == {"gpu", "cpu"} and opened == ["gpu", "cpu"] * 2
