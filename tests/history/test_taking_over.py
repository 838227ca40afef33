"""What one base model learned must be queued for the model that takes over, once, and without
forgotten items."""

import pytest

from oneseek.engine.core.exchange.gathering import farewell
from oneseek.engine.history.taking_over import take_over
from oneseek.engine.history.versions import Versions
from tests.support.living import Living, run


@pytest.fixture
def living(tmp_path):
    return Living(tmp_path)


def of(living, base):
    return Versions(living.store, living.ledger, base, "OneSeek-1B-Zero", living.clock)


def ids(record):
    return record["version"]["lessons"]


def test_lessons_wait_for_the_next_model_and_nothing_of_the_first_changes(living):
    taught = ids(living.teach("one")) + ids(living.teach("two"))
    before = run(living.versions.records()), dict(run(living.store.all("examples")))
    larger = of(living, "larger")
    assert run(take_over(larger)) == taught
    waiting = dict(run(living.store.all("queue")))
    assert [waiting[id]["prompt"] for id in taught] == ["one", "two"] and len(waiting) == 2
    assert {one["state"] for one in waiting.values()} == {"ready"}
    assert not any("learned_in" in one for one in waiting.values())
    assert (run(living.versions.records()), dict(run(living.store.all("examples")))) == before
    assert run(take_over(larger)) == [], "each once"
    assert run(larger.current()) is None


def test_a_model_that_never_met_another_has_nothing_to_take(living):
    assert run(take_over(living.versions)) == []
    living.teach("one")
    assert run(take_over(living.versions)) == []
    assert not run(living.store.all("queue"))


def test_what_came_since_is_taken_and_what_was_dropped_stays_so(living):
    (first,) = ids(living.teach("one"))
    larger = of(living, "larger")
    assert run(take_over(larger)) == [first]
    run(living.store.batch([["delete", "queue", first]]))
    (second,) = ids(living.teach("two"))
    assert run(take_over(larger)) == [second]


def test_what_was_forgotten_or_rolled_back_is_not_taken(living):
    (kept,) = ids(living.teach("one"))
    (gone,) = ids(living.teach("two"))
    (later,) = ids(living.teach("three"))
    forgotten = run(farewell(living.store, [gone], living.clock()))
    assert forgotten
    run(living.store.batch(forgotten))
    run(living.versions.rollback("generic", 2))
    assert run(take_over(of(living, "larger"))) == [kept]
    assert later not in dict(run(living.store.all("queue")))


def test_what_went_over_and_was_learned_there_does_not_come_back(living):
    (one,) = ids(living.teach("one"))
    larger = of(living, "larger")
    run(take_over(larger))
    living.versions, living.training.versions = larger, larger
    run(living.queue.load())
    living.queue.queue.take(1)
    record = run(living.store.get("queue", one))
    assert run(living.training.run("lesson", [record]))["version"]["base"] == "larger"
    assert run(take_over(of(living, "tiny"))) == []
