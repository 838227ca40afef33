"""Weights change between answers only; batches are small while someone types and never too big."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.batches import BatchManager
from engine.data import TOKEN_SIZES
from engine.snapshot import weights_sha256
from engine.updater import WeightUpdater
from tests.living import Living, run
from web.queue import TrainingQueue


@pytest.fixture
def living(tmp_path):
    return Living(tmp_path)


def used_by(living):
    used = []
    updater = WeightUpdater(
        living.versions, lambda weights: used.append(weights and weights_sha256(weights))
    )
    return updater, used


def test_an_answer_under_way_keeps_its_weights_and_the_next_has_the_new(living):
    updater, used = used_by(living)
    first, second = (living.teach(words)["version"] for words in ("one", "two"))
    updater.answer_begins()
    updater.answer_begins()
    for version in (first, second):
        assert not run(updater.offer(run(living.versions.weights(version["number"]))))
    run(updater.answer_ends())
    assert used == []
    run(updater.answer_ends())
    assert used == [second["weights_sha256"]]


def test_rollback_goes_to_the_version_before_and_then_to_the_base(living):
    updater, used = used_by(living)
    first = living.teach("one")["version"]
    living.teach("two")
    assert run(updater.rollback())["number"] == first["number"]
    assert run(updater.rollback()) is None
    assert used == [first["weights_sha256"], None]
    with pytest.raises(ValueError, match="base model is in use"):
        run(updater.rollback())
    run(updater.rollback(2))
    assert run(living.versions.current())["number"] == 2


def test_it_asks_for_a_rollback_when_a_figure_is_worse_than_the_best(living):
    updater, _ = used_by(living)
    assert not updater.should_rollback({"loss": 1.0, "accuracy": 0.9})
    assert not updater.should_rollback({"loss": 1.05, "accuracy": 0.87})
    assert updater.should_rollback({"loss": 1.2, "accuracy": 0.9})
    assert updater.should_rollback({"loss": 1.0, "accuracy": 0.8})
    assert updater.should_rollback({"loss": float("nan"), "accuracy": 0.9})
    assert not updater.should_rollback({"loss": 0.5, "accuracy": 0.9})
    assert updater.should_rollback({"loss": 1.0, "accuracy": 0.9})


def filled(count, priority="chat", source="chat", words=4):
    queue = TrainingQueue(lambda: 0)
    for i in range(count):
        prompt = f"{source} {i} " + "word " * words
        queue.add(
            {"prompt": prompt, "answer": "a", "priority": priority, "source": {"kind": source}}
        )
    return queue


def length(example):
    return len(example["prompt"].split())


def test_few_are_taken_while_someone_is_active_and_many_when_idle():
    manager = BatchManager(filled(100), length, 1000, 10**7)
    assert len(manager.next_batch(True).examples) == 4
    assert len(manager.next_batch(False).examples) == 32
    assert [manager.limits(active)[0] for active in (True, False)] == [2, 16]


@given(
    st.lists(st.integers(1, 700), min_size=1, max_size=50), st.booleans(), st.integers(128, 2048)
)
@settings(max_examples=40, deadline=None)
def test_a_batch_fits_its_shape_and_memory_and_nothing_is_lost(lengths, active, tokens):
    queue = TrainingQueue(lambda: 0)
    for i, words in enumerate(lengths):
        prompt = f"{i} " + "w " * words
        queue.add({"prompt": prompt, "answer": "a", "priority": "chat"})
    manager = BatchManager(queue, length, 1000, tokens * 1000)
    batch = manager.next_batch(active)
    if batch is None:
        assert all(words + 1 > manager.shapes[-1] for words in lengths[:8])
        return
    assert batch.used == sum(map(length, batch.examples)) <= batch.tokens <= tokens
    assert batch.tokens in TOKEN_SIZES and len(batch.examples) <= (4 if active else 32)
    queue.give_back([one["id"] for one in batch.examples])
    assert len(queue.take(99)) == len(lengths)


def test_R32_one_page_fills_at_most_a_fifth_of_a_batch():
    queue = filled(50, "import", "website")
    for i in range(3):
        queue.add({"prompt": f"mine {i}", "answer": "a", "priority": "import"})
    batch = BatchManager(queue, length, 1, 10**6).next_batch(False)
    kinds = [one["source"]["kind"] for one in batch.examples]
    assert kinds.count("website") == 6 and kinds.count("chat") == 3


def test_too_little_memory_is_an_answer_with_both_numbers():
    with pytest.raises(MemoryError, match="at least 128000 bytes, 5 are allowed"):
        BatchManager(filled(1), length, 1000, 5)
