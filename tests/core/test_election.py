"""There must be one trainer at a time, whichever tabs freeze, crash or thaw."""

import asyncio

import pytest

from oneseek.engine.core.storage.election import SILENCE_MS, Election
from oneseek.engine.core.storage.sqlite import SqliteStore
from oneseek.engine.core.storage.store import FencedStore
from oneseek.engine.history.audit import check_store
from oneseek.engine.history.ledger import Change, Ledger, Overtaken


def run(coroutine):
    return asyncio.run(coroutine)


class Locks:
    """The Web Locks API in one process: a queue, a holder, and stealing."""

    def __init__(self):
        self.holder, self.waiting = None, []

    def hold(self, name, steal, held, lost):
        request = Request(self, held, lost)
        if steal:
            robbed, self.holder = self.holder, request
            if robbed and not robbed.frozen:
                robbed.lost()
            elif robbed:
                robbed.thaws_lost = True
            held()
        elif self.holder is None:
            self.holder = request
            held()
        else:
            self.waiting.append(request)
        return request


class Request:
    def __init__(self, locks, held, lost):
        self.locks, self.held, self.lost = locks, held, lost
        self.frozen, self.thaws_lost = False, False

    def release(self):
        if self.locks.holder is self:
            self.locks.holder = self.locks.waiting.pop(0) if self.locks.waiting else None
            if self.locks.holder:
                self.locks.holder.held()


class Tab:
    def __init__(self, world, name):
        self.world, self.name, self.frozen, self.terms = world, name, False, []
        self.store = SqliteStore(world.path, flush=False)
        self.fenced = None
        self.election = Election(
            self.store,
            world.locks.hold,
            world.tell,
            world.clock,
            name,
            self.on_elected,
            self.on_dismissed,
        )
        self.election.stand()

    def on_elected(self, epoch):
        self.terms.append(epoch)
        self.fenced = FencedStore(self.store, epoch)

    def on_dismissed(self):
        self.terms.append(None)

    async def train(self, n):
        change = Change()
        change.put("state", "trained", {"n": n})
        change.tell("dna", {"n": n, "tab": self.name})
        await Ledger(self.fenced, self.world.clock).commit(change)


class World:
    def __init__(self, path):
        self.path, self.locks, self.now, self.tabs = path, Locks(), 0, []

    def clock(self):
        return self.now

    def tell(self, text):
        for tab in self.tabs:
            if not tab.frozen:
                tab.election.hear(text)

    def open(self, name):
        self.tabs.append(Tab(self, name))
        return self.tabs[-1]

    def pass_seconds(self, seconds):
        for _ in range(seconds):
            self.now += 1000
            for tab in self.tabs:
                if not tab.frozen:
                    run(tab.election.tick())

    def trainers(self):
        return [tab.name for tab in self.tabs if tab.election.epoch is not None and not tab.frozen]


@pytest.fixture
def world(tmp_path):
    return World(tmp_path / "s.db")


def test_one_of_three_tabs_trains_and_stays_the_trainer(world):
    for name in "abc":
        world.open(name)
    world.pass_seconds(120)
    assert world.trainers() == ["a"] and world.tabs[0].terms == [1]


def test_when_the_trainer_closes_the_next_tab_takes_over(world):
    first = world.open("a")
    world.open("b")
    world.pass_seconds(3)
    first.election.resign()
    world.tabs.remove(first)
    world.pass_seconds(3)
    assert world.trainers() == ["b"] and world.tabs[0].terms == [2]


def test_R15_and_R16_a_frozen_trainer_is_robbed_and_its_thawed_writes_fail(world):
    frozen, second = world.open("a"), world.open("b")
    world.pass_seconds(3)
    run(frozen.train(1))
    frozen.frozen = frozen.election.request.frozen = True
    world.pass_seconds(SILENCE_MS // 1000 - 3)
    assert world.trainers() == []
    world.pass_seconds(5)
    assert world.trainers() == ["b"]
    run(second.train(2))
    with pytest.raises(Overtaken):
        run(frozen.train(3))
    frozen.frozen = False
    frozen.election.request.lost()
    assert frozen.terms == [1, None]
    world.pass_seconds(60)
    assert world.trainers() == ["b"]
    assert run(second.store.get("state", "trained")) == {"n": 2}
    assert run(check_store(second.store)) == []


def test_R39_a_clock_that_is_set_back_elects_nobody_new(world):
    world.open("a")
    world.open("b")
    world.pass_seconds(3)
    world.now -= 86_400_000
    world.pass_seconds(60)
    assert world.trainers() == ["a"]


def test_losing_the_lock_while_the_epoch_is_being_taken_elects_nobody(world):
    tab = world.open("a")
    get = tab.store.get

    async def slow(store, key):
        tab.election._on_lost()
        return await get(store, key)

    tab.store.get = slow
    world.pass_seconds(1)
    assert tab.terms == [] and world.trainers() == []
