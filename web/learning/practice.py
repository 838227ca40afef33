"""What learning does and what became of it: the engine's events heard, its acts asked for."""

import js

from engine.core.collecting.secrets import secrets_in
from engine.core.messages import (
    Changed,
    Drop,
    Export,
    Forget,
    ImportAdapter,
    Introduce,
    Lost,
    Progress,
    Question,
    Recall,
    RemoveModel,
    Reset,
    Restored,
    Sign,
    Use,
    Verify,
)
from web.learning import records
from web.learning.training import Training
from web.lib import clock, dom, files, overlay
from web.lib.words import t
from web.shell.link import Gone, Refused


class Learning(Training):
    def __init__(self, page):
        super().__init__(page)
        self.progress = None
        self.started = None
        engine = page.app.engine
        engine.listen(Progress, self.on_progress)
        engine.listen(Changed, self.on_changed)
        engine.listen(Lost, self.on_lost)
        engine.listen(Restored, self.on_restored)
        engine.on_gap = self.reread
        self.signing = ""
        page.watch(self.sign, "settings", "model")

    # --------------------------------------------------------------------------------- hearing

    def on_progress(self, progress):
        if self.progress is None or self.progress.run != progress.run:
            self.started = (clock.now(), progress.step)
        self.progress = progress
        self.run = progress.run
        self.page.status.know(round=progress.phase)
        self.page.touch("progress", "metrics")

    def on_changed(self, changed):
        self.page.touch(*changed.stores)
        if "queue" in changed.stores:
            dom.run(self.page.teaching.load())

    def on_lost(self, lost):
        self.page.status.know(lost=lost.what)

    def on_restored(self, restored):
        self.page.status.know(lost="")
        self.page.toast(t("restored.on_" + restored.back_end))

    def engine_is_new(self):
        """Another worker took the place of one that fell silent; the round goes on from its checkpoint."""
        self.run = self.signing = ""
        self.page.first_run.progress = None
        self.page.status.know(lost="", loading="")
        self.page.toast(t("restored.worker"))
        self.page.touch("model")
        self.reread()

    def reread(self):
        """An event got lost: everything shown is read again."""
        if self.page.status.facts["lost"] == "device":
            self.page.status.know(lost="")
        dom.run(self.page.teaching.load())
        self.page.touch("versions", "examples", "queue", "ledger", "events", "state", "metrics")

    def over(self, outcome="", version="", reason=""):
        """A round has ended; say what became of it."""
        self.progress, self.run = None, ""
        self.page.status.know(round="")
        dom.run(self.page.teaching.load())
        if version:
            dom.run(self.tell_learned(version))
        elif outcome.startswith("not "):
            dom.run(self.tell_not_used())
        elif outcome:
            self.page.toast(t("learned.not", reason=reason))
        self.page.touch("versions", "examples", "queue", "ledger", "metrics")

    async def tell_learned(self, label):
        """A new version is in use: what it changed, and the way back."""
        made = (await records.versions(self.page.store))[0]
        see = dom.button(t("learned.see"), "version-details", made["number"], cls="small")
        words = t("learned.toast", version=label)
        self.page.toast(words, "use-version", made["parent"] or 0, seconds=15, also=see)

    async def tell_not_used(self):
        """An attempt failed its checks, or gave numbers that are none: what is in use stays."""
        gate = (await records.rejections(self.page.store))[0]["body"]["gate"]
        found = records.measures(gate)
        failed = sum(1 for one in found if not one["ok"])
        values = {"n": failed, "count": len(found), "version": self.page.version}
        said = t("learned.worse", **values) if found else t("learned.thrown", **values)
        self.page.toast(said, "show-versions", words=t("learned.look"), seconds=15)

    # ------------------------------------------------------------------------------ questions

    async def asked(self, asked, answers):
        """After every question: all its answers so far are compared, and learned where a person lets
        answers be learned by themselves. What looks like a secret stays in the chat."""
        if self.page.teaching.is_private(asked["chat"]):
            return
        texts = [asked["text"]] + [answer["text"] for answer in answers]
        if not self.page.settings["collect"] or secrets_in("\n".join(texts)):
            return
        model = self.page.model_id()
        responses = [
            {"model": "%s %s" % (model, answer.get("version") or ""), "response": answer["text"]}
            for answer in answers
            if answer["text"].strip()
        ]
        if not responses:
            return
        question = Question(
            question=asked["text"],
            responses=responses,
            language=asked.get("language") or "und",
            approved=self.page.settings["auto_collect"],
            chat=asked["chat"],
        )
        try:
            await self.page.app.engine.ask(question)
        except Gone:
            pass  # the engine was ended; the chat has the question

    # ---------------------------------------------------------------------------------- looking

    def waiting(self):
        return self.page.teaching.queue.size()

    def seconds_left(self):
        """From this session's own rate; None until it has one."""
        if not self.progress or not self.started:
            return None
        began, first = self.started
        done = self.progress.step - first
        if done < 2:
            return None
        pace = (clock.now() - began) / 1000 / done
        return pace * (self.progress.steps - self.progress.step)

    # ------------------------------------------------------------------------------------- acts

    async def tell(self, request):
        """Ask the engine; what it refuses is shown in its words."""
        try:
            return await self.page.app.engine.ask(request)
        except Refused as refused:
            self.page.alarm(refused.failed.reason)
            self.page.toast(refused.failed.reason, seconds=15)
            return None

    async def use(self, number):
        """Another version from now on; Undo goes back."""
        before = await self.number_in_use()
        if await self.tell(Use(version=number)):
            await self.page.read_version()
            words = t("versions.now", version=self.page.version)
            self.page.toast(words, "use-version", before)
            self.page.touch("versions", "state", "ledger")

    async def number_in_use(self):
        version = await records.in_use(self.page.store, self.page.model_id())
        return version["number"] if version else 0

    async def drop(self):
        if self.run and await self.tell(Drop(run=self.run)):
            self.over()

    async def recall(self, example):
        return await self.tell(Recall(example=example))

    async def forget(self, examples, now):
        return await self.tell(Forget(examples=examples, now=now))

    async def verify(self, number):
        found = await self.tell(Verify(version=number))
        if found and found.ok:
            self.page.toast(t("verify.ok"))
        elif found:
            rows = [dom.make("li", finding) for finding in found.findings]
            overlay.dialog(t("verify.wrong"), dom.make("ul", rows), name="verify")

    async def export(self, number, form):
        file = await self.tell(Export(version=number, format=form))
        if file:
            await files.save_from_outbox(file.name)

    async def import_adapter(self, name):
        made = await self.tell(ImportAdapter(name=name))
        if made:
            self.page.toast(t("import.done", version=made.version))
            self.page.touch("versions", "ledger")

    async def introduce(self):
        """Teach it who it is."""
        if await self.tell(Introduce()):
            self.page.toast(t("teach.noted"))

    async def sign(self):
        """Take the setting over; the engine makes the key when there is none yet."""
        wanted = self.page.settings["sign"]
        if self.page.model and wanted != bool(self.signing):
            told = await self.tell(Sign(on=wanted))
            self.signing = told.public_key if told else ""
            self.page.touch("storage")

    async def save_signing_key(self):
        key = await self.page.store.get("settings", "signing-key")
        files.save("oneseek-signing-key.pem", key["private"], "application/x-pem-file")

    async def reset(self, word):
        if await self.tell(Reset(word=word)):
            js.location.reload()

    async def load_again(self, model):
        """Start a download from its beginning."""
        if await self.tell(RemoveModel(model=model)):
            await self.page.first_run.load(model)
