"""The form that all answers of a skill share, and the grammar that enforces it."""

import functools
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder import ROOT
from oneseek.engine.learning.skills.answers import Answers, allows
from oneseek.engine.learning.skills.numerals import numerals
from oneseek.engine.learning.skills.pattern import misfits, pattern_of
from oneseek.engine.learning.skills.slot_model import LEAST, TRUST, chances
from oneseek.engine.model.choice.form import Form
from oneseek.engine.model.choice.sampling import Sampling
from oneseek.engine.model.choice.text import Text

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


@functools.cache
def pattern_in(task):
    return pattern_of(examples(task))


@pytest.mark.parametrize("task", PATTERNED)
def test_a_task_has_a_pattern_that_unseen_answers_follow(task):
    pattern = pattern_in(task)
    assert json.loads(json.dumps(pattern)) == pattern
    assert misfits(pattern, examples(task, "held_out")) <= 1


def test_free_text_has_none():
    questions = [f"What is {thing}?" for thing in THINGS]
    answers = (
        "A bird. Some fruit. Rye, of course! In the sea. Cold cuts. Trees. Sweet. Green.".split(
            ". "
        )
    )
    assert pattern_of(list(zip(questions, answers, strict=False))) is None


def test_text_that_begins_in_few_ways_begins_in_one_of_them():
    grammar = Answers(pattern_in("tone"), "Give me the salt.")
    assert allows(grammar, "Could you please give me the salt? Thank you!")
    assert not allows(grammar, "Give me the salt, please!")


def test_parts_with_the_same_signs_between_them_are_told_apart():
    grammar = Answers(pattern_in("commits"), "the pager lost the last page, it does not now")
    assert allows(grammar, "fix(pager): keep last page")
    for wrong in ("mend(pager): keep last page", "fix(printer): keep last page", "fix(pager): "):
        assert not allows(grammar, wrong)


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
    pattern = pattern_in("redact")
    grammar = Answers(pattern, "Ask Ove Ek (or Kim) today.")
    for right in ("Ask [NAME] (or [NAME]) today.", "Ask Ove Ek (or Kim) today."):
        assert allows(grammar, right)
    for wrong in ("Ask [NAME] (or Tim) today.", "Ask [CITY] (or Kim) today.", "Ask Ove Ek"):
        assert not allows(grammar, wrong)


def test_a_value_of_numbers_keeps_its_shape():
    grammar = Answers(pattern_in("notiser"), "Elräkningen 1234 spänn, den 7 maj")
    right = "7/5 | elräkning | - | 1234 kr"
    assert allows(grammar, right)
    for wrong in (right.replace("kr", "spänn"), right.replace("7/5", "7 maj")):
        assert not allows(grammar, wrong)


def test_a_day_that_no_example_shows_is_copied_and_a_date_is_read():
    days = ["monday", "tuesday", "friday", "today"]
    pairs = [(f"Call Bo {day}", f"{day} | call") for day in days * 3]
    pairs += [(f"Meet on {at} March, or call", f"{at}/3 | meet") for at in range(11, 15)]
    slot = pattern_of(pairs)["slots"][0]
    for question, wanted in (("Call Bo thursday", "thursday"), ("Meet on 21 May, or call", "21/5")):
        found = chances(slot, question)
        assert max(found, key=found.get) == wanted


def test_months_and_ordinals_are_numbers_in_dates_alone():
    said = [value for value, *_ in numerals("den tredje juni, a second of May 1", dates=True)]
    assert said == ["3", "6", "1", "2", "5", "1"]
    assert [value for value, *_ in numerals("den tredje juni")] == []


def test_a_label_that_was_not_shown_is_any_word_where_many_were_shown_once():
    units = "kg kg kg l l l h h h m m m dl ml tbsp".split()
    pairs = [(f"{at} {unit} please", f"{at} {unit}") for at, unit in enumerate(units)]
    grammar = Answers(pattern_of(pairs), "7 pt please")
    assert allows(grammar, "7 pt") and allows(grammar, "7 kg") and not allows(grammar, "pt pt")


def test_a_list_says_nothing_twice_and_keeps_the_order_of_its_examples():
    grammar = Answers(pattern_in("tags"), "Nails for the cat")
    assert allows(grammar, "animals, home")
    for wrong in ("home, animals", "home, home", "home, ", "animals, car, home, work"):
        assert not allows(grammar, wrong)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("two dozen oysters", "24"),
        ("a couple of dozen", "24"),
        ("half a dozen eggs", "6"),
        ("a litre and a half", "1.5"),
        ("three and a quarter hours", "3.25"),
        ("three quarters of a mile", "0.75"),
        ("five thousand two hundred and forty-one", "5241"),
        ("niohundrafemtio spänn", "950"),
        ("två och en halv", "2.5"),
        ("1 200 kr", "1200"),
        ("2,5 kg", "2.5"),
    ],
)
def test_a_number_is_read_in_words_and_in_figures(text, wanted):
    assert [value for value, _, _, longest in numerals(text) if longest][0] == wanted


@given(st.text(max_size=60))
def test_whatever_stands_in_a_text_its_numbers_stand_where_they_are_said_to(text):
    for value, first, last, _ in numerals(text):
        assert 0 <= first < last <= len(text) and float(value) >= 0


@pytest.mark.parametrize(
    ("slot", "wanted"),
    [(0, '"goat cheese"'), (1, "24"), (2, '"wheel"'), (3, '"tue"')],
    ids=["copied", "counted", "without its ending", "short for a word"],
)
def test_what_stands_around_a_value_tells_which_it_is(slot, wanted):
    """Of these values only the day occurs in an example."""
    found = chances(pattern_in("orders")["slots"][slot], ASKED)
    assert max(found, key=found.get) == wanted


ASKED = "please put aside two dozen wheels of goat cheese for Tuesday"


def test_what_was_never_shown_has_a_little_chance():
    found = chances(pattern_in("mail")["slots"][0], "Lunch on Sunday?")
    assert len(found) == 6
    assert all(LEAST**TRUST <= one <= 1 for one in found.values())


def test_the_chances_of_how_a_text_goes_on_are_those_of_all_it_may_become():
    """`min` and `m` begin alike, so the first letter must have the probability of both."""
    slot = {"known": ["m", "min", "h"], "weights": {"is m": 1.0, "is min": 2.0}}
    pattern = {"slots": [slot], "templates": [{"glue": ["", ""], "slots": [0]}]}
    text, each = Text(Answers(pattern, "")), chances(slot, "")
    whole = {word: text.chance(text.start, word.encode()) for word in each}
    ended = {w: text.chance(text.after(text.start, w.encode()), b"") for w in each}
    for word, chance in each.items():
        share = chance / sum(each.values())
        assert whole[word] + ended[word] == pytest.approx(math.log(share))


def test_text_that_may_end_or_go_on_costs_nothing_either_way():
    slot = {"known": [], "free": True, "ends": ""}
    text = Text(Answers({"slots": [slot], "templates": [{"glue": ["", ""], "slots": [0]}]}, ""))
    begun = text.after(text.start, b"Go")
    assert text.chance(text.start, b"Go on") == text.chance(begun, b"") == 0


class Letters:
    """A tokenizer with one token for each letter; 0 is the end."""

    eos_ids = (0,)

    def bytes_of(self, id):
        return bytes([id]) if id else b""

    def spell(self, text):
        return list(text)


def test_what_stands_around_a_name_tells_that_it_is_replaced():
    question = "Please call Bo Ek on 070-555 01 02 before noon."
    text = Text(Answers(pattern_in("redact"), question))
    wanted, other = (
        text.chance(text.start, answer.encode())
        for answer in ("Please call [NAME] on [PHONE] before noon.", question)
    )
    assert wanted > other


@pytest.mark.parametrize("sure", [0.5, 9.0])
def test_who_is_unsure_is_told_by_the_examples_and_who_is_sure_is_not(sure):
    pattern = pattern_of(
        [(f"{'red' if at % 2 else 'blue'} {at}", "ab"[at % 2]) for at in range(12)]
    )
    form = Form(Answers(pattern, "red 7"), Letters())
    said = form.choose([(ord("a"), -0.1), (ord("b"), -0.1 - sure)], Sampling(0), [], 8)
    assert chr(said) == ("b" if sure < 1 else "a")


@given(st.lists(st.tuples(st.text(max_size=20), st.text(max_size=20)), max_size=20))
def test_whatever_the_examples_are_nearly_all_of_them_follow_their_pattern(pairs):
    pattern = pattern_of(pairs)
    assert pattern is None or misfits(pattern, pairs) <= 0.1 * len(pairs)


@given(st.sampled_from(PATTERNED), st.text(max_size=60))
def test_each_question_has_an_answer(task, question):
    grammar = Answers(pattern_in(task), question)
    assert allows(grammar, grammar.shortest(grammar.start).decode())
