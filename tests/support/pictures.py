"""Measures how far a small random model with eyes is from transformers, on any back end."""

from functools import cache

import numpy as np

from oneseek.engine.backends.executor import Executor
from oneseek.engine.compiler.schedule import plan
from oneseek.engine.model import programs
from oneseek.engine.model.loaded import Model
from oneseek.engine.model.score import top_tokens
from oneseek.engine.model.trainable import Trained
from tests.golden import FOLDER, some_rows
from tests.golden.pictures import QUESTION, RANK, lora
from tests.support import eyes


@cache
def golden():
    return np.load(FOLDER / "pictures.npz")


async def prompt(model: Model, layout: str) -> list[int]:
    """The tokens of a question about a picture."""
    assert model.eyes, model.blind
    seen = await model.eyes.look(eyes.tiles(*eyes.LAYOUTS[layout]))
    return model.read([{"role": "user", "content": QUESTION, "pictures": [seen]}])


async def divergence(model: Model, layout: str) -> float:
    """The largest divergence from transformers at any position, in nats."""
    ids, ours = await top_tokens(model, await prompt(model, layout))
    theirs = golden()[f"logits/{layout}"].astype(np.float64)
    theirs -= np.log(np.exp(theirs).sum(-1, keepdims=True))
    expected = np.take_along_axis(theirs, ids, -1)
    p, q = np.exp(expected), np.exp(ours.astype(np.float64))
    return float((p * (expected - ours) - p + q).sum(-1).max())


def adapter_of(model: Model) -> Trained:
    return Trained.lora(model.config, RANK, 2 * RANK)


async def gradient_errors(model: Model, layout: str) -> dict[str, float]:
    """For each weight of an adapter of the language part, the largest difference from torch's
    gradient of the mean next-token loss, as a share of that gradient's largest value."""
    assert model.eyes
    trained, ids = adapter_of(model), await prompt(model, layout)
    targets = np.array(ids[1:])
    take = np.flatnonzero(targets < model.config.vocab)
    sizes = len(ids), len(take), model.positions
    program = programs.accumulate(model.config, model.stored, *sizes, trained, pictured=True)
    run = model.prepare(plan(program), {})
    words, are_words, states = model.eyes.split(np.array(ids))
    spans = np.zeros((len(ids), 4), np.int32)
    spans[:, 3] = np.arange(len(ids)) + 1
    given = {
        "ids": words, "words": are_words, "pictured": states, "spans": spans, "take": take,
        "positions": np.arange(len(ids)), "adapter": lora(trained),
        "target_rest": np.zeros(len(take)), "weight": np.full(len(take), 1 / len(take)),
    }  # fmt: skip
    shape = (len(take), programs.TARGETS)
    given["target_ids"], given["target_probs"] = np.zeros(shape, np.int32), np.zeros(shape)
    given["target_ids"][:, 0], given["target_probs"][:, 0] = targets[take], 1
    for name, array in given.items():
        dtype = np.int32 if array.dtype.kind == "i" else np.float32
        run.write(name, array.astype(dtype))
    await run.advance()
    gradient = await run.read("adapter.total")
    found = {}
    for name in trained.entries:
        theirs = golden()[f"gradient/{layout}/{name}"]
        ours = some_rows(trained.part(gradient, name))
        found[name] = float(np.abs(ours - theirs).max() / np.abs(theirs).max())
    return found


async def figures(executor: Executor) -> dict:
    """The worst of each figure, over all tile layouts."""
    model = await eyes.load_model(executor)
    apart = [await divergence(model, layout) for layout in eyes.LAYOUTS]
    errors = [max((await gradient_errors(model, layout)).values()) for layout in eyes.LAYOUTS]
    return {"kl": max(apart), "gradient": max(errors)}
