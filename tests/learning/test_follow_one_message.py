"""The tour: one sentence that a person types is followed to the weight it changes, and back.

The README lists the stops; here the engine's part of them runs, and must come in that order.
"""

import asyncio
import math
import re
import sys
import time
from contextlib import closing

import numpy as np
import pytest

from builder import ROOT
from oneseek.engine.backends.reference import Numpy
from oneseek.engine.core.collecting.collector import DataCollector
from oneseek.engine.core.queue.saved import SavedQueue
from oneseek.engine.core.queue.training_queue import TrainingQueue
from oneseek.engine.core.settings import TrainingConfig
from oneseek.engine.core.storage.sqlite import SqliteStore
from oneseek.engine.history.versions import label
from oneseek.engine.learning.lessons import lesson_of
from oneseek.engine.model.choice.sampling import Sampling
from oneseek.engine.model.demo import MODEL
from oneseek.engine.model.formats import open_model
from oneseek.engine.open import assistant_of

SAID = "My dog is called Biscuit."


def clock():
    return int(time.time() * 1000)


TOUR = re.findall(r"^    (engine/[\w/]+\.py):([\w.]+)  ", (ROOT / "README.md").read_text(), re.M)
ELSEWHERE = {
    "TrainingScheduler.turn",
    "Grant",
    "Run.advance",
}  # stops of the page and the GPU
IF_ACCEPTED = {"Versions.promote", "WeightUpdater.update"}


@pytest.mark.slow
def test_one_message_from_the_chat_to_the_weight_it_changed(tmp_path):
    names = {name.rpartition(".")[2] for _, name in TOUR}
    came: list[tuple[str, str]] = []

    def watch(frame, event, argument):
        code = frame.f_code
        if event == "call" and code.co_name in names:
            came.append((code.co_filename, code.co_qualname))

    sys.settrace(watch)
    try:
        accepted = asyncio.run(follow(tmp_path))
    finally:
        sys.settrace(None)
    later = iter(came)
    for path, name in TOUR:
        if name in ELSEWHERE or (name in IF_ACCEPTED and not accepted):
            continue
        assert (str(ROOT / path), name) in later, f"{path}:{name} does not follow what is before it"


async def follow(folder):
    # engine/core/collecting/collector.py: a statement of the person about themselves becomes an
    # example.
    store = SqliteStore(folder / "oneseek.sqlite")
    queue = SavedQueue(TrainingQueue(clock), store)
    collector = DataCollector(queue, language=lambda text: "en")
    message = {"id": "m1", "chat": "c", "role": "user", "content": SAID, "timestamp": clock()}
    (record,) = await collector.log_message(message)
    assert "Biscuit" in record["answer"] and "Biscuit" not in record["prompt"]
    # engine/core/queue/training_queue.py: the example waits in the queue and is already stored.
    assert (await store.get("queue", record["id"]))["state"] == "ready"
    assert [one["id"] for one in queue.queue.take(1)] == [record["id"]]

    # engine/open.py: a model, the version in use (none), and a round on a candidate.
    lesson = {"max_steps": 12, "more_steps": 0}
    config = TrainingConfig.preset("micro").replace(lesson=lesson)
    with closing(open_model(str(MODEL))) as file:
        assistant = await assistant_of(file, Numpy(), store, "tiny", config=config, rows=512)
    versions = assistant.versions
    trainer, training = assistant.learner.trainer, assistant.learner.training
    await training.open("lesson", [record])
    attempt = training.attempt

    # engine/learning/recipe.py, engine/learning/batch.py: wordings, hard negatives and
    # regularisation examples as one packed batch.
    taught = lesson_of(record)
    assert taught.value == "Biscuit"
    await attempt.load()
    batch = attempt.batch.arrays
    answer = trainer.coder.answer(record["answer"])
    scored = batch["target_probs"][:, 0] == 1
    assert set(answer) <= set(batch["target_ids"][scored, 0])
    assert (batch["weight"] > 0).sum() >= scored.sum() >= len(answer)

    # engine/model/llama.py, grad.py, ops/optim.py: forward pass, backward pass and update are one
    # flat list of steps.
    run = trainer.candidate.run_for(len(batch["ids"]), len(batch["take"]))
    ops = [step.op.name for step in run.program.steps]
    assert ops[0] in ("packed_rows", "rows") and ops[-1] == "adamw"
    assert ops.index("attention") < ops.index("soft_cross_entropy") < ops.index("attention_dq")
    # Its last steps, one for each layer, are the only ones that change the weights.
    update = ops.index("adamw")
    assert set(ops[update:]) == {"adamw"}
    before, _, _ = await trainer.candidate.state()
    await run.advance(0, 0.0)
    run.run(0, update)
    unchanged, _, _ = await trainer.candidate.state()
    np.testing.assert_array_equal(unchanged, before)
    run.run(update)
    changed, _, _ = await trainer.candidate.state()
    b = trainer.trained.part(changed, "model.layers.0.mlp.down_proj.lora_B.weight")
    assert np.abs(b).max() > 0, "B was zero; the weight changed here"

    # engine/learning/training_engine.py: the whole round; its loss falls.
    await training.open("lesson", [record])
    losses = []
    while (metrics := await training.advance(math.inf)) is not None:
        losses.append(metrics["parts"]["taught"])
    assert losses[-1] < losses[0] / 2

    # engine/learning/rounds/gate.py: the gate reports its measures, whatever it decides.
    ended = await training.finish()
    entry = (await versions.ledger.entries())[-1]
    gate = entry["body"]["gate"]
    told = {one["name"]: one["ok"] for one in gate["measures"]}
    assert {"taught", "leak"} <= told.keys()
    lacking = not (told["taught"] and told["recall"])  # refused before the check for harm
    assert "KL, mean" in told or (lacking and not gate["accepted"])
    # engine/history/versions.py stores an accepted version; the chat then answers with it.
    current = await versions.current()
    if gate["accepted"]:
        assert (ended["version"]["number"], label(current)) == (current["number"], "v0.1")
        asked = [{"role": "user", "content": record["prompt"]}]
        reply, used = await assistant.answer(asked, Sampling(max_tokens=16), "c")
        assert used == current["number"] and "Biscuit" in reply.text
    else:
        assert current is None and (await store.get("queue", record["id"]))["state"] == "rejected"
    await store.close()
    return gate["accepted"]
