"""A round must be small while someone is there and larger when nobody is, never too large, and must
lose nothing."""

from hypothesis import given, settings
from hypothesis import strategies as st

from oneseek.engine.core.queue.batches import BUDGET, SHAPES, BatchManager
from oneseek.engine.core.queue.training_queue import TrainingQueue


def fill_queue(count, priority="import", document="book", words=4):
    queue = TrainingQueue(lambda: 0)
    for i in range(count):
        add(queue, f"{document} {i} " + "word " * words, priority, document)
    return queue


def add(queue, prompt, priority="import", document="book"):
    source = {"kind": "text", "document": document}
    queue.add({"prompt": prompt, "answer": "a", "priority": priority, "source": source})


def test_few_are_taken_while_someone_is_active_and_many_when_idle():
    for active, most in ((True, 4), (False, 32)):
        queue = TrainingQueue(lambda: 0)
        for i in range(100):
            add(queue, f"fact {i}", document=f"book {i}")
        assert len(BatchManager(queue).next_batch(active)) == most


def test_a_persons_words_are_learned_by_themselves():
    queue = fill_queue(12)
    add(queue, "mine", "correction")
    assert [one["prompt"] for one in BatchManager(queue).next_batch(False)] == ["mine"]


def test_R32_one_source_fills_at_most_a_fifth_of_a_batch():
    queue = fill_queue(50, document="long book")
    for i in range(3):
        add(queue, f"mine {i}", document=f"note {i}")
    named = [one["source"]["document"] for one in BatchManager(queue).next_batch(False)]
    assert named.count("long book") == 6 and len(named) == 9
    batch = BatchManager(fill_queue(3, document="leaflet")).next_batch(True)
    assert len(batch) == 1, "while someone is there, one page teaches one thing at a time"


@given(st.lists(st.integers(1, 4000), min_size=1, max_size=50), st.booleans())
@settings(max_examples=40, deadline=None)
def test_a_batch_has_one_shape_and_fits_the_budget_and_nothing_is_lost(lengths, active):
    queue = TrainingQueue(lambda: 0)
    for i, words in enumerate(lengths):
        add(queue, f"{i} " + "w " * words, document=str(i))
    manager = BatchManager(queue, length=lambda example: len(example["prompt"].split()))
    batch = manager.next_batch(active)
    (shape,) = {manager.shape(one) for one in batch}
    assert shape in SHAPES and all(manager.length(one) <= shape for one in batch)
    assert 1 <= len(batch) <= (4 if active else 32)
    assert len(batch) == 1 or len(batch) * shape <= BUDGET
    queue.give_back([one["id"] for one in batch])
    assert len(queue.take(99)) == len(lengths)
