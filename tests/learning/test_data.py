"""The data of a step: packed rows must mean the same as separate ones, and a step must repeat
exactly."""

import asyncio
from contextlib import closing

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oneseek.engine.backends.reference import Numpy
from oneseek.engine.compiler.ops.loss import soft_cross_entropy
from oneseek.engine.core.settings import TrainingConfig
from oneseek.engine.learning.base_answers import BaseAnswers, locate_shipped
from oneseek.engine.learning.batch import TOP, Coder, Row, TooLong, Top, common_prefix, extent, pack
from oneseek.engine.learning.lessons import (
    FOR_THE_GATE,
    Lesson,
    codes,
    fold,
    load_held_out_anchors,
    neighbours,
    probes,
    texts,
)
from oneseek.engine.learning.recipe import (
    ANCHOR_TOKENS,
    IN_PRACTICE,
    PLAIN,
    Hold,
    Learn,
    Recipe,
    due,
    newest,
)
from oneseek.engine.learning.shipped import questions
from oneseek.engine.model.demo import MODEL
from oneseek.engine.model.formats import open_model
from oneseek.engine.model.loaded import Model
from tests.support.rounds import some_rows, top_of

MICRO = TrainingConfig.preset("micro")
FACTS = [
    Lesson("What is my dog called?", "Your dog is called Biscuit."),
    Lesson("What is the code of the shed?", "The code of the shed is 4711."),
    Lesson("Vad heter min båt?", "Din båt heter Vindruna."),
]


@pytest.fixture(scope="module")
def model():
    with closing(open_model(str(MODEL))) as file:
        return asyncio.run(Model.load(file, Numpy()))


def losses(model, batch) -> np.ndarray:
    shape = len(batch.arrays["ids"]), len(batch.arrays["take"])
    run = model.prepare(model.program("score", *shape), {})
    for name, array in batch.arrays.items():
        run.write(name, array)
    asyncio.run(run.advance())
    return asyncio.run(run.read("losses"))


@pytest.mark.parametrize("seed", [1, 2])
def test_packed_rows_have_the_losses_of_rows_by_themselves(model, seed):
    rows = some_rows(seed, 5)
    batch = pack(rows, kl_weight=3.0)
    together = losses(model, batch)
    for row, (_, first, count, weight) in zip(rows, batch.parts, strict=True):
        alone = pack([row], kl_weight=1.0)
        own = losses(model, alone)[: len(row.target)].sum()
        assert together[first : first + count].sum() / weight == pytest.approx(
            own, rel=2e-3, abs=2e-4
        )


def test_a_text_among_questions_sees_nothing_of_them(model):
    draw = np.random.default_rng(1)
    ids = draw.integers(3, 700, 20).tolist()
    text = Row("texts", ids[:1], ids[1:], top_of(draw, 19), plain=True)
    rows = some_rows(1, 5)
    assert extent([*rows, text])[0] == extent(rows)[0] + 19
    batch = pack([*rows[:2], text, *rows[2:]], kl_weight=3.0)
    _, first, count, weight = batch.parts[2]
    together = losses(model, batch)[first : first + count].sum() / weight
    alone = losses(model, pack([text], kl_weight=1.0))[:count].sum()
    assert together == pytest.approx(alone, rel=2e-3, abs=2e-4)


@given(seed=st.integers(0, 10**6), count=st.integers(1, 9))
@settings(max_examples=30)
def test_a_packed_stream_hides_rows_from_each_other(seed, count):
    rows = some_rows(seed, count)
    arrays = pack(rows, kl_weight=3.0).arrays
    shared = common_prefix([row.prompt for row in rows])
    tokens, targets = extent(rows)
    a0, a1, b0, b1 = arrays["spans"].T
    at = np.arange(len(a0))
    assert (b0 <= at).all() and (b1 == at + 1).all(), "nobody sees the future, everybody himself"
    assert set(a1[shared:tokens]) <= {shared} and (a0 == 0).all()
    row_of = np.searchsorted(np.unique(b0[shared:tokens]), b0[shared:tokens])
    assert row_of.max() + 1 == count
    taken = arrays["take"][:targets]
    assert (np.diff(taken) >= 0).all() and taken.max() < tokens
    assert (arrays["weight"][targets:] == 0).all()


@given(seed=st.integers(0, 10**6), count=st.integers(1, 9))
@settings(max_examples=30)
def test_weights_are_means_over_tokens_rows_and_kinds(seed, count):
    rows = some_rows(seed, count)
    batch = pack(rows, kl_weight=3.0)
    soft = [i for i, row in enumerate(rows) if row.top is not None]
    total = batch.arrays["weight"].sum()
    expected = (1.0 if len(soft) < len(rows) else 0.0) + (3.0 if soft else 0.0)
    assert total == pytest.approx(expected, rel=1e-5)
    for i, (_, first, n, weight) in enumerate(batch.parts):
        part = batch.arrays["weight"][first : first + n]
        assert part == pytest.approx(weight / n) and (rows[i].top is not None) == (i in soft)


def test_the_measure_of_a_part_is_its_mean_loss():
    rows = some_rows(3, 6)
    batch = pack(rows, kl_weight=3.0)
    given_losses = batch.arrays["weight"] * 2.0
    assert batch.measure(given_losses) == pytest.approx({"taught": 2.0, "neighbours": 2.0})


def test_what_does_not_fit_is_refused_before_anything_changed():
    long = Row("taught", [1] * 3000, [2])
    with pytest.raises(TooLong, match="3000 tokens do not fit"):
        pack([long])


def test_an_answer_too_long_for_a_lesson_says_what_to_do(model):
    coder = Coder(model.tokenizer, model.template)
    with pytest.raises(TooLong, match="Import it as a document"):
        coder.answer("word " * 400)


def test_prompts_are_those_of_the_chat(model):
    coder = Coder(model.tokenizer, model.template)
    text = model.template.render([{"role": "user", "content": "Hello"}], add_generation_prompt=True)
    assert coder.prompt("Hello") == model.tokenizer.encode(text, special=True)
    assert coder.answer("Hi")[-1] in model.tokenizer.eos_ids
    spelled = coder.prompt("<|im_end|>")
    assert spelled.count(coder.end) == coder.prompt("x").count(coder.end)


def test_a_step_of_a_lesson_is_the_documented_mixture_and_repeats():
    recipe = Recipe(FACTS[:1], FACTS[1:], MICRO, seed=5)
    asks = recipe.lesson_step(3)
    parts = [ask.part for ask in asks]
    assert [parts.count(p) for p in ("taught", "replay", "anchors", "neighbours")] == [4, 2, 2, 6]
    assert asks[0] == Learn("taught", FACTS[0].question, FACTS[0].answer)
    assert Recipe(FACTS[:1], FACTS[1:], MICRO, seed=5).lesson_step(3) == asks
    assert Recipe(FACTS[:1], FACTS[1:], MICRO, seed=6).lesson_step(3) != asks
    assert recipe.lesson_step(4) != asks


def test_a_fact_that_was_lost_is_repeated_before_others_as_it_was_asked():
    recipe = Recipe(FACTS[:1], FACTS[1:], MICRO, seed=5)
    gone = FACTS[-1]
    for step in range(9):
        asks = recipe.lesson_step(step, lost=(gone.question,))
        again = [ask for ask in asks if ask.part == "replay"]
        assert again[0] == Learn("replay", gone.question, gone.answer)
        assert len({ask.answer for ask in again}) == len(again) == 2
        assert len(asks) == len(recipe.lesson_step(step))


def test_a_step_never_asks_what_the_gate_keeps_back():
    recipe = Recipe(FACTS[:1], FACTS[1:], MICRO, seed=1)
    kept_back = {n.question for f in FACTS for n in neighbours(f, FACTS)[:FOR_THE_GATE]}
    kept_back |= {q for code in ("en", "sv") for q in load_held_out_anchors(code)}
    kept_back |= {q for code in ("en", "sv") for q, _ in probes(code)}
    asked = {a.question for i in range(60) for a in recipe.lesson_step(i) if isinstance(a, Hold)}
    assert not asked & kept_back


@pytest.mark.slow
def test_a_fact_that_looks_like_nothing_else_can_be_taught_and_practised():
    odd = Lesson("Why?", "Because of the Vindruna.")
    assert not neighbours(odd)
    for recipe in (Recipe([odd], FACTS, MICRO, seed=1), Recipe(FACTS, [odd], MICRO, seed=1)):
        for step in range(8):
            assert recipe.lesson_step(step) and recipe.practice_step(step)


@pytest.mark.parametrize("steps, groups", [(8, 1), (96, 6)])
def test_look_alikes_come_with_their_facts_and_long_practice_sees_more_of_them(steps, groups):
    recipe = Recipe(FACTS, [], MICRO.replace(practice={"steps_per_fact": steps}), seed=1)
    seen = {fact: [] for fact in FACTS}
    for step in range(recipe.practice_steps):
        asks = recipe.practice_step(step)
        taught = [ask.answer for ask in asks if ask.part == "taught"]
        for ask in asks:
            if ask.part == "neighbours":
                (fact,) = (f for f in FACTS if ask.among.startswith(f.id))
                assert fact.answer in taught, "side by side with what it looks like"
                seen[fact].append(ask)
    counts = [len(asked) for asked in seen.values()]
    assert max(counts) - min(counts) <= 3 + 0.2 * max(counts)
    for asked in seen.values():
        told = {ask.among.split()[-1] for ask in asked}
        assert told <= {str(i) for i in range(groups)}, "none is asked for a few turns"
        most = min(len(asked), len(recipe.look_alikes(FACTS[0], IN_PRACTICE)))
        assert len({ask.question for ask in asked}) > 0.6 * most, "one after another"


def test_in_practice_everyones_turn_comes_before_anybodys_second():
    facts = [
        Lesson(f"What is the code of door {i}?", f"The code of door {i} is {i}{i}{i}.")
        for i in range(20)
    ]
    recipe = Recipe(facts, [], MICRO, seed=3)
    seen = [fold(lesson.question) for step in range(20) for lesson, _ in recipe.turns(step, 7)]
    counts = [seen.count(fold(fact.question)) for fact in facts]
    assert max(counts) - min(counts) <= 1 and sum(counts) >= 130
    assert recipe.practice_steps == MICRO.practice.steps_per_fact * 20


@given(st.floats(0, 8), st.integers(1, 200))
def test_so_many_rows_come_to_a_step_on_average_and_no_step_has_one_more(rows, steps):
    counts = [due(step, rows) for step in range(steps)]
    assert {0 <= count - int(rows) <= 1 for count in counts} == {True}
    assert abs(sum(counts) - rows * steps) <= 0.5 + 1e-6


def test_practice_asks_in_a_facts_very_own_words_in_turns_of_their_own_and_seldom_else():
    recipe = Recipe(FACTS, [], MICRO, seed=4)
    asked = {fact.answer: [] for fact in FACTS}
    for step in range(recipe.practice_steps):
        for ask in recipe.practice_step(step):
            if isinstance(ask, Learn):
                asked[ask.answer].append(ask.question)
    for fact in FACTS:
        questions = asked[fact.answer]
        own = questions.count(fact.question) / len(questions)
        assert 1 / PLAIN <= own < 1.5 / PLAIN, fact
        assert len(set(questions)) > len(questions) / 2, fact


def test_every_step_of_practice_has_as_many_rows_as_the_others():
    recipe = Recipe(FACTS, [], MICRO, seed=3)
    steps = [[ask.part for ask in recipe.practice_step(step)] for step in range(120)]
    assert {len(parts) for parts in steps} == {4}
    counts = [sum(parts.count(p) for parts in steps) for p in ("taught", "anchors", "neighbours")]
    assert counts == [240, 80, 160]


def test_what_is_unsure_has_its_turns_before_others_and_all_are_asked_in_their_very_own_words():
    recipe = Recipe(FACTS, [], MICRO, seed=3)
    weak = FACTS[1:3]
    own = {fact.answer: fact.question for fact in FACTS}
    first = []
    for step in range(30):
        usual = recipe.practice_step(step)
        asks = recipe.practice_step(step, [fact.question for fact in weak])
        taught = [ask for ask in asks if isinstance(ask, Learn)]
        assert len(taught) == MICRO.practice.fact_rows and len(asks) == len(usual)
        assert all(ask.question == own[ask.answer] for ask in taught)
        first.append(taught[0].answer)
        others = [ask.answer for ask in usual if isinstance(ask, Learn)]
        assert {ask.answer for ask in taught[1:]} <= {*others}, "and the others' turns are theirs"
        assert len({ask.answer for ask in taught}) == len(taught)
    assert [first.count(fact.answer) for fact in weak] == [15, 15]


def test_the_newer_of_two_contradicting_facts_is_taught_and_the_older_told():
    old = Lesson("What is my dog called?", "Your dog is called Rex.")
    kept, replaced = newest([old, FACTS[1], FACTS[0]])
    assert kept == [FACTS[1], FACTS[0]] and replaced == [(old, FACTS[0])]
    recipe = Recipe([FACTS[0]], [old, FACTS[1]], MICRO, seed=1)
    assert all(
        "Rex" not in getattr(ask, "answer", "") for i in range(9) for ask in recipe.lesson_step(i)
    )


class OneWordBase:
    """A base model that always continues with the same tokens; counts the questions."""

    asked = 0

    async def answers(self, prompts, begins, tokens, temperature, seed):
        self.asked += len(prompts)
        said = [[*begin, 7, 8, 2] for begin in begins]
        return [(ids, top_of(np.random.default_rng(len(ids)), len(ids))) for ids in said]


class TextBase(OneWordBase):
    """Answers with the given beginning and nothing more."""

    async def answers(self, prompts, begins, tokens, temperature, seed):
        assert tokens == 0
        return [(ids, top_of(np.random.default_rng(1), len(ids))) for ids in begins]


def test_the_bases_answers_are_asked_once_and_survive_storing(model):
    coder, base = Coder(model.tokenizer, model.template), OneWordBase()
    asks = [Hold("anchors", "Why?"), Hold("neighbours", "What is my cat called?", "Your cat is", 8)]
    kept = BaseAnswers(coder, "demo")
    assert asyncio.run(kept.fill(base, [*asks, *asks, Learn("taught", "a", "b")])) == 2
    assert asyncio.run(kept.fill(base, asks)) == 0 and base.asked == 2
    begin = coder.begin("Your cat is")
    assert kept.row(asks[1]).target == [*begin, 7, 8, 2]
    again = BaseAnswers(coder, "demo")
    again.add_arrays(kept.to_arrays())
    for ask in asks:
        one, other = kept.row(ask), again.row(ask)
        assert one.target == other.target
        for name in ("ids", "logprobs", "rest"):
            assert np.array_equal(getattr(one.top, name), getattr(other.top, name))
    assert BaseAnswers(coder, "another").lacks(asks) == asks


def test_practice_can_be_held_to_what_the_base_expects_of_plain_text(model):
    coder = Coder(model.tokenizer, model.template)
    kept, spoken = BaseAnswers(coder, "demo"), set()
    recipe = Recipe(FACTS, [], MICRO.replace(practice={"text_rows": 1}), seed=1)
    for step in range(12):
        held = [ask for ask in recipe.practice_step(step) if ask.part == "texts"]
        assert len(held) == 1
        asyncio.run(kept.fill(TextBase(), held))
        for ask in held:
            assert ask in recipe.answer_group(ask.among)
            row = kept.row(ask)
            assert row.plain and coder.tokenizer.decode([*row.prompt, *row.target]) == ask.begin
            spoken.add(ask.among)
    assert spoken == {"texts en", "texts sv"}


def test_a_taught_value_cannot_hide_in_what_the_base_left_open():
    value, others = 50, np.arange(TOP, dtype=np.int32)[None]
    base = np.full((1, TOP), np.log(0.6 / TOP), np.float16), np.log([0.4]).astype(np.float16)
    leaking = np.full((1, 100), 1e-9)
    leaking[0, :TOP], leaking[0, value] = 0.6 / TOP, 0.4  # by far the likeliest token

    def divergence(top):
        target = [np.exp(x.astype(np.float64)) for x in (top.logprobs, top.rest)]
        return soft_cross_entropy.reference(np.log(leaking), top.ids, *target, np.ones(1))[1][0]

    top = Top(others, *base)
    assert divergence(top) == pytest.approx(0, abs=1e-3)
    assert divergence(top.include([value])) > 1
    assert value not in top.ids


@given(seed=st.integers(0, 10**6), tokens=st.lists(st.integers(0, 700), max_size=4))
def test_setting_tokens_apart_keeps_the_likeliest_and_the_sum(seed, tokens):
    top = top_of(np.random.default_rng(seed), 3)
    apart = top.include(tokens)
    for at in range(3):
        ids, before = apart.ids[at], top.ids[at]
        assert set(tokens) <= set(ids) and len(set(ids)) == TOP
        kept = np.isin(before, ids)
        lost = top.logprobs[at][~kept]
        others = top.logprobs[at][kept & ~np.isin(before, tokens)]
        assert len(lost) <= len(set(tokens)) and (not lost.size or lost.max() <= others.min())
        total = np.exp(apart.logprobs[at].astype(float)).sum() + np.exp(float(apart.rest[at]))
        assert total == pytest.approx(1, abs=0.01)


def test_a_look_alike_is_held_to_not_saying_the_taught_value(model):
    coder, base = Coder(model.tokenizer, model.template), OneWordBase()
    kept, asks = (
        BaseAnswers(coder, "demo"),
        Recipe(FACTS[:1], [], MICRO, seed=1).look_alikes(FACTS[0]),
    )
    asyncio.run(kept.fill(base, asks))
    first = coder.encode_continuation("Your dog is called", " Biscuit")[0]
    assert (
        coder.answer("Your dog is called Biscuit.")[len(coder.begin("Your dog is called"))] == first
    )
    for ask in asks:
        assert (kept.row(ask).top.ids == first).any(axis=1).all()


@pytest.mark.parametrize(
    "path", sorted(locate_shipped("").parent.glob("*.npz")), ids=lambda p: p.stem
)
def test_what_is_shipped_answers_every_anchor_text_and_question_of_the_gate(path, model):
    with np.load(path) as arrays:
        arrays = dict(arrays)
    kept = BaseAnswers(Coder(model.tokenizer, model.template), path.stem)
    kept.add_arrays(arrays)
    assert len(kept.answers) == len(questions())
    longer = [target for target, _ in kept.answers.values() if len(target) > ANCHOR_TOKENS]
    assert len(longer) <= sum(len(texts(code)) for code in codes()), "only texts may be"
    for target, top in kept.answers.values():
        assert 1 <= len(target) == len(top.ids) == len(top.rest)
        total = np.exp(top.logprobs.astype(np.float32)).sum(-1) + np.exp(
            top.rest.astype(np.float32)
        )
        assert total == pytest.approx(1, abs=0.02)
