"""A simulated day in a minute: 500 questions and all other events, and everything must add up."""

import asyncio
import tracemalloc

import pytest

from oneseek.engine.history.audit import check_store
from oneseek.engine.learning.questions.microtrain import KEPT_EVENTS, KEPT_SAMPLES
from tests.support.certified import flips_that_pass, verify, write_certified
from tests.support.day import Day


def a_day(folder, traced=False, **how):
    """Live one day; tracing its memory doubles the time."""
    if traced:
        tracemalloc.start()
    day = Day(folder, **how)
    try:
        asyncio.run(day.live())
    finally:
        tracemalloc.stop()
    return day


def what_must_hold(day, folder):
    run = asyncio.run
    assert run(check_store(day.store)) == []
    versions = run(day.versions.records())
    told = [e["body"]["number"] for e in run(day.living.ledger.entries()) if e["kind"] == "version"]
    assert told == [one["number"] for one in versions]
    run(day.versions.clear_old_snapshots())
    snapshots = [key for key in run(day.store.keys("snapshots")) if isinstance(key, int)]
    assert len(snapshots) <= 1 + 3 + 7 + 4
    assert run(day.store.count("samples")) <= KEPT_SAMPLES
    assert run(day.store.count("events")) <= KEPT_EVENTS
    last = run(day.versions.current())
    return write_certified(day.living, folder / last["name"], last["number"])


@pytest.mark.slow
def test_a_morning_of_forty_questions_adds_up(tmp_path):
    day = a_day(tmp_path, questions=40)
    assert verify(what_must_hold(day, tmp_path))[0] == 0
    assert day.counts["ask"] == 40 and day.counts["learned"] > 20


@pytest.mark.long
def test_a_day_with_500_questions_adds_up(tmp_path):
    day = a_day(tmp_path, traced=True)
    folder = what_must_hold(day, tmp_path)
    assert verify(folder)[0] == 0
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in folder.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    assert flips_that_pass(folder, copy, 50) == []
    noon, evening = day.memory[13], day.memory[-1]
    stats = asyncio.run(day.micro.stats())
    print(dict(day.counts), f"memory {noon / 1e6:.1f} -> {evening / 1e6:.1f} MB", stats)
    stored = (tmp_path / "oneseek.db").stat().st_size
    print(f"storage {stored / 1e6:.1f} MB")
    assert evening < noon + 2e6 and stored < 20e6
    assert stats["stage_counts"] == {"stage1": 500, "stage2": 500}
    assert stats["last_dna_update"]["questions"] == 500
