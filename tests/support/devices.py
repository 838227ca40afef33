"""Simulated devices of one person, without a model: facts are taught, corrected, forgotten and
exchanged."""

import hashlib
import json

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from oneseek.engine.core.collecting.content import prompt_hash
from oneseek.engine.core.exchange import entries
from oneseek.engine.core.exchange.arriving import AHEAD_MS, bring
from oneseek.engine.core.exchange.gathering import Here, farewell
from oneseek.engine.core.queue.saved import SavedQueue
from oneseek.engine.core.queue.training_queue import TrainingQueue
from oneseek.engine.core.storage.store import KEPT
from oneseek.engine.history.exchange_file import CHECKSUM, COSTS, seal, unseal
from oneseek.engine.history.native_keys import NativeCipher, Signer
from oneseek.engine.open import clock

PHRASE = "three devices of one person"
SIGNER = Signer(bytes(range(32)))
MOVES = ("queue", "facts", "examples")  # the stores that can hold a fact


def quickly_sealed(monkeypatch):
    """Seal files with the least cost of a guess that the format allows."""
    monkeypatch.setattr(seal, "__defaults__", (None, COSTS[0]))  # and without a signer


def again(data, **changed):
    """The file with a changed header and a matching checksum."""
    line, _, rest = data.partition(b"\n")
    whole = json.dumps({**json.loads(line), **changed}).encode() + b"\n" + rest[:-CHECKSUM]
    return whole + hashlib.sha256(whole).digest()


class Forger:
    """Signs other data than it is given, in somebody's name."""

    public_key = SIGNER.public_key

    def sign(self, data):
        return SIGNER.sign(data + b".")


async def of_no_use(good, phrase):
    """Files that must be refused everywhere, by the reason to be given."""
    one = entries.make_entry("Whose is it?", "It is Ada's.", clock() + 2 * AHEAD_MS)

    async def seal_entry(entry, signer=None):
        return await seal({entry["about"]: entry}, phrase, clock, NativeCipher(), signer, COSTS[0])

    return {
        "wrong": b'{"format": "oneseek-backup", "version": 2}',
        "damaged": good[:200] + bytes([good[200] ^ 1]) + good[201:],
        "older": again(good, version=0),
        "newer": again(good, version=2),
        "future": await seal_entry(one),
        "signature": await seal_entry({**one, "clock": 1}, Forger()),
    }


class Quick(NativeCipher):
    """A cipher with free keys; tests of the cost of guessing are elsewhere."""

    async def key(self, phrase, salt, cost):
        return AESGCM(hashlib.sha256(phrase + salt).digest())


class Device:
    """A device whose `now` is later than everything it knows; two devices may have equal times."""

    def __init__(self, store):
        self.store, self.now, self.cipher = store, 0, Quick()

    def clock(self):
        return self.now

    async def state(self):
        return (await Here.of(self.store)).state

    async def tick(self):
        self.now = max([one["clock"] for one in (await self.state()).values()] + [0]) + 1

    async def teach(self, prompt, answer):
        """Teach or correct a fact; returns its entry."""
        await self.tick()
        saved = SavedQueue(TrainingQueue(self.clock), self.store)
        await saved.load()
        example = {"prompt": prompt, "answer": answer, "priority": "correction"}
        await saved.change(lambda queue: queue.add(example))
        return entries.make_entry(prompt, answer, self.now)

    async def forget(self, prompt):
        """Forget all that is known about a question, as a person does; returns the tombstone, or
        None if nothing is known."""
        await self.tick()
        about, here = prompt_hash(prompt), await Here.of(self.store)
        if not entries.is_told(here.state.get(about)):
            return None
        ids = here.ids[about]
        ops = await farewell(self.store, ids, self.now)
        ops += [["delete", name, id] for name in MOVES for id in ids]
        await self.store.batch(ops)
        return entries.make_tombstone(about, self.now)

    async def take_back(self, prompt, act):
        """Remove or skip a waiting fact that is not known by heart or learned yet; returns the
        tombstone, or None if none waits."""
        await self.tick()
        about, saved = prompt_hash(prompt), SavedQueue(TrainingQueue(self.clock), self.store)
        await saved.load()
        waiting = [one for one in saved.queue.records.values() if one["about"] == about]
        known = [*await self.store.keys("facts"), *await self.store.keys("examples")]
        ids = (await Here.of(self.store)).ids.get(about, ())
        if [one["state"] for one in waiting] != ["ready"] or set(ids) & set(known):
            return None
        await saved.change(lambda queue: getattr(queue, act)(waiting[0]["id"]))
        return entries.make_tombstone(about, self.now)

    async def move(self, draw):
        """Let waiting facts, at random, become known by heart or learned by a version; a new one
        replaces the old one."""
        waiting = [one for one in await self.store.all("queue") if one[1]["state"] != "skipped"]
        for id, record in waiting:
            if draw.random() < 0.5:
                fact = {"id": id, "question": record["prompt"], "answer": record["answer"]}
                fact.update({name: record[name] for name in ("phrasings", "language", "source")})
                gone = [
                    ["delete", "facts", other]
                    for other, one in await self.store.all("facts")
                    if prompt_hash(one["question"]) == record["about"]
                ]
                fact.update(time=record["time"], also=[])
                await self.store.batch([*gone, ["put", "facts", id, fact]])
            if draw.random() < 0.3:
                learned = {**record, "state": "learned", "learned_in": 1}
                ops = [["put", "examples", id, learned], ["delete", "queue", id]]
                await self.store.batch(ops)

    async def file(self):
        return await seal(await self.state(), PHRASE, self.clock, self.cipher, cost=COSTS[0])

    async def take(self, data):
        """Bring in a file; returns what it changed."""
        came, _ = await unseal(data, PHRASE, self.cipher)
        return await self.take_state(came)

    async def take_state(self, came):
        self.now = max([self.now] + [one["clock"] for one in came.values()])
        return await bring(self.store, came, self.clock)

    async def read_all(self):
        return {name: await self.store.all(name) for name in KEPT}

    async def list_waiting(self):
        """The facts in the queue that were not skipped."""
        every = [one for _, one in await self.store.all("queue")]
        return {(one["prompt"], one["answer"]) for one in every if one["state"] != "skipped"}

    async def words(self):
        """All facts that wait or are known by heart."""
        facts = await self.store.all("facts")
        return await self.list_waiting() | {(one["question"], one["answer"]) for _, one in facts}
