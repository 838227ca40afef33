"""Threads: a thread that never returns must be noticed, and in a tab the bits must be those of one
thread."""

import asyncio
import time

import numpy as np
import pytest

from oneseek.engine.backends.executor import DeviceLost
from oneseek.engine.backends.wasm import board
from oneseek.engine.backends.wasm.executor import Wasm
from oneseek.engine.backends.wasm.native import Native
from oneseek.engine.model import programs
from tests.bench.parts import lab
from tests.support.programs import TINY, describe_storage
from tests.support.wasm_programs import LORA, batch, prepare


def step(executor):
    program = programs.learn(TINY, describe_storage(TINY, 4), 12, 6, 64, LORA)
    run = prepare(executor, program, batch(program, TINY, LORA) | {"adapter": LORA.initial(1)})
    run.write("hyper", np.array([0.01, 0.9, 0.99, 1e-8, 0, 0.1, 0.01, 1], np.float32))
    return run


@pytest.mark.parametrize("threads", [1, 2])
def test_a_piece_that_nobody_finishes_is_noticed_and_told(threads, monkeypatch):
    monkeypatch.setattr(board, "GIVE_UP_MS", 100)
    executor, told = Wasm(Native(threads)), []
    executor.on_lost = told.append
    run = step(executor)
    executor.stick()
    if threads == 1:  # one thread must use shared memory too
        assert executor.memory.host.threads == 1
    with pytest.raises(DeviceLost, match="gave no answer"):
        run.run()
    assert len(told) == 1 and executor.memory.host.closed


def test_others_do_a_part_of_the_work():
    executor = Wasm(Native(2))
    run = step(executor)
    patience = time.monotonic() + 60  # until a busy machine schedules the helpers
    while not executor.count_helped() and time.monotonic() < patience:
        run.run()
    assert 0 < executor.count_helped()
    executor.turns.sparing, before = True, executor.count_helped()
    run.run()
    assert executor.count_helped() == before


@pytest.mark.long
@pytest.mark.parametrize("counts, steps", [((1, 3), 1), ((1, 2, 3, 4), 2)])
def test_in_a_tab_the_bits_are_those_of_one_thread_also_after_one_died(counts, steps):
    with lab.opened(peers={}) as page:

        def python(*call):
            return lab.call(page, "ours", "python", *call)

        assert page.evaluate("crossOriginIsolated")
        found, helped = set(), {}
        for threads in counts:
            python("open_with", threads)
            lab.call(page, "ours", "load", "/model.gguf")
            python("prepare_training", 1, 16, 4)
            bits, helped[threads] = python("learned", steps)
            found.add(bits)
        python("end_one")
        bits, after = python("learned", steps)
        found.add(bits)
        assert len(found) == 1
        assert helped[1] == 0 < min(*(helped[threads] for threads in counts[1:]), after)


def test_an_answer_takes_all_threads_and_work_without_hurry_may_have_to_spare_them():
    from oneseek.engine.turns import urgent

    executor = Wasm(Native(3))
    executor.turns.sparing = True
    assert executor.threads == 1
    with urgent():
        assert executor.threads == 3
    executor.turns.sparing = False
    assert executor.threads == 3
    asyncio.run(executor.breathe())
