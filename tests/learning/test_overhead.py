"""How long an answer waits while learning is under way, in CPU time, which other programs do not
lengthen."""

import asyncio
import gc
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from oneseek.engine.backends.wasm.executor import Run, Wasm
from oneseek.engine.backends.wasm.native import Native
from oneseek.engine.cli.session import record_of
from oneseek.engine.core.storage.sqlite import SqliteStore
from oneseek.engine.history.versions import GENERIC
from oneseek.engine.learning.trainer import TRAINING_BYTES
from oneseek.engine.model.choice.sampling import Sampling
from oneseek.engine.model.demo import MODEL
from oneseek.engine.model.formats import open_model
from oneseek.engine.model.generate import Generator
from oneseek.engine.open import assistant_of

LESSONS, ASKED = 3, 24  # fewer lessons would leave the place in a slice to chance
PROMISED_MS = 5.0
FACT = {"question": "Who founded Quillmere?", "answer": "Quillmere was founded by Tove Lindahl."}


class Watched:
    """Records the CPU time when work on an answer begins, and counts other work done since."""

    def __init__(self, monkeypatch) -> None:
        self.began: list[float] = []
        self.others = 0
        advance, run_for = Generator.advance, Run.run_for

        def note_advance(generator):
            if generator.model.executor.turns.is_urgent:  # a lesson uses the generator too
                self.began.append(time.thread_time())
            return advance(generator)

        def ran(run, *given):
            self.others += bool(self.began) and not run.executor.turns.is_urgent
            return run_for(run, *given)

        monkeypatch.setattr(Generator, "advance", note_advance)
        monkeypatch.setattr(Run, "run_for", ran)


@pytest.fixture
def watched(monkeypatch) -> Iterator[Watched]:
    gc.collect()
    gc.freeze()  # the collector need not scan what other tests left; that is no work of the product
    yield Watched(monkeypatch)
    gc.unfreeze()


def arrives(seconds: float) -> asyncio.Future[float]:
    """A future that resolves after `seconds`, even during a computation, with this thread's CPU
    time at that moment."""
    loop, clock = asyncio.get_running_loop(), time.pthread_getcpuclockid(threading.get_ident())
    came: asyncio.Future[float] = loop.create_future()

    def come() -> None:
        loop.call_soon_threadsafe(came.set_result, time.clock_gettime(clock))

    threading.Timer(seconds, come).start()
    return came


async def waits(assistant, watched: Watched, number: int) -> float:
    """Milliseconds of CPU time between a question's arrival and the first work on its answer."""
    asked = await arrives(0.02 + 0.003 * (number % ASKED))  # at different places of a step
    question = [{"role": "user", "content": f"What is {number} times two?"}]
    await assistant.answer(question, Sampling(max_tokens=4), str(number))
    waited = 1e3 * (watched.began[0] - asked)
    watched.began.clear()
    return waited


@pytest.mark.long
@pytest.mark.slow
def test_an_answer_waits_less_than_five_milliseconds_for_what_is_being_learned(tmp_path, watched):
    """Questions alternate between a paused and a running lesson, so that a slow phase of the
    machine affects both."""

    async def measure_waits(lesson: int) -> tuple[list[float], list[float]]:
        store = SqliteStore(tmp_path / f"{lesson}.sqlite")
        with closing(open_model(str(MODEL))) as file:
            assistant = await assistant_of(
                file, Wasm(Native(1)), store, "tiny", memory_budget=TRAINING_BYTES["cpu"]
            )
        record = record_of(FACT)
        await store.batch([["put", "queue", record["id"], record]])
        await assistant.mind.remember()  # so that already the first question is compared with it
        steps: list[int] = []
        round = await assistant.learner.learn(
            "lesson", [record["id"]], GENERIC, lambda round: make_awaitable(steps.append(1))
        )
        assistant.turns.free()
        while len(steps) < 2:  # programs are compiled for the first steps
            await asyncio.sleep(0.05)
        quiet, learning = [], []
        for number in range(ASKED):
            assistant.turns.grant(0)
            await assistant.turns.held.wait()
            quiet.append(await waits(assistant, watched, number))
            assistant.turns.free()
            learning.append(await waits(assistant, watched, ASKED + number))
            assert not round.task.done(), "it ended before all was asked"
        assistant.learner.drop()
        await asyncio.wait({round.task})
        await store.close()
        return quiet, learning

    async def make_awaitable(made):
        return made

    found = [asyncio.run(measure_waits(lesson)) for lesson in range(LESSONS)]
    quiet, learning = (sum(waited, []) for waited in zip(*found, strict=True))
    added = statistics.mean(learning) - statistics.mean(quiet)
    print(f"quiet {statistics.mean(quiet):.1f} ms, learning {statistics.mean(learning):.1f} ms, "
          f"at most {max(learning):.1f} ms")  # fmt: skip
    assert added < PROMISED_MS and not watched.others
