"""The page: fills itself from what is stored, then starts its workers and says how far that has come.

web/regions.py puts the parts of the page together; this file owns the two workers (web/link.py).
"""

from pyscript import document

from web import api, offline, regions, site, trouble
from web.link import Link, Refused
from workers.protocol import Booting, Broken, Start


class App:
    """The two workers, and what the engine computes on once it has said so."""

    def __init__(self):
        self.engine = Link("engine")
        self.importer = Link("importer")
        self.device = None
        self.page = None
        self.api = api.Api(self)

    async def start_engine(self):
        self.engine.listen(Booting, lambda event: self.page.status.know(step=event.step))
        self.engine.listen(Broken, self.engine_broken)
        self.importer.listen(Broken, lambda event: trouble.show("importer", event.detail))
        self.page.status.know(step="python")
        await self.engine.start()
        self.page.status.know(step="device")
        try:
            self.device = await self.engine.ask(Start(engine=self.wanted_engine()))
        except Refused as refused:
            if not document.getElementById("trouble-engine"):
                self.engine_broken(refused.failed)
            return
        if self.device.why in ("no-webgpu", "no-adapter"):
            trouble.show("no-webgpu")
        self.page.status.know(worker=True)
        await self.page.engine_started()

    def wanted_engine(self):
        """The address decides, then the person's setting."""
        wanted = site.option("engine")
        return self.page.settings["back_end"] if wanted == "auto" else wanted

    async def ask_importer(self, request):
        """The importer starts with the first thing there is to read."""
        if self.importer.remote is None:
            await self.importer.start()
        return await self.importer.ask(request)

    def new_build(self, use):
        """A newer build waits; `use()` changes every open tab to it."""
        trouble.offer_build(use)

    def engine_broken(self, failure):
        self.page.status.know(failed=failure.reason)
        trouble.show("engine", failure.detail)


app = App()


async def start():
    page = await regions.start(app)
    document.documentElement.dataset.page = "ready"
    kept = offline.has_build()
    if kept:
        await offline.start(app.new_build)
    await page.learning.start()
    await page.learning.office.wait()
    await app.start_engine()
    if not kept:  # on a first visit the engine comes before what is kept for the next
        await offline.start(app.new_build)
