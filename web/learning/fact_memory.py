"""The facts known by heart, as the engine stored them: those that are known, those that still wait,
and those that were refused.

A fact is taken in before any lesson about it, and let go of before any version is trained without
it.
"""

from oneseek.engine.core.exchange import INTENT
from oneseek.engine.core.exchange.entries import DATA_SET
from oneseek.engine.core.messages import LetGo
from oneseek.web.learning import records
from oneseek.web.lib import dom

TOLD = ("ready", "rejected", "kept")  # a fact whose lesson was refused stays known by heart
EVERYTHING = ""  # in place of an example's id: all that only the engine can find


class FactMemory:
    def __init__(self, page, queue):
        self.page, self.queue = page, queue
        self.facts = {}
        self.traced = set()
        self.covered = set()
        self.examples = []
        self.untraced = False  # whether facts are stored that this model has not taken in
        self.tried = {}  # example -> the answer that this visit took in, or tried to
        self.refused = {}  # example -> why
        self.queued = set()
        self.leaving = set()  # facts that the engine was told to let go of
        self.model = ""
        page.watch(self.read, "facts", "queue", "examples", "model")

    async def read(self):
        """Read what the engine has stored for the model in use. The traces are read before the
        facts: a fact that is stored in between would otherwise look like a forgotten one."""
        store, base = self.page.store, self.page.choice.model_id() + "/"
        keys = [key for key in await store.keys("meanings") if key.startswith(base)]
        facts = dict(await store.all("facts"))
        if base != self.model:
            self.model, self.tried, self.refused = base, {}, {}
        self.traced = {key[len(base) :] for key in keys}
        known = self.traced - self.leaving
        self.facts = {id: fact for id, fact in facts.items() if id in known}
        self.covered = set(self.traced)
        for fact in self.facts.values():
            self.covered.update(fact["also"])
        self.untraced = bool(set(facts) - self.traced)
        gone = (await store.get("state", INTENT) or {"ids": ()})["ids"]
        self.examples = [one for one in await records.examples(store) if one["id"] not in gone]
        await self.let_go_of_undone()
        self.page.touch("fact_memory")

    # ------------------------------------------------------------------------------ what waits

    def find_waiting(self):
        """The id of what is to be taken in next, or None: the newest that the person said, else the
        newest import."""
        queue = self.queue.records.values()
        waits = [one for one in queue if one["state"] in TOLD and self.waits(one)]
        return max(waits, key=lambda one: (is_own(one), one["seq"]))["id"] if waits else None

    def is_own(self, id):
        """Whether a person said it: that is taken in at once, imports in the time that is left."""
        record = id and self.queue.records.get(id)
        return bool(record) and is_own(record)

    def earlier(self):
        """The id of what was learned before, or known to another model, and is not known to this
        one."""
        for example in self.examples:
            if example["id"] not in self.covered and self.waits(example):
                return example["id"]
        return EVERYTHING if self.untraced and EVERYTHING not in self.tried else None

    def waits(self, record):
        id, answer = record["id"], record["answer"]
        if record["kind"] == DATA_SET or self.tried.get(id) == answer:
            return False
        fact = self.facts.get(id)
        return fact["answer"] != answer if fact else id not in self.covered

    def next(self):
        """The id of what a round takes in now; what was just told comes first."""
        told = self.find_waiting()
        if told is None and not self.queue.peek(1):
            return self.earlier()
        return told

    # ------------------------------------------------------------------------------ what became

    def begin(self, id):
        record = id and self.queue.records.get(id)
        self.tried[id] = record["answer"] if record else self.answer_of(id)

    def answer_of(self, id):
        return next((one["answer"] for one in self.examples if one["id"] == id), "")

    def again(self, id):
        """Let a fact wait again: the engine was ended before it had taken it in."""
        self.tried.pop(id, None)

    def end(self, id, reason):
        """Note that a fact is known by heart, or the reason why it cannot be."""
        self.refused.pop(id, None)
        if reason:
            self.refused[id] = reason

    def knows(self, id):
        return id in self.facts

    def is_forgotten(self, id):
        """Whether a fact is forgotten, though a version that is still there has learned it."""
        return id in self.traced and id not in self.facts

    async def is_kept(self, id):
        """Whether the store itself has a fact, waiting or learned."""
        if await self.page.store.get("examples", id):
            return True
        record = await self.page.store.get("queue", id)
        return bool(record) and record["state"] != "skipped"

    def add_times(self, facts):
        """The facts that an answer used, each with the time it was told."""
        return [dict(one, time=self.facts.get(one["id"], {}).get("time")) for one in facts]

    async def is_learned(self, ids):
        """Whether a version has learned any of these, beyond knowing them by heart."""
        for id in ids:
            if await self.page.store.get("examples", id):
                return True
        return False

    async def find(self, id):
        """The record of what was told, wherever it is kept."""
        store = self.page.store
        found = await store.get("examples", id) or await store.get("queue", id)
        fact = self.facts.get(id)
        return found or (fact and dict(fact, prompt=fact["question"], kind="fact"))

    # ------------------------------------------------------------------------------ letting go

    async def let_go(self, ids):
        """Let go of facts: from the next question on no answer holds them. Returns whether the
        engine did; if not, the person was told why."""
        if not await self.page.learning.tell(LetGo(examples=ids, skipped=False)):
            return False
        await self.page.teaching.load()
        await self.read()
        return True

    async def let_go_of_undone(self):
        """Let go of facts that were taken back, wherever that was done."""
        waiting = self.queue.records
        self.queued.update([one["id"] for one in waiting.values()])
        ids = []
        for id in self.queued.intersection(self.facts.keys()):
            left = waiting.get(id) is None or waiting[id]["state"] == "skipped"
            if left and not await self.is_kept(id):
                ids.append(id)
        if ids and self.page.model:
            for id in ids:
                self.facts.pop(id, None)  # another read may have come first
            self.leaving.update(ids)
            dom.run(self.let_go_of(ids))  # not awaited: the page is drawn meanwhile

    async def let_go_of(self, ids):
        try:
            await self.page.learning.tell(LetGo(examples=ids, skipped=True))
        finally:
            self.leaving.difference_update(ids)


def is_own(record):
    return record["priority"] != "import"
