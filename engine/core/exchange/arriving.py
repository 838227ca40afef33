"""Takes over the state of another device: entries are queued, replaced or forgotten, as one change
of the stores.

New words wait in the queue like everything told, so they are in the memory first and are
consolidated later. What was forgotten elsewhere loses its words here at once; where a version has
learned it, its trace stays as a guard until that version was retrained without it.
"""

from oneseek.engine.core.collecting.statements import STATEMENT
from oneseek.engine.core.exchange import INTENT, entries
from oneseek.engine.core.exchange.entries import KEPT, put_tombstone
from oneseek.engine.core.exchange.gathering import Here
from oneseek.engine.core.queue.training_queue import TrainingQueue

EXCHANGED = "exchanged"  # why a record of the queue is there
AHEAD_MS = 24 * 3600 * 1000


class FromTheFuture(ValueError):
    """The other device's clock is a day ahead or more: its entries would win over all that is told
    here until then. Nothing was changed."""


def must_be_of_today(came, clock):
    if max([entry["clock"] for entry in came.values()] + [0]) > clock() + AHEAD_MS:
        raise FromTheFuture("the other device's clock is more than a day ahead")


async def bring(store, came, clock):
    """Take over a state; return what it changed here, as `entries.news`, with "let_go": the ids of
    what is forgotten here from now on."""
    must_be_of_today(came, clock)
    while True:
        here = await Here.of(store)
        found = entries.news(here.state, came)
        found["let_go"] = [id for entry in found["gone"] for id in here.ids.get(entry["about"], ())]
        ops, expect = _change_queue(here, found, clock)
        ops += [put_tombstone(one["about"], one["clock"]) for one in found["gone"]]
        ops += await _let_go(store, here, found["let_go"])
        if await store.batch(ops, expect):
            return found


def _change_queue(here, found, clock):
    """Return the changes of the queue: new entries wait, forgotten ones leave."""
    queue = TrainingQueue(clock)
    queue.load(here.queue, here.learned)
    for entry in found["told"]:
        queue.add(
            {
                "kind": STATEMENT if entry["prompt"] == entry["answer"] else "fact",
                "prompt": entry["prompt"],
                "answer": entry["answer"],
                "phrasings": list(entry["phrasings"]),
                "language": entry["language"],
                "source": dict(entry["source"]),
                "time": entry["clock"],
                "priority": "correction",
                "why": EXCHANGED,
            },
            KEPT if entry["prompt"] == entry["answer"] else "ready",
        )
    for id in found["let_go"]:
        if id in queue.records:
            queue.remove(id)
    return queue.drain()


async def _let_go(store, here, ids):
    if not ids:
        return []
    versions = [record for _, record in await store.all("versions")]
    ops = [["delete", "facts", id] for id in ids]
    for key in await store.keys("meanings"):
        base, _, id = key.rpartition("/")
        if id in ids:
            meant = await store.get("meanings", key)
            also = list(meant["also"]) if meant else []  # it may have been let go of meanwhile
            if not _is_learned([id] + also, versions, base):
                ops.append(["delete", "meanings", key])
    learned = [id for id in ids if id in here.learned]
    by = [one for one in versions if set(learned) & set(one["lessons"])]
    if not by:
        return ops + [["delete", "examples", id] for id in learned]
    return ops + [await put_intent(store, learned, by[-1]["base"])]


async def put_intent(store, ids, base):
    """Return the change that adds these to what versions are still to be retrained without."""
    intent = await store.get("state", INTENT) or {"ids": [], "base": base}
    every = sorted(set(ids + intent["ids"]))
    return ["put", "state", INTENT, {"ids": every, "base": intent["base"]}]


def _is_learned(ids, versions, base):
    """Whether a version of this base model has learned any of these."""
    return any(one["base"] == base and set(ids) & set(one["lessons"]) for one in versions)
