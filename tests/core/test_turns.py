"""Background work must run only in granted time, and never while somebody waits for an answer."""

import asyncio
from types import SimpleNamespace

import pytest

from oneseek.engine import turns
from oneseek.engine.turns import Pause, Turns, background, urgent


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def test_work_stops_at_the_end_of_its_grant_and_goes_on_with_the_next():
    async def run():
        clock, done = Clock(), []
        turns = Turns(clock)
        turns.grant(0)

        async def work():
            with background():
                for i in range(6):
                    await turns.breathe()
                    done.append(i)
                    clock.now += 0.01

        task = asyncio.ensure_future(work())
        await turns.held.wait()
        assert done == []
        turns.grant(25)
        await asyncio.sleep(0.01)
        assert done == [0, 1, 2] and turns.held.is_set()
        turns.free()
        await task
        assert done == list(range(6))

    asyncio.run(run())


def test_an_answer_goes_first_and_urgent_work_never_waits():
    async def run():
        turns, busy = Turns(), [True]
        turns.answering = lambda: busy[0]
        order = []

        async def work():
            await turns.breathe()
            order.append("work")

        async def answer():
            await turns.breathe()
            order.append("answer")
            busy[0] = False
            turns.wake()

        slow = asyncio.ensure_future(work())
        await turns.held.wait()
        with urgent():
            quick = asyncio.ensure_future(answer())
        await asyncio.gather(slow, quick)
        assert order == ["answer", "work"]

    asyncio.run(run())


def test_waiting_is_not_counted_as_work():
    async def run():
        clock = Clock()
        turns = Turns(clock)
        turns.grant(0)
        with background():
            task = asyncio.ensure_future(turns.breathe())
        await turns.held.wait()
        clock.now += 5.0
        turns.free()
        await task
        assert turns.worked == 0.0 and clock.now == 5.0

    asyncio.run(run())


def test_what_a_person_asked_for_needs_no_grant():
    async def run():
        turns = Turns()
        turns.grant(0)
        await asyncio.wait_for(turns.breathe(), 1)
        with background(), pytest.raises(TimeoutError):
            await asyncio.wait_for(turns.breathe(), 0.01)

    asyncio.run(run())


def test_long_plain_python_waits_only_where_the_host_can_and_not_at_every_call(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(turns, "time", SimpleNamespace(perf_counter=lambda: clock.now))
    pause, waits = Pause(), []
    pause()
    pause.wait_by(lambda: waits.append(1))
    for _ in range(1000):
        pause()
    assert len(waits) == 1
    clock.now += turns.SLICE_MS / 1e3
    pause()
    assert len(waits) == 2
