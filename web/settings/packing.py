"""Packing of a person's own model file to four bits: how far it is, and what to do when it was
interrupted."""

import js
from pyscript.ffi import to_js

from oneseek.engine.core.messages import Packing, PackModel, StopPacking
from oneseek.web.lib import dom, failures, files
from oneseek.web.lib.words import t
from oneseek.web.shell.link import Refused
from oneseek.web.shell.page import new_id

SUFFIXES = {"Q8_0": ".4bit.gguf", "Q4_1": ".4bit-small.gguf"}
"""Type of the embeddings and the head -> how the packed file's name ends."""


class Packer:
    """`job` is the packing that was begun, {name, title, total, embeddings}, and outlives a reload;
    else None."""

    def __init__(self, page):
        self.page = page
        self.job = self.group = self.now = self.failed = None
        self.done = 0
        page.app.importer.listen(Packing, self.on_progress)
        page.watch(self.draw, "words", "packing")
        dom.verbs(
            {
                "stop-packing": lambda of, el: page.app.ask_importer(StopPacking()),
                "go-on-packing": lambda of, el: self.go_on(),
                "drop-packing": lambda of, el: self.drop(),
            }
        )

    async def load(self):
        """Read the job of an earlier visit; the size of its file tells how much is done."""
        self.job = await self.page.store.get("settings", "packing")
        if self.job:
            self.done = await files.size_of("inbox", self.job["name"] + PackModel.unfinished)

    def share_of(self, name):
        """The share of this file that is done already."""
        return self.done / self.job["total"] if self.job and self.job["name"] == name else 0

    async def pack(self, group, name, way, title):
        """Pack the files of one model in this way, then use the result."""
        if self.now:
            self.page.toast(t("packing.busy"))
            return
        wanted = name_packed(name, way["embeddings"])
        if self.job and self.job["name"] != wanted:
            await self.drop()
        self.job = {"name": wanted, "title": title, "total": way["bytes"]}
        self.job["embeddings"] = way["embeddings"]
        await self.keep()
        await self.run(group)

    async def run(self, group):
        job, packed = self.job, None
        self.group, self.failed = group, None
        self.now = Packing(phase="verify", done=0, total=0)
        self.page.touch("packing", "model")

        def request(channel):
            return PackModel(channel=channel, name=job["name"], embeddings=job["embeddings"])

        try:
            packed = await hand_over(group, request, self.page.app.ask_importer)
        except Refused as refused:
            self.failed = None if refused.failed.detail == "stopped" else refused.failed
        self.done = await files.size_of("inbox", job["name"] + PackModel.unfinished)
        self.now = None
        if packed:
            await self.delete_job()
            await self.page.model_loader.load("file:" + packed.name)
        self.page.touch("packing")

    async def go_on(self):
        """Go on with the files of this visit; in a new visit the person has to give them again."""
        if self.group:
            await self.run(self.group)
        else:
            await self.page.own_models.pick()

    async def drop(self):
        """Throw the unfinished file away."""
        await files.remove("inbox", self.job["name"] + PackModel.unfinished)
        await self.delete_job()

    async def delete_job(self):
        self.job = self.group = self.failed = None
        self.done = 0
        await self.page.store.batch([["delete", "settings", "packing"]])
        self.page.touch("packing", "model")

    async def keep(self):
        await self.page.store.batch([["put", "settings", "packing", self.job]])

    # ------------------------------------------------------------------------------ shown

    def on_progress(self, progress):
        if self.now:
            self.now = progress
            self.page.touch("packing")

    def card(self):
        """How far the packing is, shown wherever models are chosen; None without a job."""
        if not self.job:
            return None
        return dom.make("div", self.inside(), cls="card packing", role="group")

    def inside(self):
        title = dom.make("h3", t("packing.title", name=self.job["title"]))
        if self.now:
            bar = dom.make("progress", max=1, label=t("packing.label"), value=self.share())
            stop = dom.button(t("packing.stop"), "stop-packing", drawing="pause", cls="small")
            said = t("packing." + self.now.phase, share=t.percent(self.share()))
            return [title, bar, dom.make("p", said, cls="note"), dom.make("div", stop, cls="row")]
        share = t.percent(min(1, self.done / self.job["total"]))
        again = "packing.go_on" if self.group else "packing.choose"
        return [
            title,
            dom.make("p", failures.words(self.failed)) if self.failed else None,
            dom.make("p", t("packing.stopped" if self.group else "packing.again", share=share)),
            dom.make(
                "div",
                dom.button(t(again), "go-on-packing", drawing="play", cls="primary small"),
                dom.button(t("packing.drop"), "drop-packing", cls="small"),
                cls="row",
            ),
            failures.fold_failure(self.failed) if self.failed else None,
        ]

    def share(self):
        return self.now.done / self.now.total if self.now.total else 0

    def draw(self):
        for shown in dom.find_all(".packing"):
            if self.job:
                dom.replace(shown, self.inside())
            else:
                shown.remove()


def name_packed(name, embeddings):
    """The name of the packed file."""
    return (name[:-5] if name.endswith(".gguf") else name) + SUFFIXES[embeddings]


async def hand_over(group, request, ask):
    """The answer of `ask` to `request(channel)`; until it comes, a worker can get the person's
    files on that channel. It reads them where they lie, and nothing is copied."""
    channel = "oneseek-given-" + new_id("g")
    line = js.BroadcastChannel.new(channel)
    line.onmessage = lambda event: line.postMessage(to_js(group))
    try:
        return await ask(request(channel))
    finally:
        line.close()
