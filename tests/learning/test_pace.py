"""The schedule of a round: when a lesson is learned, how it cools down, and how it resumes."""

import pytest

from oneseek.engine.core.settings import LessonConfig
from oneseek.engine.learning.rounds.rate_schedule import FallingPace, LessonPace

SURE, ODD, WRONG = [0.1, 0.2, 0.3, 0.1], [0.1, 0.2, 5.0, 0.1], [0.9, 0.1, 0.1, 0.1]


def lesson(count=1, **changed):
    settings = {"max_steps": 16, "stop_after": 2, "cooling_steps": 4, "warmup_steps": 2}
    return LessonPace(LessonConfig(**{**settings, **changed}), 1e-3, count)


def test_a_lesson_ends_a_few_cooling_steps_after_it_was_sure_twice_in_a_row():
    pace = lesson()
    for step, heard in enumerate([WRONG, SURE, WRONG, SURE]):
        pace.on_step(step, heard)
        assert pace.steps == 16
    pace.on_step(4, SURE)
    assert pace.steps == 9
    rates = [pace.rate(step) for step in range(5, 9)]
    assert rates == pytest.approx([8e-4, 6e-4, 4e-4, 2e-4])
    pace.on_step(5, SURE)
    assert pace.steps == 9, "being sure while cooling changes nothing"


def test_one_odd_wording_does_not_keep_a_lesson_going_but_the_question_itself_does():
    odd, wrong = lesson(), lesson()
    for step in range(4):
        odd.on_step(step, ODD)
        wrong.on_step(step, WRONG)
    assert odd.steps < 16 and wrong.steps == 16


def test_it_warms_up_and_never_takes_more_than_its_steps():
    pace = lesson()
    assert pace.rate(0) == pytest.approx(5e-4) and pace.rate(2) == pytest.approx(1e-3)
    assert pace.rate(15) == pytest.approx(2e-4)


def test_several_lessons_take_turns_and_all_have_to_be_sure():
    pace = lesson(2)
    assert [pace.at(step) for step in range(4)] == [0, 1, 0, 1] and pace.steps == 32
    for step in range(8):
        pace.on_step(step, SURE if step % 2 == 0 else WRONG)
    assert pace.steps == 32
    for step in range(8, 12):
        pace.on_step(step, SURE)
    assert pace.steps == 12 + 2 * 4


def test_the_gate_may_ask_for_a_few_more_which_cool_too():
    pace = lesson(more_steps=4)
    pace.go_on(16)
    assert pace.steps == 20 and pace.rate(19) < pace.rate(16) < 1e-3


def test_a_pace_is_taken_up_where_it_was():
    pace, again = lesson(2), lesson(2)
    for step in range(6):
        pace.on_step(step, SURE)
    again.restore(pace.capture())
    assert (again.steps, again.sure) == (pace.steps, pace.sure)


def test_practice_falls_to_a_tenth_and_what_mends_begins_gently_and_falls_to_rest():
    pace = FallingPace(1e-3, 100, 4, 0.1)
    assert pace.rate(0) < pace.rate(3) and pace.rate(99) == pytest.approx(1e-4)
    for step in (100, 108):
        pace.go_on(step)
        rates = [pace.rate(at) for at in range(step, pace.steps)]
        assert rates[0] == pytest.approx(2.5e-4) and rates == sorted(rates, reverse=True)
        assert rates[-1] < 1e-4 / 2
        again = FallingPace(1e-3, 100, 4, 0.1)
        again.restore(pace.capture())
        assert [again.rate(at) for at in range(step, again.steps)] == rates
