"""The model that is wanted, the resident one, and its version in use."""

import js

from oneseek.web.learning import records
from oneseek.web.lib import dom, site
from oneseek.web.lib.words import t


class Choice:
    def __init__(self, page):
        self.page = page
        page.watch(self.read_version, "versions", "state")

    async def on_loaded(self, loaded, keep):
        """Note the resident model, and store the choice for the next visit. Nothing that a person
        has open is closed."""
        before = self.page.model
        self.page.take_model(loaded, keep)
        if before and before.model != loaded.model:
            name = self.page.model_loader.find_name(loaded.model)
            self.page.toast(t("models.took_over", name=name), seconds=15)
        self.page.status.know(model=True, loading="", failed="")
        self.page.touch("model", "tab")  # every part shows it with the pill, before it is stored
        self.page.header.draw()
        self.page.chat.draw()
        if keep:
            await self.remember(loaded.model)
            dom.run(self.ask_to_keep())
            await self.page.reserve()
        await self.read_version()
        self.page.presence.ready()
        dom.run(self.page.composer.send_unsent())

    async def remember(self, model):
        """Store the choice for the next visit; a link, which anybody may write, does not replace
        it."""
        if model != site.option("model") or not self.page.settings["model"]:
            await self.page.set(model=model)

    async def ask_to_keep(self):
        """Ask for persistent storage. Nothing waits for it: in Firefox the person may never
        answer."""
        await js.navigator.storage.persist()

    def will_load(self):
        """Whether a model was chosen before, which loads by itself as soon as the engine is up."""
        wanted = site.option("model") or self.page.settings["model"]
        trouble = self.page.model_loader.trouble or self.page.model_loader.progress
        return bool(wanted) and not trouble

    async def engine_started(self):
        """Load the model of the address or of the last visit; without one, wait for a choice, which
        may have been made while the engine started."""
        wanted = site.option("model") or self.page.settings["model"]
        if wanted and not self.page.model_loader.busy:
            await self.page.model_loader.load(wanted)
        elif not wanted:
            self.page.chat.draw()
            dom.run(self.page.model_loader.weigh())
        await self.page.remote_models.take_up()

    def model_id(self):
        """The model that is loaded, else the one of the address or the last choice."""
        return (
            self.page.model.model
            if self.page.model
            else site.option("model") or self.page.settings["model"]
        )

    async def read_version(self):
        version = await records.in_use(self.page.store, self.model_id())
        label = records.label(version)
        if label != self.page.version:
            self.page.take_version(label)

    def ask(self):
        """Ask for a model, which sending needs; the draft stays where it is."""
        self.page.chat.draw()
        if self.page.chat.chat:
            self.page.model_list.choose()
        else:
            self.page.model_loader.focus()
