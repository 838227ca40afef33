"""The controller of learning: it handles the events of the engine and sends it commands."""

import js

from oneseek.engine.core.collecting.secrets import secrets_in
from oneseek.engine.core.messages import (
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
from oneseek.web.learning import records, verdict
from oneseek.web.learning.learn_from import FACTS
from oneseek.web.lib import clock, dom, failures, files, overlay
from oneseek.web.lib.words import t
from oneseek.web.shell.link import Gone, Refused

STEPS_SHOWN_EVERY = 1000  # milliseconds: drawing them costs as much as taking them
NEED_A_MODEL = (Use, Recall, Forget, Export, ImportAdapter, Reset)


class LearningController:
    """`training` is the round under way and when it may go on (web/learning/training.py)."""

    def __init__(self, page, training):
        self.page, self.training = page, training
        self.progress, self.drawn_at = None, 0
        engine = page.engine
        engine.listen(Progress, self.on_progress)
        engine.listen(Changed, self.on_changed)
        engine.listen(Lost, self.on_lost)
        engine.listen(Restored, self.on_restored)
        engine.on_gap = self.reread
        self.signing = ""
        page.watch(self.sign, "settings", "model")
        dom.verbs(
            {
                "download-again": lambda of, el: self.load_again(of),
                "drop-round": lambda of, el: self.drop(),
                "use-version": lambda of, el: self.use(int(of)),
                "verify": lambda of, el: self.verify(int(of or 0)),
                "export-peft": lambda of, el: self.export(int(of), "peft"),
                "export-gguf": lambda of, el: self.export(int(of), "gguf"),
                "export-merged": lambda of, el: self.export(int(of), "merged"),
                "export-certified": lambda of, el: self.export(int(of), "certified"),
                "introduce": lambda of, el: self.introduce(),
                "save-signing-key": lambda of, el: self.save_signing_key(),
            }
        )

    # --------------------------------------------------------------------------------- hearing

    def on_progress(self, progress):
        if not self.training.on_step(progress):
            return  # a late event: that round is over
        another = self.progress is None or progress.phase != self.progress.phase
        self.progress = progress
        self.page.status.know(round=progress.phase)
        if another or clock.now() - self.drawn_at >= STEPS_SHOWN_EVERY:
            self.drawn_at = clock.now()
            self.page.touch("progress", "metrics")

    def on_changed(self, changed):
        self.page.touch(*changed.stores)
        if "queue" in changed.stores and not self.training.remembers():
            dom.run(self.page.teaching.load())

    def on_lost(self, lost):
        self.page.status.know(lost=lost.what)

    def on_restored(self, restored):
        self.page.status.know(lost="")
        self.page.toast(t("restored.on_" + restored.back_end))

    def engine_is_new(self):
        """Go on with a new worker, after one that fell silent; the round goes on from its
        checkpoint."""
        self.signing = ""
        self.training.engine_is_new()
        self.page.model_loader.engine_is_new()
        self.page.status.know(lost="", loading="")
        self.page.toast(t("restored.worker"))
        self.page.touch("model")
        self.reread()

    def reread(self):
        """Read everything that is shown again: an event may have got lost."""
        if self.page.status.facts["lost"] == "device":
            self.page.status.know(lost="")
        dom.run(self.page.teaching.load())
        self.page.touch("versions", "examples", "queue", "ledger", "events", "state", "metrics")

    async def over(self, outcome="", version=""):
        """Tell how a round ended. The next one begins only after its lessons have left the
        queue."""
        quiet = self.training.idle_practice
        self.training.close(outcome)
        self.progress = None
        self.page.status.know(round="")
        await self.page.teaching.load()
        if version:
            dom.run(self.tell_learned(version))
        elif outcome.startswith("not ") and not quiet:
            dom.run(self.tell_not_used())
        elif outcome == "dropped":
            self.page.toast(t("learned.dropped"))
        elif outcome == "failed":
            self.page.toast(t("learned.run_failed"))
        self.page.touch("versions", "examples", "queue", "ledger", "metrics")

    async def tell_learned(self, label):
        """Tell that a new version is in use, what it changed, and the way back; for a taste that is
        switched off, the way to use it."""
        made = (await records.versions(self.page.store))[0]
        see = dom.button(t("learned.see"), "version-details", made["number"], cls="small")
        words = t("learned.toast", version=label)
        warnings = verdict.warnings(made)  # the details list them
        words += " " + t("learned.warned", n=len(warnings)) if warnings else ""
        press = None
        back = ("use-version", made["parent"] or 0)
        if (made.get("gate") or {}).get("taste"):
            back = ("use-taste", "off")
            if await self.page.taste.is_off():
                words, press = t("learned.taste_off", version=label), t("taste.on")
                back = ("use-taste", "on")
        self.page.toast(words, *back, words=press, seconds=15, also=see)

    async def tell_not_used(self):
        """Tell that an attempt failed its checks, or produced NaN or infinity: the version in use
        stays."""
        refused = (await records.rejections(self.page.store))[0]
        said = await verdict.describe_attempt(
            self.page.store, refused
        )  # the panel of versions tells why
        said += " " + t("learned.still", version=self.page.version)
        self.page.toast(said, "show-versions", words=t("learned.look"), seconds=20)

    # ------------------------------------------------------------------------------ questions

    async def on_answers(self, asked, answers):
        """Compare all answers to a question so far, after each of them; they are learned where a
        person lets answers be learned by themselves. What looks like a secret stays in the chat."""
        if self.page.teaching.learns_from(asked["chat"]) != FACTS:
            return
        texts = [asked["text"]] + [answer["text"] for answer in answers]
        if secrets_in("\n".join(texts)):
            return
        model = self.page.choice.model_id()
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
            await self.page.engine.ask(question)
        except Gone:
            pass  # the engine was ended; the chat has the question

    # ------------------------------------------------------------------------------------- acts

    async def tell(self, request):
        """The engine's answer to a request; None when it refused, which is shown in words."""
        if isinstance(request, NEED_A_MODEL) and not await self.model_is_there():
            return None
        try:
            return await self.page.engine.ask(request)
        except Refused as refused:
            failures.show(self.page, refused.failed)
            return None

    async def model_is_there(self):
        """Whether there is a model, after a wait for one on its way; without one, say what to
        do."""
        loader = self.page.model_loader
        if not self.page.model and (loader.busy or self.page.choice.will_load()):
            self.page.toast(t("wait.model"))
            await loader.over.wait()
        elif not self.page.model:
            self.page.toast(t("wait.no_model"), "choose-model", words=t("model.none"))
        return bool(self.page.model)

    async def use(self, number):
        """Use another version from now on; Undo goes back."""
        before = await self.number_in_use()
        if await self.tell(Use(version=number)):
            await self.page.choice.read_version()
            words = t("versions.now", version=self.page.version)
            self.page.toast(words, "use-version", before)
            self.page.touch("versions", "state", "ledger")

    async def number_in_use(self):
        version = await records.in_use(self.page.store, self.page.choice.model_id())
        return version["number"] if version else 0

    async def drop(self):
        """Throw away the round, or what was asked for and has not begun. A round that is getting
        ready is thrown away as soon as it is open."""
        await self.training.want_nothing()
        if not self.training.run or await self.tell(Drop(run=self.training.run)):
            await self.over()
            said = t("learned.thrown") + " " + t("learned.still", version=self.page.version)
            self.page.toast(said)

    async def recall(self, example):
        return await self.tell(Recall(example=example))

    async def forget(self, examples, now):
        """Return the versions that learned these examples and the one to retrain from; with `now`
        the examples are removed and retraining begins. None if the engine refused."""
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

    async def import_adapter(self, found):
        """Import an adapter: a zip, or the files that PEFT wrote."""
        names = []
        for file in found:
            names.append(await files.put_in_inbox(file))
        made = await self.tell(ImportAdapter(names=names))
        if made:
            self.page.toast(t("import.done", version=made.version))
            self.page.touch("versions", "ledger")

    async def introduce(self):
        """Teach the model who it is; a notice tells how much that is and how long it takes, and can
        leave it out again."""
        if not await self.tell(Introduce()):
            return
        await self.page.teaching.load()
        groups = self.page.queue_panel.groups
        count = len(groups.records("ready identity"))
        said = " · ".join([t("introduce.queued", n=count)] + groups.time(count))
        skip = t("queue.skip_all")
        self.page.toast(said, "skip-group", "ready identity", words=skip, seconds=15)

    async def sign(self):
        """Apply the setting; the engine makes the key when there is none yet."""
        wanted = self.page.settings["sign"]
        if self.page.model and wanted != bool(self.signing):
            told = await self.tell(Sign(on=wanted))
            self.signing = told.public_key if told else ""
            self.page.touch("storage")

    async def save_signing_key(self):
        key = await self.page.store.get("settings", "signing-key")
        files.save("oneseek-signing-key.pem", key["private"], "application/x-pem-file")

    async def reset(self):
        if await self.tell(Reset(word="RESET")):
            js.location.reload()

    async def load_again(self, model):
        """Start a download from its beginning."""
        if await self.tell(RemoveModel(model=model)):
            await self.page.model_loader.load(model)
