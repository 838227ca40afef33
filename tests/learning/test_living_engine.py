"""Rounds, forgetting and restarts on the real engine with the demo model, exact to the bit.

The gate always accepts: a few steps of a tiny model teach nothing, and these tests are about the
weights, not about their quality.
"""

import asyncio
from contextlib import closing

import numpy as np
import pytest

from oneseek.engine.assistant import Assistant
from oneseek.engine.backends.reference import Numpy
from oneseek.engine.core.settings import TrainingConfig
from oneseek.engine.history.audit import check_store
from oneseek.engine.learning.replay import History
from oneseek.engine.learning.rounds.lesson import LessonAttempt
from oneseek.engine.learning.training_engine import TrainingEngine
from oneseek.engine.model.demo import MODEL
from oneseek.engine.model.formats import open_model
from oneseek.engine.model.loaded import Model
from oneseek.engine.model.trainable import Trained
from tests.support.base_said import forget_answers
from tests.support.living import Living
from tests.support.rounds import AcceptingTrainer

pytestmark = pytest.mark.slow
SHORT = TrainingConfig.preset("micro").replace(
    lora_config={"rank": 4, "alpha": 16},
    lesson={"max_steps": 3, "more_steps": 0},
    practice={"steps_per_fact": 2},
)
FACTS = {
    "dog": ("What is my dog's name?", "Your dog's name is Biscuit."),
    "shed": ("What is the code of the shed?", "The code of the shed is 4711."),
    "town": ("Who founded Quillmere?", "Quillmere was founded by Tove Lindahl."),
}


@pytest.fixture(scope="module")
def model():
    with closing(open_model(str(MODEL))) as file:
        return asyncio.run(Model.load(file, Numpy()))


@pytest.fixture
def system(model, tmp_path):
    """A function that makes living systems around the real engine, each in its own folder."""
    lora = SHORT.lora_config
    trained = Trained.lora(model.config, lora.rank, lora.alpha, lora.target_modules)

    def make(name):
        living = Living(tmp_path / name, AcceptingTrainer(model, trained, SHORT))
        living.training = TrainingEngine(living.versions, living.trainer, {}, checkpoint_share=1)
        return living

    return make


def teach(living, name):
    prompt, answer = FACTS[name]
    return living.teach(prompt, answer)


def weights(living):
    return asyncio.run(living.versions.current())["weights_sha256"]


@pytest.mark.long
def test_R33_the_real_engine_forgets_to_the_bit(system):
    living, never = system("one"), system("two")
    for name in FACTS:
        teach(living, name)
        if name != "shed":
            teach(never, name)
    living.learn("practice")
    never.learn("practice")
    assert weights(living) != weights(never)
    examples = asyncio.run(living.store.all("examples"))
    shed = [id for id, one in examples if "shed" in one["prompt"]]
    result = asyncio.run(History(living.versions, living.trainer).forget(shed))
    assert len(result["retrained"]) == 2 and weights(living) == weights(never)
    assert asyncio.run(check_store(living.store)) == []


@pytest.mark.parametrize("stop", [1])
def test_R2_a_round_of_the_real_engine_goes_on_from_its_checkpoint_to_the_same_bits(system, stop):
    expected = system("whole")
    teach(expected, "dog")
    expected.learn("practice")
    broken = system("broken")
    teach(broken, "dog")
    asyncio.run(broken.training.open("practice"))
    for _ in range(stop):
        asyncio.run(broken.training.advance(float("inf")))
    forget_answers()
    again = system("broken")
    assert asyncio.run(again.training.reopen())
    assert again.training.attempt.trainer.candidate.steps == stop
    while asyncio.run(again.training.advance(float("inf"))) is not None:
        pass
    again.settle([], asyncio.run(again.training.finish()))
    assert weights(again) == weights(expected)


@pytest.mark.long
def test_a_damaged_snapshot_is_retrained_by_the_real_engine_to_the_same_bits(system):
    living = system("one")
    for name in ("dog", "town"):
        teach(living, name)
    stored = asyncio.run(living.store.get("snapshots", 2))
    stored["data"] = stored["data"][:-9] + b"damaged!!"
    asyncio.run(living.store.batch([["put", "snapshots", 2, stored]]))
    asyncio.run(History(living.versions, living.trainer).repair(2))
    assert asyncio.run(check_store(living.store)) == []


@pytest.fixture
def assistant_of(monkeypatch):
    """A function that opens the whole assistant on a living system's stores; its gate accepts."""
    judge = lambda self: {"accepted": True, "outcome": "learned", "reason": ""}  # noqa: E731
    monkeypatch.setattr(LessonAttempt, "judge", judge)

    async def load(living):
        with closing(open_model(str(MODEL))) as file:
            return Assistant(await Model.load(file, Numpy()), living.versions, SHORT)

    return load


def test_the_assistant_brings_a_damaged_version_back_and_finishes_an_interrupted_forgetting(
    system, assistant_of
):
    living = system("one")
    for name in ("dog", "town"):
        teach(living, name)
    stored = asyncio.run(living.store.get("snapshots", 2))
    stored["data"] = b"damaged!!" + stored["data"][9:]
    asyncio.run(living.store.batch([["put", "snapshots", 2, stored]]))
    dog = [id for id, one in asyncio.run(living.store.all("examples")) if "dog" in one["prompt"]]

    async def go_on():
        assistant = await assistant_of(living)
        await assistant.generator(2)
        assert await check_store(living.store) == []
        await living.store.batch([["put", "state", "forget", {"ids": dog, "base": "tiny"}]])
        await assistant.learner.learn("practice", [], "generic")
        assistant.learner.drop()

    asyncio.run(go_on())
    assert asyncio.run(living.store.get("state", "forget")) is None
    assert asyncio.run(check_store(living.store)) == []
    (left,) = asyncio.run(living.versions.pool())
    assert "Quillmere" in left["prompt"]


def test_R24_a_weight_that_is_no_number_is_not_promoted_by_the_real_engine(system):
    living = system("one")
    teach(living, "dog")
    before = weights(living)
    prompt, answer = FACTS["town"]
    living.offer(prompt, answer)

    async def poison_lesson():
        await living.training.open("lesson", living.queue.queue.take(1))
        name = living.trainer.trained.name
        tensor = living.trainer.candidate.tensors[name]
        array = await tensor.read()
        array[7] = np.nan
        tensor.write(array)
        while await living.training.advance(float("inf")) is not None:
            pass
        return await living.training.finish()

    with np.errstate(all="ignore"):
        result = asyncio.run(poison_lesson())
    assert result["version"] is None and "NaN" in result["reason"]
    assert weights(living) == before and asyncio.run(check_store(living.store)) == []
