"""The gate: each limit alone must decide, with its number, and NaN must never pass."""

import asyncio
import math
from contextlib import closing

import numpy as np
import pytest

from oneseek.engine.core.settings import TrainingConfig
from oneseek.engine.learning.batch import Coder
from oneseek.engine.learning.lessons import Lesson, make_held_back_wordings, neighbours, probes
from oneseek.engine.learning.recipe import Recipe
from oneseek.engine.learning.rounds.gate import Gate
from oneseek.engine.learning.rounds.gate_questions import knowledge, look_alikes, short_hash, talk
from oneseek.engine.learning.rounds.verdict import ACCEPT, MORE, REJECT, SCALE, WEAKENED, within
from oneseek.engine.model.demo import MODEL
from oneseek.engine.model.formats import open_model
from oneseek.engine.model.template import ChatTemplate
from oneseek.engine.model.tokenizer import Tokenizer

MICRO = TrainingConfig.preset("micro")
DOG = Lesson("What is my dog called?", "Your dog is called Biscuit.")
CAT = Lesson("What is my cat called?", "Your cat is called Plum.")


@pytest.fixture(scope="module")
def coder():
    with closing(open_model(str(MODEL))) as file:
        template = ChatTemplate(file.chat_template, file.special_tokens)
        return Coder(Tokenizer(file.tokenizer_data), template)


class Scripted:
    """Model variants that know exactly what a test specifies."""

    def __init__(self):
        self.kl, self.same, self.nats = 0.01, 1.0, 1.0
        self.before = 0.01
        self.values = {"candidate": "Biscuit Plum", "active": "Plum", "base": ""}
        self.dogs = True  # True if the candidate knows the dog in every wording
        self.leaking: set[str] = set()
        self.leaked_before: set[str] = set()
        self.knows_when_helped = False
        self.forgot: set[str] = set()

    async def replies(self, who, questions, tokens, begins=(), enough=()):
        if begins:
            return [
                self.complete_reply(question, begin)
                for question, begin in zip(questions, begins, strict=True)
            ]
        return [self.reply(who, question) for question in questions]

    def complete_reply(self, question, begin):
        return f"{begin} {dict(probes('en'))[question][0]}" if self.knows_when_helped else begin

    def reply(self, who, question):
        known = dict(probes("en"))
        if question in known:
            return (
                "no idea" if who == "candidate" and question in self.forgot else known[question][0]
            )
        if question in self.leaking and who == "candidate":
            return "Biscuit"
        if question in self.leaked_before and who != "base":
            return "Plum"
        if "dog" in question and question not in self.not_asked:
            return "Biscuit" if who == "candidate" and self.dogs else ""
        if question == CAT.question:
            return "Plum" if who == "active" or CAT.question not in self.forgot else "a cat"
        return "I do not know."

    not_asked: frozenset = frozenset()
    coder: Coder

    async def go_on(self, who, prompts, tokens):
        known = {tuple(self.coder.prompt(q)): words[0] for q, words in probes("en")}
        return [self.coder.answer(known.get(tuple(ids), "Well.")) for ids in prompts]

    async def drift(self, who, rows):
        kl = self.kl if who == "candidate" else self.before
        return [(np.full(len(t), kl), np.full(len(t), self.same)) for _, t in rows]

    async def loss(self, who, rows):
        return self.nats if who == "candidate" else 1.0


def judge_lesson(coder, variants, earlier=()):
    recipe = Recipe([DOG], list(earlier), MICRO, seed=1)
    variants.coder = coder
    variants.not_asked = frozenset(n.question for n in recipe.hard_negatives(DOG))
    return asyncio.run(Gate(variants, recipe, coder).lesson())


def test_a_good_lesson_is_accepted_with_every_number_shown(coder):
    verdict = judge_lesson(coder, Scripted(), [CAT])
    assert verdict.advice == ACCEPT and verdict.reason == ""
    names = {m["name"] for m in verdict.to_dict()["measures"]}
    assert {"taught", "recall", "leak", "earlier facts lost", "known facts lost"} <= names
    assert {"KL, mean", "KL, median anchor", "top-1 agreement", "perplexity change"} <= names
    assert all(m["limit"] and m["ok"] for m in verdict.to_dict()["measures"])


class Harmful(Scripted):
    """A candidate that lost all unrelated knowledge and answers everything with the dog."""

    def __init__(self):
        super().__init__()
        self.kl, self.same, self.nats = 3.0, 0.1, 4.0
        self.forgot = {question for question, _ in probes("en")}
        self.asked: list[str] = []

    def reply(self, who, question):
        self.asked.append(question)
        return super().reply(who, question)


def test_behind_a_memory_only_what_it_lets_through_can_be_harmed(coder):
    recipe = Recipe([DOG], [], MICRO, seed=1)
    general = [question for question, _ in knowledge(["en"])] + talk(["en"])
    near = look_alikes(recipe, [DOG], [])
    heard = [general[0], talk(["en"])[0], near[0]]
    harm = {"known facts lost": 1, "KL, mean": 3.0 / 24, "leak": 1 / len(near)}
    harm |= {"unrelated talk": 2 / len(general)}
    for let_through, wanted in (([], dict.fromkeys(harm, 0)), (heard, harm)):
        variants = Harmful()
        variants.coder, variants.leaking = coder, set(near)
        outside_scope = {
            short_hash(question) for question in general + near if question not in let_through
        }
        verdict = asyncio.run(Gate(variants, recipe, coder, outside_scope=outside_scope).lesson())
        found = {one.name: one.value for one in verdict.measures}
        assert {name: found[name] for name in harm} == pytest.approx(wanted)
        assert found["perplexity change"] == 0 and found["taught"] == found["recall"] == 1
        assert not {question for question in general + near if question not in let_through} & {
            *variants.asked
        }
        assert (verdict.advice == ACCEPT) == (not let_through)


def test_a_fact_that_was_not_learned_gets_more_steps(coder):
    variants = Scripted()
    variants.dogs = False
    verdict = judge_lesson(coder, variants)
    assert verdict.advice == MORE and "taught is 0" in verdict.reason


def test_every_second_look_alike_leaking_asks_for_a_smaller_change(coder):
    variants = Scripted()
    variants.leaking = {n.question for n in neighbours(DOG, [DOG])[:2]}
    verdict = judge_lesson(coder, variants)
    assert verdict.advice == SCALE and "leak is 0.667" in verdict.reason


def test_one_leak_of_three_weakens(coder):
    variants = Scripted()
    variants.leaking = {neighbours(DOG, [DOG])[0].question}
    assert judge_lesson(coder, variants).advice == WEAKENED


def test_a_leak_of_the_version_in_use_is_not_blamed_on_this_lesson(coder):
    variants = Scripted()
    variants.leaking = {neighbours(DOG, [CAT, DOG])[0].question}
    variants.leaked_before = {n.question for n in neighbours(CAT, [CAT, DOG])[:3]}
    verdict = judge_lesson(coder, variants, earlier=[CAT])
    leak = next(m for m in verdict.measures if m.name == "leak")
    assert leak.detail == tuple(variants.leaking)


def test_a_leak_the_base_would_say_too_is_none(coder):
    class Base(Scripted):
        def reply(self, who, question):
            return "Biscuit" if question in self.leaking else super().reply(who, question)

    variants = Base()
    variants.leaking = {n.question for n in neighbours(DOG, [DOG])[:2]}
    assert judge_lesson(coder, variants).advice == ACCEPT


def test_an_earlier_fact_lost_is_named(coder):
    variants = Scripted()
    variants.forgot = {CAT.question}
    verdict = judge_lesson(coder, variants, [CAT])
    lost = next(m for m in verdict.measures if m.name == "earlier facts lost")
    assert verdict.advice == SCALE and lost.detail == (CAT.question,)


def test_common_knowledge_lost_is_named(coder):
    variants = Scripted()
    variants.forgot = {question for question, _ in probes("en")}
    verdict = judge_lesson(coder, variants)
    assert verdict.advice == SCALE and "known facts lost" in verdict.reason


def test_a_single_common_fact_that_flips_weakens_a_lesson_and_does_not_end_it(coder):
    variants = Scripted()
    variants.forgot = {"What is the capital of France?"}
    verdict = judge_lesson(coder, variants)
    assert verdict.advice == WEAKENED and verdict.reason == "known facts lost is 1, must be 0"


def test_what_is_only_worded_anew_is_not_lost(coder):
    variants = Scripted()
    variants.forgot = {question for question, _ in probes("en")}
    variants.knows_when_helped = True
    assert judge_lesson(coder, variants).advice == ACCEPT


def test_a_taught_value_in_answer_to_common_knowledge_is_a_loss(coder):
    class Mixed(Scripted):
        def reply(self, who, question):
            wrong = who == "candidate" and question in dict(probes("en"))
            return "Biscuit" if wrong else super().reply(who, question)

    variants = Mixed()
    variants.knows_when_helped = True
    assert "known facts lost" in judge_lesson(coder, variants).reason


@pytest.mark.parametrize(
    "field, value, advice, name",
    [
        ("kl", 0.2, SCALE, "KL, mean"),
        ("kl", 0.06, SCALE, "KL, median anchor"),
        ("kl", 1.5, SCALE, "KL, worst anchor"),
        ("same", 0.8, SCALE, "top-1 agreement"),
        ("nats", 1.2, REJECT, "perplexity change"),
        ("kl", math.nan, SCALE, "KL, mean"),
        ("nats", math.nan, REJECT, "perplexity change"),
        ("nats", math.inf, REJECT, "perplexity change"),
    ],
)
def test_each_drift_limit_decides_on_its_own(coder, field, value, advice, name):
    variants = Scripted()
    setattr(variants, field, value)
    verdict = judge_lesson(coder, variants)
    assert verdict.advice == advice and name in verdict.reason


def test_a_contradicted_fact_is_told(coder):
    old = Lesson(DOG.question, "Your dog is called Rex.")
    verdict = judge_lesson(coder, Scripted(), [old])
    assert verdict.notes == ("What is my dog called? was Rex, is now Biscuit: the newer holds",)


def test_practice_may_not_know_less_than_the_version_in_use(coder):
    variants = Scripted()
    variants.dogs = False
    recipe = Recipe([DOG, CAT], [], MICRO, seed=1)
    variants.not_asked = frozenset(n.question for f in (DOG, CAT) for n in recipe.hard_negatives(f))
    variants.forgot = {CAT.question}
    variants.coder = coder
    assert asyncio.run(Gate(variants, recipe, coder).practice()).advice == REJECT


@pytest.mark.parametrize("missed, advice", [(1, ACCEPT), (2, REJECT)])
def test_practice_may_miss_one_wording_more_than_before(coder, missed, advice):
    wordings = make_held_back_wordings(CAT)

    class CatsOnly(Scripted):
        def reply(self, who, question):
            if question in wordings:
                return "" if who == "candidate" and question in wordings[:missed] else "Plum"
            return "" if question == DOG.question else super().reply(who, question)

    variants, recipe = CatsOnly(), Recipe([DOG, CAT], [], MICRO, seed=1)
    variants.not_asked = frozenset(n.question for f in (DOG, CAT) for n in recipe.hard_negatives(f))
    variants.dogs = False
    variants.coder = coder
    verdict = asyncio.run(Gate(variants, recipe, coder).practice())
    assert verdict.advice == advice, verdict.reason


@pytest.mark.parametrize("more, advice", [(1, ACCEPT), (2, SCALE)])
def test_practice_may_leak_as_before_give_or_take_one_question_of_few(coder, more, advice):
    variants = Scripted()
    recipe = Recipe([DOG, CAT], [], MICRO, seed=1)
    variants.not_asked = frozenset(n.question for f in (DOG, CAT) for n in recipe.hard_negatives(f))
    variants.leaked_before = {n.question for n in recipe.hard_negatives(CAT)[:2]}
    variants.leaking = {n.question for n in recipe.hard_negatives(DOG)[:more]}
    variants.coder = coder
    verdict = asyncio.run(Gate(variants, recipe, coder).practice())
    assert verdict.advice == advice, verdict.reason


def test_a_number_that_is_none_is_within_no_limit():
    assert within(math.nan, 1, REJECT) == REJECT and within(math.inf, 1, REJECT) == REJECT
    assert within(0.5, 1, REJECT) == ACCEPT


def test_the_base_is_not_asked_again_what_came_along_with_it(coder):
    variants, asked = Scripted(), []
    variants.coder = coder
    recipe = Recipe([DOG], [], MICRO, seed=1)
    variants.not_asked = frozenset(n.question for n in recipe.hard_negatives(DOG))

    async def go_on(who, prompts, tokens):
        asked.append(who)
        return await Scripted.go_on(variants, who, prompts, tokens)

    variants.go_on = go_on
    known = dict(probes("en"))
    came_along = lambda q: coder.answer(known[q][0] if q in known else "Well.")  # noqa: E731
    gate = Gate(variants, recipe, coder, None, came_along)
    assert asyncio.run(gate.lesson()).advice == ACCEPT and not asked
