"""A later statement must replace an earlier one that it changes; a question about the past must
find the replaced one."""

import asyncio
import math
from contextlib import closing, contextmanager

import numpy as np
import pytest

from builder import encoder
from oneseek.engine.backends.reference import Numpy
from oneseek.engine.core.storage.sqlite import SqliteStore
from oneseek.engine.learning.memory.memory import DAY_MS
from oneseek.engine.learning.memory.recogniser import FOUND
from oneseek.engine.learning.memory.statements.reader import Reader
from oneseek.engine.learning.memory.statements.succession import (
    FOLLOW,
    Pair,
    Question,
    Succession,
    likely,
    link,
)
from oneseek.engine.model.demo import MODEL
from oneseek.engine.model.formats import open_model
from oneseek.engine.model.loaded import Model
from oneseek.engine.open import assistant_over, clock
from tests.bench.heard import Told

SURE = Pair(takes_back=6.0, near=1.3, answers=4.0, shared=4.0, changed=1.0, another=0.0)
APART = Pair(takes_back=-6.0, near=0.1, answers=-4.0, shared=0.0, changed=0.0, another=0.0)
TIMES = {"bike": 1, "new bike": 2, "dentist": 3}
SAID = ("we have a purple Raleigh", "got a black one instead", "the dentist is at nine")


def best(question, asked, succession, days=(30, 2, 1)):
    about = Question.of(question)
    named = np.array([about.names(text) for text in SAID])
    links = succession.matrix(list(TIMES), lambda id: TIMES.get(id, math.inf))
    found = likely(about, np.array(asked), links, np.array(days), named)
    return list(TIMES)[int(found.argmax())]


@pytest.fixture
def succession():
    found = Succession()
    found.add("new bike", {"bike": SURE})
    found.add("dentist", {"bike": APART, "new bike": APART})
    return found


def test_a_change_is_said_although_what_it_changes_answers_better(succession):
    assert link(SURE) > 0 > link(APART)
    assert best("What bike do I have?", [3.0, -1.0, -4.0], succession) == "new bike"
    assert best("What bike do I have?", [3.0, -1.0, -4.0], Succession(), (0, 0, 0)) == "bike"


@pytest.mark.parametrize(
    "question", ["What bike did I have before?", "Vilken cykel hade jag förut?"]
)
def test_who_asks_for_the_past_gets_what_was_replaced(succession, question):
    assert best(question, [0.0, 2.0, -4.0], succession) == "bike"


def test_what_is_asked_to_have_been_before_is_not_said():
    assert Question.of("Who was my boss before Gillian?").names("Gillian is my boss") == 1
    assert Question.of("Who was my boss before Gillian?").names("Martin is my boss") == 0


def test_what_changes_the_nearest_is_read_with_the_question(succession):
    assert succession.find_linked(["bike"]) == ["new bike"]
    for i in range(2 * FOLLOW):
        succession.add(f"more {i}", {"bike": SURE})
    assert len(succession.find_linked(["bike"])) == FOLLOW


def test_what_is_forgotten_changes_nothing(succession):
    succession.remove("new bike")
    assert "new bike" not in succession.beside("bike") and succession.find_linked(["bike"]) == []


CHANGES = (
    "I play the oboe in the town band",
    "the dentist is on the 20th at ten",
    "I have switched from the oboe to the bassoon",
    "the dentist called, it's the 27th instead of the 20th",
)


@contextmanager
def opened(tmp_path, now=clock):
    """Yield a function that runs coroutines, a memory over a new store, and the store."""
    encoder.file()
    with closing(open_model(str(MODEL))) as file, asyncio.Runner() as runner:
        store = SqliteStore(tmp_path / "told.sqlite")
        model = runner.run(Model.load(file, Numpy()))
        yield runner.run, Told(assistant_over(model, store, model.fingerprint), now), store
        runner.run(store.close())


def test_what_was_told_over_days_is_said_as_it_holds_also_after_a_restart(tmp_path):
    at = [clock() - 40 * DAY_MS]
    with opened(tmp_path, lambda: at[0]) as (run, told, _):
        for i, text in enumerate(CHANGES):
            run(told.tell([text], f"day {i}"))
            at[0] += 10 * DAY_MS
        for _ in range(2):
            assert "bassoon" in run(told.ask("What do I play in the band?"))
            assert "27th" in run(told.ask("When is the dentist?"))
            assert "oboe" in run(told.ask("What did I play in the band before?"))
            told.mind.memory.reload()


def test_a_store_of_older_directions_opens_and_is_read_anew(tmp_path):
    with opened(tmp_path) as (run, told, store):
        memory = told.mind.memory
        run(told.tell(["I play the oboe in the town band"], "one"))
        ((key, kept),) = run(store.all("meanings"))
        data = {"found": kept["data"][FOUND], "beside": {}}
        run(store.batch([["put", "meanings", key, {**kept, "data": data}]]))
        memory.reload()
        assert "oboe" not in run(told.ask("What do I play in the band?"))
        waits = run(told.mind.list_waiting())
        assert run(memory.remember(waits)) == [kept["of"]]
        assert "oboe" in run(told.ask("What do I play in the band?"))


def test_a_correction_finds_what_it_corrects_also_when_the_store_was_changed_meanwhile(tmp_path):
    with opened(tmp_path) as (run, told, store):
        (old,) = run(told.tell(["My car is a Mazda"], "one"))
        told.mind.reload()
        correction = "no wait, I sold it, my car is a Kia now"
        (new,) = run(told.mind.hear(correction, ["My car is a Mazda"]))
        assert new.replaces == [old["id"]]


def test_what_is_forgotten_while_its_correction_is_read_does_not_end_the_correction(
    tmp_path, monkeypatch
):
    with opened(tmp_path) as (run, told, store):
        memory = told.mind.memory
        (kept,) = run(told.tell(["We have a purple Raleigh"], "one"))
        read = Reader.locate_answers

        async def read_and_forget(reader, texts):
            found = await read(reader, texts)
            await memory.forget([kept["id"]])
            return found

        record = {**kept, "id": "new", "prompt": "We have a black one instead"}
        record = {**record, "answer": record["prompt"], "source": {"replaces": kept["id"]}}
        monkeypatch.setattr(Reader, "locate_answers", read_and_forget)
        assert run(memory.remember([record])) == ["new"]
        assert list(memory.facts) == ["new"]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_what_takes_a_statement_back_stands_in_whatever_order_they_are_taken_in(tmp_path, order):
    with opened(tmp_path) as (run, told, store):
        memory = told.mind.memory
        (kept,) = run(told.tell(["We have a purple Raleigh"], "one"))
        run(memory.forget([kept["id"]]))
        words = "We have a black one instead"
        newer = {**kept, "id": "new", "prompt": words, "answer": words, "time": kept["time"] + 1}
        newer["source"] = {"replaces": kept["id"]}
        for at in order:
            run(memory.remember([[kept, newer][at]]))
        for _ in range(2):
            assert list(memory.facts) == ["new"] and memory.list_covered() == {"new", kept["id"]}
            memory.reload()
            run(memory.load())
        again = {**kept, "time": newer["time"] + 1}
        assert run(memory.remember([again])) == [kept["id"]]
        assert set(memory.facts) == {"new", kept["id"]}
