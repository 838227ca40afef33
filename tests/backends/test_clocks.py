"""Devices with a rounded clock, without a clock, or slow to report finished work must compute the
same bits and keep slices within their bound."""

import asyncio
import contextlib
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest

from oneseek.engine.backends.gpu import run as run_module
from oneseek.engine.backends.gpu.clock import Clock
from oneseek.engine.backends.gpu.run import AHEAD
from oneseek.engine.compiler.pieces import LEAST_MS, Costs
from oneseek.engine.model import programs
from oneseek.engine.turns import SLICE_MS, urgent
from tests.support.gpu_device import LONG_IN_A_TAB, gpu
from tests.support.programs import LORA, TINY, batch, describe_storage, prepare

pytestmark = [pytest.mark.in_worker, pytest.mark.slow, *LONG_IN_A_TAB]
TICK_MS = 0.1  # tick of the clock in ordinary Chrome
CLOCKS = ("fine", "rounded", "none")
WAIT_MS = 100.0  # delay in a browser that polls for finished work
READS = 1  # reads of a step: its losses and its norm come in one


@contextlib.contextmanager
def device_with(clock):
    """Yield the shared device with this clock, without any learned costs."""
    own = gpu()
    before = own.timestamps, own.costs, own.clock
    own.timestamps = clock != "none"
    own.costs, own.clock = Costs(own.tier.software, own.timestamps), Clock(own)
    exact = own.clock.measure_passes

    async def measure_passes(works):
        return [round_to_tick(ms) for ms in await exact(works)]

    if clock == "rounded":
        own.clock.measure_passes = measure_passes
    try:
        yield own
    finally:
        own.timestamps, own.costs, own.clock = before


def round_to_tick(ms):
    return TICK_MS * (ms // TICK_MS)


def step_on(own):
    program = programs.learn(TINY, describe_storage(TINY, 4), 12, 6, 64, LORA)
    feeds = batch(program, TINY, LORA) | {"adapter": LORA.initial(1)}
    return prepare(own, program, feeds)


def test_a_step_makes_the_same_bits_whatever_the_clock_and_nothing_costs_nothing():
    async def steps(own):
        run = step_on(own)
        for _ in range(2):
            await run.advance()
        return await run.read("adapter"), await run.read("losses")

    made = []
    for clock in CLOCKS:
        with device_with(clock) as own:
            made.append(asyncio.run(steps(own)))
            assert min((own.costs.known | own.costs.shares).values()) >= LEAST_MS
            assert bool(own.costs.known) == (clock != "none")
    for one, other in pairwise(made):
        np.testing.assert_array_equal(one[0], other[0])
        np.testing.assert_array_equal(one[1], other[1])


def simulate_run(run, clock, cost_of):
    """Replace the run's execution by a simulation and return its list of slices in milliseconds.

    Each kind of dispatch takes what `cost_of` says, and the device's clock measures it as precisely
    as it can. Simulated time passes while the caller waits for the device.
    """
    gpu, costs, slices = run.gpu, {}, []
    now = free = 0.0  # milliseconds: the time, and when the device will be free

    def cost(piece):
        kind = piece.dispatch.kind
        if kind not in costs:
            costs[kind] = cost_of(kind)
        return piece.share * costs[kind]

    def submit(start=0, stop=None):
        nonlocal free
        slices.append(sum(map(cost, run._pieces[start:stop])))
        free = max(free, now) + slices[-1]

    async def wait_for_mark(done):
        nonlocal now
        if done is not None:
            now = max(now, done + gpu.clock.wait_ms)

    async def measure_submit(work):
        work()
        await wait_for_mark(free)
        return slices[-1]

    async def measure_passes(works):
        issued = [
            (run._pieces[issue.args[0]], issue.keywords.get("times", 1)) for _, issue in works
        ]
        found = [times * cost(piece) for piece, times in issued]
        return found if clock == "fine" else [round_to_tick(ms) for ms in found]

    run.run, gpu.clock.measure_passes, gpu.clock.measure_submit = (
        submit,
        measure_passes,
        measure_submit,
    )
    gpu.mark, gpu.wait_for_mark, gpu.turns.clock = lambda: free, wait_for_mark, lambda: now / 1e3
    gpu.clock.tick = TICK_MS
    return slices


async def slices_of_steps(own, run, clock, cost_of, learning=4, steps=3):
    """The slices of `steps` steps, after `learning` steps in which the costs are learned."""
    await run.ready()
    slices = simulate_run(run, clock, cost_of)
    for _ in range(learning):
        await run.advance()
    slices.clear()
    for _ in range(steps):
        await run.advance()
    return slices


@pytest.mark.parametrize("clock", CLOCKS)
def test_slices_keep_their_bound_within_twice_whatever_the_clock(clock):
    """A dispatch takes between 0.01 and 1 ms."""

    for seed in range(3):
        rng = np.random.default_rng(seed)
        with device_with(clock) as own:
            run = step_on(own)
            steps = slices_of_steps(own, run, clock, lambda kind, rng=rng: 10 ** rng.uniform(-2, 0))
            slices = asyncio.run(steps)
        assert max(slices) <= 2 * SLICE_MS
        assert len(slices) <= 2.5 * max(3, sum(slices) / SLICE_MS)


@pytest.mark.parametrize("clock", CLOCKS)
def test_the_next_slice_is_under_way_while_one_is_awaited(clock):
    with device_with(clock) as own:
        run, happened = step_on(own), []

        async def wait_for_mark(mark):
            if mark:
                happened.append(-mark)

        async def step():
            slices = await slices_of_steps(own, run, clock, lambda kind: 1.0, steps=0)
            own.mark = lambda: happened.append(len(slices)) or len(slices)
            own.wait_for_mark = wait_for_mark
            await run.advance()
            return len(slices)

        count = asyncio.run(step())
    assert count > 3
    ahead = [at for n in range(1, count) for at in (n + 1, -n)]
    assert happened == [1, *ahead, -count]


@pytest.mark.parametrize("clock", CLOCKS)
def test_a_step_takes_few_waits_where_the_browser_is_long_in_telling_that_work_is_done(clock):
    """A step has 55 ms of work, and each wait takes 100 ms: slices of 6 ms would mean ten waits or
    more."""

    with device_with(clock) as own:
        own.clock.wait_ms = WAIT_MS
        run = step_on(own)
        each = 55 / len(run)
        slices = asyncio.run(slices_of_steps(own, run, clock, lambda kind: each, steps=1))
    assert sum(slices) == pytest.approx(55)
    assert len(slices) + READS <= 8


def test_what_took_long_once_is_begun_ahead_all_the_same(monkeypatch):
    """The first runs of a kernel are slow, because its driver may still compile it; later runs must
    be begun ahead."""
    took, now = iter([2000.0, 900.0, *[WAIT_MS + 8.0] * 4]), [0.0]
    monkeypatch.setattr(run_module, "time", SimpleNamespace(perf_counter=lambda: now[0]))

    async def times(own, run):
        real = own.wait_for

        async def wait_for(promise):
            now[0] += next(took) / 1e3
            return await real(promise)

        monkeypatch.setattr(own, "wait_for", wait_for)
        for _ in range(6):
            assert run.ahead == 1
            with urgent():
                await (await run.begin("losses"))
            if run.ahead > 1:
                break
        return run.ahead

    with device_with("none") as own:
        own.clock.wait_ms = WAIT_MS
        assert asyncio.run(times(own, step_on(own))) == AHEAD
