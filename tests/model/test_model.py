"""The whole model: its gradients, its update, and that untrained parts cost nothing."""

import asyncio
from collections import Counter
from contextlib import closing

import numpy as np
import pytest

from oneseek.engine.backends.reference import Numpy
from oneseek.engine.compiler.schedule import plan
from oneseek.engine.model import programs
from oneseek.engine.model.demo import MODEL
from oneseek.engine.model.formats import open_model
from oneseek.engine.model.loaded import Model
from oneseek.engine.model.trainable import Trained
from tests.support.programs import (
    KINDS,
    TINY,
    describe_storage,
    random_weights,
    two_rows_behind_a_prefix,
)


def prepare_run(program, feeds, dtype=np.float64):
    run = Numpy(dtype).prepare(plan(program))
    for name, array in feeds.items():
        if name in program.inputs:
            run.write(name, array)
    return run


def read(run, name):
    return asyncio.run(run.read(name))


@pytest.mark.parametrize("bits", [0, 4])
@pytest.mark.parametrize("kind", KINDS)
def test_whole_model_gradients_agree_with_central_differences(kind, bits):
    config, rng = KINDS[kind], np.random.default_rng(0)
    trained = Trained.lora(config, rank=2, alpha=4, bias=kind == "llama")
    stored = describe_storage(config, bits)
    program = programs.accumulate(config, stored, 12, 6, 64, trained)
    feeds = {
        **random_weights(program, config, rng),
        **two_rows_behind_a_prefix(rng, config.vocab),
        "adapter": rng.normal(size=trained.size) * 0.2,
    }
    run = prepare_run(program, feeds)
    run.run()
    gradient = read(run, "adapter.total")
    for name in list(trained.entries)[:: len(trained.entries) // 12]:
        offset, shape = trained.entries[name]
        at, h, losses = offset + int(rng.integers(np.prod(shape))), 1e-5, []
        for sign in (1, -1):
            moved = feeds["adapter"].copy()
            moved[at] += sign * h
            run.write("adapter", moved)
            run.run()
            losses.append(read(run, "losses").sum())
        slope = (losses[0] - losses[1]) / (2 * h)
        np.testing.assert_allclose(gradient[at], slope, rtol=1e-5, atol=1e-9, err_msg=name)


def build_learning(trained, keep_blocks=None, seed=0):
    rng = np.random.default_rng(seed)
    program = programs.learn(
        TINY, describe_storage(TINY, 4), 12, 6, 64, trained, keep_blocks=keep_blocks
    )
    feeds = {
        **random_weights(program, TINY, rng),
        **two_rows_behind_a_prefix(rng, TINY.vocab),
        "adapter": trained.initial(1),
    }
    return program, feeds


LORA = Trained.lora(TINY, rank=4, alpha=8)


def test_ten_steps_learn_the_targets_and_repeat_to_the_bit():
    curves = []
    for _ in range(2):
        program, feeds = build_learning(LORA)
        run, curve = prepare_run(program, feeds, np.float32), []
        for step in range(1, 11):
            hyper = [0.01, 0.9, 0.99, 1e-8, 0, 1 - 0.9**step, 1 - 0.99**step, 1]
            run.write("hyper", np.array(hyper, np.float32))
            run.run()
            curve.append(read(run, "losses").sum())
        curves.append((curve, read(run, "adapter")))
    assert curves[0][0][-1] < curves[0][0][0] * 0.9
    np.testing.assert_array_equal(curves[0][1], curves[1][1])


def test_a_step_cut_in_random_slices_gives_the_same_bits():
    program, feeds = build_learning(LORA)
    whole, cut = (prepare_run(program, feeds, np.float32) for _ in range(2))
    whole.run()
    rng, at = np.random.default_rng(0), 0
    while at < len(cut):
        stop = min(len(cut), at + int(rng.integers(1, 9)))
        cut.run(at, stop)
        at = stop
    np.testing.assert_array_equal(read(whole, "adapter"), read(cut, "adapter"))


@pytest.mark.parametrize("keep", [0, 1])
def test_recomputing_gives_the_same_bits_in_less_memory(keep):
    (kept, feeds), (again, _) = build_learning(LORA), build_learning(LORA, keep_blocks=keep)
    results = []
    for program in (kept, again):
        run = prepare_run(program, feeds, np.float32)
        run.run()
        results.append(read(run, "adapter"))
    np.testing.assert_array_equal(*results)
    assert plan(again).lower_bound < plan(kept).lower_bound


def test_frozen_weights_cost_no_gradient_steps():
    program, _ = build_learning(LORA)
    ops = Counter(step.op.name for step in program.steps)
    assert "rmsnorm_dw" not in ops and "rows_dtable" in ops


def test_full_and_norm_training_use_the_same_flat_array():
    shapes = {
        "model.layers.1.mlp.down_proj.weight": (32, 64),
        "model.layers.0.input_layernorm.weight": (32,),
    }
    trained, rng = Trained.of(shapes), np.random.default_rng(5)
    program = programs.accumulate(TINY, describe_storage(TINY, 4), 12, 6, 64, trained)
    feeds = {
        **random_weights(program, TINY, rng),
        **two_rows_behind_a_prefix(rng, TINY.vocab),
        "adapter": rng.normal(size=trained.size) * 0.2,
    }
    run = prepare_run(program, feeds)
    run.run()
    gradient, h = read(run, "adapter.total"), 1e-5
    for at in (5, 700, 2048 + 7):
        losses = []
        for sign in (1, -1):
            moved = feeds["adapter"].copy()
            moved[at] += sign * h
            run.write("adapter", moved)
            run.run()
            losses.append(read(run, "losses").sum())
        np.testing.assert_allclose(gradient[at], (losses[0] - losses[1]) / (2 * h), rtol=1e-5)


def test_planned_values_that_live_together_never_share_a_buffer():
    program, _ = build_learning(LORA)
    planned = plan(program)
    last, first = {}, {}
    for i, step in enumerate(program.steps):
        for value in (*step.reads, *step.outs):
            first.setdefault(value.root, i)
            last[value.root] = i
    for output in program.outputs.values():
        last[output.root] = len(program.steps)
    owned = [v for v in first if v in planned.slot_of]
    for i, a in enumerate(owned):
        assert planned.slots[planned.slot_of[a]] >= a.spec.nbytes
        for b in owned[i + 1 :]:
            if planned.slot_of[a] == planned.slot_of[b]:
                earlier, later = (a, b) if first[a] <= first[b] else (b, a)
                takes_over = last[earlier] == first[later]
                assert last[earlier] < first[later] or takes_over, f"{a.name} {b.name}"


def test_adapters_of_another_rank_and_the_same_strength_have_programs_of_their_own():
    with closing(open_model(str(MODEL))) as file:
        model = asyncio.run(Model.load(file, Numpy()))
    for rank in (4, 8):
        adapter = Trained.lora(model.config, rank, 2 * rank)
        tensors = {adapter.name: model.executor.empty(adapter.spec)}
        model.prepare(model.program("score", 128, 32, trained=adapter), tensors)


def test_a_step_is_traced_once_where_it_fits_and_a_layers_share_is_found_once(monkeypatch):
    with closing(open_model(str(MODEL))) as file:
        model = asyncio.run(Model.load(file, Numpy()))
    trained, traced, learn = Trained.lora(model.config, 4, 8), [], programs.learn
    monkeypatch.setattr(programs, "learn", lambda *a, **more: traced.append(a) or learn(*a, **more))

    def plan_twice(tokens, budget):
        traced.clear()
        made = [model.plan_learning(tokens, tokens // 2, trained, budget) for _ in range(2)]
        assert made[0] is made[1] and made[0].lower_bound <= budget
        return made[0].lower_bound, len(traced)

    whole, times = plan_twice(64, 1 << 30)
    assert times == 1
    least = plan(model.trace("learn", 64, 32, trained=trained, keep_blocks=0).program).lower_bound
    tight = (least + whole) // 2
    some, times = plan_twice(64, tight)
    assert some < whole and times <= 4
    assert plan_twice(72, tight)[1] <= times - 1
