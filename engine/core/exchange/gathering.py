"""Gathers this device's state from its stores: what it was told and has forgotten.

Records that were read from documents stay where they are; the document can be brought along itself.
"""

from oneseek.engine.core.collecting.content import prompt_hash
from oneseek.engine.core.exchange import entries
from oneseek.engine.core.exchange.entries import (
    DATA_SET,
    FORGOTTEN,
    LIVES,
    put_tombstone,
    was_told,
)
from oneseek.engine.core.queue.saved import readable


class Here:
    """This device's state, and the ids of everything about a question."""

    def __init__(self):
        self.state = {}
        self.ids = {}  # about -> the ids of all records of that question
        self.queue = []  # its readable records
        self.learned = set()  # ids in `examples`

    @classmethod
    async def of(cls, store):
        here = cls()
        lost = dict(await store.all(FORGOTTEN))
        examples = await store.all("examples")
        here.learned = {id for id, _ in examples}
        rows = await store.all("queue")
        here.queue = [record for id, record in rows if readable(id, record)]
        waiting = [(record["id"], record) for record in here.queue]
        for id, record in examples:
            here.see(id, record, lost, False)
        for id, record in waiting:
            here.lies(id, record)
            if record["state"] in LIVES:
                here.see(id, record, lost, True)
        words = dict(examples + waiting)
        for id, fact in await store.all("facts"):
            record = dict(words.get(id) or fact, time=fact["time"])
            here.see(id, dict(record, prompt=record.get("prompt") or fact["question"]), lost, True)
        for about, record in lost.items():
            here.keep(entries.make_tombstone(about, record["clock"]))
        return here

    def lies(self, id, record):
        ids = self.ids.setdefault(prompt_hash(record["prompt"]), [])
        if id not in ids:
            ids.append(id)

    def see(self, id, record, lost, live):
        """Take in what a record says; one that is `live` would not be there if it were
        forgotten."""
        if record.get("kind") == DATA_SET:
            return
        self.lies(id, record)
        if not was_told(record):
            return
        source = record.get("source") or {}
        about = prompt_hash(record["prompt"])
        clock = record.get("time") or 1
        if live and about in lost:  # told again, whatever the clock says
            clock = max(clock, lost[about]["clock"] + 1)
        more = (record.get("phrasings") or (), record.get("language") or "und", source)
        self.keep(entries.make_entry(record["prompt"], record["answer"], clock, *more))

    def keep(self, entry):
        mine = self.state.get(entry["about"])
        self.state[entry["about"]] = entries.merge_entries(mine, entry) if mine else entry


async def farewell(store, ids, now):
    """Return the tombstones of these ids, to be stored together with their deletion."""
    latest = {}
    for name in ("examples", "queue", "facts"):
        for id in ids:
            record = await store.get(name, id)
            if record and record.get("kind") != DATA_SET:
                about = prompt_hash(record.get("prompt") or record["question"])
                latest[about] = max(latest.get(about, 0), record.get("time") or 1)
    ops = []
    for about, time in latest.items():
        known = await store.get(FORGOTTEN, about)
        if known is None or known["clock"] < time:
            ops.append(put_tombstone(about, max(now, time)))
    return ops
