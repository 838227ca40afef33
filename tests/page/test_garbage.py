"""A worker must collect garbage although Python's automatic collection is off."""

import asyncio
import gc
import weakref

import pytest

from oneseek.workers import garbage


class Ring:
    def __init__(self):
        self.me = self


@pytest.fixture
def by_hand(monkeypatch):
    monkeypatch.setattr(garbage, "BEAT", 0.01)
    yield
    gc.unfreeze()
    gc.enable()


@pytest.mark.parametrize("collections", [1, garbage.GROWN])
def test_rings_of_objects_are_collected_at_the_next_look(by_hand, monkeypatch, collections):
    """With a collection of young objects only, and with a full one."""
    monkeypatch.setattr(garbage, "GROWN", collections)

    async def main():
        garbage.start()
        assert not gc.isenabled()
        rings = [Ring() for _ in range(2 * garbage.ENOUGH)]
        last = weakref.ref(rings[-1])
        del rings
        assert last()
        await asyncio.sleep(0.2)
        assert not last()

    asyncio.run(main())
