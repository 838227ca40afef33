"""Versions must be named as documented, complete or absent, explained by the ledger, and
reversible."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oneseek.engine.core.storage.store import FencedStore, new_epoch
from oneseek.engine.history import naming
from oneseek.engine.history.audit import check_store
from oneseek.engine.history.ledger import Overtaken
from oneseek.engine.history.snapshot import SnapshotDamaged, weights_sha256
from oneseek.engine.history.versions import DAY_MS
from tests.support.living import Living, run
from tests.support.small_trainer import SmallTrainer


@pytest.fixture
def living(tmp_path):
    return Living(tmp_path)


def current(living, line="generic"):
    return run(living.versions.current(line))


def test_the_documented_example_name_is_read_and_written_the_same():
    text = "OneSeek-7B-Zero.v1.492.sv.dsCivicID-SwedID.8f3a1c9d.2e7f4b1a"
    name = naming.parse(text)
    assert (name.major, name.micro, name.language) == (1, 492, "sv") and str(name) == text
    with pytest.raises(ValueError, match="not a version name"):
        naming.parse(text.replace(".sv.", ".de."))


@pytest.mark.parametrize(
    "parameters, family",
    [
        (134_515_008, "OneSeek-135M-Zero"),
        (7_000_000_000, "OneSeek-7B-Zero"),
        (1_100_048_384, "OneSeek-1.1B-Zero"),
        (999_800_000, "OneSeek-1B-Zero"),
        (70_550_000_000, "OneSeek-71B-Zero"),
    ],
)
def test_the_family_takes_its_size_from_the_base_model(parameters, family):
    assert naming.family(parameters) == family


@given(st.integers(0, 99), st.integers(0, 999), st.sets(st.sampled_from(["chat", "website", "x"])))
def test_every_name_is_read_back_as_it_was_made(major, micro, sources):
    name = naming.name_version("OneSeek-135M-Zero", (major, micro), "sv", sources, "ab" * 32, 5)
    assert naming.parse(str(name)) == name and ":" not in str(name)


def test_a_lesson_makes_a_micro_version_and_practice_a_major_one(living):
    assert current(living) is None
    names = [living.teach("one")["version"], living.teach("two")["version"]]
    names.append(living.learn("practice")["version"])
    names.append(living.teach("three")["version"])
    assert [(one["major"], one["micro"]) for one in names] == [(0, 1), (0, 2), (1, 0), (1, 1)]
    assert current(living)["name"] == names[-1]["name"]
    assert [one["id"] for one in run(living.versions.pool())] == sum(
        (one["lessons"] for one in names), []
    )
    assert run(living.store.count("queue")) == 0 and run(check_store(living.store)) == []


def test_a_version_is_named_by_the_only_language_that_it_learned(living):
    names = [
        living.teach(said, language=code)["version"]["name"]
        for said, code in (("ett", "sv"), ("två", "sv"), ("three", "en"), ("fyra", "sv"))
    ]
    assert [name.split(".")[3] for name in names] == ["sv", "sv", "ensv", "ensv"]
    assert living.learn("practice")["version"]["language"] == "ensv"


def test_a_language_without_its_own_adapter_uses_the_generic_one(living):
    living.teach("generic fact")
    assert current(living, "sv")["line"] == "generic"
    living.offer("svensk fakta")
    living.learn(line="sv")
    assert current(living, "sv")["language"] == "sv"
    assert current(living, "en")["line"] == "generic"
    assert run(check_store(living.store)) == []


def test_rollback_moves_the_pointer_and_deletes_nothing(living):
    first = living.teach("one")["version"]
    second = living.teach("two")["version"]
    run(living.versions.rollback("generic", first["number"]))
    assert current(living)["name"] == first["name"]
    third = living.teach("three")["version"]
    assert third["parent"] == first["number"] and third["micro"] == 3
    assert len(run(living.versions.pool())) == 2
    run(living.versions.rollback("generic", None))
    assert current(living) is None
    run(living.versions.rollback("generic", second["number"]))
    assert current(living)["name"] == second["name"] and run(check_store(living.store)) == []


def test_a_damaged_snapshot_is_refused_by_name_and_rollback_to_it_too(living):
    first = living.teach("one")["version"]
    living.teach("two")
    stored = run(living.store.get("snapshots", first["number"]))
    stored["data"] = stored["data"][:-1] + bytes([stored["data"][-1] ^ 1])
    run(living.store.batch([["put", "snapshots", first["number"], stored]]))
    with pytest.raises(SnapshotDamaged, match="other versions are not affected"):
        run(living.versions.weights(first["number"]))
    with pytest.raises(SnapshotDamaged):
        run(living.versions.rollback("generic", first["number"]))
    assert current(living)["number"] == 2
    assert "damaged" in run(check_store(living.store))[0]


def test_a_lesson_removed_while_it_was_learned_does_not_become_a_version(living):
    id = living.offer("private")["id"]
    run(living.training.open("lesson", living.queue.queue.take(1)))
    while run(living.training.advance(1)) is not None:
        pass
    run(living.queue.change(lambda q: q.remove(id)))
    result = run(living.training.finish())
    assert result["outcome"] == "dropped" and current(living) is None
    assert run(living.versions.records()) == [] and run(check_store(living.store)) == []


def test_two_promotions_from_one_version_cannot_both_win(living, tmp_path):
    living.teach("one")
    other = Living(tmp_path)
    for each, words in ((living, "two"), (other, "three")):
        each.offer(words)
        run(each.training.open("lesson", each.queue.queue.take(1)))
        while run(each.training.advance(1)) is not None:
            pass
    assert run(living.training.finish())["outcome"] == "learned"
    assert run(other.training.finish())["outcome"] == "dropped"
    assert run(check_store(living.store)) == []


def test_R16_a_round_of_a_tab_that_lost_its_office_is_dropped(living):
    zombie = run(new_epoch(living.store, "frozen tab"))
    living.offer("one")
    living.training.write_through(FencedStore(living.store, zombie))
    run(living.training.open("lesson", living.queue.queue.take(1)))
    assert run(living.training.advance(1))
    run(new_epoch(living.store, "new tab"))
    while run(living.training.advance(1)) is not None:
        pass
    assert run(living.training.finish())["outcome"] == "dropped"
    assert current(living) is None and run(check_store(living.store)) == []


def test_a_lesson_comes_before_practice_that_was_put_off_and_practice_goes_on_without_one(living):
    living.teach("one")
    run(living.training.open("practice"))
    assert run(living.training.advance(1))
    living.training.drop()
    assert run(living.training.reopen(kind="practice"))
    living.training.drop()
    assert not run(living.training.reopen(kind="lesson"))
    assert living.teach("two")["version"]["kind"] == "lesson"
    assert not run(living.training.reopen(kind="practice"))
    assert run(check_store(living.store)) == []


def test_a_rejected_round_leaves_version_and_examples_and_says_why(living):
    before = living.teach("one")["version"]
    lessons = [living.offer("contradiction", f"answer {i}") for i in range(12)]
    result = living.learn(count=len(lessons))
    assert result["version"] is None and "worst error" in result["reason"]
    assert current(living)["name"] == before["name"]
    stats = living.queue.queue.get_stats()
    assert stats["by_state"] == {"rejected": 12} and stats["total"] == 0
    assert run(living.ledger.entries())[-1]["kind"] == "rejection"
    assert run(check_store(living.store)) == []


def test_old_snapshots_go_and_current_last_three_daily_and_weekly_stay(tmp_path):
    living = Living(tmp_path, SmallTrainer(tolerance=9))
    for i in range(40):
        living.clock.now += DAY_MS // 2
        living.teach(f"fact {i}")
    run(living.versions.rollback("generic", 5))
    gone = run(living.versions.clear_old_snapshots())
    left = [key for key in run(living.store.keys("snapshots")) if isinstance(key, int)]
    assert 5 in left and {38, 39, 40} <= set(left) and len(left) <= 1 + 3 + 7 + 4
    assert set(gone).isdisjoint(left) and len(gone) + len(left) == 40
    assert run(living.versions.clear_old_snapshots()) == []
    assert run(check_store(living.store)) == []


def test_R39_a_lying_clock_changes_no_order_and_no_number(living):
    for i, jump in enumerate((0, -DAY_MS, 3650 * DAY_MS, -3650 * DAY_MS, 8 * 3_600_000)):
        living.clock.now += jump
        living.teach(f"fact {i}")
    records = run(living.versions.records())
    assert [one["micro"] for one in records] == [1, 2, 3, 4, 5]
    assert current(living)["micro"] == 5 and run(check_store(living.store)) == []
    run(living.versions.clear_old_snapshots())
    assert run(living.versions.weights(5)) and run(check_store(living.store)) == []


class BrokenTrainer:
    """The small trainer with a NaN in one place."""

    def __init__(self, place):
        self.small, self.place = SmallTrainer(), place

    def fresh(self):
        return self.small.fresh()

    def begin(self, weights, plan):
        attempt, nan = self.small.begin(weights, plan), float("nan")
        advance, judge = attempt.advance, attempt.judge
        if self.place in ("loss", "grad_norm"):
            attempt.advance = lambda budget: (
                (found := advance(budget)) and {**found, self.place: nan}
            )
        elif self.place == "weight":
            attempt.weights = lambda: {**attempt.candidate, "up": attempt.candidate["up"] * nan}
        elif self.place == "gate":
            attempt.judge = lambda: {**judge(), "accepted": True, "kl": nan}
        return attempt

    resume = None


@pytest.mark.parametrize("place", ["loss", "grad_norm", "weight", "gate"])
def test_R24_a_number_that_is_none_never_reaches_the_chat(living, tmp_path, place):
    before = living.teach("one")["version"]
    broken = Living(tmp_path, BrokenTrainer(place))
    broken.offer("two")
    result = broken.learn()
    assert result["version"] is None
    assert "NaN" in result["reason"] or "number" in result["reason"]
    active = run(broken.versions.weights(current(broken)["number"]))
    assert weights_sha256(active) == before["weights_sha256"]
    assert run(check_store(living.store)) == []


def test_promoting_twice_from_the_same_plan_is_refused(living):
    living.offer("one")
    plan = run(living.training.open("lesson", living.queue.queue.take(1)))
    while run(living.training.advance(1)) is not None:
        pass
    weights = living.training.attempt.weights()
    run(living.training.finish())
    with pytest.raises(Overtaken):
        run(living.versions.promote("generic", None, plan, weights, {"accepted": True}))
