"""A queue whose every act is stored before it is acknowledged, also when two tabs act at once."""

import asyncio


class SavedQueue:
    """A queue whose every act is in the store before it is acknowledged, also with two tabs."""

    def __init__(self, queue, store):
        self.queue = queue
        self.store = store
        self.alone = asyncio.Lock()  # or what was read before an act would be taken over after it

    async def load(self):
        async with self.alone:
            records = [record for _, record in await self.store.all("queue")]
            self.queue.load(records, await self.store.keys("examples"))

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

    async def undo(self):
        latest = self.queue.undos[-1] if self.queue.undos else None
        return latest is not None and await self.change(lambda queue: queue.undo(latest))

    async def _reread(self, ops, made):
        self.queue.undos = [one for one in self.queue.undos if one not in made]
        for op in ops:
            self.queue.refresh(op[2], await self.store.get("queue", op[2]))
