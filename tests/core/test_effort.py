"""The announced time of a lesson must match the time it takes."""

import pytest

from oneseek.web.learning import effort


def round_of(known, ready, step, steps, checking, back_end="cpu"):
    """(announced, true) milliseconds left, along a round with these durations."""
    one, told = effort.Effort(known, 135e6, back_end=back_end), []
    total = ready + step * steps + checking
    spent = 0.0
    for _ in range(10):
        one.spend(ready / 10)
        spent += ready / 10
        told.append((one.left_ms(), total - spent))
        assert 0 <= one.share() <= 1
    for number in range(1, steps + 1):
        one.spend(step)
        spent += step
        one.on_step(number, steps if number == steps else 16)
        told.append((one.left_ms(), total - spent))
    for _ in range(10):
        one.spend(checking / 10)
        spent += checking / 10
        told.append((one.left_ms(), total - spent))
    return told, one


def test_the_time_told_is_the_time_taken_once_a_round_was_seen():
    shape = {"ready": 30_000.0, "step": 2_000.0, "steps": 12, "checking": 25_000.0}
    _, first = round_of(None, shape["ready"], shape["step"], 12, shape["checking"])
    known = first.measure_costs()
    assert known["steps"] == 12 and known["checking"] == pytest.approx(25_000)
    told, _ = round_of(known, shape["ready"], shape["step"], 12, shape["checking"])
    for said, true in told:
        assert abs(said - true) < 0.15 * 79_000


def test_the_first_lesson_on_a_card_is_not_told_to_take_what_it_takes_on_a_processor():
    told, _ = round_of(None, 9_500.0, 375.0, 16, 2_300.0, "gpu")  # measured on an H200, in Chromium
    for said, true in told:
        assert abs(said - true) < 0.2 * 17_800


def test_a_computer_that_is_three_times_slower_is_told_of_as_soon_as_one_part_is_over():
    known = {"ready": 10_000.0, "step": 700.0, "steps": 12, "checking": 8_000.0}
    told, _ = round_of(known, 30_000.0, 2_100.0, 12, 24_000.0)
    for said, true in told[11:]:
        assert abs(said - true) < 0.2 * 79_200


def test_the_share_follows_the_steps_and_never_falls():
    known = {"ready": 10_000.0, "step": 1_000.0, "steps": 12, "checking": 8_000.0}
    one, shares = effort.Effort(known, 135e6), []
    one.spend(10_000.0)
    for number in range(1, 13):
        one.spend(1_000.0 if number % 3 else 4_000.0)  # some take longer
        one.on_step(number, 64)
        shares.append(one.share())
    rises = [after - before for before, after in zip(shares, shares[1:], strict=False)]
    assert rises[:10] == pytest.approx([rises[0]] * 10)
    assert all(rise >= 0 for rise in rises) and shares[0] > 10 / 30


def test_the_time_that_is_told_never_grows_while_the_speed_is_the_same():
    one = effort.Effort(None, 135e6)
    told = [one.say(seconds, "full") for seconds in (90, 80, 95, 70, 160, 20)]
    assert told == [90, 80, 80, 70, None, 20]
    assert one.say(400, "slow") == 400
