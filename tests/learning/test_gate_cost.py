"""The gate's shortcuts must change no figure: the same bits with and without cached frozen layers,
and every reply the same up to its value."""

import asyncio
from contextlib import closing

import numpy as np
import pytest

from oneseek.engine.backends.reference import Numpy
from oneseek.engine.learning.batch import Coder, Row, common_prefix, pack, text_row
from oneseek.engine.learning.lessons import (
    has_said,
    has_value,
    load_held_out_anchors,
    paragraphs,
    probes,
)
from oneseek.engine.learning.rounds import frozen_layers
from oneseek.engine.learning.rounds.candidate import Candidate, Hyper
from oneseek.engine.learning.rounds.frozen_layers import FrozenLayerCache, FrozenRows
from oneseek.engine.learning.rounds.gate import REPLY_TOKENS
from oneseek.engine.learning.rounds.variants import ModelVariants
from oneseek.engine.model.demo import MODEL
from oneseek.engine.model.formats import open_model
from oneseek.engine.model.loaded import Model
from oneseek.engine.model.programs import HEAD_ROWS
from oneseek.engine.model.trainable import Trained


@pytest.fixture(scope="module")
def model():
    with closing(open_model(str(MODEL))) as file:
        return asyncio.run(Model.load(file, Numpy()))


def variants_of(model, first):
    trained = Trained.lora(model.config, 4, 8, layers=range(first, model.config.layers))
    variants = ModelVariants(model, trained, Coder(model.tokenizer, model.template))
    variants.put("base", np.zeros(trained.size, np.float32))
    return variants


def make_adapter(variants, seed):
    """An adapter that changes every answer."""
    flat = variants.trained.initial(seed)
    draw = np.random.default_rng(seed)
    for name in variants.trained.entries:
        if ".lora_B." in name:
            part = variants.trained.part(flat, name)
            part[...] = draw.normal(size=part.shape) * 0.05
    return flat


def rows_of(coder):
    prompts = [coder.prompt(question) for question in load_held_out_anchors("en")[:7]]
    return [(ids, [5, 6, 7, 8]) for ids in prompts]


async def measure_variant(variants, who="candidate"):
    rows = rows_of(variants.coder)
    texts = [text_row(variants.coder.tokenizer.encode(text)) for text in paragraphs("en")]
    drift = [part for pair in await variants.drift(who, rows) for part in pair]
    asked = [Row("asked", prompt, target) for prompt, target in rows]
    return drift, [await variants.loss(who, some) for some in (texts, asked)]


def test_what_is_kept_below_the_first_layer_changes_no_bit(model):
    variants, whole = variants_of(model, 2), variants_of(model, 0)
    flat = make_adapter(variants, 1)
    everywhere = np.zeros(whole.trained.size, np.float32)
    for name in variants.trained.entries:
        whole.trained.part(everywhere, name)[...] = variants.trained.part(flat, name)
    for one, given in ((variants, flat), (whole, everywhere)):
        one.put("candidate", given)
        one.put("active", 0.5 * given)
    drift, losses = asyncio.run(measure_variant(variants))
    computed = list(variants.frozen.states)
    assert computed, "there is something to keep"
    again, same = asyncio.run(measure_variant(variants))
    assert list(variants.frozen.states) == computed and not whole.frozen.states
    forgetful = variants_of(model, 2)
    forgetful.frozen.most = 0
    forgetful.put("candidate", flat)
    for others, nats in (
        (again, same),
        asyncio.run(measure_variant(forgetful)),
        asyncio.run(measure_variant(whole)),
    ):
        for one, other in zip(drift, others, strict=True):
            np.testing.assert_array_equal(one, other)
        assert nats == losses
    assert len(forgetful.frozen.states) == 1
    other, _ = asyncio.run(measure_variant(variants, "active"))
    assert list(variants.frozen.states) == computed, "other variants need nothing more"
    assert any((one != two).any() for one, two in zip(drift, other, strict=True))


def test_what_is_kept_has_a_bound_and_the_oldest_goes_first():
    asked = []

    async def compute(batch):
        asked.append(batch.number)
        return np.full(4, batch.number, np.float32)

    class Numbered:
        def __init__(self, number):
            self.number = number
            self.arrays = {name: np.array([number]) for name in ("ids", "positions", "spans")}

    cache = FrozenLayerCache(compute, most=48)
    for number in (1, 2, 3, 1, 4, 1, 2):
        assert (asyncio.run(cache.of(Numbered(number))) == number).all()
    assert asked == [1, 2, 3, 4, 2]
    assert sum(one.nbytes for one in cache.states.values()) <= 48


def test_a_step_above_the_frozen_layers_is_that_of_the_whole_model(model):
    """Whatever other rows are in the batch; the frozen layers must read each row only once."""
    variants, asked = variants_of(model, 2), []

    async def compute(batch):
        asked.extend(batch.rows)
        return await variants.compute_frozen(batch)

    rows = [Row("taught", *one) for one in rows_of(variants.coder)]
    rows.append(text_row(variants.coder.tokenizer.encode(paragraphs("en")[0])[:40]))
    frozen = FrozenRows(rows, 2, compute)
    batches = [pack(rows[:5]), pack(rows[3:]), pack(rows[::2])]

    async def train_batches(above):
        candidate, losses = Candidate(model, variants.trained), []
        candidate.begin(make_adapter(variants, 1))
        for batch in batches:
            below = {"below": await frozen.of(batch)} if above else {}
            step = candidate.step(batch.arrays | below, Hyper(1e-3), first=2 * above)
            losses.append((await step).losses)
        return losses, (await candidate.state())[0]

    (losses, flat), (whole, expected) = (
        asyncio.run(train_batches(above)) for above in (True, False)
    )
    for one, other in zip(losses, whole, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(flat, expected, atol=1e-5)
    assert asked == rows


def test_a_step_of_the_upper_layers_leaves_the_others_and_is_that_of_all_for_these(model):
    variants, layer = variants_of(model, 2), 3
    trained, start = variants.trained, variants.trained.initial(1)
    rows = [Row("taught", *one) for one in rows_of(variants.coder)]
    batch = pack(rows)
    hyper = Hyper(1e-3, max_norm=1e9)  # not scaled by the norm over all layers

    async def train_step(first):
        frozen = FrozenRows(rows, layer, lambda some: variants.compute_frozen(some, layer))
        below = {"below": await frozen.of(batch)} if first else {}
        candidate = Candidate(model, trained)
        candidate.begin(start)
        outcome = await candidate.step(batch.arrays | below, hyper, first=first)
        return outcome.losses, await candidate.state()

    (losses, (flat, moments, _)), (whole, (every, _, _)) = (
        asyncio.run(train_step(first)) for first in (layer, 0)
    )
    np.testing.assert_allclose(losses, whole, rtol=1e-4, atol=1e-6)
    begin = trained.stretches_from(layer)[0][0]
    np.testing.assert_array_equal(flat[:begin], start[:begin])
    assert not moments[0][:begin].any() and (flat[begin:] != start[begin:]).any()
    np.testing.assert_allclose(flat[begin:], every[begin:], atol=1e-5)


def test_few_rows_are_kept_and_no_more_are_read_than_fit(monkeypatch):
    read = []

    def rows():
        for number in range(100):
            read.append(number)
            yield Row("taught", [1] * 6, [2] * 5)

    assert FrozenRows.fit(rows(), 8) and len(read) == 100
    monkeypatch.setattr(frozen_layers, "ROW_BYTES", 25 * 10 * 4 * 8)
    read.clear()
    assert not FrozenRows.fit(rows(), 8) and len(read) == 26


def test_what_would_be_answered_is_foreseen_with_what_it_costs(model):
    variants = variants_of(model, 2)
    variants.put("candidate", make_adapter(variants, 1))
    prompts = [prompt for prompt, _ in rows_of(variants.coder)]
    said = [ids[:4] for ids in asyncio.run(variants.go_on("candidate", prompts, 4))]
    rows = [Row("asked", *one) for one in zip(prompts, said, strict=True)]
    odd = Row("asked", prompts[0], [*said[0][:2], said[0][2] + 1, *said[0][3:]])
    nats, each = asyncio.run(variants.foreseen("candidate", [*rows, odd]))
    assert all(one.all() for one in each[:-1]) and not each[-1][2] and each[-1][:2].all()
    assert nats == asyncio.run(variants.surprise("candidate", [*rows, odd]))


def test_a_reply_ends_where_its_value_was_said_and_says_the_same_until_there(model):
    variants = variants_of(model, 0)
    variants.put("candidate", np.zeros(variants.trained.size, np.float32))
    questions = [question for question, _ in probes("en")]
    whole = asyncio.run(variants.replies("candidate", questions, REPLY_TOKENS))
    wanted = [reply.split()[1] if i % 3 else "xyzzy" for i, reply in enumerate(whole)]
    enough = [lambda text, value=value: has_said(text, value) for value in wanted]
    early = asyncio.run(variants.replies("candidate", questions, REPLY_TOKENS, enough=enough))
    for reply, short, value in zip(whole, early, wanted, strict=True):
        assert reply.startswith(short) and has_value(reply, value) == has_value(short, value)
        assert reply == short or has_value(short, value)
    assert sum(map(len, early)) < 0.8 * sum(map(len, whole))


def test_what_prompts_share_is_read_once_and_the_answers_are_the_same(model):
    variants = variants_of(model, 0)
    coder, lane, heads = variants.coder, variants.pool.lane, []
    shown = [{"role": "user", "content": paragraphs("en")[0][:300]}]
    shown.append({"role": "assistant", "content": "It is."})
    asked = load_held_out_anchors("en")[:6]
    prompts = [coder.conversation([*shown, {"role": "user", "content": one}]) for one in asked]

    def watched(key, rows, *more):
        heads.extend([rows] * key.startswith("head:"))
        return lane(key, rows, *more)

    variants.pool.lane = watched
    together = asyncio.run(variants.go_on("base", prompts, 8))
    assert heads == [common_prefix(prompts)] and heads[0] > len(coder.prompt(asked[0]))
    apart = [asyncio.run(variants.go_on("base", [prompt], 8)) for prompt in prompts]
    assert together == [one for (one,) in apart]
    assert len(variants.generator.head_ids()) < heads[0], "later prompts share what they did before"


@pytest.mark.parametrize("first", [0, 2])
def test_what_the_base_thinks_of_given_beginnings_is_what_it_would_say_word_by_word(model, first):
    variants = variants_of(model, first)
    coder = variants.coder
    said = [f"The {word} of the" for word in "code name colour age".split()] * 8
    prompts = [coder.prompt(question) for question in load_held_out_anchors("en")[: len(said)]]
    begins = [coder.begin(text) for text in said[: len(prompts)]]
    at_once = asyncio.run(variants.answers(prompts, begins, 1, 0.0, 1))
    in_turn = asyncio.run(variants.answers(prompts, begins, 2, 0.0, 1))  # the second is decoded
    assert sum(len(ids) for ids, _ in at_once) > 2 * HEAD_ROWS
    for begin, (ids, top), (longer, spoken) in zip(begins, at_once, in_turn, strict=True):
        assert ids == longer[: len(begin) + 1]
        np.testing.assert_array_equal(top.ids[:, 0], spoken.ids[: len(ids), 0])
        np.testing.assert_allclose(top.logprobs, spoken.logprobs[: len(ids)], atol=0.01)
        np.testing.assert_allclose(top.rest, spoken.rest[: len(ids)], atol=0.05)


def test_a_number_is_said_only_once_no_digit_can_follow():
    assert not has_said("The code is 47", "47") and has_value("The code is 47", "47")
    assert has_said("The code is 47.", "47") and has_said("The code is 47 now", "47")
    assert not has_said("The code is 4711.", "47")
    assert not has_said("You go at 9:2", "9:20") and not has_said("You go at 9:20", "9:20")
    assert has_said("You go at 9:20.", "9:20"), "a last digit that is a nought is one to wait for"
    assert not has_said("It is called Salt", "Saltkråkan")
