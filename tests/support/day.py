"""A simulated day of use: questions, imports, corrections, pauses, tabs, and a wrong clock.

Everything except time, person and model is real: the queue, the scheduler, the stores, the ledger,
the gate's verdicts, forgetting. A training step of the small trainer counts as 8 ms.
"""

import random
import tracemalloc
from collections import Counter

from oneseek.engine.core.collecting.collector import DataCollector
from oneseek.engine.core.scheduler import TrainingScheduler
from oneseek.engine.core.settings import SchedulerConfig
from oneseek.engine.core.storage.store import FencedStore, new_epoch
from oneseek.engine.learning.questions.microtrain import MicroTraining
from oneseek.engine.learning.replay import History
from tests.support.living import Living
from tests.support.small_trainer import SmallTrainer

HOUR = 3_600_000
STEP_MS = 8
TOPICS = ("cat", "boat", "sister", "garden", "violin", "train", "recipe", "neighbour")


class Day:
    def __init__(self, folder, seed=1, questions=500):
        self.draw = random.Random(seed)
        self.living = Living(folder, SmallTrainer(tolerance=1.5), checkpoint_share=-1)
        self.living.clock = self.wall
        self.living.ledger.clock = self.living.versions.clock = self.wall
        self.now = 0.0
        self.wrong_by = 0
        self.store, self.versions = self.living.store, self.living.versions
        self.queue = self.living.queue
        self.collector = DataCollector(self.queue)
        self.micro = MicroTraining(self.versions, self.learn_stage)
        self.history = History(self.versions, self.living.trainer)
        self.scheduler = TrainingScheduler(
            SchedulerConfig(), lambda: self.now, self.grant, self.idle, lambda: True
        )
        self.counts: Counter = Counter()
        self.taught = 0
        self.since_practice = 0
        self.waiting: list[str] = []
        self.round: list[dict] | None = None
        self.events = self.plan(questions)
        self.memory: list[int] = []

    def wall(self):
        return 1_790_000_000_000 + int(self.now) + self.wrong_by

    def plan(self, questions):
        """The events of the day, from seven in the morning on; the night is for practice."""
        kinds = [self.ask] * questions + [self.import_page] * 15 + [self.correct] * 20
        kinds += [self.thumb] * 30 + [self.pause] * 15 + [self.hide] * 40 + [self.take_over] * 8
        kinds += [self.rollback] * 4 + [self.forget] * 3 + [self.sleep] * 2 + [self.clock_jumps] * 4
        kinds += [self.restart] * 5
        events = [(self.draw.uniform(7, 23) * HOUR, kind) for kind in kinds]
        return sorted([*events, (23 * HOUR, self.good_night)], key=lambda event: event[0])

    # ------------------------------------------------------------------------------ the person

    async def ask(self):
        self.taught += 1
        topic = self.draw.choice(TOPICS)
        question = f"What is the {topic} number {self.taught} called?"
        answers = [f"It is called {topic}-{self.taught}.", f"{topic}-{self.taught}"]
        self.scheduler.activity("typing")
        self.scheduler.inference_started()
        chat = f"chat {self.taught // 9}"
        for role, content in (("user", question), ("assistant", answers[0])):
            message = {"id": f"{role}{self.taught}", "role": role, "content": content}
            await self.collector.log_message({**message, "timestamp": self.wall(), "chat": chat})
        raw = [{"model": f"m{i}", "response": text} for i, text in enumerate(answers)]
        taken = await self.micro.submit(question, raw, "en")
        self.waiting.append(taken["run"])
        self.scheduler.inference_ended()

    async def import_page(self):
        source = {"kind": "website", "name": f"page {self.counts['import_page']}"}
        name = source["name"]
        lessons = [{"prompt": f"Fact {i} of {name}?", "answer": f"Value {i}."} for i in range(6)]
        held = [
            await self.queue.change(
                lambda q, one=one: q.add({**one, "source": source, "priority": "import"}, "held")
            )
            for one in lessons
        ]
        for record in held[: self.draw.randrange(7)]:
            await self.queue.change(lambda q, id=record["id"]: q.approve(id))

    async def correct(self):
        await self.collector.correct(f"assistant{self.taught}", f"No: {self.taught}.")

    async def thumb(self):
        message = f"assistant{self.draw.randint(1, max(1, self.taught))}"
        await self.collector.log_feedback(message, self.draw.choice((1, 1, -1, 0)))

    async def pause(self):
        (self.scheduler.resume if "user" in self.scheduler.blocks else self.scheduler.pause)()

    async def hide(self):
        self.scheduler.set_hidden(not self.scheduler.hidden)
        self.scheduler.set_power(self.draw.random() < 0.7, self.draw.random())

    async def good_night(self):
        self.scheduler.resume()
        self.scheduler.set_hidden(False)
        self.scheduler.set_power(True, 1.0)

    async def rollback(self):
        chain = await self.versions.chain()
        if len(chain) > 2:
            self.drop()
            stored = set(await self.store.keys("snapshots"))
            back = [one["number"] for one in chain[:-1] if one["number"] in stored]
            if back:
                await self.versions.rollback("generic", back[-1])

    async def forget(self):
        examples = await self.store.keys("examples")
        if examples:
            self.drop()
            await self.history.forget(self.draw.sample(examples, 1))

    # ---------------------------------------------------------------------------- the machine

    async def take_over(self):
        """Make another tab the trainer, so that the stores refuse this round's writes."""
        self.epoch = await new_epoch(self.store, f"tab {self.counts['take_over']}")

    async def sleep(self):
        self.now += 2 * HOUR

    async def clock_jumps(self):
        self.wrong_by = self.draw.choice((-24, 0, 24 * 3650, 8)) * HOUR

    async def restart(self):
        """Kill and reopen the tab; the open round and all taken items are lost."""
        self.drop()
        await self.queue.load()
        await self.living.training.reopen()
        self.living.training.drop()
        self.waiting = await self.micro.list_waiting()

    def drop(self):
        if self.round is not None:
            self.living.training.drop()
            self.queue.queue.give_back([one["id"] for one in self.round])
            self.round = None

    # ------------------------------------------------------------------------------- training

    async def idle(self, timeout):
        self.now += self.draw.uniform(1, 20)
        return 50

    async def grant(self, budget):
        """Run one slice of the open round, or else start a waiting question, a lesson or
        practice."""
        self.counts["slices"] += 1
        used = 0.0
        if self.round is None and self.waiting:
            await self.micro.process(self.waiting.pop(0))
            used += 16 * STEP_MS
        elif self.round is None:
            await self.open_round()
        while self.round is not None and used < budget:
            used += STEP_MS
            if await self.living.training.advance(budget) is None:
                await self.end_round()
        self.now += used
        return {"used_ms": used, "finished": self.round is None}

    async def open_round(self):
        lessons = self.queue.queue.take(1)
        if not lessons and self.since_practice < 40:
            return
        kind = "lesson" if lessons else "practice"
        self.since_practice = self.since_practice + 1 if lessons else 0
        fenced = FencedStore(self.store, await self.office())
        self.living.training.write_through(fenced)
        await self.living.training.open(kind, lessons)
        self.round = lessons

    async def office(self):
        """The epoch this tab trains under; if it has none, it stands for election again."""
        record = await self.store.get("state", "trainer")
        return record["epoch"] if record else await new_epoch(self.store, "first tab")

    async def end_round(self):
        result = await self.living.training.finish()
        self.counts[result["outcome"]] += 1
        lessons, self.round = self.round, None
        await self.settle(lessons, result)
        if self.counts["slices"] % 20 == 0:
            await self.versions.clear_old_snapshots()

    async def settle(self, lessons, result):
        ids = [one["id"] for one in lessons]
        if result["version"]:
            self.queue.queue.settle(ids)
            return
        self.queue.queue.give_back(ids)
        for id in ids:
            self.queue.queue.refresh(id, await self.store.get("queue", id))

    async def learn_stage(self, examples, line):
        """Run a stage of micro-training: a lesson on its examples, if any of them is new."""
        offered = [await self.queue.change(lambda q, one=one: q.add(one)) for one in examples]
        lessons = [one for one in offered if one and one["state"] == "ready"][:1]
        if not lessons:
            return {"outcome": "known", "reason": "", "version": None}
        self.living.training.write_through(FencedStore(self.store, await self.office()))
        result = await self.living.training.run("lesson", lessons, line)
        self.counts[result["outcome"]] += 1
        await self.settle(lessons, result)
        return {**result, "examples": [one["id"] for one in lessons]}

    # ------------------------------------------------------------------------------------ time

    async def live(self, until=24 * HOUR):
        self.scheduler.start()
        hour = 0
        while self.now < until:
            while self.events and self.events[0][0] <= self.now:
                _, act = self.events.pop(0)
                self.counts[act.__name__] += 1
                await act()
            if self.now >= hour * HOUR:
                hour += 1
                self.memory.append(tracemalloc.get_traced_memory()[0])
            wait = await self.scheduler.turn()
            upcoming = self.events[0][0] if self.events else until
            self.now += max(1, min(wait, max(1, upcoming - self.now)))
            if not self.work():
                self.now = max(self.now, min(upcoming, until))

    def work(self):
        queue = self.queue.queue
        return self.round is not None or self.waiting or queue.peek(1) or self.since_practice >= 40
