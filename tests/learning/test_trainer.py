"""Lessons and practice on the real engine with the demo model: exact, interruptible, and harm is
refused."""

import asyncio
import math
from contextlib import closing

import numpy as np
import pytest

from oneseek.engine.backends.reference import Numpy, Tensor
from oneseek.engine.core.settings import ConfigError
from oneseek.engine.history.round_plan import LESSON, PRACTICE, make_plan
from oneseek.engine.learning.batch import extent
from oneseek.engine.learning.lessons import LessonError, lesson_of
from oneseek.engine.learning.recipe import Learn
from oneseek.engine.learning.rounds.gate import EARLIER_LOST, LOST, Gate
from oneseek.engine.learning.rounds.lesson import weaken
from oneseek.engine.learning.rounds.rate_schedule import MENDING_STEPS
from oneseek.engine.learning.rounds.verdict import SCALE, Measure, Verdict
from oneseek.engine.learning.trainer import RoundTrainer, check
from oneseek.engine.learning.training_engine import train
from oneseek.engine.model.demo import MODEL
from oneseek.engine.model.formats import open_model
from oneseek.engine.model.loaded import Model
from oneseek.engine.model.score import top_tokens
from oneseek.engine.model.trainable import Trained
from tests.support.rounds import CODE, DOG, SHORT

MANY_STEPS = {"practice": {"steps_per_fact": 8, "anchor_rows": 0.667, "neighbour_rows": 1.333}}


@pytest.fixture(scope="module")
def model():
    with closing(open_model(str(MODEL))) as file:
        return asyncio.run(Model.load(file, Numpy()))


@pytest.fixture(scope="module")
def trainer(model):
    lora = SHORT.lora_config
    trained = Trained.lora(model.config, lora.rank, lora.alpha, lora.target_modules)
    return RoundTrainer(model, trained, SHORT)


def plan(trainer, kind, config=None):
    lessons, pool = ([], [DOG, CODE]) if kind == PRACTICE else ([DOG], [CODE])
    return make_plan(kind, trainer.fresh(), lessons, pool, config or {})


async def whole(trainer, kind) -> tuple[np.ndarray, list[dict]]:
    attempt = trainer.begin(trainer.fresh(), plan(trainer, kind))
    seen = []
    while (metrics := await attempt.advance(math.inf)) is not None:
        seen.append(metrics)
    return (await attempt.weights())["adapter"], seen


@pytest.mark.slow
@pytest.mark.parametrize("kind", [LESSON, PRACTICE])
def test_stopping_after_any_step_changes_no_bit(trainer, kind):
    async def run():
        expected, seen = await whole(trainer, kind)
        for stop in (1, len(seen) - 1):
            attempt = trainer.begin(trainer.fresh(), plan(trainer, kind))
            for _ in range(stop):
                await attempt.advance(math.inf)
            captured = {name: array.copy() for name, array in (await attempt.capture()).items()}
            trainer.begin(trainer.fresh(), plan(trainer, kind))  # another round uses the candidate
            again = trainer.resume(trainer.fresh(), plan(trainer, kind), captured)
            while await again.advance(math.inf) is not None:
                pass
            assert np.array_equal((await again.weights())["adapter"], expected), stop

    asyncio.run(run())


@pytest.mark.slow
def test_a_step_cut_into_small_slices_is_the_same_step(trainer):
    async def run():
        expected, _ = await whole(trainer, LESSON)
        attempt = trainer.begin(trainer.fresh(), plan(trainer, LESSON))
        slices = 0
        while await attempt.advance(1.0) is not None:
            slices += 1
        assert slices > 4
        assert np.array_equal((await attempt.weights())["adapter"], expected)

    asyncio.run(run())


@pytest.mark.slow
def test_practice_takes_the_smaller_of_two_shapes_where_a_step_fits_and_a_lesson_has_one(trainer):
    async def run():
        sizes = {kind: [] for kind in (LESSON, PRACTICE)}
        for kind, took in sizes.items():
            attempt = trainer.begin(trainer.fresh(), plan(trainer, kind, MANY_STEPS))
            for _ in range(min(12, attempt.steps)):
                await attempt.load()
                need = extent(await attempt.rows(trainer.candidate.steps))
                took.append((len(attempt.batch.arrays["ids"]), len(attempt.batch.arrays["take"])))
                assert need[0] <= took[-1][0] and need[1] <= took[-1][1]
                await attempt.advance(math.inf)
        small, large = sorted(set(sizes[PRACTICE]))
        assert small < large and len(set(sizes[LESSON])) == 1
        assert sizes[PRACTICE].count(small) >= 4

    asyncio.run(run())


@pytest.mark.slow
def test_a_lesson_lowers_its_own_loss_and_reports_each_part(trainer):
    _, seen = asyncio.run(whole(trainer, LESSON))
    assert seen[-1]["parts"]["taught"] < seen[0]["parts"]["taught"]
    assert set(seen[0]["parts"]) == {"taught", "replay", "anchors", "neighbours"}
    assert [m["step"] for m in seen] == [1, 2, 3, 4]
    assert seen[0]["learning_rate"] == pytest.approx(4e-4)  # warm-up times cool-down
    assert seen[-1]["examples_processed"] > seen[0]["examples_processed"] > 0


@pytest.mark.slow
def test_the_first_step_of_an_untouched_adapter_is_exactly_the_base(trainer):
    _, seen = asyncio.run(whole(trainer, LESSON))
    assert abs(seen[0]["parts"]["neighbours"]) < 1e-3 and abs(seen[0]["parts"]["anchors"]) < 1e-3


def test_the_untouched_adapter_answers_with_the_bits_of_the_base(trainer):
    async def run():
        flat, variants = trainer.fresh()["adapter"], trainer.variants
        variants.put("candidate", flat)
        ids = trainer.coder.prompt(DOG["prompt"]) + trainer.coder.answer(DOG["answer"])
        assert await variants.text_loss("candidate", ids) == await variants.text_loss("base", ids)
        questions = [DOG["prompt"], CODE["prompt"]]
        said = [await variants.replies(who, questions, 8) for who in ("candidate", "base")]
        assert said[0] == said[1]
        prompt = trainer.coder.prompt(DOG["prompt"])
        tops = [await top_tokens(trainer.model, prompt, *adapted)
                for adapted in ((None, {}), (trainer.trained, {"adapter": Tensor(flat)}))]  # fmt: skip
        assert all(np.array_equal(a, b) for a, b in zip(*tops, strict=True))

    asyncio.run(run())


def test_the_newer_of_two_answers_holds_and_the_person_is_told(trainer):
    newer = {**DOG, "id": "newer", "answer": "Your dog's name is Waffle."}

    async def run():
        given = make_plan(LESSON, trainer.fresh(), [newer], [DOG, CODE], {})
        attempt = trainer.begin(trainer.fresh(), given)
        taught = {ask.answer for step in range(4) for ask in attempt.asks(step)
                  if isinstance(ask, Learn)}  # fmt: skip
        assert newer["answer"] in taught and DOG["answer"] not in taught
        verdict = Gate(trainer.variants, attempt.recipe, trainer.coder).verdict([], [])
        (note,) = verdict.notes
        assert "Biscuit" in note and "now Waffle" in note

    asyncio.run(run())


@pytest.mark.slow
def test_practice_starts_from_the_base_and_not_from_the_weights_in_use(trainer):
    async def run():
        used = {"adapter": trainer.fresh()["adapter"] + np.float32(0.5)}
        same = plan(trainer, PRACTICE)
        one, other = trainer.begin(trainer.fresh(), same), None
        while await one.advance(math.inf) is not None:
            pass
        first = (await one.weights())["adapter"]
        other = trainer.begin(used, same)
        while await other.advance(math.inf) is not None:
            pass
        assert np.array_equal(first, (await other.weights())["adapter"])

    asyncio.run(run())


@pytest.mark.slow
def test_the_gate_refuses_weights_gone_wild_with_its_numbers(trainer):
    async def run():
        attempt = trainer.begin(trainer.fresh(), plan(trainer, LESSON))
        while await attempt.advance(math.inf) is not None:
            pass
        draw = np.random.default_rng(1)
        wild = 0.2 * draw.standard_normal(trainer.trained.size).astype(np.float32)
        trainer.candidate.begin(wild)
        trainer.candidate.steps = attempt.steps
        verdict = await attempt.judge()
        assert not verdict["accepted"] and verdict["outcome"] == "not learned"
        assert "must be" in verdict["reason"] and verdict["measures"]

    asyncio.run(run())


@pytest.mark.slow
def test_practice_takes_more_steps_with_what_does_not_answer_to_its_very_own_words(
    trainer, monkeypatch
):
    async def run():
        finds = iter([[DOG["prompt"]], [], [DOG["prompt"]], [DOG["prompt"]], []])

        async def unsure(gate):
            return next(finds)

        async def well(gate):
            return Verdict(())

        monkeypatch.setattr(Gate, "unsure", unsure)
        monkeypatch.setattr(Gate, "practice", well)
        steps = []
        for sure in (True, False, True):
            attempt = trainer.begin(trainer.fresh(), plan(trainer, PRACTICE))
            while await attempt.advance(math.inf) is not None:
                pass
            usual = attempt.steps
            asked = [ask.question for ask in attempt.asks(usual) if isinstance(ask, Learn)]
            assert (await attempt.judge())["accepted"]
            steps.append(trainer.candidate.steps - usual)
            again = [ask.question for ask in attempt.asks(usual) if isinstance(ask, Learn)]
            assert (again[0] == DOG["prompt"] and again != asked) == (not sure)
        assert steps == [MENDING_STEPS, 2 * MENDING_STEPS, 0], "and it is asked twice, no more"

    asyncio.run(run())


def patch_gate(monkeypatch, name: str, question: str) -> None:
    """Let the gate measure only this, and find it repaired on the second look."""
    lost = [1, 0]

    async def finds(gate):
        count = lost.pop(0)
        return [Measure(name, count, "0", SCALE if count else "accept", (question,) * count)]

    async def find_nothing(gate):
        return []

    first, last = (finds, find_nothing) if name == EARLIER_LOST else (find_nothing, finds)
    monkeypatch.setattr("oneseek.engine.learning.rounds.gate.Gate.measure_lessons", first)
    monkeypatch.setattr("oneseek.engine.learning.rounds.gate.Gate.measure_harm", last)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name, question",
    [(LOST, "What is the capital of France?"), (EARLIER_LOST, CODE["prompt"])],
)
def test_what_was_lost_is_mended_in_further_steps_before_anything_is_scaled_or_refused(
    trainer, monkeypatch, name, question
):
    patch_gate(monkeypatch, name, question)
    given = plan(trainer, LESSON, {"lesson": {"max_steps": 2, "more_steps": 1}})

    async def run():
        attempt = trainer.begin(trainer.fresh(), given)
        while await attempt.advance(math.inf) is not None:
            assert question not in {ask.question for step in (0, 2) for ask in attempt.asks(step)}
        verdict = await attempt.judge()
        assert verdict["accepted"] and verdict["scale"] == 1.0 and verdict["steps"] == 3
        assert question in {ask.question for ask in attempt.asks(2)}

    asyncio.run(run())


def test_scaling_makes_the_last_change_of_b_smaller_and_leaves_a(trainer):
    before = trainer.fresh()["adapter"]
    after = before + np.float32(1)
    half = weaken(trainer.trained, before, after, 0.5)
    for name in trainer.trained.entries:
        change = trainer.trained.part(half, name) - trainer.trained.part(before, name)
        expected = 1.0 if name.endswith("lora_A.weight") else 0.5
        assert change == pytest.approx(expected, abs=1e-6), name


def test_a_record_that_cannot_be_taught_is_refused_before_it_is_queued(trainer):
    assert check(trainer.coder, DOG) == lesson_of(DOG)
    with pytest.raises(LessonError, match="no answer"):
        check(trainer.coder, {**DOG, "answer": ""})
    with pytest.raises(LessonError, match="tokens is too long"):
        check(trainer.coder, {**DOG, "answer": "blue " * 390})


@pytest.mark.long
def test_a_rate_a_hundred_times_too_high_never_reaches_the_chat(trainer, monkeypatch):
    """The configuration refuses such a rate by name; if it is used all the same, the gate must
    refuse the result."""
    with pytest.raises(ConfigError, match="learning_rate"):
        SHORT.replace(learning_rate=0.1)
    wild = SHORT.replace(lesson={"max_steps": 8})
    wild.values["learning_rate"] = 0.1
    monkeypatch.setattr(trainer, "config", wild)

    async def run():
        with np.errstate(all="ignore"):  # the overflow is on purpose, for the gate to find
            _, verdict = await train(trainer, trainer.fresh(), plan(trainer, LESSON))
        assert not verdict["accepted"], verdict["reason"]
        assert verdict["reason"]

    asyncio.run(run())
