"""Chats in the form that the collector reads."""

import asyncio

from oneseek.engine.core.collecting.collector import DataCollector
from oneseek.engine.core.queue.saved import SavedQueue
from oneseek.engine.core.queue.training_queue import TrainingQueue
from oneseek.engine.core.storage.sqlite import SqliteStore


def run(coroutine):
    return asyncio.run(coroutine)


class Chat:
    def __init__(self, folder, **settings):
        self.store = SqliteStore(folder / "s.db", flush=False)
        self.queue = TrainingQueue(lambda: 1000)
        self.collector = DataCollector(SavedQueue(self.queue, self.store), **settings)
        self.count = 0

    def says(self, role, content, chat="c1"):
        self.count += 1
        id = f"m{self.count}"
        message = {"id": id, "role": role, "content": content, "timestamp": self.count}
        run(self.collector.log_message({**message, "chat": chat}))
        return id

    def ask(self, question, answer, chat="c1"):
        self.says("user", question, chat)
        return self.says("assistant", answer, chat)

    def list_queue(self):
        return [(r["prompt"], r["answer"], r["priority"]) for r in self.queue.peek(99)]
