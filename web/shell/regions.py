"""Puts the parts of the page together and shows in them what is stored."""

import js
from pyscript import document, js_import

from engine.core.storage.store import open_browser_store
from web.chat import message
from web.chat.about import About
from web.chat.chat import Chat
from web.chat.compare import Compare
from web.chat.composer import Composer
from web.chat.conversations import Conversations
from web.chat.place import Place
from web.chat.story import Story
from web.chat.too_long import TooLong
from web.chat.voice import Voice
from web.intake.sources import Intake
from web.learning import records
from web.learning.comeback import Comeback
from web.learning.heart import Heart
from web.learning.measured import Measured
from web.learning.note import Notes
from web.learning.panels.activity import Activity
from web.learning.panels.memory import Memory
from web.learning.panels.queue import QueuePanel
from web.learning.panels.runs import TrainingRuns
from web.learning.panels.sources import Sources
from web.learning.panels.tabs import Tabs
from web.learning.panels.versions import Versions
from web.learning.practice import Learning
from web.learning.teaching import Teaching
from web.lib import dom, files, markdown, overlay, site
from web.lib.words import t, wished
from web.settings.firstrun import FirstRun
from web.settings.settings import SettingsDialog, storage_figures
from web.shell import verbs
from web.shell.install import Install
from web.shell.page import Page
from web.shell.shortcuts import Shortcuts
from web.shell.status import Status

NARROW, MIDDLE, WIDE = "(max-width: 699px)", "(max-width: 1099px)", "(min-width: 1400px)"


async def start(app):
    """Open the store, fill the page from it, and be ready for the person before the workers are."""
    (module,) = await js_import(site.path("store.js"))
    store = await open_browser_store(module)
    page = app.page = OneSeek(app, store)
    await page.load_settings()
    await t.use(page.settings["language"] or wished())
    await markdown.load()
    dom.start(page.complain)
    overlay.start()
    page.build()
    verbs.register(page)
    await page.fill()
    return page


class OneSeek(Page):
    """The page with all its parts."""

    def build(self):
        self.status = Status(self)
        self.first_run = FirstRun(self)
        self.install = Install(self)
        self.measured = Measured(self)
        self.teaching = Teaching(self)
        self.learning = Learning(self)
        self.heart = Heart(self)
        self.comeback = Comeback(self)
        self.about = About(self)
        self.chat = Chat(self)
        self.composer = Composer(self, self.chat)
        self.too_long = TooLong(self)
        self.place = Place(self, self.chat)
        self.voice = Voice(self)
        self.conversations = Conversations(self, self.chat)
        self.memory = Memory(self)
        self.notes = Notes(self)
        self.story = Story(self)
        self.versions = Versions(self)
        self.queue_panel = QueuePanel(self)
        panels = (self.memory, Activity(self), Sources(self), self.versions)
        self.tabs = Tabs(self, panels)
        self.intake = Intake(self)
        self.settings_dialog = SettingsDialog(self)
        self.compare = Compare(self)
        self.training_runs = TrainingRuns(self)
        self.shortcuts = Shortcuts(self)
        self.watch(self.read_version, "versions", "state")
        self.watch(self.settings_dialog.apply, "settings")
        self.watch(self.first_learned, "versions")
        self.watch(self.draw_header, "model", "words", "versions", "state", "queue")
        self.watch(self.draw_storage, "words", "chats", "versions", "sources", "model")
        for kind in ("online", "offline"):
            dom.listen(kind, js.window, self.connection)

    async def fill(self):
        """Show what is stored: chats, settings, queue, and the chat that was open last."""
        self.settings_dialog.apply()
        await self.settle_aside()
        self.tabs.open(self.tabs.pressed() or self.settings["tab"])
        for part in (
            self.teaching.load,
            self.heart.read,
            self.measured.load,
            self.first_run.load_registry,
            self.read_version,
            self.open_last_chat,
            self.conversations.load,
        ):
            await dom.guard(part())  # what cannot be shown is told, and the page starts without it
        if self.store.lost:
            self.status.know(storage_lost=True)
        self.status.know(online=js.navigator.onLine)
        self.touch("words", "tab")
        if site.option("tab") and not self.tabs.pressed():
            self.show_tab(site.option("tab"))
        if not js.matchMedia(MIDDLE).matches:
            self.composer.focus()

    async def open_last_chat(self):
        opened = await self.store.get("settings", "open-chat")
        await self.conversations.show(opened["id"] if opened else "")
        await self.place.restore()

    def connection(self, event):
        self.status.know(online=js.navigator.onLine)

    # -------------------------------------------------------------------------------- the model

    async def model_loaded(self, loaded, keep):
        """A model is resident: the page says so, and remembers which for the next visit."""
        self.model, self.keeps_model = loaded, keep
        overlay.close_all()
        self.status.know(model=True, loading="", failed="")
        if keep:
            await self.set(model=loaded.model)
            await js.navigator.storage.persist()
            await self.reserve()
        await self.read_version()
        self.touch("model", "tab")
        self.chat.draw()
        self.learning.ready()

    def will_load(self):
        """Whether a model was chosen before, so that it loads by itself as soon as the engine is
        up."""
        wanted = site.option("model") or self.settings["model"]
        trouble = self.first_run.trouble or self.first_run.progress
        return bool(wanted) and not trouble

    async def engine_started(self):
        """Load the model of the last visit, or of the address; without one, wait for a choice,
        which may have been made while the engine started."""
        wanted = site.option("model") or self.settings["model"]
        if wanted and not self.first_run.busy:
            await self.first_run.load(wanted)
        elif not wanted:
            self.chat.draw()

    def model_id(self):
        """The model that is loaded, or that was chosen last."""
        return self.model.model if self.model else site.option("model") or self.settings["model"]

    async def read_version(self):
        version = await records.in_use(self.store, self.model_id())
        label = records.label(version)
        if label != self.version:
            self.version = label
            self.touch("model", "versions")

    def ask_for_model(self):
        """Sending needs a model; the draft stays where it is."""
        self.chat.draw()
        if self.chat.chat:
            self.first_run.choose()
        else:
            self.first_run.focus()

    async def import_adapter(self, file):
        await self.learning.import_adapter(await files.put_in_inbox(file))

    def answering(self, busy):
        self.status.know(answering=busy)
        self.composer.draw()
        self.learning.yield_to_chat(busy)

    async def answered(self, asked, answer, versions):
        """An exchange is over: the collector, which heard the question when it was sent, looks at
        the answer, the two stages at all `versions` of it."""
        await self.teaching.heard(answer)
        self.touch("chats")
        await self.learning.asked(asked, versions)

    def typing(self):
        self.learning.typing()

    # ------------------------------------------------------------------------------ the regions

    def draw_header(self):
        name = dom.by_id("model-name")
        name.textContent = self.first_run.name() if self.model else t("model.none")
        label = dom.by_id("active-version")
        label.textContent, label.hidden = self.version, not self.model
        count = self.teaching.queue.size()
        tab = dom.by_id("tab-activity")
        said = dom.make("span", t.number(count), cls="count") if count else None
        dom.replace(tab, t("tab.activity"), " " if count else None, said)

    async def draw_storage(self):
        figures = await storage_figures()
        used, quota = figures["used"], figures["quota"]
        said = t("storage.words", used=t.size(used), free=t.size(quota))
        dom.by_id("storage-words").textContent = said
        dom.by_id("storage-meter").value = used / quota if quota else 0

    def aside_is_open(self):
        body = document.body.classList
        if js.matchMedia(MIDDLE).matches:
            return body.contains("show-aside")
        return not body.contains("no-aside")

    def toggle_aside(self):
        """Open or closed as the person wants it; beside the chat it stays so in the next visit."""
        sheet = js.matchMedia(MIDDLE).matches
        document.body.classList.toggle("show-aside" if sheet else "no-aside")
        if not sheet:
            self.settings["aside"] = self.aside_is_open()
            dom.run(self.save([["put", "settings", "page", self.settings]]))
        self.sheets()
        self.touch("tab")

    async def first_learned(self):
        if self.settings["aside"] is None and not js.matchMedia(WIDE).matches:
            await self.settle_aside()

    async def settle_aside(self):
        """A newcomer sees the chat alone where it is not wide; the first thing learned opens the
        panel."""
        wanted = self.settings["aside"]
        if wanted is None:
            wide = js.matchMedia(WIDE).matches
            wanted = wide or bool(await self.store.count("versions"))
        document.body.classList.toggle("no-aside", not wanted)
        self.sheets()
        self.touch("tab")

    def show_nav(self):
        if js.matchMedia(NARROW).matches:
            document.body.classList.add("show-nav")
            self.sheets()

    def toggle_nav(self):
        document.body.classList.toggle("show-nav")
        self.sheets()

    def close_sheets(self):
        document.body.classList.remove("show-aside", "show-nav")
        self.sheets()

    def sheets(self):
        """What is open over the chat, for the veil and for screen readers."""
        body = document.body.classList
        over = body.contains("show-nav") or body.contains("show-aside")
        dom.by_id("veil").hidden = not over
        shown = {"aside-toggle": self.aside_is_open(), "nav-toggle": body.contains("show-nav")}
        for name, is_open in shown.items():
            dom.change(dom.by_id(name), aria_expanded="true" if is_open else "false")

    def show_tab(self, name):
        if not self.aside_is_open():
            self.toggle_aside()
        self.tabs.open(name)

    # ------------------------------------------------------------------------------- editors

    def edit(self, id):
        """Put a question back into a field, in the place where it stands."""
        turn = self.chat.tree[id]
        form = message.editor(
            t("chat.save_edit"), turn["text"], "save-edit", id, t("chat.edit_note")
        )
        self.open_editor(id, form)

    def teach(self, id):
        turn = self.chat.tree[id]
        form = message.editor(t("teach.save"), turn["text"], "save-teach", id, t("teach.note"))
        self.open_editor(id, form)

    def open_editor(self, id, form):
        self.close_editor()
        dom.find('[id="%s"]' % id).append(form)
        area = dom.find("textarea", form)._dom_element
        area.focus()
        area.setSelectionRange(len(area.value), len(area.value))
        form._dom_element.scrollIntoView()

    def close_editor(self):
        for old in dom.find_all("form.editor"):
            old._dom_element.remove()
        self.memory.edit(None, "")
        self.queue_panel.editing = None
        self.touch("editing-queue")
        self.composer.focus()
