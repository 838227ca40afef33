"""Measures how far a small random model of each kind is from transformers, and trains a lesson of
it; on any back end, natively and in the page's worker."""

import math
from functools import cache

import numpy as np

from oneseek.engine.backends.executor import Executor
from oneseek.engine.compiler.schedule import plan
from oneseek.engine.history.round_plan import LESSON, make_plan
from oneseek.engine.learning.trainer import RoundTrainer
from oneseek.engine.model import programs
from oneseek.engine.model.formats import BytesSource, open_model
from oneseek.engine.model.loaded import Model
from oneseek.engine.model.score import top_tokens
from oneseek.engine.model.trainable import Trained
from tests.golden import FOLDER, GRADIENTS, IDS, LENGTHS, some_rows
from tests.support import tiny
from tests.support.rounds import DOG, SHORT


@cache
def golden():
    return np.load(FOLDER / "architectures.npz")


def open_variant(variant, container="safetensors", **changes):
    if container == "gguf":
        return open_model(BytesSource(tiny.gguf(variant, "F32", **changes), "tiny.gguf"))
    files = tiny.folder(variant, "F32")
    return open_model({name: BytesSource(data, name) for name, data in files.items()})


async def load_variant(variant, executor: Executor, container="safetensors") -> Model:
    return await Model.load(open_variant(variant, container), executor)


async def divergence(model: Model, variant, length) -> float:
    """The largest divergence from transformers at any position, in nats."""
    return await apart(model, f"logits/{variant}/{length}", IDS[:length])


async def apart(model: Model, name, given, every=1) -> float:
    """The same for a given text, at every `every`-th position."""
    ids, ours = (found[::every] for found in await top_tokens(model, given))
    theirs = golden()[name].astype(np.float64)
    theirs -= np.log(np.exp(theirs).sum(-1, keepdims=True))
    expected = np.take_along_axis(theirs, ids, -1)
    p, q = np.exp(expected), np.exp(ours.astype(np.float64))
    # in Bregman's form each token's share is positive, so errors of likely tokens cannot cancel
    return float((p * (expected - ours) - p + q).sum(-1).max())


async def gradient_errors(model: Model, variant) -> dict[str, float]:
    """For each kind of weight, the largest difference from torch's gradient of the mean next-token
    loss, as a share of that gradient's largest value."""
    shapes = model.config.shapes()
    names = [name for name in GRADIENTS if name in shapes]
    trained = Trained.of({name: shapes[name] for name in names})
    rows = len(IDS) - 1
    sizes = len(IDS), rows, model.positions
    run = model.prepare(plan(programs.accumulate(model.config, model.stored, *sizes, trained)), {})
    adapter = np.zeros(trained.size, np.float32)
    for name in names:
        trained.part(adapter, name)[...] = await model.dense(name)
    for name, array in feeds(adapter, rows).items():
        run.write(name, np.asarray(array))
    await run.advance()
    gradient = await run.read("adapter.total")
    found = {}
    for name in names:
        ours = some_rows(trained.part(gradient, name))
        theirs = golden()[f"gradient/{variant}/{name}"]
        found[name] = float(np.abs(ours - theirs).max() / np.abs(theirs).max())
    return found


def feeds(adapter, rows) -> dict:
    """The feeds of one text in which every next token is a target."""
    spans = np.zeros((len(IDS), 4), np.int32)
    spans[:, 3] = np.arange(len(IDS)) + 1
    targets, probs = np.zeros((rows, 32), np.int32), np.zeros((rows, 32), np.float32)
    targets[:, 0], probs[:, 0] = IDS[1:], 1
    return {
        "adapter": adapter,
        "ids": IDS,
        "positions": np.arange(len(IDS)),
        "spans": spans,
        "take": np.arange(rows),
        "target_ids": targets,
        "target_probs": probs,
        "target_rest": np.zeros(rows, np.float32),
        "weight": np.full(rows, 1 / rows, np.float32),
    }


async def lesson(model: Model) -> dict:
    """Train a whole lesson; returns its steps, its losses and the gate's outcome for a random
    model."""
    trainer = await RoundTrainer.open(model, SHORT)
    fresh = trainer.fresh()
    attempt = trainer.begin(fresh, make_plan(LESSON, fresh, [DOG], [], {}))
    losses = []
    while (metrics := await attempt.advance(math.inf)) is not None:
        losses.append(metrics["parts"]["taught"])
    verdict = await attempt.judge()
    return {"steps": len(losses), "losses": losses, "outcome": verdict["outcome"]}


async def figures(variant, executor: Executor) -> dict:
    """The figures that the bench prints for one kind: the worst of each."""
    model = await load_variant(variant, executor)
    apart = [await divergence(model, variant, length) for length in LENGTHS]
    gradients = await gradient_errors(model, variant)
    return {"kl": max(apart), "gradient": max(gradients.values())}
