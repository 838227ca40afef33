"""Carries the scheduler's grants to the engine, a round at a time.

web/learning/presence.py tells when learning may run, engine/core/scheduler.py how much.
"""

import asyncio

import js

from oneseek.engine.core.messages import Drop, Grant, Learn
from oneseek.engine.core.next_work import (
    BEGUN,
    LESSON,
    MEMORY,
    PRACTICE,
    QUESTION,
    RUN,
    TRAINED,
    count_unpractised_lessons,
    next_work,
)
from oneseek.engine.core.queue.batches import BatchManager
from oneseek.engine.core.scheduler import WINDOW_MS, TrainingScheduler
from oneseek.engine.core.settings import IN_LESSONS, SchedulerConfig, for_model
from oneseek.web.learning import learning_status, records
from oneseek.web.learning.effort import Effort
from oneseek.web.learning.panels import trials
from oneseek.web.lib import clock, dom, failures
from oneseek.web.shell.link import Gone, Refused


async def idle(timeout):
    """Wait until the page has nothing else to do, and return for how many milliseconds."""
    if not hasattr(js, "requestIdleCallback") or js.document.hidden:
        return 50
    told = asyncio.Event()
    left = []

    def quiet(deadline):
        left.append(50 if deadline.didTimeout else deadline.timeRemaining())
        told.set()

    js.requestIdleCallback(quiet, js.JSON.parse('{"timeout": %d}' % timeout))
    await told.wait()
    return left[0]


class Training:
    def __init__(self, page, queue):
        self.page, self.queue, self.batches = page, queue, BatchManager(queue)
        self.run = self.kind = self.ended = ""
        self.effort = None
        self.remembering = None
        self.wanted = ""
        self.leased = []
        self.idle_practice = False
        self.unpractised = self.questions = 0
        self.runs, self.run_begun = [], False
        self.tuned = []  # the runs whose settings are still looked for
        self.opening = asyncio.Lock()  # while a round is opened it cannot be thrown away
        self.scheduler = TrainingScheduler(
            SchedulerConfig(),
            clock.now,
            self.grant,
            idle,
            self.has_work,
            takes_seconds=self.takes_seconds,
        )
        page.watch(self.count_unpractised, "versions", "model")
        page.watch(self.count_questions, "samples", "model")
        page.watch(self.count_runs, "state", "model")
        dom.verbs(
            {
                "learn-now": lambda of, el: self.now("lesson"),
                "practise-now": lambda of, el: self.now("practice"),
            }
        )

    def engine_is_new(self):
        """Have the open round opened again, from its checkpoint."""
        self.run = ""

    def now(self, kind):
        """Learn without waiting for quiet: the round under way, or a lesson from the queue, or
        practice of everything."""
        if not self.run or self.kind == "memory":  # which is over in a moment
            if kind == "lesson" and learning_status.no_lesson_now(self.page):
                self.page.toast(learning_status.no_lesson_now(self.page))
                return
            self.wanted = kind
        self.scheduler.force_training()
        self.page.status.know(round=self.page.status.facts["round"] or "training")
        self.page.presence.show_pause()
        self.page.touch("progress")

    async def want_nothing(self):
        """Cancel what was asked for and has not begun, and wait until a round that is getting ready
        is open."""
        self.wanted = ""
        self.scheduler.throw_away()
        async with self.opening:
            pass

    def on_step(self, progress):
        """Note a step; whether it belongs to the round under way."""
        if not self.run or progress.run == self.ended:
            return False
        self.run, self.kind = progress.run, progress.kind
        if self.effort:
            self.effort.on_step(progress.step, progress.steps)
        return True

    def remembers(self):
        """Whether the round under way takes facts in, which leaves the queue as it is."""
        return self.run and self.kind == "memory"

    def close(self, outcome):
        """Close the round; its costs tell how long the next one will take."""
        if outcome and self.effort:
            dom.run(self.remember_effort(self.kind, self.effort.measure_costs()))
        self.ended, self.run, self.effort = self.run, "", None
        self.kind, self.leased = "", []  # the next round is not about them

    def tunes(self):
        """Whether the round looks for settings; that time is shown with the run, and is no measure
        for the next round."""
        return self.run in self.tuned

    def has_questions(self):
        """Whether there is something to learn that no lesson of the queue is about."""
        return bool(self.questions or self.runs or self.page.app.api.work)

    def gear(self):
        """The speed of learning: "full" or "slow"."""
        return "full" if self.scheduler.share() == 1.0 else "slow"

    def has_work(self):
        if not (self.page.model and self.page.model.trainable and self.page.presence.trains):
            return False
        return bool(self.run or self.wanted or next_work(self.waits()))

    def waits(self):
        """The work that waits, by the kinds of engine/core/next_work.py."""
        return {
            MEMORY: self.page.fact_memory.next() is not None,
            BEGUN: self.run_begun,
            LESSON: self.queue.peek(1),
            QUESTION: self.questions or self.page.app.api.work,
            RUN: self.runs,
            PRACTICE: self.unpractised,
        }

    def takes_seconds(self):
        """Whether the only work now is to remember what was just told."""
        if not (self.page.model and self.page.model.trainable and self.page.presence.trains):
            return False
        if self.run and self.kind == "memory":
            return self.page.fact_memory.is_own(self.remembering)
        return self.page.fact_memory.is_own(self.page.fact_memory.find_waiting())

    async def count_questions(self):
        """Count the questions with stages that wait to be learned."""
        keys = await self.page.store.keys("samples")
        done = {key[7:] for key in keys if key.startswith("stage2_")}
        self.questions = len([k for k in keys if k.startswith("stage1_") and k[7:] not in done])

    async def count_runs(self):
        """Find the runs over data sets of this model that wait, or that a closed tab left; one that
        began comes first."""
        kept = await self.page.store.get("state", "runs.open")
        ids, self.runs, self.tuned = kept["ids"] if kept else [], [], []
        for id in ids:
            run = await self.page.store.get("state", id)
            if run and run["models"] == [self.page.choice.model_id()]:
                self.runs.append(id)
                if trials.open_in(run):
                    self.tuned.append(id)
        self.run_begun = bool(kept) and kept["begun"] in self.runs

    async def count_unpractised(self):
        """Count the lessons that the version in use learned since the last practice: work for long
        idle time."""
        versions = await records.versions(self.page.store)
        mine = [one for one in versions if one["base"] == self.page.choice.model_id()]
        self.unpractised = count_unpractised_lessons(
            mine, await records.rejections(self.page.store)
        )

    async def grant(self, budget):
        """Open a round when none is open, then work on it; the scheduler calls this. An engine that
        is replaced meanwhile is waited for: only then is it known that no round is open in it.
        Returns {"used_ms", "finished"}, with "slice_ms" when a slice was computed."""
        await self.page.engine.open.wait()
        try:
            await self.make_way()
            if await self.remember_beside():
                return {"used_ms": 0.0, "finished": False}
            async with self.opening:
                opening = 0.0 if self.run else await self.open_round()
            if not self.run:
                self.page.app.api.work_is_done()
                await self.count_questions()
                await self.count_runs()
                return {"used_ms": opening, "finished": True}
            work = Grant(
                run=self.run, milliseconds=float(budget), sparing=self.scheduler.is_sparing()
            )
            done = await self.page.engine.ask(work)
        except Gone:
            self.give_back()
            if self.kind == "memory":
                self.page.fact_memory.again(self.remembering)
            self.run = ""
            return {"used_ms": 0.0, "finished": False}
        except Refused as refused:
            if self.kind == "memory":  # it may have been taken back meanwhile; lessons go on
                await self.end_remembering(refused.failed.reason)
                return {"used_ms": 0.0, "finished": False}
            await self.on_refused(refused.failed)
            return {"used_ms": 0.0, "finished": True}
        if done.finished and self.kind == "memory":
            if not done.outcome:
                self.page.fact_memory.again(self.remembering)
            await self.end_remembering(done.reason)
            return {"used_ms": opening + done.used_ms, "finished": False}
        if done.finished:
            await self.page.learning.over(done.outcome, done.version)
        elif self.effort and not self.tunes():
            self.effort.spend(done.used_ms)
        used = opening + done.used_ms  # opening a round makes way at every few milliseconds
        return {"used_ms": used, "slice_ms": done.used_ms, "finished": done.finished}

    async def make_way(self):
        """Drop practice that began by itself when a lesson waits: a lesson takes minutes, practice
        hours. Drop as well a lesson that was corrected or taken back meanwhile: nothing could come
        of it."""
        waits = self.queue.peek(1) or self.page.fact_memory.find_waiting() is not None
        if self.run and (self.idle_practice and waits or self.is_overtaken()):
            await self.page.engine.ask(Drop(run=self.run))
            self.give_back()
            self.ended, self.run, self.leased, self.idle_practice = self.run, "", [], False

    def is_overtaken(self):
        """Whether an example of the round was changed or taken back since the round was opened."""
        known = self.queue.records
        now = [known.get(one["id"]) for one in self.leased]
        return [r and r["revision"] for r in now] != [r["revision"] for r in self.leased]

    async def remember_beside(self):
        """Remember a fact that was just told, beside the round under way; True if there was one."""
        id = self.page.fact_memory.find_waiting() if self.run and self.kind != "memory" else None
        if not self.page.fact_memory.is_own(id):
            return False
        self.page.fact_memory.begin(id)
        reason = ""
        try:
            await self.page.engine.ask(self.to_remember(id))
        except Gone:
            self.page.fact_memory.again(id)
            raise
        except Refused as refused:
            reason = refused.failed.reason
        self.page.fact_memory.end(id, reason)
        await self.page.fact_memory.read()
        return True

    def to_remember(self, id):
        ids, epoch = [id] if id else [], self.page.presence.election.epoch or 0
        return Learn(kind="memory", examples=ids, line="generic", config={}, epoch=epoch)

    async def open_round(self):
        """Open a round of the next work; the milliseconds that took."""
        self.remembering = self.page.fact_memory.next()
        if self.remembering is not None:
            return await self.remember(self.remembering)
        asked, self.wanted = self.wanted, ""
        work = next_work(self.waits(), asked)
        if not work:  # the work was ended, or taken back, since time was granted
            self.page.status.know(round="")
            return 0.0
        kind = QUESTION if work in (BEGUN, RUN) else work  # the engine knows which run it is
        self.leased = []
        if kind == LESSON:
            self.leased = self.batches.next_batch(self.scheduler.is_active())
            self.page.touch("queue")
        self.kind = TRAINED if work in (BEGUN, RUN) else work
        self.effort = await self.expect(self.kind)
        self.page.status.know(round="training")
        self.idle_practice = kind == PRACTICE and not asked
        config = self.recipe()
        ids = [record["id"] for record in self.leased]
        opened = await self.page.engine.ask(
            Learn(
                kind=kind,
                examples=ids,
                line="generic",
                config=config.to_dict(),
                epoch=self.page.presence.election.epoch or 0,
            )
        )
        self.run, self.kind = opened.run, opened.kind or self.kind
        self.page.touch("state")
        self.ended = "" if self.run == self.ended else self.ended  # it goes on under its old name
        self.effort.spend(opened.used_ms)
        self.page.status.know(round="training" if self.run else "")
        if not self.run and self.leased:  # taken out of the queue meanwhile
            self.give_back()
            await self.page.teaching.load()
        return opened.used_ms

    async def remember(self, id):
        """Open a round that takes in one fact, in seconds."""
        self.kind, self.leased, self.effort, self.idle_practice = "memory", [], None, False
        self.page.fact_memory.begin(id)
        self.page.status.know(round="training")
        opened = await self.page.engine.ask(self.to_remember(id))
        self.run = opened.run
        return opened.used_ms

    async def end_remembering(self, reason):
        """Note that the fact is known by heart, or why it is not. A lesson that a person asked for
        begins at once, so the page does not say in between that it is ready."""
        self.run = ""
        self.page.status.know(round="training" if self.wanted else "")
        self.page.fact_memory.end(self.remembering, reason)
        await self.page.fact_memory.read()

    def effort_key(self, kind):
        return "effort.%s.%s.%s" % (self.page.model.model, self.page.model.back_end, kind)

    async def expect(self, kind):
        """The expected effort of a round of this kind, as far as one can know beforehand."""
        known = await self.page.store.get("settings", self.effort_key(kind))
        model = self.page.model
        return Effort(known, model.parameters, max(1, len(self.leased)), model.back_end)

    async def remember_effort(self, kind, known):
        if known:
            await self.page.save([["put", "settings", self.effort_key(kind), known]])

    def share(self):
        """The share of the round that is done, from 0 to 1."""
        return self.effort.share() if self.effort else 0.0

    def seconds_left(self):
        """The seconds of work left; at full speed, at the pace of this moment."""
        share = 1.0
        if self.gear() == "full" and sum(self.effort.spent.values()) > WINDOW_MS:
            share = max(1 / 3, min(1.0, self.scheduler.duty.measure_share(clock.now())))
        return self.effort.left_ms() / 1000 / share

    def recipe(self):
        """The measured configuration for a model of this size, with the person's changes."""
        own = self.page.settings.get("config_training") or {}
        own = {name: own[name] for name in own if name in IN_LESSONS}
        return for_model(self.page.model.parameters).replace(**own)

    async def on_refused(self, failed):
        """Tell once that the engine could not train, and do not try again by itself."""
        self.give_back()
        self.scheduler.pause()
        await self.page.learning.over()
        failures.show(self.page, failed)

    def give_back(self):
        """Give the leased examples of a round that came to nothing back to the queue."""
        self.queue.give_back([record["id"] for record in self.leased])
