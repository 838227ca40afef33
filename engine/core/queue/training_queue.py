"""The queue of what waits to be learned: four priority classes in which nothing starves, no
duplicates, undo.

Plain data, for the page and for CPython; engine/core/queue/saved.py keeps it and the store equal.
"""

import heapq
import time

from oneseek.engine.core.collecting.content import content_hash, prompt_hash
from oneseek.engine.core.collecting.statements import STATEMENT
from oneseek.engine.core.exchange.entries import KEPT, put_tombstones
from oneseek.engine.core.queue.table import Table

CLASSES = ("correction", "approved", "chat", "import")
EVERY_NTH_IS_OLDEST = 8
UNDO_DEPTH = 50
MOST = 10_000_000  # examples that ever arrive; a hundred times that is still one number of a page
WAITING = ("ready", "held")
DISAGREEMENT = "disagreement"  # why one of several answers to a question is held


class Conflict(Exception):
    """The item has changed since the act was meant for it; nothing was changed."""


class Act:
    """The changes of one act: (id, the record before, its revision after). Acts with the same
    changes are different acts."""

    def __init__(self, changes):
        self.changes = changes

    @property
    def leaves_records(self):
        """Whether it removed no record: what the store lacks may have been lost in many ways."""
        return all([after is not None for _, _, after in self.changes])


class TrainingQueue:
    """Examples in the order they will be learned.

    Classes are served strictly in order, oldest first (what was judged, the best first), except
    that every eighth turn goes to the item that has waited longest of all: whatever is added
    later, an item with n items before it is served within 8 (n + 1) turns.  Turns are counted, not
    timed, so a wrong clock changes nothing.  Every operation is O(log n).

    A record: id, kind, prompt, answer, phrasings, language, source, priority, time, why, state
    ("ready", "held" until a person approves it, "skipped" by a person, "rejected" by the quality
    gate, "kept" for a statement, which is no lesson), seq (arrival), seen (times offered),
    revision.
    """

    def __init__(self, clock=lambda: int(time.time() * 1000)):
        self.clock = clock
        self.records = Table()
        self.learned = Table()
        self.leased = set()
        self.turns = 0
        self.next_seq = 0
        self.undos = []
        self.changes = {}
        self._empty()

    def _empty(self):
        self.lanes = {name: [] for name in CLASSES}
        self.oldest = []
        self.entered = 0
        self.prompts = Table()
        self.waiting = 0
        self.counts = {"priority": {}, "source": {}, "language": {}, "state": {}}

    # ------------------------------------------------------------------ acts of people and system

    def add(self, example, state="ready"):
        """Offer an example; return its record, which is the older one when it is a duplicate."""
        priority = example["priority"]
        if priority not in CLASSES:
            raise ValueError("priority %r is none of %s" % (priority, ", ".join(CLASSES)))
        if not example["prompt"].strip() or not example["answer"].strip():
            raise ValueError("an example needs a prompt and an answer, both with text")
        whose = example.get("source", {}).get("user", "")
        id = content_hash(whose + example["prompt"], example["answer"])
        known = self.records.get(id)
        if not known and id in self.learned and priority != "correction":
            return None
        about = prompt_hash(whose + example["prompt"])
        changes = [
            (id, self._again(known, example) if known else self._new(id, about, example, state))
        ]
        if priority == "correction":
            changes += [(one, None) for one in self.prompts.get(about, ()) if one != id]
        self._act(changes)
        return self.records[id]

    def approve(self, id):
        """A person says yes: a held example may be learned, a ready one comes earlier. Of
        answers that disagree it is this one: the others are put aside, and what was learned is
        corrected."""
        record = self._require(id)
        if record["kind"] == STATEMENT:
            self._act([(id, _with(record, state=KEPT))])
            return
        held = record["state"] == "held"
        if held and record["why"] == DISAGREEMENT:
            others = [one for one in self.rivals(record["about"]) if one["id"] != id]
            chosen = [(id, _with(record, state="ready", priority="correction"))]
            self._act(chosen + [(one["id"], _with(one, state="skipped")) for one in others])
            return
        priority = record["priority"] if held else _higher(record["priority"], "approved")
        self._act([(id, _with(record, state="ready", priority=priority))])

    def skip(self, id):
        """Put aside: it is not learned, and not offered again by itself; the record stays to be
        seen."""
        self._act([(id, _with(self._require(id), state="skipped"))])

    def rivals(self, about):
        """Return the answers to one question of which a person is asked to choose."""
        same = [self.records[id] for id in self.prompts.get(about, ())]
        return [one for one in same if one["state"] == "held" and one["why"] == DISAGREEMENT]

    def refuse_all(self, about):
        """Put aside all answers to a question, because none is right."""
        self._act([(one["id"], _with(one, state="skipped")) for one in self.rivals(about)])

    def prefer(self, id, priority):
        self._act([(id, _with(self._require(id), priority=priority))])

    def edit(self, id, prompt=None, answer=None):
        """Change the words; return the new id, which follows from the words."""
        record = self._require(id)
        answer = record["answer"] if answer is None else answer
        if record["kind"] == STATEMENT:  # its words are its prompt too
            prompt = answer
        prompt = record["prompt"] if prompt is None else prompt
        if not prompt.strip() or not answer.strip():
            raise ValueError("an example needs a prompt and an answer, both with text")
        whose = record["source"].get("user", "")
        new = content_hash(whose + prompt, answer)
        if new != id and new in self.records:
            raise Conflict("there is already an example with these words")
        about = prompt_hash(whose + prompt)
        words = {"prompt": prompt, "answer": answer, "about": about}
        edited = _with(record, id=new, time=self.clock(), **words)
        self._act(([(id, None)] if new != id else []) + [(new, edited)])
        return new

    def remove(self, id):
        self._require(id)
        self._act([(id, None)])

    def remove_source(self, matches):
        """Remove everything whose source `matches(source)`; one act, one undo."""
        gone = [id for id, record in self.records.items() if matches(record["source"])]
        if gone:
            self._act([(id, None) for id in gone])
        return gone

    def forget_acts(self, acts):
        """Make these acts impossible to undo."""
        self.undos = [one for one in self.undos if one not in acts]

    def undo(self, act=None):
        """Undo `act`, by default the latest; False when later changes build upon it."""
        act = act or (self.undos[-1] if self.undos else None)
        if act is None:
            return False
        if act in self.undos:
            self.undos.remove(act)
        if not self._is_latest(act):
            return False
        restored = {}
        for id, before, _ in act.changes:
            self._write(id, before)
            restored[id] = (_revision(before), _revision(self.records.get(id)))
        self._follow(restored)
        return True

    # -------------------------------------------------------------------------------- the trainer

    def take(self, count):
        """Lease the next records to learn: nobody else gets them until `give_back` or `settle`."""
        taken = []
        while len(taken) < count:
            id = self._next()
            if id is None:
                break
            self.turns += 1
            self.leased.add(id)
            taken.append(self.records[id])
        return taken

    def give_back(self, ids):
        for id in ids:
            if id in self.leased:
                self.leased.discard(id)
                self._enter(self.records[id])

    def settle(self, ids):
        """Remove records for good that were learned and are stored as learned."""
        for id in ids:
            self.leased.discard(id)
            self.learned[id] = True
            self.refresh(id, None)

    async def change(self, act):
        """Return what `act(queue)` returns, as a SavedQueue does, for a queue without a store."""
        return act(self)

    # ---------------------------------------------------------------------------------- looking

    def size(self):
        """Return how many wait to be learned or for a decision."""
        return self.waiting

    def get_stats(self):
        return {
            "total": self.waiting,
            "by_priority": _positive(self.counts["priority"]),
            "by_source": _positive(self.counts["source"]),
            "by_language": _positive(self.counts["language"]),
            "by_state": _positive(self.counts["state"]),
        }

    def peek(self, count):
        """Return the first records in the order of their class and arrival, without a lease."""
        ids = []
        for name in CLASSES:
            ids += self._peek(self.lanes[name], name, count - len(ids))
        return [self.records[id] for id in ids]

    # ------------------------------------------------------------------------------- persistence

    def load(self, records, learned=()):
        """Start from what the store holds; what was leased when the tab died is ready again. An act
        can still be undone where the store has each of its records as it left them."""
        self.records = Table()
        self.learned = Table()
        for id in learned:
            self.learned[id] = True
        self.leased = set()
        self.changes = {}
        self._empty()
        for record in sorted(records, key=lambda one: (one["seq"], one["id"])):
            self.refresh(record["id"], record)
        self.undos = [act for act in self.undos if self._is_latest(act) and act.leaves_records]

    def refresh(self, id, record):
        """Take over the store's record of one id as it is: no new revision, no journal."""
        self._leave(self.records.pop(id, None))
        self.changes.pop(id, None)
        if record is None:
            self.leased.discard(id)
            return
        self.records[id] = record
        self.next_seq = max(self.next_seq, record["seq"] + 1)
        self._join(record)

    def drain(self):
        """Return what changed since last time, as (ops, expect) for one `batch`."""
        ops, expect, left = [], [], []
        for id, old in self.changes.items():
            record, revision = self.records.get(id), _revision(old)
            if record is not None:
                ops.append(["put", "queue", id, record])
            elif revision is not None:
                ops.append(["delete", "queue", id])
            else:
                continue
            if old and (record is None or record["state"] == "skipped"):
                left.append(old)
            known = ["queue", id, None, False] if revision is None else None
            expect.append(known or ["queue", id, "revision", revision])
        self.changes = {}
        left = [one for one in left if not self._is_answered(one["about"])]
        return ops + put_tombstones(left, self.clock()), expect

    # ------------------------------------------------------------------------------------ inside

    def _is_answered(self, about):
        """Whether the queue has an answer that a person did not put aside."""
        same = [self.records[id]["state"] for id in self.prompts.get(about, ())]
        return any([state != "skipped" for state in same])

    def _new(self, id, about, example, state):
        record = {
            "kind": "exchange",
            "phrasings": [],
            "language": "und",
            "source": {"kind": "chat"},
            "why": "",
        }
        record.update(example)
        record.update({"id": id, "about": about, "state": state, "seq": self.next_seq, "seen": 1})
        record["time"] = example.get("time") or self.clock()
        return record

    def _again(self, record, example):
        """Return a duplicate's record: it only adds weight, unless a person put it aside and now
        says otherwise."""
        priority = example["priority"]
        new = [one for one in example.get("phrasings", ()) if one not in record["phrasings"]]
        changed = _with(
            record,
            seen=record["seen"] + 1,
            priority=_higher(priority, record["priority"]),
            phrasings=record["phrasings"] + new,
        )
        if priority != "import":  # told again: newer than what another device was told since
            changed["time"] = example.get("time") or self.clock()
        if priority in ("correction", "approved") and record["state"] in ("skipped", "rejected"):
            changed.update(
                {
                    "state": KEPT if record["kind"] == STATEMENT else "ready",
                    "kind": example.get("kind", "exchange"),
                }
            )
        return changed

    def _is_latest(self, act):
        """Whether nothing builds upon an act."""
        return all([_revision(self.records.get(id)) == after for id, _, after in act.changes])

    def _follow(self, restored):
        """Give undone items a new revision in earlier acts, so that these can be undone too."""
        for act in self.undos:
            for i, (id, before, after) in enumerate(act.changes):
                was, now = restored.get(id, (0, 0))
                if id in restored and after == was:
                    act.changes[i] = (id, before, now)

    def _require(self, id):
        if id not in self.records:
            raise Conflict("this example is no longer in the queue: it was learned or removed")
        return self.records[id]

    def _act(self, changes):
        before = [(id, self.records.get(id)) for id, _ in changes]
        for id, record in changes:
            self._write(id, record)
        changed = [(id, old, _revision(self.records.get(id))) for id, old in before]
        self.undos.append(Act(changed))
        if len(self.undos) > UNDO_DEPTH:
            self.undos.pop(0)

    def _write(self, id, record):
        old = self.records.pop(id, None)
        if id not in self.changes:
            self.changes[id] = old
        self._leave(old)
        if record is None:
            self.leased.discard(id)
            return
        record = dict(record)
        record["revision"] = max(_revision(old) or 0, record.get("revision", 0)) + 1
        self.next_seq = max(self.next_seq, record["seq"] + 1)
        self.records[id] = record
        self._join(record)

    def _join(self, record):
        about = record["about"]
        self.prompts[about] = self.prompts.get(about, ()) + (record["id"],)
        self._count(record, 1)
        if record["id"] not in self.leased:
            self._enter(record)

    def _leave(self, record):
        if record is None:
            return
        others = tuple(id for id in self.prompts[record["about"]] if id != record["id"])
        if others:
            self.prompts[record["about"]] = others
        else:
            self.prompts.pop(record["about"])
        self._count(record, -1)

    def _count(self, record, by):
        state = record["state"]
        self.counts["state"][state] = self.counts["state"].get(state, 0) + by
        if state not in WAITING:
            return
        self.waiting += by
        values = (record["priority"], record["source"]["kind"], record["language"])
        for table, value in zip(("priority", "source", "language"), values):
            self.counts[table][value] = self.counts[table].get(value, 0) + by

    def _enter(self, record):
        if record["state"] != "ready":
            return
        heapq.heappush(self.lanes[record["priority"]], (_place(record), record["id"]))
        heapq.heappush(self.oldest, (record["seq"], record["id"]))
        self.entered += 1
        if self.entered > 2 * len(self.records) + 64:
            self._rebuild()

    def _rebuild(self):
        """Drop entries that are outdated; happens once in n changes, so O(1) each."""
        self.entered = 0
        self.lanes = {name: [] for name in CLASSES}
        for record in self.records.values():
            if record["state"] == "ready" and record["id"] not in self.leased:
                self.lanes[record["priority"]].append((_place(record), record["id"]))
        self.oldest = [(at % MOST, id) for lane in self.lanes.values() for at, id in lane]
        for heap in list(self.lanes.values()) + [self.oldest]:
            heapq.heapify(heap)

    def _stands(self, entry, priority=None):
        at, id = entry
        record = self.records.get(id)
        return (
            record is not None
            and record["seq"] == at % MOST
            and record["state"] == "ready"
            and id not in self.leased
            and priority in (None, record["priority"])
        )

    def _next(self):
        if self.turns % EVERY_NTH_IS_OLDEST == EVERY_NTH_IS_OLDEST - 1:
            return self._first(self.oldest)
        for name in CLASSES:
            id = self._first(self.lanes[name], name)
            if id is not None:
                return id
        return None

    def _first(self, heap, priority=None):
        while heap and not self._stands(heap[0], priority):
            heapq.heappop(heap)
        return heap[0][1] if heap else None

    def _peek(self, heap, priority, count):
        entries = []
        while heap and len(entries) < count:
            entry = heapq.heappop(heap)
            if self._stands(entry, priority) and entry not in entries[-1:]:
                entries.append(entry)
        for entry in entries:
            heapq.heappush(heap, entry)
        return [id for _, id in entries]


def _place(record):
    """Return its place in its lane: by arrival, and of scored ones the best first."""
    quality = record.get("quality")
    return record["seq"] + ((100 - quality["score"]) * MOST if quality else 0)


def _revision(record):
    return record["revision"] if record else None


def _with(record, **changed):
    copy = dict(record)
    copy.update(changed)
    return copy


def _higher(one, other):
    return CLASSES[min(CLASSES.index(one), CLASSES.index(other))]


def _positive(counts):
    return {name: count for name, count in counts.items() if count}
