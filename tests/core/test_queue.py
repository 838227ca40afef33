"""The training queue against a naive model: its promises, and its cost at 100,000 items."""

import asyncio
import statistics
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oneseek.engine.core.collecting.content import content_hash, normalise
from oneseek.engine.core.queue.saved import SavedQueue
from oneseek.engine.core.queue.table import Table
from oneseek.engine.core.queue.training_queue import (
    CLASSES,
    EVERY_NTH_IS_OLDEST,
    Conflict,
    TrainingQueue,
)
from oneseek.engine.core.storage.sqlite import SqliteStore
from oneseek.engine.core.storage.store import StorageFull


def example(words, priority="chat", answer="yes", source="chat", language="en"):
    return {
        "prompt": words,
        "answer": answer,
        "priority": priority,
        "source": {"kind": source},
        "language": language,
    }


def new_queue():
    return TrainingQueue(lambda: 1000)


class NaiveQueue:
    """The same rules with lists and sorting: too slow to ship, too short to be wrong."""

    def __init__(self):
        self.records, self.turns, self.seq, self.history = {}, 0, 0, []

    def remember(self):
        self.history.append({id: dict(one) for id, one in self.records.items()})

    def add(self, id, priority):
        self.remember()
        known = self.records.get(id)
        if known:
            known["rank"] = min(known["rank"], CLASSES.index(priority))
            if priority in ("correction", "approved"):
                known["state"] = "ready"
        else:
            rank = CLASSES.index(priority)
            self.records[id] = {"rank": rank, "seq": self.seq, "state": "ready"}
            self.seq += 1

    def approve(self, id):
        self.remember()
        self.records[id].update(state="ready", rank=min(self.records[id]["rank"], 1))

    def skip(self, id):
        self.remember()
        self.records[id]["state"] = "skipped"

    def remove(self, id):
        self.remember()
        del self.records[id]

    def undo(self):
        if self.history:
            self.records = self.history.pop()

    def take(self):
        ready = [
            (r["rank"], r["seq"], id) for id, r in self.records.items() if r["state"] == "ready"
        ]
        if not ready:
            return None
        oldest = self.turns % EVERY_NTH_IS_OLDEST == EVERY_NTH_IS_OLDEST - 1
        self.turns += 1
        return min(ready, key=lambda one: one[1] if oldest else one[:2])[2]


ACTS = st.lists(
    st.tuples(
        st.sampled_from(["add", "add", "add", "approve", "skip", "remove", "undo", "take"]),
        st.integers(0, 12),
        st.sampled_from(CLASSES),
    ),
    max_size=60,
)


@given(ACTS)
@settings(max_examples=1000, deadline=None)
def test_the_queue_does_what_the_naive_model_does(acts):
    queue, model = new_queue(), NaiveQueue()
    for act, number, priority in acts:
        words = f"question {number}"
        id = content_hash(words, "yes")
        if act == "add":
            queue.add(example(words, priority))
            model.add(id, priority)
        elif act == "undo":
            queue.undo()
            model.undo()
        elif act == "take":
            taken, expected = queue.take(1), model.take()
            assert [one["id"] for one in taken] == ([expected] if expected else [])
            if taken:
                queue.settle([expected])
                queue.learned.pop(expected)
                queue.undos.clear()
                model.records.pop(expected)
                model.history.clear()
        elif id in model.records:
            getattr(queue, act)(id)
            getattr(model, act)(id)
        pending = [r for r in model.records.values() if r["state"] != "skipped"]
        assert queue.size() == len(pending)
        by_priority = queue.get_stats()["by_priority"]
        assert by_priority == {
            name: n for i, name in enumerate(CLASSES) if (n := sum(r["rank"] == i for r in pending))
        }
    ranked = sorted(
        (r["rank"], r["seq"], id) for id, r in model.records.items() if r["state"] == "ready"
    )
    assert [r["id"] for r in queue.peek(99)] == [id for _, _, id in ranked]


def test_what_was_done_twice_is_taken_back_twice():
    queue = new_queue()
    queue.add(example("a question"))
    id = content_hash("a question", "yes")
    queue.remove(id)
    queue.add(example("a question"))
    sizes = [(queue.undo(), queue.size()) for _ in range(4)]
    assert sizes == [(True, 0), (True, 1), (True, 0), (False, 0)]


@given(st.lists(st.sampled_from(CLASSES), min_size=1, max_size=40), st.data())
@settings(max_examples=60, deadline=None)
def test_nothing_starves_whatever_is_added_later(before, data):
    queue = new_queue()
    for i, priority in enumerate(before):
        queue.add(example(f"early {i}", priority))
    last = content_hash(f"early {len(before) - 1}", "yes")
    for turn in range(EVERY_NTH_IS_OLDEST * (len(before) + 1)):
        queue.add(example(f"late {turn}", data.draw(st.sampled_from(CLASSES))))
        (taken,) = queue.take(1)
        queue.settle([taken["id"]])
        if taken["id"] == last:
            return
    raise AssertionError("the last early item was never served")


@given(st.text(max_size=40))
def test_normalising_twice_changes_nothing_more(text):
    assert normalise(normalise(text)) == normalise(text)


@pytest.mark.parametrize(
    "same", ["Vad heter   min KATT?", " vad heter min katt? ", "Vad heter\nmin\u00a0katt?"]
)
def test_the_same_question_in_other_clothes_is_a_duplicate(same):
    queue = new_queue()
    queue.add(example("Vad heter min katt?", answer="Måns"))
    again = queue.add(example(same, answer="ma\u030ans."))
    assert queue.size() == 1 and again["seen"] == 2


def test_what_was_skipped_comes_back_only_when_a_person_says_so():
    queue = new_queue()
    id = queue.add(example("q"))["id"]
    queue.skip(id)
    assert queue.add(example("q"))["state"] == "skipped" and queue.size() == 0
    assert queue.add(example("q", "approved"))["state"] == "ready" and queue.size() == 1


def test_what_was_learned_is_not_learned_again_unless_corrected():
    queue = new_queue()
    id = queue.add(example("q"))["id"]
    queue.take(1)
    queue.settle([id])
    assert queue.add(example("q")) is None and queue.size() == 0
    assert queue.add(example("q", "correction"))["id"] == id


def test_a_correction_takes_the_place_of_what_it_corrects():
    queue = new_queue()
    queue.add(example("Who founded Quillmere?", answer="Ada"))
    queue.add(example("Who founded Quillmere?", "correction", answer="Tove"))
    assert [one["answer"] for one in queue.take(5)] == ["Tove"]
    queue.give_back([content_hash("Who founded Quillmere?", "Tove")])
    assert queue.undo() and [one["answer"] for one in queue.take(5)] == ["Ada"]


def test_a_correction_takes_the_place_of_what_is_being_learned():
    queue = new_queue()
    queue.add(example("Who founded Quillmere?", answer="Ada"))
    lent = queue.take(1)[0]
    queue.add(example("Who founded Quillmere?", "correction", answer="Tove"))
    queue.give_back([lent["id"]])
    assert [one["answer"] for one in queue.take(5)] == ["Tove"]


def test_editing_keeps_the_place_and_changes_the_identity():
    queue = new_queue()
    first = queue.add(example("one"))["id"]
    queue.add(example("two"))
    new = queue.edit(first, answer="no")
    assert new != first and [one["id"] for one in queue.peek(1)] == [new]
    with pytest.raises(Conflict, match="already"):
        queue.edit(content_hash("two", "yes"), prompt="one", answer="no")
    assert queue.undo() and queue.peek(1)[0]["id"] == first


def test_what_is_lent_out_is_not_lent_twice_and_can_come_back():
    queue = new_queue()
    id = queue.add(example("one"))["id"]
    assert [r["id"] for r in queue.take(3)] == [id] and queue.take(1) == []
    queue.give_back([id])
    assert [r["id"] for r in queue.take(1)] == [id]


def test_undo_does_not_undo_what_was_learned_since():
    queue = new_queue()
    id = queue.add(example("one"))["id"]
    queue.prefer(id, "approved")
    queue.take(1)
    queue.settle([id])
    assert queue.undo() is False and queue.size() == 0


def test_what_was_skipped_can_be_taken_back_after_the_store_was_read_again():
    queue = new_queue()
    first, second = (queue.add(example(words))["id"] for words in ("a question", "another"))
    queue.skip(first)
    queue.load([dict(record) for record in queue.records.values()])
    assert queue.undo() and queue.size() == 2
    queue.skip(second)
    changed = [dict(record, revision=record["revision"] + 1) for record in queue.records.values()]
    queue.load(changed)
    assert not queue.undo() and queue.size() == 1


def test_what_is_gone_when_the_store_is_read_again_does_not_come_back_by_an_undo():
    queue = new_queue()
    queue.remove(queue.add(example("a question"))["id"])
    queue.load([])
    assert not queue.undo() and queue.size() == 0


def test_a_held_example_is_not_learned_before_someone_approves():
    queue = new_queue()
    id = queue.add(example("page says so", "import"), state="held")["id"]
    assert queue.take(1) == [] and queue.get_stats()["by_state"] == {"held": 1}
    queue.approve(id)
    assert queue.take(1)[0]["priority"] == "import"


def test_removing_a_source_is_one_act_with_one_undo():
    queue = new_queue()
    for i in range(5):
        queue.add(example(f"p{i}", "import", source="website"))
    queue.add(example("mine"))
    assert len(queue.remove_source(lambda source: source["kind"] == "website")) == 5
    assert queue.get_stats()["by_source"] == {"chat": 1}
    queue.undo()
    assert queue.size() == 6


def test_an_example_without_words_is_refused():
    with pytest.raises(ValueError, match="with text"):
        new_queue().add(example("  "))


@pytest.mark.long
@pytest.mark.slow
def test_an_operation_at_100_000_items_costs_about_what_it_costs_at_1_000():
    def cost(size):
        queue = new_queue()
        for i in range(size):
            queue.add(example(f"q{i}", CLASSES[i % 4]))
        times = []
        for i in range(2000):
            started = time.thread_time()
            id = content_hash(f"q{i * 7 % size}", "yes")
            if id in queue.records:
                queue.skip(id)
                queue.undo()
            queue.peek(20)
            for one in queue.take(1):
                queue.settle([one["id"]])
            queue.add(example(f"new {i}"))
            times.append(time.thread_time() - started)
        return statistics.median(times)

    small, large = cost(1000), cost(100_000)
    assert large < 6 * small, f"{small * 1e6:.0f} us at 1,000, {large * 1e6:.0f} us at 100,000"


# ------------------------------------------------------------------ kept in a store


def run(coroutine):
    return asyncio.run(coroutine)


def tab(path):
    saved = SavedQueue(new_queue(), SqliteStore(path, flush=False))
    run(saved.load())
    return saved


def test_every_act_is_in_the_store_when_it_is_acknowledged(tmp_path):
    one = tab(tmp_path / "s.db")
    id = run(one.change(lambda q: q.add(example("kept"))))["id"]
    run(one.change(lambda q: q.add(example("skipped"))))
    run(one.change(lambda q: q.skip(content_hash("skipped", "yes"))))
    again = tab(tmp_path / "s.db")
    assert dict(again.queue.records.items()) == dict(one.queue.records.items())
    assert [r["id"] for r in again.queue.take(5)] == [id]


def test_R5_two_tabs_changing_one_item_lose_no_update(tmp_path):
    one = tab(tmp_path / "s.db")
    id = run(one.change(lambda q: q.add(example("shared"))))["id"]
    two = tab(tmp_path / "s.db")
    run(one.change(lambda q: q.prefer(id, "approved")))
    run(two.change(lambda q: q.add(example("shared", "chat"))))
    record = run(one.store.get("queue", id))
    assert record["priority"] == "approved" and record["seen"] == 2 and record["revision"] == 3
    assert two.queue.get_stats()["by_priority"] == {"approved": 1}
    run(one.change(lambda q: q.remove(id)))
    with pytest.raises(Conflict):
        run(two.change(lambda q: q.skip(id)))
    assert two.queue.size() == 0 and run(two.store.count("queue")) == 0


def test_what_is_read_while_an_act_is_stored_does_not_undo_it(tmp_path):
    one = tab(tmp_path / "s.db")
    id = run(one.change(lambda q: q.add(example("told"))))["id"]
    read = one.store.all

    async def slowly(name):
        found = await read(name)
        await asyncio.sleep(0.01)
        return found

    async def both():
        loading = asyncio.create_task(one.load())
        await asyncio.sleep(0)
        await one.change(lambda q: q.remove(id))
        await loading

    one.store.all = slowly
    run(both())
    assert one.queue.size() == 0 and run(one.store.count("queue")) == 0


def test_an_act_that_cannot_be_undone_any_more_undoes_no_other(tmp_path):
    one = tab(tmp_path / "s.db")
    id = run(one.change(lambda q: q.add(example("first"))))["id"]
    other = run(one.change(lambda q: q.add(example("second"))))["id"]
    run(one.change(lambda q: q.skip(id)))
    skipped = one.latest
    run(one.store.batch([["delete", "queue", id]]))
    run(one.load())
    assert run(one.undo(skipped)) is False
    assert list(one.queue.records) == [other]


def test_undo_in_a_tab_that_was_overtaken_changes_nothing(tmp_path):
    one = tab(tmp_path / "s.db")
    id = run(one.change(lambda q: q.add(example("older"))))["id"]
    run(one.change(lambda q: q.prefer(id, "approved")))
    two = tab(tmp_path / "s.db")
    run(two.change(lambda q: q.skip(id)))
    assert run(one.undo()) is False
    assert run(one.store.get("queue", id))["state"] == "skipped"


def test_R4_an_act_that_cannot_be_stored_leaves_queue_and_store_as_they_were(tmp_path):
    one = tab(tmp_path / "s.db")
    run(one.change(lambda q: q.add(example("first"))))

    async def full(ops, expect):
        raise StorageFull("no more room")

    batch, one.store.batch = one.store.batch, full
    with pytest.raises(StorageFull):
        run(one.change(lambda q: q.add(example("second"))))
    one.store.batch = batch
    assert one.queue.size() == 1 and run(one.store.count("queue")) == 1
    run(one.change(lambda q: q.add(example("second"))))
    assert run(one.store.count("queue")) == 2


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 40)), max_size=80))
def test_the_table_does_what_a_dict_does(acts):
    table, model = Table(), {}
    for put, number in acts:
        id = content_hash(str(number), "x")
        if put:
            table[id] = model[id] = number
        else:
            assert table.pop(id) == model.pop(id, None)
        assert len(table) == len(model) and (id in table) == (id in model)
        assert table.get(id, "none") == model.get(id, "none")
    assert dict(table.items()) == model and sorted(table) == sorted(model)
    assert sorted(table.values()) == sorted(model.values())
    with pytest.raises(KeyError):
        table[content_hash("never", "there")]
