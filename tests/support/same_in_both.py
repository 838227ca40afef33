"""Runs a queue, a scheduler and a collector through one seeded life, and prints it as JSON lines.

Runs unchanged in CPython and MicroPython; tests/core/test_page_modules.py compares the lines.
"""

import asyncio
import json

from oneseek.engine.core.collecting.collector import DataCollector
from oneseek.engine.core.collecting.content import content_hash, normalise, visible
from oneseek.engine.core.collecting.secrets import secrets_in
from oneseek.engine.core.collecting.statements import correction_in, statements_in
from oneseek.engine.core.queue.batches import BatchManager
from oneseek.engine.core.queue.saved import SavedQueue
from oneseek.engine.core.queue.training_queue import CLASSES, TrainingQueue
from oneseek.engine.core.scheduler import TrainingScheduler
from oneseek.engine.core.settings import SchedulerConfig
from oneseek.engine.core.storage.store import plain_change

TEXTS = (
    "Vad heter MIN katt?",
    "vad heter min katt",
    "ÅÄÖ\u00a0É a\u030a o\u0308",
    "My cat's name is Bosse. I live in Umeå!",
    "Min syster heter Åsa-Märta.",
    "Rätt svar är “Tove”",
    "My card is 4111 1111 1111 1111",
    "mitt lösenord är hunter2",
    "key sk-abcdefghijklmnopqrstuvwx",
    "SE45 5000 0000 0583 9825 7466",
    "811218-9876",
    "zero\u200bwidth \U000e0041tag 👍 日本",
    "tab\tand\nline",
)


def say(*values):
    print(json.dumps([_sort_keys(value) for value in values]))


def _sort_keys(value):
    """The value with dictionaries as sorted lists, because MicroPython's dictionaries are
    unordered."""
    if isinstance(value, dict):
        return [[key, _sort_keys(value[key])] for key in sorted(value)]
    if isinstance(value, (list, tuple)):
        return [_sort_keys(part) for part in value]
    return value


def draws(seed):
    while True:
        seed = (seed * 1103515245 + 12345) % 2147483648
        yield seed // 65536


class MemoryStore:
    """A minimal store for a queue, in both interpreters."""

    def __init__(self):
        self.records = {}

    async def batch(self, ops, expect=()):
        ops, expect = plain_change(ops, expect)
        for store, key, field, value in expect:
            record = self.records.get((store, key))
            if field is None and (record is not None) != value:
                return False
            if field is not None and (record or {}).get(field) != value:
                return False
        for op in ops:
            if op[0] == "put":
                self.records[op[1], op[2]] = op[3]
            else:
                self.records.pop((op[1], op[2]), None)
        return True

    async def get(self, store, key):
        return self.records.get((store, key))

    async def all(self, store, after=None, limit=0, newest=False):
        keys = sorted((key for key in self.records if key[0] == store), reverse=newest)
        if after is not None:
            keys = [key for key in keys if (key[1] < after if newest else key[1] > after)]
        return [[key[1], self.records[key]] for key in keys[: limit or None]]

    async def keys(self, store):
        return [key for key, _ in await self.all(store)]

    async def scrub(self):
        """Do nothing: deleted records leave no trace in a dictionary."""


def words():
    for text in TEXTS:
        say(normalise(text), content_hash(text, text), visible(text), secrets_in(text))
        say(correction_in(text), statements_in(text))


async def queue(draw):
    saved = SavedQueue(TrainingQueue(lambda: 7), MemoryStore())
    for i in range(300):
        act, number = next(draw) % 8, next(draw) % 40
        id = content_hash(f"q{number}", "a")
        known = id in saved.queue.records
        if act < 3:
            example = {"prompt": f"q{number}", "answer": "a", "priority": CLASSES[number % 4]}
            await saved.change(lambda q, one=example: q.add(one))
        elif act == 3:
            await saved.undo()
        elif act == 4 and known:
            await saved.change(lambda q, id=id: q.skip(id))
        elif act == 5 and known:
            await saved.change(lambda q, id=id: q.approve(id))
        elif act == 6 and known:
            await saved.change(lambda q, id=id, i=i: q.edit(id, answer=f"b{i}"))
        elif act == 7:
            taken = saved.queue.take(1)
            say(i, [one["prompt"] for one in taken])
            saved.queue.give_back([one["id"] for one in taken])
    say(saved.queue.get_stats(), saved.queue.peek(50))
    again = SavedQueue(TrainingQueue(lambda: 7), saved.store)
    await again.load()
    say(again.queue.get_stats(), again.queue.peek(50) == saved.queue.peek(50))


def batches(draw):
    queue = TrainingQueue(lambda: 7)
    for i in range(120):
        source = {"kind": "text", "document": f"book {next(draw) % 9}"}
        prompt = f"q{i} " + "word " * (next(draw) % 90)
        queue.add({"prompt": prompt, "answer": "a", "priority": "import", "source": source})
    for active in (True, False, False):
        say([one["prompt"][:5] for one in BatchManager(queue).next_batch(active)])


async def collector():
    saved = SavedQueue(TrainingQueue(lambda: 7), MemoryStore())
    collect = DataCollector(saved)
    for i, text in enumerate(TEXTS):
        for role, content in (("user", text), ("assistant", f"Answer {i}.")):
            message = {"id": f"{role}{i}", "role": role, "content": content, "timestamp": i}
            await collect.log_message(dict(message, chat="c"))
    await collect.log_feedback("assistant2", 1)
    await collect.log_feedback("assistant3", -1)
    say(saved.queue.peek(99), sorted(collect.held))


async def scheduler(draw):
    now = [0]

    async def idle(timeout):
        now[0] += next(draw) % 9
        return 5 + next(draw) % 50

    async def grant(budget):
        now[0] += budget
        return {"used_ms": budget, "finished": False}

    scheduler = TrainingScheduler(
        SchedulerConfig(max_cpu_usage=0.25), lambda: now[0], grant, idle, lambda: True
    )
    scheduler.start()
    for turn in range(300):
        if turn % 50 == 49:
            scheduler.activity("typing")
        now[0] += int(await scheduler.turn()) + 1
    stats = scheduler.get_stats()
    say(stats["training_count"], stats["paused_because"], round(stats["duty_measured"], 6))


async def main():
    words()
    draw = draws(42)
    await queue(draw)
    batches(draw)
    await collector()
    await scheduler(draw)


if __name__ == "__main__":
    asyncio.run(main())
