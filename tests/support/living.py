"""A whole living system in a folder, small but real, for tests of its parts."""

import asyncio
from pathlib import Path

from oneseek.engine.core.queue.saved import SavedQueue
from oneseek.engine.core.queue.training_queue import TrainingQueue
from oneseek.engine.core.storage.sqlite import SqliteStore
from oneseek.engine.history.ledger import Ledger
from oneseek.engine.history.versions import Versions
from oneseek.engine.learning.training_engine import TrainingEngine
from tests.support.small_trainer import SmallTrainer

START_MS = 1_790_000_000_000


def run(coroutine):
    return asyncio.run(coroutine)


class Clock:
    def __init__(self, now: int = START_MS):
        self.now = now

    def __call__(self) -> int:
        self.now += 1000
        return self.now


class Living:
    def __init__(self, folder: Path, trainer=None, checkpoint_share: float = 1, signer=None):
        self.clock = Clock()
        folder.mkdir(exist_ok=True)
        self.store = SqliteStore(folder / "oneseek.db", flush=False)
        self.ledger = Ledger(self.store, self.clock, signer)
        self.versions = Versions(self.store, self.ledger, "tiny", "OneSeek-135M-Zero", self.clock)
        self.trainer = trainer or SmallTrainer()
        self.training = TrainingEngine(self.versions, self.trainer, {"rank": 4}, checkpoint_share)
        self.queue = SavedQueue(TrainingQueue(self.clock), self.store)
        run(self.queue.load())

    def offer(self, prompt, answer="yes", priority="chat", **more):
        example = {"prompt": prompt, "answer": answer, "priority": priority, "language": "en"}
        return run(self.queue.change(lambda q: q.add({**example, **more})))

    def learn(self, kind="lesson", count=1, line="generic"):
        """Run one round over what the queue gives next; returns its result."""
        lessons = self.queue.queue.take(count) if kind == "lesson" else []
        result = run(self.training.run(kind, lessons, line))
        self.settle(lessons, result)
        return result

    def settle(self, lessons, result):
        ids = [one["id"] for one in lessons]
        if result["version"]:
            self.queue.queue.settle(ids)
        else:
            self.queue.queue.give_back(ids)
            for id in ids:
                self.queue.queue.refresh(id, run(self.store.get("queue", id)))

    def teach(self, prompt, answer="yes", **more):
        self.offer(prompt, answer, **more)
        return self.learn()
