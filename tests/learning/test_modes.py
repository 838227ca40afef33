"""Modes full and hybrid: whole blocks trained in windows, the same bits however the steps are cut,
and a switch that can be undone."""

import asyncio
import math
from contextlib import closing

import numpy as np
import pytest

from oneseek.engine.backends.reference import Numpy
from oneseek.engine.core.settings import TrainingConfig
from oneseek.engine.history.round_plan import LESSON, PRACTICE, make_plan, resolve
from oneseek.engine.learning.batch import pack
from oneseek.engine.learning.rounds.block_windows import (
    TURN,
    Windows,
    fold_adapter,
    masters,
    windows_of,
)
from oneseek.engine.learning.rounds.candidate import Candidate, Hyper
from oneseek.engine.learning.rounds.verdict import SCALE, Measure, Verdict
from oneseek.engine.learning.trainer import RoundTrainer
from oneseek.engine.model.adapters import AdapterError, load_adapter, only_lora, save_adapter
from oneseek.engine.model.demo import MODEL
from oneseek.engine.model.formats import open_model
from oneseek.engine.model.loaded import Model
from oneseek.engine.model.trainable import Trained
from tests.support.rounds import CODE, DOG, some_rows

SMALL = TrainingConfig.preset("micro").replace(
    lora_config={"rank": 4, "alpha": 16},
    lesson={"max_steps": 4, "more_steps": 0, "anchor_rows": 1, "neighbour_rows": 1},
)


def mode(name, **more):
    return SMALL.replace(mode=name, **more)


@pytest.fixture(scope="module")
def model():
    with closing(open_model(str(MODEL))) as file:
        return asyncio.run(Model.load(file, Numpy()))


def plan_of(trainer, config=None):
    return make_plan(LESSON, trainer.fresh(), [DOG], [CODE], config or {})


async def whole(trainer, stop=None):
    """Run a lesson to its end, from the start or from a checkpoint after `stop` steps; returns it
    and its metrics."""
    attempt = trainer.begin(trainer.fresh(), plan_of(trainer))
    for _ in range(stop or 0):
        await attempt.advance(math.inf)
    if stop:
        attempt = trainer.resume(trainer.fresh(), plan_of(trainer), await attempt.capture())
    seen = []
    while (metrics := await attempt.advance(math.inf)) is not None:
        seen.append(metrics)
    return attempt, seen


@pytest.mark.slow
def test_full_trains_the_last_blocks_and_begins_as_the_model(model):
    trainer = asyncio.run(RoundTrainer.open(model, mode("full", full_blocks=1)))
    last = f"model.layers.{model.config.layers - 1}."
    assert trainer.trained.full_names and all(n.startswith(last) for n in trainer.trained.entries)
    flat = trainer.fresh()["adapter"]
    name = last + "mlp.down_proj.weight"
    assert np.array_equal(trainer.trained.part(flat, name), asyncio.run(model.dense(name)))
    _, seen = asyncio.run(whole(trainer))
    assert abs(seen[0]["parts"]["neighbours"]) < 1e-3, "the first step is the base model"
    assert seen[-1]["parts"]["taught"] < seen[0]["parts"]["taught"]
    assert {one["mode"] for one in seen} == {"full"}


def test_blocks_that_do_not_fit_the_budget_take_turns():
    with closing(open_model(str(MODEL))) as file:
        model = asyncio.run(Model.load(file, Numpy()))
    trained = Trained.from_training(model.config, mode("hybrid", full_blocks=2))
    assert len(windows_of(trained, None)) == 2, "the adapter, then both blocks together"
    adapter, first, second = windows_of(trained, 1)
    assert all(".lora_" in name for name in adapter)
    assert {name.split(".")[2] for name in first} != {name.split(".")[2] for name in second}


@pytest.mark.slow
def test_dropout_is_the_adapters_and_whole_blocks_train_without(model):
    config = mode("full", full_blocks=1, lora_config={"dropout": 0.1})
    trainer = asyncio.run(RoundTrainer.open(model, config))
    plain = asyncio.run(RoundTrainer.open(model, mode("full", full_blocks=1)))
    (_, one), (_, other) = asyncio.run(whole(trainer)), asyncio.run(whole(plain))
    assert [step["loss"] for step in one] == [step["loss"] for step in other]


@pytest.mark.parametrize("budget", [None, 1])
def test_a_window_learns_what_the_same_values_learn_alone(model, budget):
    """Compared with training everything at once. With one window the bits must be equal; with two,
    the window of the first turn must be equal and nothing else may move."""
    config = mode("full", full_blocks=2)
    trained = Trained.from_training(model.config, config)
    start = asyncio.run(masters(model, trained))
    batch = pack(some_rows(1, 3))

    async def after(candidate):
        candidate.begin(start)
        for _ in range(2):
            candidate.load(batch.arrays, Hyper(1e-4, max_norm=100.0))
            while await candidate.advance() is None:
                pass
        return (await candidate.state())[0]

    windows = Windows(model, trained, config.replace(full_rate=1e-3, learning_rate=1e-3))
    windows.names = windows_of(trained, budget)
    windows.layouts = [windows._layout(names) for names in windows.names]
    ours, plain = asyncio.run(after(windows)), asyncio.run(after(Candidate(model, trained)))
    if budget is None:
        assert np.array_equal(ours, plain)
        return
    moved = {name for name in trained.entries
             if not np.array_equal(trained.part(ours, name), trained.part(start, name))}  # fmt: skip
    assert moved == set(windows.names[0])


@pytest.mark.long
@pytest.mark.slow
def test_R2_cut_anywhere_the_windows_give_the_same_bits(model, monkeypatch):
    monkeypatch.setattr("oneseek.engine.learning.rounds.block_windows.TURN", 2)
    for name in ("full", "hybrid"):
        config = mode(name, full_blocks=2, plateau_threshold=1.0, plateau_patience=1)
        trainer = asyncio.run(RoundTrainer.open(model, config, memory_budget=1))
        expected, seen = asyncio.run(whole(trainer))
        for stop in (1, 3):
            again, _ = asyncio.run(whole(trainer, stop))
            assert np.array_equal(
                asyncio.run(again.weights())["adapter"], asyncio.run(expected.weights())["adapter"]
            ), (name, stop)


def test_folding_an_adapter_in_changes_no_answer(model):
    trained = Trained.from_training(model.config, mode("hybrid", full_blocks=2))
    flat = asyncio.run(masters(model, trained)) + trained.initial(1)
    draw = np.random.default_rng(0)
    for name in trained.entries:
        if ".lora_B." in name:
            b = trained.part(flat, name)
            b[...] = 0.05 * draw.standard_normal(b.shape)
    batch = pack(some_rows(1, 3))

    async def losses(values):
        candidate = Candidate(model, trained)
        candidate.begin(values)
        return (await candidate.step(batch.arrays, Hyper(0.0))).losses

    before, after = asyncio.run(losses(flat)), asyncio.run(losses(fold_adapter(trained, flat)))
    np.testing.assert_allclose(after, before, atol=1e-4)


@pytest.mark.slow
def test_hybrid_goes_on_in_full_at_its_plateau_and_is_rolled_back_when_the_gate_refuses(
    model, monkeypatch
):
    monkeypatch.setattr("oneseek.engine.learning.rounds.block_windows.TURN", 2)
    config = mode("hybrid", full_blocks=1, plateau_threshold=1.0, plateau_patience=1)
    config = config.replace(lesson={"max_steps": 8})
    trainer = asyncio.run(RoundTrainer.open(model, config))
    attempt, seen = asyncio.run(whole(trainer))
    (switch,) = attempt.switches
    assert (switch["from"], switch["to"]) == ("lora", "full") and switch["step"] < 8
    modes = [one["mode"] for one in seen]
    assert modes[0] == "lora" and modes[-1] == "full"

    async def refuse_what_is_full(gate, *_):
        full = not np.array_equal(trainer.variants.flats["candidate"], attempt.before_switch)
        return Verdict((Measure("drift", 1.0, "< 1", SCALE if full else "accept"),))

    monkeypatch.setattr(
        "oneseek.engine.learning.rounds.lesson.LessonAttempt._judge_lesson", refuse_what_is_full
    )
    monkeypatch.setattr(
        "oneseek.engine.learning.rounds.lesson.LessonAttempt._judge_again", refuse_what_is_full
    )
    gate = asyncio.run(attempt.judge())
    assert gate["accepted"] and gate["switches"][-1]["why"].startswith("rolled back")
    kept = asyncio.run(attempt.weights())["adapter"]
    assert np.array_equal(kept, attempt.before_switch)


def test_whole_blocks_are_kept_beside_the_adapter_and_never_written_as_one(model, tmp_path):
    trained = Trained.from_training(model.config, mode("hybrid", full_blocks=1))
    flat = asyncio.run(masters(model, trained)) + trained.initial(1)
    save_adapter(tmp_path, trained, flat, model.name)
    back, again = load_adapter(tmp_path, model.config)
    for name in trained.entries:
        assert np.array_equal(back.part(again, name), trained.part(flat, name)), name
    with pytest.raises(AdapterError, match="export it merged"):
        only_lora(trained)


def test_a_round_of_another_shape_is_trained_on_a_bench_of_its_own_and_says_its_shape(model):
    trainer = asyncio.run(RoundTrainer.open(model, SMALL))

    def begin_round(weights, config, kind=LESSON):
        plan = make_plan(kind, weights, [DOG], [CODE], config)
        return asyncio.run(resolve(trainer.begin(weights, plan)))

    draw = np.random.default_rng(0)
    known = {"adapter": draw.standard_normal(trainer.trained.size).astype(np.float32)}
    full = asyncio.run(begin_round(known, {"mode": "hybrid"}).weights())
    ((name, flat),) = full.items()
    layout = trainer.layout_of(full)
    assert '"mode":"hybrid"' in name and layout.full_names
    b = "model.layers.0.mlp.down_proj.lora_B.weight"
    assert np.array_equal(layout.part(flat, b), trainer.trained.part(known["adapter"], b))
    again = begin_round(full, {})
    assert again.trainer.called == name, "a lesson goes on in the shape there is"
    assert begin_round(full, {"mode": "lora"}).trainer.called == name, "and loses nothing of it"
    assert begin_round(full, {}, PRACTICE).trainer is trainer, "practice begins anew"
    assert begin_round(known, {"lora_config": {"rank": 8}}).trainer.trained.rank == 8
    assert begin_round(known, {}).trainer is trainer and trainer.beside is None


@pytest.mark.slow
def test_where_an_adapter_begins_is_said_by_its_name_and_heeded_by_what_comes_after(model):
    trainer = asyncio.run(RoundTrainer.open(model, SMALL))
    last = model.config.layers - 1
    later = {"lora_config": {"first_layer": last}}

    def begin_round(weights, config, kind=LESSON):
        plan = make_plan(kind, weights, [DOG], [CODE], config)
        return asyncio.run(resolve(trainer.begin(weights, plan)))

    first = begin_round(trainer.fresh(), later)
    assert first.trainer.trained.first_layer == last, "at the base there is a choice"
    asyncio.run(first.advance(math.inf))
    late = asyncio.run(first.weights())
    ((name, flat),) = late.items()
    assert f'"first_layer":{last}' in name and trainer.layout_of(late).first_layer == last
    assert begin_round(late, later).trainer.called == name, "a lesson goes on"
    assert begin_round(late, {}).trainer.called == name, "whatever its plan does not say"
    everywhere = begin_round(late, {"lora_config": {"first_layer": 0}})
    assert everywhere.trainer is trainer, "it takes on more layers"
    grown = trainer.grow(late)
    for entry in trainer.layout_of(late).entries:
        mine = trainer.layout_of(late).part(flat, entry)
        assert np.array_equal(trainer.trained.part(grown, entry), mine), entry
    draw = np.random.default_rng(0)
    known = {"adapter": draw.standard_normal(trainer.trained.size).astype(np.float32)}
    assert begin_round(known, later).trainer is trainer, "a lesson loses no layer of what there is"
    rank = {"lora_config": {"first_layer": last, "rank": 8}}
    assert begin_round(known, rank).trainer.trained.rank == 8, "and takes on what has a place"
    assert begin_round(known, later, PRACTICE).trainer.called == name, "practice begins anew"


def test_practice_of_fewer_layers_is_held_against_all_that_is_in_use(model):
    trainer = asyncio.run(RoundTrainer.open(model, SMALL))
    later = {"lora_config": {"first_layer": model.config.layers - 1}}
    draw = np.random.default_rng(0)
    flat = trainer.trained.initial(0)
    flat += 0.02 * draw.standard_normal(flat.size).astype(np.float32)
    questions = [DOG["prompt"], CODE["prompt"], "What is the capital of France?"]
    trainer.variants.put("active", flat)
    said = asyncio.run(trainer.variants.replies("active", questions, 8))
    base = asyncio.run(trainer.variants.replies("base", questions, 8))
    assert said != base

    def begin_round(weights):
        plan = make_plan(PRACTICE, weights, [DOG], [CODE], later)
        return asyncio.run(resolve(trainer.begin(weights, plan)))

    assert begin_round(trainer.fresh()).elsewhere is None, "the base has its place in any shape"
    attempt = begin_round({"adapter": flat})
    apart = asyncio.run(attempt.trainer.with_active(*attempt.elsewhere))
    attempt.trainer.variants.put("candidate", attempt.start)
    asked = [
        asyncio.run(apart.replies(who, questions, 8)) for who in ("active", "candidate", "base")
    ]
    assert asked == [said, base, base]
    rows = [(attempt.trainer.coder.prompt(question), [5, 6, 7]) for question in questions]
    drift = [asyncio.run(apart.drift(who, rows)) for who in ("active", "candidate")]
    moved, still = (max(float(abs(kl).max()) for kl, _ in pairs) for pairs in drift)
    assert moved > 0.01 > 1e-6 > still


def test_below_the_first_layer_nothing_is_differentiated_and_what_is_above_learns_the_same(model):
    """Compared with an adapter over all layers that is zero below: the gradients must have the same
    bits."""
    config = model.config
    every, late = (Trained.lora(config, 4, 8, layers=range(n, config.layers)) for n in (0, 2))
    batch = pack(some_rows(1, 3))
    shape = len(batch.arrays["ids"]), len(batch.arrays["take"])

    async def gradients(trained):
        planned = model.program("accumulate", *shape, trained=trained)
        start = every.initial(5)
        flat = np.concatenate([start[every.entries[name][0]:][: trained.size]
                               for name in list(trained.entries)[:1]])  # fmt: skip
        total = model.executor.upload(np.zeros(trained.size, np.float32))
        adapter = model.executor.upload(flat)
        run = model.prepare(planned, {"adapter": adapter, "adapter.total": total})
        for name, array in batch.arrays.items():
            run.write(name, array)
        await run.advance()
        backward = sum(step.op.name == "attention_dq" for step in planned.program.steps)
        return await total.read(), backward

    (whole, layers), (upper, fewer) = (asyncio.run(gradients(one)) for one in (every, late))
    assert (layers, fewer) == (config.layers, config.layers - 2)
    for name in late.entries:
        assert np.array_equal(late.part(upper, name), every.part(whole, name)), name
    assert upper.any()


def test_a_turn_is_longer_than_a_warm_up():
    assert TURN > SMALL.lesson.warmup_steps
