"""The page's start: it fills itself from the store, then starts its workers and shows their
progress.

web/shell/regions.py puts the parts of the page together; this file owns the two workers
(web/shell/link.py).
"""

import asyncio

from pyscript import document, window

from oneseek.engine.core.messages import Booting, Break, Broken, Failed, LoadModel, Start
from oneseek.web.lib import dom, markdown, site
from oneseek.web.shell import api, offline, regions, trouble
from oneseek.web.shell.link import Link, Refused

TRUSTED = 3  # times that an engine may fall silent in one visit


class App:
    """The two workers, and the device that the engine computes on once it is known."""

    def __init__(self):
        self.engine = Link("engine", ready=False)
        self.importer = Link("importer")
        self.device = None
        self.page = None
        self.api = api.Api(self)

    async def start_engine(self):
        self.engine.listen(Booting, self.on_booting)
        self.engine.listen(Broken, self.engine_broken)
        self.importer.listen(Broken, lambda event: trouble.show("importer", event.detail))
        self.page.status.know(step="python")
        await self.engine.start()
        self.page.status.know(step="device")
        try:
            self.device = await self.engine.ask(Start(engine=self.choose_engine()), first=True)
        except Refused as refused:
            if not document.getElementById("trouble-engine"):
                self.engine_broken(refused.failed)
            return
        self.page.touch("model")
        self.page.status.know(worker=True)
        self.engine.reopen()
        asyncio.create_task(dom.guard(self.watch_engine()))
        if site.option("faults") == "1":
            dom.listen("oneseek-break", window, self.break_engine)
        await self.page.choice.engine_started()

    def on_booting(self, event):
        self.page.status.know(step=event.step)
        self.page.touch("boot")

    async def watch_engine(self):
        """Replace an engine that hangs or died."""
        for _ in range(TRUSTED):
            await self.engine.until_silent()
            self.page.status.know(lost="worker")
            self.engine.end()
            try:
                await self.replace_engine()
            except Refused as refused:
                self.engine_broken(refused.failed)
                return
            self.engine.reopen()
            self.page.learning.engine_is_new()

    async def replace_engine(self):
        """Start a new worker with the same model on the same kind of device."""
        self.device = await self.engine.ask(Start(engine=self.choose_engine()), first=True)
        if self.page.model:
            model, keep = self.page.model.model, self.page.keeps_model
            origin = self.page.remote_models.origin(model)
            load = LoadModel(model=model, keep=keep, origin=origin)
            await self.engine.ask(load, first=True)

    def break_engine(self, event):
        """For tests, see Break; "fail NAME" makes the requests of that name fail, "mend" none."""
        if event.detail.startswith("fail "):
            self.engine.fails.add(event.detail[5:])
            self.importer.fails.add(event.detail[5:])
        elif event.detail == "mend":
            self.engine.fails.clear()
            self.importer.fails.clear()
        else:
            self.break_worker(event.detail)

    def break_worker(self, what):
        self.engine.remote.receive(Break(what=what).to_text())

    def choose_engine(self):
        """The back end that the address names, else the one of the person's settings."""
        wanted = site.option("engine")
        return self.page.settings["back_end"] if wanted == "auto" else wanted

    async def ask_importer(self, request):
        """Ask the importer, which starts with its first request."""
        if self.importer.made == 0:
            asyncio.create_task(dom.guard(self.watch_importer()))
        return await self.importer.ask(request)

    async def watch_importer(self):
        """End an importer that hangs; the next request starts another."""
        while True:
            await self.importer.until_silent()
            self.importer.end()
            self.importer.reopen()

    def new_build(self, use):
        """Offer a newer build that waits; `use()` changes every open tab to it."""
        trouble.offer_build(use)

    def engine_broken(self, failure):
        self.page.status.know(failed=failure.reason, lost="")
        failed = Failed(where="Start", reason=failure.reason, detail=failure.detail)
        self.engine.reopen(broken=failed)
        trouble.show("engine", failure.detail)


app = App()


async def start(opening):
    page = await regions.start(app, opening)
    document.documentElement.dataset.page = "ready"
    for wrong in dom.find_all("#trouble-start"):  # web/static/start.js shows it for any early error
        wrong.remove()
    asyncio.create_task(dom.guard(markdown.load()))
    kept = offline.has_build()
    if kept:
        await offline.start(app.new_build)
    await page.presence.start()
    await page.presence.elected_once.wait()
    asyncio.create_task(dom.guard(page.intake.reader.take_up()))
    await app.start_engine()
    if not kept:  # on a first visit the engine comes before the cache for the next
        await offline.start(app.new_build)
