"""When learning may run, and what it works on: the scheduler's hand on the engine.

Decisions of when and how much are engine/core/scheduler.py's, which tab may train is
engine/core/storage/election.py's; this tells them what the person does and carries their grants to
the worker.
"""

import asyncio
import json

import js
from pyscript import js_import

from engine.core.messages import Drop, Grant, Learn
from engine.core.next_work import (
    BEGUN,
    LESSON,
    MEMORY,
    PRACTICE,
    QUESTION,
    RUN,
    TRAINED,
    next_work,
    unpractised,
)
from engine.core.scheduler import WINDOW_MS, TrainingScheduler
from engine.core.settings import IN_LESSONS, SchedulerConfig, for_model
from engine.core.storage.election import Election
from web.learning import records, truth
from web.learning.effort import Effort
from web.lib import clock, dom, failures, site
from web.lib.words import t
from web.shell.link import Gone, Refused

PAUSED = {
    "user": "user",
    "typing": "typing",
    "sending": "typing",
    "hidden": "hidden",
    "battery": "battery",
    "inference": "answering",
}


async def sleep(milliseconds):
    await asyncio.sleep(milliseconds / 1000)


async def idle(timeout):
    """How many milliseconds the page has nothing else to do, once it has nothing else to do."""
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
    def __init__(self, page):
        self.page = page
        self.run = self.kind = self.ended = ""
        self.effort = None
        self.remembering = None
        self.wanted = ""
        self.leased = []
        self.idle_practice = False
        self.unpractised = self.questions = 0
        self.runs, self.run_begun = [], False
        self.trains = False
        self.elected_once = asyncio.Event()
        self.opening = asyncio.Lock()  # while a round is opened it cannot be thrown away
        self.scheduler = TrainingScheduler(
            SchedulerConfig(), clock.now, self.grant, idle, self.has_work
        )
        self.scheduler.takes_seconds = self.takes_seconds

    # ------------------------------------------------------------------------------ when it may

    async def start(self):
        """Stand for election, listen to what the person does, and let the scheduler turn."""
        self.configure()
        self.page.watch(self.configure, "settings")
        self.page.watch(self.count_unpractised, "versions", "model")
        self.page.watch(self.count_questions, "samples", "model")
        self.page.watch(self.count_runs, "state", "model")
        lock = (await js_import(site.path("lock.js")))[0]
        self.channel = js.BroadcastChannel.new("oneseek-trainer")
        self.election = Election(
            self.page.store,
            lock.hold,
            self.channel.postMessage,
            clock.now,
            js.crypto.randomUUID(),
            self.elected,
            self.dismissed,
        )
        self.channel.onmessage = lambda event: self.election.hear(event.data)
        self.election.stand()
        for kind, name in (("scroll", "scrolling"), ("pointermove", "pointer")):
            dom.listen(kind, js.document, self._seen(name), capture=True, passive=True)
        dom.listen("visibilitychange", js.document, self.visibility)
        asyncio.create_task(dom.guard(self.tick()))
        asyncio.create_task(dom.guard(self.power()))

    def _seen(self, kind):
        return lambda event: self.scheduler.activity(kind)

    def configure(self):
        """Take the person's settings over; they were checked when they were made."""
        settings = self.page.settings
        values = settings.get("config_scheduler") or {}
        self.scheduler.config = SchedulerConfig(**values)
        self.scheduler.start_after(settings["idle_seconds"] * 1000)
        self.scheduler.rules["alone"] = "auto" if settings["full_speed"] else "never"
        self.scheduler.rules["hidden"] = {"mains": "auto"}.get(
            settings["hidden"], settings["hidden"]
        )

    def elected(self, epoch):
        self.trains = True
        self.page.status.know(other_tab=False)
        self.elected_once.set()

    def dismissed(self):
        self.trains = False
        self.page.status.know(other_tab=True)

    async def use_here(self):
        self.election.stand(True)
        await self.election.tick()

    def visibility(self, event):
        self.scheduler.set_hidden(js.document.hidden)
        if not js.document.hidden:
            self.scheduler.activity("pointer")
            dom.run(self.cut_short())
            self.reread()

    async def cut_short(self):
        """Somebody is back: the long slice of a hidden tab ends at its next breath."""
        if not (self.run and self.scheduler.granting):
            return
        try:
            await self.page.app.engine.ask(Grant(run=self.run, milliseconds=0.0))
        except Refused:
            pass  # it has ended by itself meanwhile

    async def power(self):
        """Mains or battery, where the browser tells."""
        if hasattr(js.navigator, "getBattery"):
            battery = await js.navigator.getBattery()

            def changed(event=None):
                self.scheduler.set_power(battery.charging, battery.level)

            changed()
            for kind in ("chargingchange", "levelchange"):
                dom.listen(kind, battery, changed)

    async def tick(self):
        """Once a second: the election, the countdown, and why it waits."""
        await asyncio.sleep(0.1)
        while True:
            await self.election.tick()
            self.page.status.know(other_tab=self.election.epoch is None)
            self.show_pause()
            if self.run:
                self.page.status.draw()
                self.page.touch("far")
            await asyncio.sleep(1)

    def show_pause(self):
        stats = self.scheduler.get_stats()
        if site.option("debug") == "1":
            js.document.documentElement.dataset.scheduler = json.dumps(stats)
        why, starts = stats["paused_because"], 0
        if why == "idle" and self.has_work() and self.page.model:
            why, starts = "", stats["starts_in_ms"] / 1000
        self.page.status.know(paused=PAUSED.get(why, ""), countdown=starts)
        chip = dom.by_id("countdown")
        if not starts:
            chip.hidden = True
            return
        words = t("countdown.soon", time=t.duration(starts))
        if chip.hidden:
            not_now = dom.button(t("countdown.not_now"), "not-now", cls="small quiet")
            dom.replace(chip, dom.icon("seed"), dom.make("span", words), not_now)
            chip.hidden = False
            self.page.chat.keep_up()
        dom.find("span", chip).textContent = words

    def ready(self):
        """There is a model: the scheduler may begin."""
        if not self.scheduler.scheduled:
            self.scheduler.start()
            self.scheduler.activity("sending")
            asyncio.create_task(dom.guard(self.scheduler.run(sleep, dom.report)))

    def typing(self):
        self.scheduler.activity("typing")
        self.show_pause()

    def yield_to_chat(self, busy):
        if busy:
            self.scheduler.inference_started()
        else:
            self.scheduler.inference_ended()

    @property
    def paused_by_user(self):
        return "user" in self.scheduler.blocks

    def toggle_pause(self):
        if self.paused_by_user:
            self.scheduler.resume()
        else:
            self.scheduler.pause()
        self.show_pause()
        self.page.touch("progress")

    def not_now(self):
        """Put it off for ten minutes of quiet, without switching it off."""
        self.scheduler.quiet_until["idle"] = clock.now() + 600000
        self.show_pause()

    def now(self, kind):
        """Without waiting for quiet: what it is at, or a lesson from the queue, or practice of
        everything."""
        if not self.run or self.kind == "memory":  # which is over in a moment
            if kind == "lesson" and truth.no_lesson_now(self.page):
                self.page.toast(truth.no_lesson_now(self.page))
                return
            self.wanted = kind
        self.scheduler.force_training()
        self.page.status.know(round=self.page.status.facts["round"] or "training")
        self.show_pause()
        self.page.touch("progress")

    def has_questions(self):
        """Whether there is anything to learn that no lesson of the queue is about."""
        return bool(self.questions or self.runs or self.page.app.api.work)

    def gear(self):
        """How quickly it goes: "full" or "slow"."""
        return "full" if self.scheduler.share() == 1.0 else "slow"

    # -------------------------------------------------------------------------------- the work

    def has_work(self):
        if not (self.page.model and self.page.model.trainable and self.trains):
            return False
        return bool(self.run or self.wanted or next_work(self.waits()))

    def waits(self):
        """What there is to learn, by the kinds of engine/core/next_work.py."""
        return {
            MEMORY: self.page.heart.next() is not None,
            BEGUN: self.run_begun,
            LESSON: self.page.teaching.queue.upcoming(1),
            QUESTION: self.questions or self.page.app.api.work,
            RUN: self.runs,
            PRACTICE: self.unpractised,
        }

    def takes_seconds(self):
        """Whether all there is to do now is to remember what was just told."""
        if not (self.page.model and self.page.model.trainable and self.trains):
            return False
        if self.run and self.kind == "memory":
            return self.page.heart.is_own(self.remembering)
        return self.page.heart.is_own(self.page.heart.told())

    async def count_questions(self):
        """How many questions have stages that wait to be learned."""
        keys = await self.page.store.keys("samples")
        done = {key[7:] for key in keys if key.startswith("stage2_")}
        self.questions = len([k for k in keys if k.startswith("stage1_") and k[7:] not in done])

    async def count_runs(self):
        """Runs over data sets that wait, or that a closed tab left; one that began comes first."""
        kept = await self.page.store.get("state", "runs.open")
        self.runs = kept["ids"] if kept else []
        self.run_begun = bool(kept and kept["begun"])

    async def count_unpractised(self):
        """How many lessons the version in use learned since the last practice: work for long idle
        time."""
        versions = await records.versions(self.page.store)
        mine = [one for one in versions if one["base"] == self.page.model_id()]
        self.unpractised = unpractised(mine, await records.rejections(self.page.store))

    async def grant(self, budget):
        """What the scheduler calls: open a round when none is open, then work on it."""
        try:
            await self.put_off_practice()
            if await self.remembered_beside():
                return {"used_ms": 0.0, "finished": False}
            async with self.opening:
                opening = 0.0 if self.run else await self.open_round()
            if not self.run:
                self.page.app.api.work = False
                await self.count_questions()
                await self.count_runs()
                return {"used_ms": opening, "finished": True}
            work = Grant(run=self.run, milliseconds=float(budget), sparing=self.scheduler.sparing())
            done = await self.page.app.engine.ask(work)
        except Gone:
            self.give_back()
            if self.kind == "memory":
                self.page.heart.again(self.remembering)
            self.run = ""
            return {"used_ms": 0.0, "finished": False}
        except Refused as refused:
            if self.kind == "memory":  # it may have been taken back meanwhile; lessons go on
                await self.remembered(refused.failed.reason)
                return {"used_ms": 0.0, "finished": False}
            await self.refused(refused.failed)
            return {"used_ms": 0.0, "finished": True}
        if done.finished and self.kind == "memory":
            if not done.outcome:
                self.page.heart.again(self.remembering)
            await self.remembered(done.reason)
            return {"used_ms": opening + done.used_ms, "finished": False}
        if done.finished:
            await self.over(done.outcome, done.version)
        elif self.effort:
            self.effort.spend(done.used_ms)
        used = opening + done.used_ms  # opening a round makes way at every few milliseconds
        return {"used_ms": used, "slice_ms": done.used_ms, "finished": done.finished}

    async def put_off_practice(self):
        """A new lesson takes minutes, practice hours: what came by itself makes way."""
        waits = self.page.teaching.queue.upcoming(1) or self.page.heart.told() is not None
        if self.run and self.idle_practice and waits:
            await self.page.app.engine.ask(Drop(run=self.run))
            self.ended, self.run, self.idle_practice = self.run, "", False

    async def remembered_beside(self):
        """What was just told is known in seconds, also while a lesson is under way: whether there
        was such."""
        id = self.page.heart.told() if self.run and self.kind != "memory" else None
        if not self.page.heart.is_own(id):
            return False
        self.page.heart.begin(id)
        reason = ""
        try:
            await self.page.app.engine.ask(self.to_remember(id))
        except Gone:
            self.page.heart.again(id)
            raise
        except Refused as refused:
            reason = refused.failed.reason
        self.page.heart.ended(id, reason)
        await self.page.heart.read()
        return True

    def to_remember(self, id):
        ids, epoch = [id] if id else [], self.election.epoch or 0
        return Learn(kind="memory", examples=ids, line="generic", config={}, epoch=epoch)

    async def open_round(self):
        """Open a round of what comes next; how long opening took."""
        self.remembering = self.page.heart.next()
        if self.remembering is not None:
            return await self.remember(self.remembering)
        asked, self.wanted = self.wanted, ""
        work = next_work(self.waits(), asked) or PRACTICE
        kind = QUESTION if work in (BEGUN, RUN) else work  # the engine knows which run it is
        self.leased = []
        if kind == LESSON:
            self.leased = self.page.teaching.batches.next_batch(self.scheduler.is_active())
        self.kind = TRAINED if work in (BEGUN, RUN) else work
        self.effort = await self.expect(self.kind)
        self.page.status.know(round="training")
        self.idle_practice = kind == PRACTICE and not asked
        config = self.recipe()
        ids = [record["id"] for record in self.leased]
        opened = await self.page.app.engine.ask(
            Learn(
                kind=kind,
                examples=ids,
                line="generic",
                config=config.to_dict(),
                epoch=self.election.epoch or 0,
            )
        )
        self.run, self.kind = opened.run, opened.kind or self.kind
        self.ended = "" if self.run == self.ended else self.ended  # it goes on under its old name
        self.effort.spend(opened.used_ms)
        self.page.status.know(round="training" if self.run else "")
        if not self.run and self.leased:  # taken out of the queue meanwhile
            self.give_back()
            await self.page.teaching.load()
        return opened.used_ms

    async def remember(self, id):
        """Open a round that takes in one thing that was told, in seconds."""
        self.kind, self.leased, self.effort, self.idle_practice = "memory", [], None, False
        self.page.heart.begin(id)
        self.page.status.know(round="training")
        opened = await self.page.app.engine.ask(self.to_remember(id))
        self.run = opened.run
        return opened.used_ms

    async def remembered(self, reason):
        """It is known by heart now, or it is known why not."""
        self.run = ""
        self.page.heart.ended(self.remembering, reason)
        self.page.status.know(round="")
        await self.page.heart.read()

    def effort_key(self, kind):
        return "effort.%s.%s.%s" % (self.page.model.model, self.page.model.back_end, kind)

    async def expect(self, kind):
        """What a round of this kind will take, as far as one can know beforehand."""
        known = await self.page.store.get("settings", self.effort_key(kind))
        size = self.page.model.parameters
        return Effort(known, size, max(1, len(self.leased)))

    async def remember_effort(self, known):
        if known:
            await self.page.save([["put", "settings", self.effort_key(self.kind), known]])

    def share(self):
        """How much of the round is done."""
        return self.effort.share() if self.effort else 0.0

    def seconds_left(self):
        """At the pace it has now; None without a round."""
        if not self.effort:
            return None
        share = self.scheduler.share()
        if sum(self.effort.spent.values()) > WINDOW_MS * share:  # else it has not been measured yet
            share = max(share / 3, min(1.0, self.scheduler.duty.measured(clock.now())))
        return self.effort.left_ms() / 1000 / share

    def recipe(self):
        """The measured configuration for a model of this size, with what the person changed."""
        own = self.page.settings.get("config_training") or {}
        own = {name: own[name] for name in own if name in IN_LESSONS}
        return for_model(self.page.model.parameters).replace(**own)

    async def refused(self, failed):
        """The engine could not train: say it once, and do not try again by itself."""
        self.give_back()
        self.scheduler.pause()
        await self.over()
        failures.show(self.page, failed)

    def give_back(self):
        """What was lent for a round that came to nothing may be taken again."""
        self.page.teaching.queue.give_back([record["id"] for record in self.leased])
