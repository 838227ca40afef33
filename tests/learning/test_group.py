"""A group: only B is sent, A keeps the same bits, and each member judges what it receives."""

import asyncio
import json
from contextlib import closing

import numpy as np
import pytest

from oneseek.engine.backends.reference import Numpy
from oneseek.engine.learning.batch import pack
from oneseek.engine.learning.rounds.block_windows import Windows
from oneseek.engine.learning.rounds.candidate import Hyper
from oneseek.engine.model.adapters import save_peft
from oneseek.engine.model.demo import MODEL
from oneseek.engine.model.formats import open_model
from oneseek.engine.model.loaded import Model
from oneseek.engine.with_flower.member import Member
from oneseek.engine.with_flower.shared import Beginning, Unfit, fits, mark, names, put_in, take_out
from tests.support.rounds import some_rows

SMALL = {
    "epochs": 1,
    "batch_size": 2,
    "lora_config": {"rank": 4, "alpha": 16, "target_modules": ["attention.q", "attention.v"]},
    "practice": {"anchor_rows": 0, "text_rows": 0},
}


@pytest.fixture(scope="module")
def begins():
    return Beginning("tiny", SMALL)


@pytest.fixture(scope="module")
def model():
    with closing(open_model(str(MODEL))) as file:
        return asyncio.run(Model.load(file, Numpy()))


@pytest.fixture
def part(tmp_path):
    path = tmp_path / "part.jsonl"
    pair = {"prompt": "What do bees make?", "completion": "Bees make honey."}
    path.write_text((json.dumps(pair) + "\n") * 4, "utf-8")
    return path


def noisy(begins, size=1.0):
    draw = np.random.default_rng(1)
    given = take_out(begins.trained, begins.flat)
    return {n: draw.normal(0, size, b.shape).astype(np.float32) for n, b in given.items()}


def test_only_b_travels_and_it_comes_back_beside_the_same_a(begins):
    given = noisy(begins)
    assert given and all(name.endswith(".lora_B.weight") for name in given)
    whole = put_in(begins.trained, begins.flat, given)
    assert mark(begins.trained, whole) == begins.told["a"]
    assert all((begins.trained.part(whole, name) == b).all() for name, b in given.items())


def test_the_mean_of_b_is_the_mean_of_what_was_learned_and_with_two_a_it_is_not(begins):
    trained, (one, other) = begins.trained, (noisy(begins, 1.0), noisy(begins, 2.0))
    name = names(trained)[0]
    a = trained.part(begins.flat, name.replace("lora_B", "lora_A"))
    mean = (one[name] + other[name]) / 2
    assert np.allclose(mean @ a, (one[name] @ a + other[name] @ a) / 2, atol=1e-5)
    mine, theirs = a, a[::-1]
    assert not np.allclose(
        mean @ ((mine + theirs) / 2), (one[name] @ mine + other[name] @ theirs) / 2, atol=1e-2
    )


def test_a_group_goes_on_from_its_own_result_and_from_no_other(begins, tmp_path):
    given = noisy(begins)
    save_peft(tmp_path, begins.trained, put_in(begins.trained, begins.flat, given), "tiny")
    again = Beginning("tiny", SMALL, tmp_path)
    assert again.told == begins.told
    assert all((take_out(again.trained, again.flat)[name] == b).all() for name, b in given.items())
    with pytest.raises(Unfit, match="another LoRA matrix A"):
        Beginning("tiny", SMALL | {"seed": 1}, tmp_path)


def test_an_a_that_differs_in_one_bit_has_another_mark(begins):
    flat = begins.flat.copy()
    flat.view(np.uint32)[0] ^= 1
    assert mark(begins.trained, flat) != begins.told["a"]


@pytest.mark.parametrize("harm", ["missing", "shape", "nan", "kind"])
def test_what_does_not_belong_to_the_group_is_named(begins, harm):
    given = noisy(begins)
    first = names(begins.trained)[0]
    if harm == "missing":
        del given[first]
    elif harm == "shape":
        given[first] = given[first][1:]
    elif harm == "nan":
        given[first][0, 0] = np.nan
    else:
        given[first] = given[first].astype(np.int64)
    with pytest.raises(Unfit, match=first):
        fits(begins.trained, given)


def test_a_member_trains_b_and_leaves_a_as_it_is_to_the_bit(begins, model, part, tmp_path):
    async def both():
        member = await Member.open(model, tmp_path / "own", part, begins.told)
        given, figures = await member.train(take_out(begins.trained, begins.flat))
        flat, (m, v), _ = await member.trainer.candidate.look()
        return given, figures, flat, (m, v)

    given, figures, flat, moments = asyncio.run(both())
    trained = begins.trained
    assert any(b.any() for b in given.values())
    assert figures["steps"] > 0 and figures["loss_trained"] < figures["loss_last"]
    for name in trained.entries:
        if name.endswith(".lora_A.weight"):
            assert trained.part(flat, name).tobytes() == trained.part(begins.flat, name).tobytes()
            assert not any(trained.part(one, name).any() for one in moments)


def test_a_member_refuses_what_is_worse_for_it_and_keeps_what_was_good(
    begins, model, part, tmp_path
):
    async def judge_member():
        member = await Member.open(model, tmp_path / "own", part, begins.told)
        return await member.judge(noisy(begins, 5.0)), member._last()

    figures, last = asyncio.run(judge_member())
    assert figures["refused"] and figures["loss_received"] > figures["loss_last"]
    assert (last == begins.flat).all()


def test_a_member_of_another_group_is_told_so(begins, model, part, tmp_path):
    for key, words in (("base", "another model"), ("a", "not the group's")):
        with pytest.raises(Unfit, match=words):
            asyncio.run(Member.open(model, tmp_path, part, begins.told | {key: "0"}))


def test_what_holds_a_member_near_is_in_the_gradient(begins, model):
    """With beta1 = 0 the first moment is the gradient, to which `proximal` adds mu (w - w0)."""
    config, mu = begins.training, 0.25
    batch = pack(some_rows(3, 3))
    away = put_in(begins.trained, begins.flat, noisy(begins, 0.1))

    async def moment(near: float) -> np.ndarray:
        candidate = Windows(model, begins.trained, config.replace(proximal=near))
        candidate.begin(away)
        candidate.hold_to(begins.flat)
        candidate.load(batch.arrays, Hyper(rate=1e-3, beta1=0.0, max_norm=1e9))
        while await candidate.advance() is None:
            pass
        return (await candidate.state())[1][0]

    plain, held = asyncio.run(moment(0.0)), asyncio.run(moment(mu))
    assert np.abs(plain).max() > 0
    assert np.allclose(held - plain, mu * (away - begins.flat), atol=1e-5)
