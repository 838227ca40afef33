"""The memory of the CPU back end besides the weights: blocks shared by turns, and a cache that
grows."""

import asyncio
from contextlib import closing
from types import SimpleNamespace

import numpy as np
import pytest

from builder import fetch
from oneseek.engine.assistant import Assistant
from oneseek.engine.backends.executor import Executor
from oneseek.engine.backends.wasm.executor import Wasm
from oneseek.engine.backends.wasm.native import Native
from oneseek.engine.core import settings as settings
from oneseek.engine.history.round_plan import LESSON, TRAINING, make_plan
from oneseek.engine.learning.needs import Watch, needs
from oneseek.engine.learning.rounds import variants
from oneseek.engine.learning.run_data import record_of
from oneseek.engine.learning.trainer import TRAINING_BYTES, RoundTrainer
from oneseek.engine.model.choice.sampling import Sampling
from oneseek.engine.model.demo import MODEL
from oneseek.engine.model.formats import open_model
from oneseek.engine.model.generate import Generator
from oneseek.engine.model.kv_cache import Pool
from oneseek.engine.model.loaded import Model
from oneseek.engine.model.trainable import Trained
from tests.support.rounds import CODE, DOG, SHORT
from tests.support.runs import TWO

ROOM = 3 << 20  # fits a step of the demo model and a small cache
LIMIT = 200e6


def load_model(path, executor: Executor) -> Model:
    with closing(open_model(str(path))) as file:
        return asyncio.run(Model.load(file, executor))


@pytest.mark.slow
def test_a_lesson_whose_parts_take_turns_in_one_room_gives_the_same_bits(monkeypatch):
    monkeypatch.setattr(variants, "POOL_ROWS", variants.LEAST_ROWS)  # the same batches in both
    lora = SHORT.lora_config

    async def lesson(model, budget):
        trained = Trained.lora(model.config, lora.rank, lora.alpha, lora.target_modules)
        trainer = RoundTrainer(model, trained, SHORT, memory_budget=budget)
        fresh = trainer.fresh()
        attempt = trainer.begin(fresh, make_plan(LESSON, fresh, [DOG], [CODE], {}))
        while await attempt.advance(float("inf")) is not None:
            pass
        return (await attempt.weights())["adapter"], await attempt.judge()

    model = load_model(MODEL, Wasm(Native(1)))
    weights, verdict = asyncio.run(lesson(model, ROOM))
    expected, same = asyncio.run(lesson(model, None))
    np.testing.assert_array_equal(weights, expected)
    assert verdict == same


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["lora", "hybrid", "full"])
def test_a_run_takes_no_more_than_it_announces(mode):
    config = settings.TrainingConfig(epochs=1, batch_size=4, max_steps=3, mode=mode)
    record = record_of("times-two", TWO)

    async def run(model):
        trainer = await RoundTrainer.open(model, config, TRAINING_BYTES["cpu"])
        announced = needs(trainer, config, record, 0.0)["memory_bytes"]
        watch, fresh = Watch(model.executor), trainer.fresh()
        attempt = trainer.begin(fresh, make_plan(TRAINING, fresh, [record], [], {}))
        while await attempt.advance(float("inf")) is not None:
            pass
        await attempt.judge()
        return announced, watch.most()

    announced, taken = asyncio.run(run(load_model(MODEL, Wasm(Native(1)))))
    print(mode, announced, taken)
    assert announced / 4 < taken <= announced


def test_a_cache_that_grows_under_a_conversation_changes_no_bit(monkeypatch):
    model = load_model(MODEL, Wasm(Native(1)))

    def generate(step):
        monkeypatch.setattr(Wasm, "cache_step", step)
        generator = Generator(model, pool=Pool(model.executor, model.config, 200))
        thoughts: list = []
        answer = generator.start(
            list(range(20, 60)),
            Sampling(max_tokens=40),
            forced=tuple(range(60, 100)),
            on_token=lambda token, top: thoughts.append(top),
        )
        asyncio.run(generator.answer_all([answer]))
        return thoughts, generator.pool.reached

    (grown, rows), (whole, all_rows) = generate(16), generate(200)
    assert grown == whole and len(whole) == 40
    assert rows < 100 and all_rows == 200


@pytest.mark.long
@pytest.mark.slow
def test_smollm2_with_training_needs_its_packed_weights_and_200_megabytes_with_four_threads(
    capsys, monkeypatch
):
    """Measured with a first lesson beside a conversation of 255 tokens."""
    monkeypatch.setattr(Wasm, "cache_step", 256)
    executor = Wasm(Native(4))
    model = load_model(fetch.part("model/smollm2-135m"), executor)
    weights, chosen = executor.memory.end, settings.TrainingConfig.preset("micro")
    nothing_stored = SimpleNamespace(store=None, base="", clock=None)
    assistant = Assistant(model, nothing_stored, chosen, memory_budget=TRAINING_BYTES["cpu"])
    trainer = assistant.learner.trainer
    before = trainer.fresh()["adapter"].nbytes
    for generator in (assistant.base, trainer.variants.generator):
        for shape in ((256, 1), (64, 1), (16, 1), (1, 1)):
            generator.prepare(*shape)
    for shape in ((256, 16), (64, 16), (16, 16)):
        trainer.variants.generator.prepare(*shape)
    for shape in ((352, 192), (480, 224)):  # the first lesson, and one with practice rows
        trainer.candidate.run_for(*shape)
    beside = executor.memory.end - weights + before
    with capsys.disabled():
        print(f"\nSmolLM2: weights {weights / 1e6:.0f} MB, all else {beside / 1e6:.0f} MB")
    assert beside < LIMIT
