"""The scheduler must keep its share, yield at once, and never catch up on lost time."""

import asyncio
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oneseek.engine.core.scheduler import (
    ALWAYS,
    AWAY_MS,
    IDLE_MS,
    NEVER,
    QUIET_MS,
    TrainingScheduler,
)
from oneseek.engine.core.settings import SchedulerConfig


def run(coroutine):
    return asyncio.run(coroutine)


class Page:
    """A page in simulated time: idle moments and slices of given lengths."""

    def __init__(self, idle=lambda: 50, slice=lambda budget: budget, idle_wait=lambda: 2, **config):
        self.now = 1_000_000.0
        self.idle_length, self.slice_length, self.idle_wait = idle, slice, idle_wait
        self.work = True
        self.finished = False
        self.slices = []
        self.scheduler = TrainingScheduler(
            SchedulerConfig(**config), lambda: self.now, self.grant, self.idle, lambda: self.work
        )
        self.scheduler.start()

    async def idle(self, timeout):
        self.now += self.idle_wait()
        return self.idle_length()

    async def grant(self, budget):
        used = self.slice_length(budget)
        self.slices.append((self.now, used, budget))
        self.now += used
        return {"used_ms": used, "finished": self.finished}

    def pass_time(self, milliseconds):
        async def turns():
            end = self.now + milliseconds
            while self.now < end:
                wait = await self.scheduler.turn()
                self.now = max(self.now, min(end, self.now + max(wait, 1)))

        run(turns())

    def sum_used(self, since=0):
        return sum(used for at, used, _ in self.slices if at >= since)


def here(page, milliseconds):
    """Simulate a person who only looks at the page."""
    end = page.now + milliseconds
    while page.now < end:
        page.scheduler.seen_at = page.now
        page.pass_time(min(1000, end - page.now))


@pytest.mark.parametrize("share", [0.05, 0.2, 0.5])
def test_the_share_measured_is_within_a_tenth_of_the_share_asked_for(share):
    page = Page(max_cpu_usage=share)
    here(page, 120_000)
    assert page.sum_used() / 120_000 == pytest.approx(share, rel=0.1)
    assert page.scheduler.get_stats()["duty_measured"] == pytest.approx(share, rel=0.1)


def test_what_was_thrown_away_begins_again_after_quiet_and_not_at_once():
    page = Page()
    page.pass_time(10_000)
    page.scheduler.force_training()
    page.scheduler.throw_away()
    thrown = page.now
    page.pass_time(10_000)
    begun = [at for at, _, _ in page.slices if at >= thrown]
    assert begun and min(begun) - thrown >= page.scheduler.idle_after_ms


def test_slices_that_run_over_are_paid_back():
    page = Page(slice=lambda budget: budget * 4)
    here(page, 120_000)
    assert page.sum_used() / 120_000 == pytest.approx(0.2, rel=0.1)


@given(st.integers(0, 2**32), st.floats(0.02, 0.9))
@settings(max_examples=25, deadline=None)
def test_no_window_of_ten_seconds_holds_more_than_the_share_and_two_slices(seed, share):
    draw = random.Random(seed)
    page = Page(
        idle=lambda: draw.choice([3, 20, 50]),
        slice=lambda budget: budget * draw.uniform(0.3, 1),
        idle_wait=lambda: draw.expovariate(1 / 30),
        max_cpu_usage=share,
    )
    here(page, 40_000)
    for start, _, _ in page.slices:
        inside = sum(used for at, used, _ in page.slices if start <= at < start + 10_000)
        assert inside <= 10_000 * share + 2 * 50 + 50


def test_a_page_that_never_rests_for_long_is_waited_for_a_moment_and_keeps_the_share_all_the_same():
    page = Page(idle=lambda: 9, idle_wait=lambda: 16)
    here(page, 30_000)
    assert page.slices[0][0] >= 1_000_000 + IDLE_MS
    assert page.sum_used() / 30_000 == pytest.approx(0.2, rel=0.1)
    page = Page(idle=lambda: 12)
    here(page, 5000)
    assert page.slices and all(budget == 12 for _, _, budget in page.slices)


def test_once_nobody_is_there_it_has_the_machine_and_owes_nothing_for_it():
    page = Page()
    page.pass_time(AWAY_MS)
    assert page.sum_used() / AWAY_MS == pytest.approx(0.2, rel=0.1)
    left = page.now
    page.pass_time(60_000)
    assert page.sum_used(left) / 60_000 > 0.95
    page.scheduler.activity("pointer")
    back = page.now
    here(page, 20_000)
    assert page.sum_used(back) / 20_000 == pytest.approx(0.2, rel=0.1)


@pytest.mark.parametrize("rule", ["battery", "setting", "pause"])
def test_full_speed_keeps_to_the_rules_of_the_person(rule):
    page = Page()
    if rule == "battery":
        page.scheduler.set_power(False, 0.9)
    elif rule == "setting":
        page.scheduler.rules["alone"] = NEVER
    else:
        page.scheduler.pause()
    page.pass_time(120_000)
    assert page.sum_used() / 120_000 == pytest.approx(0 if rule == "pause" else 0.2, rel=0.1)


def test_learn_now_is_not_held_back_for_afterwards():
    page = Page()
    page.scheduler.force_training()
    here(page, 20_000)
    page.scheduler.forced = False
    began = page.now
    here(page, 20_000)
    assert page.sum_used(began) / 20_000 == pytest.approx(0.2, rel=0.1)


def test_what_takes_seconds_begins_in_the_moment_in_which_it_may():
    page = Page()
    page.work, page.scheduler.takes_seconds = False, lambda: page.work
    page.pass_time(3000)
    page.scheduler.activity("sending")
    page.work, told = True, page.now
    page.pass_time(3000)
    assert page.slices[0][0] == told + QUIET_MS["sending"]
    page.slices, answered = [], page.now + 450
    page.scheduler.inference_started()
    page.pass_time(450)
    assert not page.slices
    page.scheduler.inference_ended()
    page.pass_time(1000)
    assert page.slices[0][0] - answered <= 100


@pytest.mark.parametrize("kind", sorted(QUIET_MS))
def test_activity_pauses_within_one_slice_and_quiet_resumes(kind):
    page = Page()
    page.pass_time(5000)
    before = len(page.slices)
    page.scheduler.activity(kind)
    started = page.now
    page.pass_time(QUIET_MS[kind] - 10)
    assert len(page.slices) == before and page.scheduler.explain_pause(page.now) == kind
    page.pass_time(10_000)
    assert page.sum_used(started) > 0


def test_someone_who_begins_to_type_while_the_page_waits_for_idle_is_not_disturbed():
    page = Page()
    page.idle_length = lambda: page.scheduler.activity("typing") or 50
    page.pass_time(3000)
    assert page.slices == []


def test_answering_pauses_training_unless_it_is_told_not_to():
    page = Page()
    page.scheduler.inference_started()
    page.pass_time(3000)
    assert page.slices == [] and page.scheduler.get_stats()["paused_because"] == "inference"
    page.scheduler.update_config(pause_on_inference=False)
    page.pass_time(3000)
    assert page.slices


def test_it_knows_how_long_a_slice_went_on_after_send_was_pressed():
    def send_in_slice(budget):
        page.now += 20
        page.scheduler.inference_started()
        return 7

    page = Page(slice=send_in_slice)
    page.pass_time(1000)
    assert page.scheduler.get_stats()["last_yield_ms"] == 7


def test_opening_a_round_which_waits_for_an_answer_is_no_slice_that_goes_on():
    async def open_round(budget):
        page.scheduler.inference_started()
        page.now += 3000
        return {"used_ms": 3000, "slice_ms": 0.0, "finished": False}

    page = Page()
    page.scheduler.grant = open_round
    page.pass_time(1000)
    stats = page.scheduler.get_stats()
    assert (stats["training_count"], stats["last_yield_ms"], stats["longest_slice_ms"]) == (1, 0, 0)


def test_a_hidden_tab_trains_on_mains_and_pauses_on_battery():
    page = Page()
    page.scheduler.set_hidden(True)
    page.pass_time(3000)
    assert page.slices
    page.scheduler.set_power(False, 0.9)
    assert page.scheduler.explain_pause(page.now) == "hidden"
    page.scheduler.rules["hidden"] = ALWAYS
    assert page.scheduler.explain_pause(page.now) == ""
    page.scheduler.set_power(False, 0.3)
    assert page.scheduler.explain_pause(page.now) == "battery"
    page.scheduler.rules["battery"] = ALWAYS
    assert page.scheduler.explain_pause(page.now) == ""
    page.scheduler.rules["battery"] = NEVER
    page.scheduler.set_power(True, 0.3)
    assert page.scheduler.explain_pause(page.now) == ""


def test_every_reason_to_stop_holds_until_it_is_taken_back():
    page = Page()
    for reason in ("user", "other tab", "storage"):
        page.scheduler.block(reason)
        assert page.scheduler.explain_pause(page.now) == reason
        page.scheduler.unblock(reason)
    page.scheduler.pause()
    page.pass_time(3000)
    assert page.slices == []
    page.scheduler.resume()
    page.pass_time(3000)
    assert page.slices


def test_forced_training_runs_at_once_until_a_round_ends_and_still_yields_to_a_person():
    page = Page(enable_background_training=False)
    page.pass_time(2000)
    assert page.slices == []
    page.scheduler.pause()
    page.scheduler.force_training()
    started = page.now
    page.pass_time(2000)
    assert page.sum_used(started) > 1800
    page.scheduler.activity("typing")
    count = len(page.slices)
    page.pass_time(1000)
    assert len(page.slices) == count
    page.finished = True
    page.pass_time(3000)
    assert len(page.slices) == count + 1


def test_nothing_is_asked_of_the_worker_when_there_is_nothing_to_learn():
    page = Page()
    page.work = False
    page.pass_time(5000)
    stats = page.scheduler.get_stats()
    assert stats["training_count"] == 0 and stats["time_since_last_training"] is None


def test_R39_sleep_and_clocks_that_jump_cause_no_burst_and_no_crash():
    page = Page()
    page.pass_time(5000)
    for jump in (8 * 3_600_000, -86_400_000, 3650 * 86_400_000):
        page.scheduler.activity("typing")
        page.now += jump
        count = len(page.slices)
        page.pass_time(1000)
        assert sum(used for _, used, _ in page.slices[count:]) <= 0.2 * 1000 + 2 * 50 + 50
        page.pass_time(5000)
        assert len(page.slices) > count + 10
        assert page.scheduler.get_stats()["time_since_last_training"] >= 0
    here(page, 60_000)
    assert page.scheduler.get_stats()["duty_measured"] == pytest.approx(0.2, rel=0.15)


def test_stats_have_the_documented_names():
    page = Page()
    page.pass_time(2000)
    stats = page.scheduler.get_stats()
    assert stats["is_scheduled"] is True and stats["is_training_active"] is False
    assert stats["training_count"] == len(page.slices) > 0
    assert 0 <= stats["time_since_last_training"] < 1000
    page.scheduler.stop()
    page.pass_time(5000)
    assert page.scheduler.get_stats()["is_scheduled"] is False


def test_a_failing_slice_leaves_the_scheduler_usable():
    page = Page()

    async def broken(budget):
        raise RuntimeError("device lost")

    grant, page.scheduler.grant = page.scheduler.grant, broken
    with pytest.raises(RuntimeError):
        page.pass_time(5000)
    page.scheduler.grant = grant
    page.pass_time(5000)
    assert page.slices and page.scheduler.get_stats()["is_training_active"] is False


def test_a_turn_that_goes_wrong_is_reported_and_learning_goes_on():
    page, faults = Page(), []

    async def grant(budget):
        if not faults:
            raise KeyError("one slice went wrong")
        page.scheduler.stop()
        page.slices.append(budget)
        return {"used_ms": budget, "finished": True}

    async def sleep(milliseconds):
        page.now += max(milliseconds, 1)

    page.scheduler.grant = grant
    run(page.scheduler.run(sleep, faults.append))
    assert [type(fault) for fault in faults] == [KeyError] and len(page.slices) == 1
