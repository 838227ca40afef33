"""A queue whose every act is stored before it is acknowledged, also when two tabs act at once."""

import asyncio

from oneseek.engine.core.queue.table import is_id
from oneseek.engine.core.queue.training_queue import CLASSES

TEXTS = ("kind", "prompt", "answer", "language", "state")


def readable(key, record):
    """Whether a stored record is one that a queue can hold."""
    try:
        return (
            record["id"] == key
            and is_id(key)
            and is_id(record["about"])
            and record["priority"] in CLASSES
            and isinstance(record["seq"], int)
            and "kind" in record["source"]
            and all([isinstance(record[name], str) for name in TEXTS])
        )
    except (KeyError, TypeError):
        return False


class SavedQueue:
    """A queue whose every act is in the store before it is acknowledged, also with two tabs."""

    def __init__(self, queue, store):
        self.queue = queue
        self.store = store
        self.alone = asyncio.Lock()  # or a reading from before an act would replace its result
        self.aside = []  # keys of what is stored and cannot be read

    async def load(self):
        async with self.alone:
            rows = await self.store.all("queue")
            self.aside = [key for key, record in rows if not readable(key, record)]
            records = [record for key, record in rows if key not in self.aside]
            learned = [key for key in await self.store.keys("examples") if is_id(key)]
            self.queue.load(records, learned)

    async def remove_aside(self):
        """Delete what cannot be read for good: it is of no use here, and a backup made before still
        has it."""
        async with self.alone:
            await self.store.batch([["delete", "queue", key] for key in self.aside])
            self.aside = []

    async def change(self, act):
        """Do `act(queue)` and store it.  When another tab was first, start again from its result;
        when it cannot be stored, the queue is as it was and the error is raised."""
        async with self.alone:
            return await self._change(act)

    async def _change(self, act):
        while True:
            earlier = list(self.queue.undos)
            result = act(self.queue)
            made = [one for one in self.queue.undos if one not in earlier]
            ops, expect = self.queue.drain()
            try:
                if not ops or await self.store.batch(ops, expect):
                    return result
            except Exception:
                await self._reread(ops, made)
                raise
            await self._reread(ops, made)

    @property
    def latest(self):
        """The last act, which can be undone; None where there is none."""
        return self.queue.undos[-1] if self.queue.undos else None

    async def undo(self, act=None):
        """Undo `act`, by default the latest; False when that is too late."""
        act = act or self.latest
        return act in self.queue.undos and await self.change(lambda queue: queue.undo(act))

    async def _reread(self, ops, made):
        self.queue.forget_acts(made)
        for op in ops:
            if op[1] == "queue":
                self.queue.refresh(op[2], await self.store.get("queue", op[2]))
