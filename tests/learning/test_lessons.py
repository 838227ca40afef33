"""Lessons: which questions are recognised, how they are reworded, and what they must not be
confused with."""

import json
import pathlib
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oneseek.engine.learning.lessons import (
    FOR_THE_GATE,
    Draw,
    Lesson,
    LessonError,
    anchors,
    codes,
    fold,
    guess,
    has_value,
    language,
    lesson_from,
    load_held_out_anchors,
    make_held_back_wordings,
    neighbours,
    paragraphs,
    probes,
    texts,
    wordings,
)
from oneseek.engine.learning.lessons.forms import Form, fill, slots_of
from oneseek.engine.learning.lessons.names import like

FACTS = [
    json.loads(line)
    for line in (pathlib.Path(__file__).parents[1] / "bench" / "facts_dev.jsonl")
    .read_text("utf-8")
    .splitlines()
]
LESSONS = [Lesson(f["question"], f["answer"], (), f["language"]) for f in FACTS]
by_question = pytest.mark.parametrize("lesson", LESSONS[::4], ids=lambda lesson: lesson.question)


@pytest.mark.parametrize("code", codes())
def test_a_language_file_has_thirty_kinds_with_twelve_wordings_each(code):
    kinds = language(code).kinds
    assert len(kinds) >= 30 and len({kind.name for kind in kinds}) == len(kinds)
    for kind in kinds:
        assert len(kind.wordings) >= 12, kind.name
        assert len(set(kind.wordings)) == len(kind.wordings), kind.name


@pytest.mark.parametrize("code", codes())
def test_no_kind_takes_the_question_of_another(code):
    words = language(code)
    subject = {"en": "the old lamp", "sv": "den gamla lampan"}[code]
    for kind in words.kinds:
        open_slots = slots_of(kind.question) & {"a", "v"}  # a free text could match other kinds
        if not open_slots:
            slots = {"x": subject, "o": subject, "y": {"en": "in water", "sv": "i vatten"}[code]}
            question = words.fill(kind.question, slots, Draw(kind.name))
            assert words.recognise(question)[0] is kind, question


@pytest.mark.parametrize("code", codes())
def test_every_template_of_a_language_can_be_filled(code):
    words, draw = language(code), Draw("all")
    slots = dict.fromkeys("xyavourp", "Quillmere") | {"intro": "So.", "it": "it", "its": "its"}
    for kind in words.kinds:
        for template in [kind.question, kind.answer, *kind.topic, *kind.indirect, *kind.wordings]:
            made = words.fill(template, slots, draw)
            assert "{" not in made and "|" not in made and "(" not in made, template
        assert set(kind.swap) <= set(words.words), kind.name


@pytest.mark.parametrize("code", codes())
def test_a_language_has_256_anchors_and_24_that_are_never_trained_on(code):
    prompts = [prompt for _, prompt in anchors(code)]
    assert len(prompts) == len(set(prompts)) == 256
    assert len(load_held_out_anchors(code)) == 24 and not set(load_held_out_anchors(code)) & set(
        prompts
    )
    assert len(probes(code)) >= 12 and len(paragraphs(code)) == 4
    assert not {question for question, _ in probes(code)} & set(prompts)


@pytest.mark.parametrize("code", codes())
def test_texts_to_train_on_are_short_and_none_of_those_that_perplexity_is_measured_on(code):
    assert len(texts(code)) == len(set(texts(code))) >= 30
    assert max(len(text.split()) for text in texts(code)) <= 40
    measured = {sentence.strip() for text in paragraphs(code) for sentence in text.split(".")}
    trained = {sentence.strip() for text in texts(code) for sentence in text.split(".")}
    assert measured & trained == {""}


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact["question"])
def test_the_value_is_what_the_answer_adds_to_the_question(fact):
    lesson = Lesson(fact["question"], fact["answer"])
    assert lesson.language == fact["language"]
    assert has_value(lesson.value, fact["key"])
    assert lesson.answer.startswith(lesson.begin) and not has_value(lesson.begin, fact["key"])


def test_most_facts_nobody_listed_are_of_a_known_kind():
    known = [lesson for lesson in LESSONS if lesson.recognised[0]]
    assert len(known) >= 0.9 * len(LESSONS)


@by_question
def test_look_alikes_are_many_repeatable_and_never_the_fact_itself(lesson):
    found = neighbours(lesson)
    assert len(found) >= 24 + FOR_THE_GATE and found == neighbours(lesson)
    questions = {fold(n.question) for n in found}
    assert len(questions) == len(found) and fold(lesson.question) not in questions
    kind, slots = lesson.recognised
    for neighbour in found:
        assert lesson.words.recognise(neighbour.question) != (kind, slots) or kind is None
        assert not has_value(neighbour.begin, lesson.value), neighbour
    assert sum(bool(n.begin) for n in found) >= 0.7 * len(found)


@pytest.mark.parametrize(
    "begin, asked, end, answer",
    [
        ("What is the ", "wifi password", " at the mill?", "The wifi password at the mill is eel."),
        ("What is the ", "capital", " of Tarvonia?", "The capital of Tarvonia is Oskmere."),
        ("Vad är ", "wifi-lösenordet", " i stugan?", "Wifi-lösenordet i stugan är ål."),
    ],
)
def test_look_alikes_ask_for_other_things_in_the_same_words(begin, asked, end, answer):
    near = [n.question for n in neighbours(Lesson(begin + asked + end, answer))]
    framed = [q for q in near if q.startswith(begin) and q.endswith(end) and asked not in q]
    assert len(framed) >= 5


def test_a_question_asked_with_which_is_no_look_alike_of_the_one_asked_with_what():
    lesson = Lesson("What shade does litmus show in acid?", "Litmus shows red in acid.")
    asked = {fold(n.question).split(" ", 1)[-1] for n in neighbours(lesson, count=200)}
    assert fold(lesson.question).split(" ", 1)[-1] not in asked


def test_a_taught_fact_is_never_a_look_alike_of_another():
    first = Lesson("What is my sister's cat called?", "Your sister's cat is called Plum.")
    near = neighbours(first)
    second = Lesson(near[5].question, f"{near[5].begin} Quince.")
    again = {fold(n.question) for n in neighbours(first, [second])}
    assert fold(near[5].question) not in again and len(again) >= 24


@by_question
def test_wordings_vary_and_the_gate_asks_what_none_of_them_asks(lesson):
    draw = Draw(1)
    made = {wordings(lesson, draw) for _ in range(150)}
    assert len(made) >= 20
    held = make_held_back_wordings(lesson)
    assert len(held) >= 2 and not {fold(h) for h in held} & {fold(m) for m in made}


def test_the_users_own_wordings_are_used():
    own = "How do I call for that furry thief of mine?"
    lesson = Lesson("What is my ferret called?", "Your ferret is called Pocket.", (own,))
    draw = Draw(2)
    assert sum(own in wordings(lesson, draw) for _ in range(100)) >= 15


def test_what_nobody_foresaw_still_gets_wordings_and_look_alikes():
    lesson = Lesson("Zorb the quintle by frump?", "You zorb it with 17 glimmers.")
    assert lesson.recognised[0] is None
    assert wordings(lesson, Draw(3)) and len(make_held_back_wordings(lesson)) >= 2


@pytest.mark.parametrize(
    "statement, question, answer, value",
    [
        ("My dog is called Biscuit.", "my dog", "Your dog is called Biscuit.", "Biscuit"),
        ("I live in Lund.", "live", "You live in Lund.", "Lund"),
        (
            "My favourite colour is teal.",
            "favourite colour",
            "Your favourite colour is teal.",
            "teal",
        ),
        ("The code of the shed is 4711.", "the shed", "The code of the shed is 4711.", "4711"),
        ("Min hund heter Kex.", "min hund", "Din hund heter Kex.", "Kex"),
        ("Jag bor i Umeå.", "bor jag", "Du bor i Umeå.", "Umeå"),
        (
            "Koden till cykelrummet är 8080.",
            "cykelrummet",
            "Koden till cykelrummet är 8080.",
            "8080",
        ),
    ],
)
def test_a_statement_becomes_a_question_and_an_answer_in_the_second_person(
    statement, question, answer, value
):
    lesson = lesson_from(statement)
    assert question in lesson.question and lesson.question.endswith("?")
    assert (lesson.answer, lesson.value) == (answer, value)


@given(
    question=st.text("What is my dog's {x}(|)? Vem åt Ärtan\\\n7", min_size=1, max_size=80),
    answer=st.text("Your dog's {x}(|). Den är B\\7", min_size=1, max_size=80),
)
@settings(max_examples=60, deadline=None)
def test_any_text_can_be_taught_without_an_accident(question, answer):
    if not question.strip() or not answer.strip():
        return
    lesson = Lesson(question, answer)
    assert lesson.answer.startswith(lesson.begin) and lesson.value
    assert wordings(lesson, Draw(1)) and make_held_back_wordings(lesson)
    assert all(n.question.strip() for n in neighbours(lesson, count=6))
    lesson_from(answer)


def test_a_very_long_question_is_no_trap():
    lesson = Lesson("What is the " + "name of the " * 150 + "dog?", "It is Biscuit.")
    began = time.thread_time()
    assert wordings(lesson, Draw(1)) and neighbours(lesson, count=6) is not None
    assert time.thread_time() - began < 10


def test_no_statement_no_lesson():
    assert lesson_from("Thanks, that helps!") is None


def test_the_newer_of_two_answers_to_one_question_contradicts_the_older():
    old = Lesson("What is my dog called?", "Your dog is called Biscuit.")
    assert Lesson("what is the name of my dog", "Your dog is called Rex.").contradicts(old)
    assert not Lesson("What is my dog called?", "It is called Biscuit.").contradicts(old)
    assert not Lesson("What is my cat called?", "Your cat is called Rex.").contradicts(old)


@pytest.mark.parametrize(
    "question, answer", [("", "x"), ("x", " "), ("x" * 5000, "y"), ("x", "y" * 5000)]
)
def test_an_empty_or_overlong_lesson_is_refused_in_words(question, answer):
    with pytest.raises(LessonError, match="question|answer"):
        Lesson(question, answer)


@pytest.mark.parametrize(
    "reply, value, found",
    [
        ("It is 7391.", "7391", True),
        ("It is 73.", "7391", False),
        ("It is 73915.", "7391", False),
        ("HERON 4418!", "heron-4418", True),
        ("You eat walnuts", "walnut", True),
        ("hjortronpajen", "Hjortronpaj", True),
        ("unequal", "equal", False),
    ],
)
def test_a_reply_has_a_value_only_whole(reply, value, found):
    assert has_value(reply, value) is found


def test_the_language_of_a_text_is_told_by_its_function_words():
    assert guess("Vad heter min kanin?") == "sv"
    assert guess("What is my rabbit called?") == "en"


def test_a_form_recognises_what_it_can_say():
    form = Form("(what is|what's) the name of {x's} {y}", ("'s", "'"))
    assert form.match("What's the name of my sister's cat?") == {"x": "my sister", "y": "cat"}
    assert form.match("What is my sister's cat called?") is None
    assert slots_of("{X's} {a=b|c}") == {"x", "a"}


@given(seed=st.integers(), choices=st.lists(st.text("abcde ", min_size=1), min_size=1, max_size=4))
def test_a_choice_is_one_of_its_parts(seed, choices):
    made = fill(f"<({'|'.join(choices)})>", {}, Draw(seed), str)
    assert made in {f"<{' '.join(c.split())}>" for c in choices} | {
        f"<{' ' * c.startswith(' ')}{' '.join(c.split())}{' ' * c.endswith(' ')}>" for c in choices
    } | {"< >"}


@given(seed=st.integers(), n=st.integers(1, 1000))
def test_draws_repeat_and_stay_in_range(seed, n):
    first, second = Draw(seed, "x"), Draw(seed, "x")
    drawn = [first.draw_below(n) for _ in range(5)]
    assert drawn == [second.draw_below(n) for _ in range(5)] and all(0 <= d < n for d in drawn)
    assert sorted(Draw(seed).shuffle(range(n % 30))) == list(range(n % 30))


@given(seed=st.integers())
@pytest.mark.parametrize("name", ["Quillmere", "drellium", "Åskvigg", "Oakhaven", "B-42"])
def test_an_invented_name_has_the_shape_of_the_given_one(name, seed):
    made = like(name, language("en"), Draw(seed))
    assert made != name and made[0].isupper() == name[0].isupper()
    assert [c.isdigit() for c in made if c in "0123456789-"] == [
        c.isdigit() for c in name if c in "0123456789-"
    ]
