"""The page: starts its panels, then its workers, and tells in words how far that has come.

A panel is a module of web/ with a function `start(app)`; its name goes into PANELS and nothing else
is needed.  It draws into its own part of index.html, asks `app.engine` and `app.importer` (web/link.py)
and listens to their events, which are the classes of workers/protocol.py.
"""

from pyscript import document

from web import offline, site, trouble
from web.link import Link, Refused
from workers.protocol import Booting, Broken, Start

PANELS = ()
WORDS = {
    "python": "Starting Python",
    "packages": "Loading the engine's tools",
    "module": "Loading the engine",
    "device": "Looking for a graphics chip",
    "ready": "Ready",
    "broken": "Could not start",
}


class App:
    """What every panel is handed: the two workers, and the state the status pill shows."""

    def __init__(self):
        self.engine = Link("engine")
        self.importer = Link("importer")
        self.device = None

    def say(self, step):
        """One state of the page, in words for people and as an attribute for tests and style."""
        document.documentElement.dataset.engine = step
        document.querySelector("#status").dataset.state = step
        document.querySelector("#status-word").textContent = WORDS[step]

    async def start_engine(self):
        self.say("python")
        self.engine.listen(Booting, lambda event: self.say(event.step))
        self.engine.listen(Broken, self.engine_broken)
        self.importer.listen(Broken, lambda event: trouble.show("importer", event.detail))
        await self.engine.start()
        self.say("device")
        try:
            self.device = await self.engine.ask(Start(engine=site.option("engine")))
        except Refused as refused:
            if not document.getElementById("trouble-engine"):
                self.engine_broken(refused.failed)
            return
        if self.device.why in ("no-webgpu", "no-adapter"):
            trouble.show("no-webgpu")
        self.say("ready")

    def new_build(self, use):
        """A newer build waits; `use()` changes every open tab to it."""
        trouble.offer_build(use)

    def engine_broken(self, failure):
        self.say("broken")
        trouble.show("engine", failure.detail)


app = App()


async def start():
    for name in PANELS:
        __import__("web." + name)
        getattr(__import__("web"), name).start(app)
    document.documentElement.dataset.page = "ready"
    await app.start_engine()  # the importer starts with the first thing there is to read
    await offline.start(app.new_build)
