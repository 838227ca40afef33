"""Choosing and loading a model: nothing is fetched before a person said yes to its size.

This is the progress, and the three ways on when a download stops; the card before that is
web/settings/first_card.py's.
"""

import asyncio
import json

from pyscript import fetch

from oneseek.engine.core.messages import (
    LoadModel,
    ModelProgress,
    RemoveModel,
    StopLoading,
    WhatFits,
)
from oneseek.web.lib import dom, failures, files, overlay, site
from oneseek.web.lib.words import t
from oneseek.web.settings import offers
from oneseek.web.settings.first_card import FirstCard
from oneseek.web.settings.remote_models import size_of
from oneseek.web.settings.settings import storage_figures
from oneseek.web.shell.link import Refused

TIGHT = 1.1
"""Free space that a model needs, as a multiple of its size."""


class ModelLoader:
    def __init__(self, page):
        self.page = page
        self.first_card = FirstCard(page, self)
        self.registry, self.models = {}, []
        self.wanted = ""
        self.progress = None
        self.trouble = None
        self.busy = False
        self.asked = False  # the engine has not answered the request for a model
        self.over = asyncio.Event()  # set once the load has ended, well or not
        self.free = None
        self.beside = 0  # bytes of the memory's encoder, fetched with the first model
        self.stored = set()  # the listed models that this browser keeps, whole and checked
        self.takes = {}  # model -> the memory it takes, and what it may do here
        self.pace = {}  # the measurements of the device
        self.unmeasured = ""  # why measuring failed, if it did
        page.engine.listen(ModelProgress, self.on_progress)
        page.watch(self.draw, "words", "model", "boot", "status")
        dom.verbs(
            {
                "download": lambda of, el: self.load_chosen(of),
                "download-unsaved": lambda of, el: self.load(of, keep=False),
                "stop-loading": lambda of, el: self.stop(),
                "choose-model": lambda of, el: self.page.model_list.choose(),
            }
        )

    async def load_registry(self):
        text = await fetch(site.path("models.json")).text()
        self.registry = json.loads(text)
        self.models = self.registry["models"]
        self.wanted = next(one["id"] for one in self.models if one["id"] in site.models())
        await self.measure()

    async def measure(self):
        figures = await storage_figures()
        self.free = figures["quota"] - figures["used"]
        there = await files.size_of("models", "encoder.gguf")
        self.beside = max(0, self.registry["encoder"]["bytes"] - there)
        self.stored = await self.page.remote_models.list_stored(self.models)

    def describe_use(self, row):
        """The words of a button that uses a model of this site: what it downloads before that."""
        if row["id"] in self.stored:
            return t("models.use")
        return t("models.download_use", size=t.size(row["bytes"] + self.beside))

    def model(self, id):
        return next((one for one in self.models if one["id"] == id), None)

    def name(self):
        """The name of the model that is loaded or about to be, as it was offered; a model from a
        file names itself. Empty without one."""
        loaded = self.page.model
        known = self.model(self.progress.model if self.progress else self.page.choice.model_id())
        return known["name"] if known else loaded.name if loaded else ""

    def find_name(self, model):
        """The name of a model as it was offered; for one of the person's, the name of its file."""
        known = self.model(model)
        name = known["name"] if known else self.page.remote_models.name(model)
        return name or model.split(":", 1)[-1]

    # ------------------------------------------------------------------------------------ card

    def card(self):
        """The card of the empty chat while there is no model and none loads by itself; else
        None."""
        if self.page.model or not self.models or self.page.choice.will_load():
            return None
        if self.trouble:
            return self.trouble_card()
        if self.progress:
            return self.progress_card()
        return self.first_card.draw()

    def comes_along(self, words):
        """A note on what is fetched once beside a model; None when it is here."""
        if not self.beside:
            return None
        return dom.make("p", t(words, size=t.size(self.beside)), cls="note")

    def notes(self):
        device = self.page.app.device
        return offers.notes(self.registry, self.pace, device.kind if device else "cpu")

    def lacks(self, size):
        """The words for too little room; empty when there is enough, or its size is unknown."""
        if self.free is None or self.free > size * TIGHT:
            return ""
        return t("consent.full", size=t.size(size), free=t.size(max(0, self.free)))

    def progress_card(self):
        """Bytes, speed and time left of a download; a word while the model loads."""
        now, name = self.progress, self.find_name(self.progress.model)
        fetched = now.phase in ("download", "hold")
        bar = dom.make("progress", max=max(1, now.total), label=t("download.label"))
        bar.value = now.done
        if now.phase == "hold":
            said = t("download.hold")
        elif fetched:
            values = {"done": t.size(now.done), "total": t.size(now.total)}
            said = t("download.bytes", **values)
            if now.rate > 0:
                rate, left = t.size(now.rate), t.duration((now.total - now.done) / now.rate)
                said += " · " + t("download.rate", rate=rate, left=left)
        else:
            said = self.waits() if now.phase == "wait" else t("download." + now.phase)
        pause = dom.button(t("download.pause"), "stop-loading", drawing="pause", cls="small")
        return dom.make(
            "section",
            dom.make("h3", t("download.title", name=name) if fetched else name),
            bar,
            dom.make("p", said, cls="note"),
            self.page.story.lines(),
            dom.make("div", pause, cls="row") if fetched else None,
            cls="card consent",
            id="consent",
            tabindex=-1,
        )

    def waits(self):
        """Why the load has not begun yet."""
        facts = self.page.status.facts
        if facts["other_tab"]:
            return t("download.wait_tab")
        return t("download.wait", step=t("boot." + facts["step"]))

    def trouble_card(self):
        """What happened, what is safe, and the ways on."""
        model, failed, keep = self.trouble
        stopped = failed.detail == "stopped"
        kept = t("download.kept" if keep else "download.not_kept")
        return dom.make(
            "section",
            dom.make(
                "h3", dom.icon("pause" if stopped else "warn"), self.describe_stop(stopped and keep)
            ),
            dom.make("p", failures.words(failed)) if not stopped else None,
            dom.make("p", kept, cls="note") if stopped else failures.fold_failure(failed),
            dom.make(
                "div",
                again(model) if keep else again_unsaved(model),
                dom.button(t("download.other"), "choose-model"),
                cls="row",
            ),
            cls="card consent" if stopped else "card consent bad",
            id="consent",
            tabindex=-1,
        )

    def describe_stop(self, paused):
        now = self.progress
        share = t.percent(now.done / now.total) if now and now.total else t.percent(0)
        return t("download.paused" if paused else "download.stopped", share=share)

    def draw(self):
        old = dom.find("#consent")
        if not old:
            return
        new = self.card() or self.page.model_list.underway()
        if new is None:
            old.remove()
        elif self.progress and dom.find("progress", old) and read_title(old) == read_title(new):
            dom.find("progress", old).value = self.progress.done
            dom.find(".note", old).textContent = dom.find(".note", new).textContent
        else:
            dom.swap(old, new)

    def focus(self):
        """Show the choice to a person who wants to chat without a model."""
        card = dom.find("#consent")
        if card:
            card.scrollIntoView()
            card.focus()

    # -------------------------------------------------------------------------------- loading

    def on_progress(self, progress):
        if not self.asked:
            return  # a late event: the load has ended
        before = self.progress
        if before and before.phase == progress.phase and progress.done < before.done:
            return  # events of chunks may come out of order; the figure never falls
        self.progress = progress
        share = progress.done / progress.total if progress.total else 0
        self.page.status.know(loading=progress.phase, share=share)
        self.page.touch("model")

    async def load(self, model, keep=True):
        """Fetch and load a model as soon as the engine has started; the card tells how it goes."""
        if self.busy:
            self.page.toast(t("download.busy"))
            return
        self.busy, self.trouble = True, None
        self.over.clear()
        await self.load_now(model, keep)
        self.busy = False
        self.over.set()
        await dom.adorn(self.measure())

    async def load_now(self, model, keep):
        known = self.model(model)
        origin = self.page.remote_models.origin(model)
        size = size_of(known or origin) if known or origin else 0
        total = size + self.beside if size else 0
        phase = "look" if self.page.status.facts["worker"] else "wait"
        self.progress, self.asked = None, True
        self.on_progress(ModelProgress(model=model, phase=phase, done=0, total=total, rate=0.0))
        self.page.chat.draw()
        try:
            await self.page.remote_models.on_begun(model)
            load = LoadModel(model=model, keep=keep, origin=origin)
            loaded = await self.page.engine.ask(load)
        except Refused as refused:
            self.asked = False
            self.trouble = (model, refused.failed, keep)
            self.page.status.know(loading="")
            await self.page.remote_models.on_stopped(model)
            if refused.failed.detail != "stopped" and self.page.model:
                failures.show(self.page, refused.failed)  # beside a chat no card shows it
            elif refused.failed.detail != "stopped":
                self.page.alarm(failures.words(refused.failed))
            self.page.chat.draw()
            return
        self.progress, self.asked = None, False
        await self.page.remote_models.on_arrived(model)
        await self.page.choice.on_loaded(loaded, keep)

    def show_paused(self, progress, failed):
        """Show a download that was paused in an earlier visit."""
        self.progress, self.trouble = progress, (progress.model, failed, True)
        self.page.chat.draw()

    def engine_is_new(self):
        """Forget the progress of a load: its worker was replaced."""
        self.progress = None

    async def throw_away(self, model):
        """Delete what is stored of a model, and what the card says of its download."""
        if self.trouble and self.trouble[0] == model:
            self.trouble = self.progress = None
            self.page.touch("model")
        await self.page.engine.ask(RemoveModel(model=model))
        await self.measure()

    async def stop(self):
        await self.page.engine.ask(StopLoading())

    async def weigh(self):
        """Show what each model takes on this device, as soon as the engine has told it."""
        fits = await self.page.engine.ask(WhatFits())
        self.takes, self.pace, self.unmeasured = fits.models, fits.pace, fits.detail
        self.page.model_list.draw()
        self.draw()

    async def load_chosen(self, model):
        """Close the dialog of the choice and load: the progress is seen in the chat."""
        overlay.close_all()
        await self.load(model)


def read_title(card):
    return dom.find("h3", card).textContent


def again(model):
    """Buttons to go on from where it stopped, or from the beginning."""
    return [
        dom.button(t("download.resume"), "download", model, "play", cls="primary"),
        dom.button(t("download.over"), "download-again", model, "again"),
    ]


def again_unsaved(model):
    """A button to begin anew: nothing of an unsaved download is kept."""
    return dom.button(t("download.over"), "download-unsaved", model, "again", cls="primary")
