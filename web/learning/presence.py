"""When learning may run: what the person does, the state of the device, and which tab trains.

engine/core/scheduler.py decides when, engine/core/storage/election.py which tab; this file tells
them what happens and shows what they decided.
"""

import asyncio
import json

import js
from pyscript import js_import

from oneseek.engine.core.messages import Grant
from oneseek.engine.core.settings import SchedulerConfig
from oneseek.engine.core.storage.election import Election
from oneseek.web.lib import clock, dom, site
from oneseek.web.lib.words import t
from oneseek.web.shell.link import Refused

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


class Presence:
    """`training` is what may run (web/learning/training.py)."""

    def __init__(self, page, training):
        self.page, self.training, self.scheduler = page, training, training.scheduler
        self.trains = False
        self.turning = False  # whether `turns` runs; "Learn now" may set the scheduler before
        self.elected_once = asyncio.Event()
        dom.verbs(
            {
                "pause-learning": lambda of, el: self.toggle_pause(),
                "not-now": lambda of, el: self.not_now(),
                "use-here": lambda of, el: self.use_here(),
            }
        )

    async def start(self):
        """Stand for election, and start to follow the person and the device."""
        self.configure()
        self.page.watch(self.configure, "settings")
        lock = (await js_import(site.path("lock.js")))[0]
        self.channel = js.BroadcastChannel.new("oneseek-trainer")
        self.election = Election(
            self.page.store,
            lock.hold,
            self.channel.postMessage,
            clock.now,
            js.crypto.randomUUID(),
            self.on_elected,
            self.on_dismissed,
        )
        self.channel.onmessage = lambda event: self.election.hear(event.data)
        self.election.stand()
        for kind, name in (("scroll", "scrolling"), ("pointermove", "pointer")):
            dom.listen(kind, js.document, self.on_activity(name), capture=True, passive=True)
        dom.listen("visibilitychange", js.document, self.visibility)
        asyncio.create_task(dom.guard(self.tick()))
        asyncio.create_task(dom.guard(self.power()))

    def on_activity(self, kind):
        return lambda event: self.scheduler.activity(kind)

    def configure(self):
        """Apply the person's settings, which were checked when they were made."""
        settings = self.page.settings
        values = settings.get("config_scheduler") or {}
        self.scheduler.configure(SchedulerConfig(**values))
        self.scheduler.start_after(settings["idle_seconds"] * 1000)
        self.scheduler.rules["alone"] = "auto" if settings["full_speed"] else "never"
        self.scheduler.rules["hidden"] = {"mains": "auto"}.get(
            settings["hidden"], settings["hidden"]
        )

    def on_elected(self, epoch):
        self.trains = True
        self.page.status.know(other_tab=False)
        self.elected_once.set()

    def on_dismissed(self):
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
            self.page.learning.reread()

    async def cut_short(self):
        """End the long slice of a hidden tab at its next pause: somebody is back."""
        if not (self.training.run and self.scheduler.granting):
            return
        try:
            await self.page.engine.ask(Grant(run=self.training.run, milliseconds=0.0))
        except Refused:
            pass  # it has ended by itself meanwhile

    async def power(self):
        """Tell the scheduler of mains and battery, where the browser tells."""
        if hasattr(js.navigator, "getBattery"):
            battery = await js.navigator.getBattery()

            def update(event=None):
                self.scheduler.set_power(battery.charging, battery.level)

            update()
            for kind in ("chargingchange", "levelchange"):
                dom.listen(kind, battery, update)

    async def tick(self):
        """Once a second: the election, the countdown, and why learning waits."""
        await asyncio.sleep(0.1)
        while True:
            await self.election.tick()
            self.page.status.know(other_tab=self.election.epoch is None)
            self.show_pause()
            if self.training.run or self.page.status.facts["countdown"]:
                self.page.status.draw()
                self.page.touch("far")
            await asyncio.sleep(1)

    def show_pause(self):
        stats = self.scheduler.get_stats()
        if site.option("debug") == "1":
            js.document.documentElement.dataset.scheduler = json.dumps(stats)
        why, starts = stats["paused_because"], 0
        if why == "idle" and self.training.has_work() and self.page.model:
            why, starts = "", stats["starts_in_ms"] / 1000
        self.page.status.know(paused=PAUSED.get(why, ""), countdown=starts)
        chip = dom.by_id("countdown")
        if not starts:
            chip.hidden = True
            return
        begun = "countdown.on" if self.page.status.facts["round"] else "countdown.soon"
        words = t(begun, time=t.duration(starts))
        if chip.hidden:
            not_now = dom.button(t("countdown.not_now"), "not-now", cls="small quiet")
            dom.replace(chip, dom.icon("seed"), dom.make("span", words), not_now)
            chip.hidden = False
            self.page.chat.keep_up()
        dom.find("span", chip).textContent = words

    def ready(self):
        """Start the scheduler: there is a model."""
        if not self.turning:
            self.turning = True
            self.scheduler.start()
            self.scheduler.activity("sending")
            asyncio.create_task(dom.guard(self.turns()))

    async def turns(self):
        await self.scheduler.run(sleep, dom.report)
        self.turning = False

    def on_typing(self):
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
        """Put learning off for ten minutes of quiet, without switching it off."""
        self.scheduler.quiet_until["idle"] = clock.now() + 600000
        self.show_pause()
