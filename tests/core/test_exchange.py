"""Devices that exchange what they were told must end in the same state, in any order and however
often."""

import asyncio
import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oneseek.engine.core.collecting.content import prompt_hash
from oneseek.engine.core.exchange import INTENT, entries
from oneseek.engine.core.exchange.arriving import AHEAD_MS, FromTheFuture, bring
from oneseek.engine.core.exchange.entries import (
    check_entries,
    make_entry,
    make_tombstone,
    merge_states,
    news,
    stamp,
)
from oneseek.engine.core.exchange.gathering import Here
from oneseek.engine.core.queue.saved import SavedQueue
from oneseek.engine.core.queue.training_queue import TrainingQueue
from oneseek.engine.core.storage.sqlite import SqliteStore
from oneseek.engine.core.storage.store import wipe
from oneseek.engine.history.exchange_file import NotOpened, unseal
from tests.support.devices import PHRASE, Device
from tests.support.page import in_micropython

BOAT, CAT = "What is my boat called?", "What is my cat called?"
ASKED = (BOAT, CAT, "Where do I work?")
ANSWERS = ("It is Ada.", "It is Bo.", "It is Cleo.")
MODULES = (
    "engine/__init__.py",
    "engine/core/__init__.py",
    "engine/core/collecting/__init__.py",
    "engine/core/collecting/content.py",
    "engine/core/exchange/__init__.py",
    "engine/core/exchange/entries.py",
)

clocks = st.integers(1, 5)
wordings = st.lists(st.sampled_from(["boat?", "its name?"]), max_size=2)
one_told = st.builds(make_entry, st.sampled_from(ASKED), st.sampled_from(ANSWERS), clocks, wordings)
one_gone = st.builds(make_tombstone, st.sampled_from([prompt_hash(text) for text in ASKED]), clocks)
states = st.lists(one_told | one_gone, max_size=6).map(
    lambda found: {one["about"]: one for one in found}
)


@given(states, states, states)
def test_merging_cares_for_neither_order_nor_grouping_nor_repetition(a, b, c):
    assert merge_states(a, b) == merge_states(b, a)
    assert merge_states(merge_states(a, b), c) == merge_states(a, merge_states(b, c))
    assert merge_states(a, a) == a and merge_states(merge_states(a, b), b) == merge_states(a, b)


@given(states, states)
def test_news_are_what_a_merge_changes_and_nothing_else(here, came):
    found = news(here, came)
    changed = {one["about"]: one for one in (*found["told"], *found["gone"])}
    assert {**here, **changed} == merge_states(here, came)
    assert all(here.get(about) != one for about, one in changed.items())
    again = news(merge_states(here, came), came)
    assert not again["told"] and not again["gone"]


@given(states)
def test_what_leaves_comes_in_as_it_was(state):
    assert check_entries(json.loads(json.dumps(list(state.values())))) == state


def test_micropython_merges_to_the_same(tmp_path):
    draw = random.Random(3)
    parts = []
    for _ in range(60):
        prompt, answer = draw.choice(ASKED), draw.choice(ANSWERS)
        entry = make_entry(
            prompt, answer, draw.randint(1, 4), draw.sample(["b?", "å?"], draw.randrange(3))
        )
        parts.append(
            entry if draw.random() < 0.7 else make_tombstone(entry["about"], entry["clock"])
        )
    state = {}
    for one in parts:
        state = merge_states(state, {one["about"]: one})
    program = """
import json
from oneseek.engine.core.exchange.entries import check_entries, merge_states
state = {}
for one in json.load(open("parts.json")):
    state = merge_states(state, check_entries([one]))
print(json.dumps(state))
"""
    said = in_micropython.run(program, *MODULES, **{"parts.json": json.dumps(parts)})
    assert json.loads(said) == state


# ---- on stores


def devices(tmp_path, count=2):
    found = []
    for number in range(count):
        found.append(Device(SqliteStore(tmp_path / f"{number}.sqlite", flush=False)))
    return found


async def find_answer(device, prompt=BOAT):
    entry = (await device.state()).get(prompt_hash(prompt))
    return entry.get("answer") if entry else None


def test_what_was_told_on_one_waits_on_the_other_with_its_source_and_wordings(tmp_path):
    async def run():
        one, other = devices(tmp_path)
        await one.teach(BOAT, "It is Ada.")
        ((id, record),) = await one.store.all("queue")
        record.update(phrasings=["The boat's name?"], language="en")
        record["source"] = {"kind": "chat", "message": "m1"}
        await one.store.batch([["put", "queue", id, record]])
        found = await other.take(await one.file())
        ((key, arrived),) = await other.store.all("queue")
        assert key == id and [e["id"] for e in found["told"]] == [id]
        for name in ("prompt", "answer", "phrasings", "language", "source", "time", "about"):
            assert arrived[name] == record[name], name
        assert arrived["state"] == "ready"
        before = await other.read_all()
        again = await other.take(await one.file())
        assert not again["told"] and await other.read_all() == before
        assert not (await one.take(await other.file()))["told"]

    asyncio.run(run())


def test_forgotten_on_one_is_forgotten_on_all_and_comes_back_only_when_told_anew(tmp_path):
    async def run():
        one, other = devices(tmp_path)
        await one.teach(BOAT, "It is Ada.")
        early = await one.file()
        await other.take(early)
        await one.forget(BOAT)
        found = await other.take(await one.file())
        assert len(found["let_go"]) == 1 and await other.words() == set()
        for device in (one, other):
            assert not (await device.take(early))["told"], "an old file brought it back"
            assert await device.words() == set() and await find_answer(device) is None
        assert "Ada" not in json.dumps(await other.read_all(), default=str)
        await other.teach(BOAT, "It is Ada.")
        for _ in range(2):
            await one.take(await other.file())
            await other.take(await one.file())
        assert await find_answer(one) == await find_answer(other) == "It is Ada."

    asyncio.run(run())


@pytest.mark.parametrize("act", ["remove", "skip"])
def test_what_is_taken_back_before_it_was_known_is_taken_back_on_all(tmp_path, act):
    async def run():
        one, other = devices(tmp_path)
        await one.teach(BOAT, "It is Ada.")
        await other.take(await one.file())
        assert await find_answer(other) == "It is Ada."
        queue = SavedQueue(TrainingQueue(one.clock), one.store)
        await queue.load()
        (id,) = queue.queue.records
        await queue.change(lambda waiting: getattr(waiting, act)(id))
        assert not (await one.take(await other.file()))["told"], "it came back"
        await other.take(await one.file())
        assert await other.words() == set() and await find_answer(other) is None
        await queue.undo()
        await other.take(await one.file())
        assert await find_answer(one) == await find_answer(other) == "It is Ada."

    asyncio.run(run())


def test_told_anew_counts_as_newer_even_where_the_clock_goes_slow(tmp_path):
    async def run():
        one, other = devices(tmp_path)
        await one.teach(BOAT, "It is Ada.")
        one.now = 1000
        one.tick = other.tick = skip_tick
        await one.forget(BOAT)
        await other.take(await one.file())
        other.now = 500
        await other.teach(BOAT, "It is Bo.")
        await one.take(await other.file())
        assert await find_answer(one) == await find_answer(other) == "It is Bo."

    async def skip_tick():
        pass

    asyncio.run(run())


def test_of_two_corrections_the_newer_holds_and_the_other_is_shown(tmp_path):
    async def run():
        one, other = devices(tmp_path)
        await one.teach(BOAT, "It is Ada.")
        await other.take(await one.file())
        await one.teach(BOAT, "It is Bo.")
        await other.teach(CAT, "It is Måns.")
        await other.teach(BOAT, "It is Cleo.")
        here, there = await other.take(await one.file()), await one.take(await other.file())
        for found in (here, there):
            ((met),) = found["met"]
            assert (met["kept"]["answer"], met["other"]["answer"]) == ("It is Cleo.", "It is Bo.")
        for device in (one, other):
            assert await find_answer(device) == "It is Cleo."
            assert {answer for _, answer in await device.words()} == {"It is Cleo.", "It is Måns."}

    asyncio.run(run())


def test_what_is_let_go_of_while_a_file_is_taken_in_stops_nothing(tmp_path, monkeypatch):
    async def run():
        one, other = devices(tmp_path)
        await one.teach(BOAT, "It is Ada.")
        await other.take(await one.file())
        ((id, _),) = await one.store.all("queue")
        await one.forget(BOAT)

        async def list_keys(name):
            return [f"tiny/{id}"] if name == "meanings" else []

        monkeypatch.setattr(other.store, "keys", list_keys)
        assert (await other.take(await one.file()))["let_go"] == [id]

    asyncio.run(run())


def test_what_was_read_from_a_document_stays_here(tmp_path):
    async def run():
        one, other = devices(tmp_path)
        await one.teach(BOAT, "It is Ada.")
        ((id, record),) = await one.store.all("queue")
        imported = {**record, "priority": "import", "source": {"kind": "import", "document": "f0"}}
        await one.store.batch([["put", "queue", id, imported]])
        assert await one.state() == {}
        await other.teach(BOAT, "It is Ada.")
        await other.forget(BOAT)
        found = await one.take(await other.file())
        assert found["let_go"] == [id] and await one.words() == set()

    asyncio.run(run())


def test_what_a_version_learned_stays_guarded_until_it_is_trained_without_it(tmp_path):
    async def run():
        one, other = devices(tmp_path)
        entry = await one.teach(BOAT, "It is Ada.")
        await other.take(await one.file())
        id = entry["id"]
        ((_, record),) = await other.store.all("queue")
        trace = {"of": id, "also": [], "data": {}}
        await other.store.batch(
            [
                ["put", "examples", id, {**record, "learned_in": 1}],
                ["put", "versions", 1, {"number": 1, "base": "tiny", "lessons": [id]}],
                ["put", "meanings", "tiny/" + id, trace],
                ["put", "meanings", "large/" + id, trace],
                ["put", "facts", id, {**record, "question": BOAT}],
                ["delete", "queue", id],
            ]
        )
        await one.forget(BOAT)
        await other.take(await one.file())
        assert await other.store.keys("meanings") == ["tiny/" + id]
        assert await other.store.get("state", INTENT) == {"ids": [id], "base": "tiny"}
        assert await other.words() == set() and await find_answer(other) is None

    asyncio.run(run())


def test_a_clock_a_day_ahead_is_refused_and_nothing_changes(tmp_path):
    async def run():
        one, other = devices(tmp_path)
        await other.teach(CAT, "It is Måns.")
        before = await other.read_all()
        came = make_entry(BOAT, "It is Ada.", AHEAD_MS + 100)
        with pytest.raises(FromTheFuture):
            await bring(other.store, {came["about"]: came}, lambda: 99)
        assert await other.read_all() == before
        assert (await bring(other.store, {came["about"]: came}, lambda: 100))["told"] == [came]

    asyncio.run(run())


# ---- random histories


async def live(draw, group, acts):
    """Make a random history of a few devices: teach, forget, take back, exchange, lose and damage
    files."""
    sent, done = [], []
    for _ in range(acts):
        device = draw.choice(group)
        what = draw.random()
        if what < 0.35:
            done.append(await device.teach(draw.choice(ASKED), draw.choice(ANSWERS)))
        elif what < 0.5:
            done.append(await device.forget(draw.choice(ASKED)))
        elif what < 0.6:
            act = draw.choice(["remove", "skip"])
            done.append(await device.take_back(draw.choice(ASKED), act))
        elif what < 0.7:
            await device.move(draw)
        elif what < 0.85 or not sent:
            sent.append(await dump_state(device))
        else:
            await device.take_state(check_entries(json.loads(draw.choice(sent))))
    return sent, [one for one in done if one]


async def dump_state(device):
    """What a device's file would hold; test_exchange_file.py shows that sealing changes none of
    it."""
    return json.dumps(list((await device.state()).values()))


async def refuses(draw, device, data):
    """Assert that a cut or altered file is refused and changes nothing."""
    before = await device.read_all()
    at = draw.randrange(len(data))
    bad = draw.choice(
        [data[:at], data[:at] + bytes([data[at] ^ 1 << draw.randrange(8)]) + data[at + 1 :]]
    )
    with pytest.raises(NotOpened, match="Nothing was changed"):
        await device.take(bad)
    assert await device.read_all() == before


async def history(seed, group):
    """Run one random history to its end: every device must hold what an independent judge
    computes."""
    draw = random.Random(seed)
    for device in group:
        await wipe(device.store)
        device.now = 0
    sent, done = await live(draw, group, draw.randrange(4, 16))
    last = [await dump_state(device) for device in group]
    wanted = {}
    for act in done:  # the judge: of all acts about a question, the one with the latest stamp
        about = act["about"]
        if about not in wanted or stamp(act) > stamp(wanted[about]):
            wanted[about] = act
    sealed = await draw.choice(group).file()
    opened, _ = await unseal(sealed, PHRASE, group[0].cipher)
    last.append(json.dumps(list(opened.values())))
    for device in group:
        come = (last + sent) * 2
        draw.shuffle(come)
        await refuses(draw, device, sealed)
        for text in come:
            await device.take_state(check_entries(json.loads(text)))
        found = await device.state()
        assert {about: stamp(one) for about, one in found.items()} == {
            about: stamp(one) for about, one in wanted.items()
        }, seed
        answers = {(o["prompt"], o["answer"]) for o in wanted.values() if entries.is_told(o)}
        gone_now = {about for about, one in wanted.items() if not entries.is_told(one)}
        assert not [p for p, _ in await device.words() if prompt_hash(p) in gone_now], seed
        assert await device.list_waiting() <= answers, seed
    assert await group[0].state() == await group[1].state() == await group[2].state(), seed


def histories(tmp_path, seeds):
    async def run():
        group = devices(tmp_path, 3)
        for seed in seeds:
            await history(seed, group)
        for device in group:
            await device.store.close()

    asyncio.run(run())
    print(f"{len(seeds)} histories, the same on three devices")


def test_random_histories_of_three_devices_end_the_same_everywhere(tmp_path):
    histories(tmp_path, range(30))


@pytest.mark.long  # 10,000 histories take minutes
def test_ten_thousand_random_histories_end_the_same_everywhere(tmp_path):
    histories(tmp_path, range(1000, 11_000))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32))
def test_the_stored_state_is_the_merge_of_all_that_came(tmp_path_factory, seed):
    async def run():
        draw = random.Random(seed)
        (device,) = devices(tmp_path_factory.mktemp("merge"), 1)
        wanted = {}
        for _ in range(5):
            pool = [
                make_entry(draw.choice(ASKED), draw.choice(ANSWERS), draw.randint(1, 5))
                for _ in "ab"
            ]
            pool.append(make_tombstone(prompt_hash(draw.choice(ASKED)), draw.randint(1, 5)))
            part = {one["about"]: one for one in pool}
            wanted = merge_states(wanted, part)
            await bring(device.store, part, lambda: 9)
            assert (await Here.of(device.store)).state == wanted
        await device.store.close()

    asyncio.run(run())
