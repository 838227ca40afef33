"""What all answers of a skill look like, and the grammar that keeps an answer to it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder import ROOT
from oneseek.engine.learning.skills.pattern import Answers, allows, misfits, pattern_of

GALLERY = ROOT / "examples" / "skills"
PATTERNED = ["mail", "notiser", "orders", "redact", "tags", "units"]
DAYS = ["mon", "tue", "wed", "thu"]
THINGS = ["eggs", "leeks", "plums", "pears", "rye bread", "ham", "olives", "dates"]
ORDERS = [
    (
        f"{count} {thing} for {DAYS[count % 4]}day please",
        json.dumps({"item": thing, "amount": count, "day": DAYS[count % 4]}),
    )
    for count, thing in enumerate(THINGS, 3)
]


def examples(task, part="train"):
    lines = (GALLERY / task / f"{part}.jsonl").read_text("utf-8").splitlines()
    return [(one["prompt"], one["answer"]) for one in map(json.loads, lines)]


@pytest.mark.parametrize("task", PATTERNED)
def test_a_task_has_a_pattern_that_unseen_answers_follow(task):
    pattern = pattern_of(examples(task))
    assert json.loads(json.dumps(pattern)) == pattern
    assert misfits(pattern, examples(task, "held_out")) <= 1


@pytest.mark.parametrize("task", ["commits", "tone"])
def test_free_text_has_none(task):
    assert pattern_of(examples(task)) is None


def test_a_name_is_copied_a_label_is_known_and_a_number_is_any():
    pattern = pattern_of(ORDERS)
    grammar = Answers(pattern, "99 Brazil nuts for Tuesday")
    right = '{"item": "Brazil nuts", "amount": 99, "day": "tue"}'
    assert allows(grammar, right)
    for wrong in (
        right.replace("Brazil nuts", "Brasil nuts"),
        right.replace("tue", "tuesday"),
        right.replace("99", "many"),
        right.replace("amount", "number"),
        right[:-1],
    ):
        assert not allows(grammar, wrong)


def test_a_question_is_copied_but_for_what_is_replaced():
    pattern = pattern_of(examples("redact"))
    grammar = Answers(pattern, "Ask Ove Ek (or Kim) today.")
    for right in ("Ask [NAME] (or [NAME]) today.", "Ask Ove Ek (or Kim) today."):
        assert allows(grammar, right)
    for wrong in ("Ask [NAME] (or Tim) today.", "Ask [CITY] (or Kim) today.", "Ask Ove Ek"):
        assert not allows(grammar, wrong)


@given(st.lists(st.tuples(st.text(max_size=20), st.text(max_size=20)), max_size=20))
def test_whatever_the_examples_are_nearly_all_of_them_follow_their_pattern(pairs):
    pattern = pattern_of(pairs)
    assert pattern is None or misfits(pattern, pairs) <= 0.1 * len(pairs)


@given(st.sampled_from(PATTERNED), st.text(max_size=60))
def test_each_question_has_an_answer(task, question):
    grammar = Answers(pattern_of(examples(task)), question)
    assert allows(grammar, grammar.shortest(grammar.start).decode())
