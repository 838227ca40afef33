"""A model with stacked weights, on a device that merges steps, must give the same answers and
losses."""

import asyncio
import contextlib

import numpy as np
import pytest

from oneseek.engine.backends.reference import Numpy
from oneseek.engine.learning.rounds.candidate import Candidate, Hyper
from oneseek.engine.model.choice.sampling import Sampling
from oneseek.engine.model.formats import open_model
from oneseek.engine.model.generate import Generator
from oneseek.engine.model.loaded import Model
from oneseek.engine.model.registry import find
from oneseek.engine.model.trainable import Trained
from tests.support.gpu_device import gpu

pytestmark = pytest.mark.slow


def load_model(executor):
    with contextlib.closing(open_model(find("tiny"))) as file:
        return asyncio.run(Model.load(file, executor))


@pytest.fixture(scope="module")
def models():
    return load_model(gpu()), load_model(Numpy())


def test_weights_in_a_stack_are_found_there(models):
    ours, theirs = models
    assert sum(stored.stack is not None for stored in ours.stored.values()) == 5 * 4
    assert not any(stored.stack for stored in theirs.stored.values())
    for name in ours.stored:
        made, truth = (asyncio.run(model.dense(name)) for model in models)
        np.testing.assert_array_equal(made, truth, err_msg=name)


@pytest.mark.parametrize("adapted", [False, pytest.param(True, marks=pytest.mark.long)])
def test_merged_steps_answer_as_numpy_does(models, adapted):
    def answer(model):
        trained = Trained.lora(model.config, 4, 8) if adapted else None
        tensors = {}
        if trained:
            flat = np.random.default_rng(3).normal(size=trained.size).astype(np.float32) * 0.03
            tensors = {trained.name: model.executor.upload(flat)}
        generator = Generator(model, trained, tensors)
        asked = [{"role": "user", "content": "What is the capital of France, and who are you?"}]
        growing = generator.ask(asked, Sampling(max_tokens=12))
        asyncio.run(generator.answer_all([growing]))
        return growing.ids

    ours, theirs = map(answer, models)
    assert len(ours) > 3
    assert ours == theirs


@pytest.mark.parametrize("budget", [pytest.param(None, marks=pytest.mark.long), 1])
def test_merged_steps_learn_as_numpy_does(models, budget):
    def losses(model):
        trained = Trained.lora(model.config, 4, 8)
        candidate, tokens, rows = Candidate(model, trained, budget), 48, 40
        candidate.begin(trained.initial(0))
        rng, at = np.random.default_rng(0), np.arange(tokens)
        spans = np.stack([at * 0, at * 0, at * 0, at + 1], -1)
        targets, probs = np.zeros((rows, 32), np.int32), np.zeros((rows, 32), np.float32)
        ids = rng.integers(3, model.config.vocab, tokens)
        targets[:, 0], probs[:, 0] = ids[1 : rows + 1], 1
        batch = {
            "ids": ids, "positions": at, "spans": spans, "take": at[:rows], "target_ids": targets,
            "target_probs": probs, "target_rest": np.zeros(rows),
            "weight": np.full(rows, 1 / rows),
        }  # fmt: skip
        done = [asyncio.run(candidate.step(batch, Hyper(1e-2))) for _ in range(4)]
        return [outcome.losses.sum() for outcome in done], [outcome.norm for outcome in done]

    (ours, our_norms), (theirs, their_norms) = map(losses, models)
    assert ours[-1] < 0.9 * ours[0]
    np.testing.assert_allclose(ours, theirs, rtol=1e-4)
    np.testing.assert_allclose(our_norms, their_norms, rtol=1e-3)
