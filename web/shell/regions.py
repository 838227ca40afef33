"""Puts the parts of the page together and fills them from the store."""

import asyncio

import js
from pyscript import document

from oneseek.engine.core.queue.training_queue import TrainingQueue
from oneseek.engine.core.storage.store import BrowserStore
from oneseek.web.chat.chat import Chat
from oneseek.web.chat.compare import Compare
from oneseek.web.chat.composer import Composer
from oneseek.web.chat.conversations import Conversations
from oneseek.web.chat.editors import Editors
from oneseek.web.chat.long_message import LongMessage
from oneseek.web.chat.pictures import Pictures
from oneseek.web.chat.reading_position import ReadingPosition
from oneseek.web.chat.source_chat import SourceChat
from oneseek.web.chat.voice import Voice
from oneseek.web.chat.welcome import Install, Story
from oneseek.web.intake.sources import Intake
from oneseek.web.learning.fact_memory import FactMemory
from oneseek.web.learning.learning_controller import LearningController
from oneseek.web.learning.note import Notes
from oneseek.web.learning.outcomes import Outcomes
from oneseek.web.learning.panels.activity import Activity
from oneseek.web.learning.panels.memory import Memory
from oneseek.web.learning.panels.queue import QueuePanel
from oneseek.web.learning.panels.runs import TrainingRuns
from oneseek.web.learning.panels.sources import Sources
from oneseek.web.learning.panels.tabs import Tabs
from oneseek.web.learning.panels.taste import TastePanel
from oneseek.web.learning.panels.versions import Versions
from oneseek.web.learning.presence import Presence
from oneseek.web.learning.rebuild_notice import RebuildNotice
from oneseek.web.learning.skills.example_grid import ExampleGrid
from oneseek.web.learning.skills.skill_list import SkillList
from oneseek.web.learning.speed import Speed
from oneseek.web.learning.taste import Taste
from oneseek.web.learning.teaching import Teaching
from oneseek.web.learning.training import Training
from oneseek.web.lib import clicks, clock, dom, markdown, overlay, site
from oneseek.web.lib.words import choose_language, t
from oneseek.web.settings.choice import Choice
from oneseek.web.settings.exchange import Exchange
from oneseek.web.settings.model_list import ModelList
from oneseek.web.settings.model_loader import ModelLoader
from oneseek.web.settings.own_models import OwnModels
from oneseek.web.settings.packing import Packer
from oneseek.web.settings.remote_models import RemoteModels
from oneseek.web.settings.settings import SettingsDialog
from oneseek.web.shell import verbs
from oneseek.web.shell.frame import MIDDLE, Aside, Header
from oneseek.web.shell.page import Page
from oneseek.web.shell.shortcuts import Shortcuts
from oneseek.web.shell.status import Status


async def start(app, opening):
    """Fill the page from the store, so that it reacts before the workers are ready."""
    await t.use(choose_language())  # while the store is opened
    page = app.page = Page(app, BrowserStore(await opening))
    await page.load_settings()
    if page.settings["language"] not in ("", t.language):
        await t.use(page.settings["language"])
    dom.start(page.complain)
    overlay.start()
    clicks.start()
    put_together(page)
    verbs.register(page)
    document.documentElement.setAttribute("data-listens", "true")  # for web/static/start.js
    await fill(page)
    press_again()
    return page


def put_together(page):
    """Create every part, in the order in which they need each other."""
    queue = TrainingQueue(clock.now)
    page.status = Status(page)
    page.choice = Choice(page)
    page.header = Header(page, queue)
    page.aside = Aside(page)
    page.editors = Editors(page)
    page.model_loader = ModelLoader(page)
    page.remote_models = RemoteModels(page)
    page.model_list = ModelList(page)
    page.own_models = OwnModels(page)
    page.packer = Packer(page)
    page.install = Install(page)
    page.speed = Speed(page)
    page.teaching = Teaching(page, queue)
    page.taste = Taste(page)
    page.training = Training(page, queue)
    page.presence = Presence(page, page.training)
    page.learning = LearningController(page, page.training)
    page.fact_memory = FactMemory(page, queue)
    page.rebuild_notice = RebuildNotice(page)
    page.source_chat = SourceChat(page)
    page.pictures = Pictures(page)
    page.chat = Chat(page)
    page.composer = Composer(page, page.chat)
    page.long_message = LongMessage(page)
    page.reading_position = ReadingPosition(page, page.chat)
    page.voice = Voice(page)
    page.conversations = Conversations(page, page.chat)
    page.memory = Memory(page, queue)
    page.notes = Notes(page, queue)
    page.outcomes = Outcomes(page)
    page.story = Story(page, queue)
    page.versions = Versions(page)
    page.queue_panel = QueuePanel(page, queue)
    page.intake = Intake(page)
    panels = (page.memory, Activity(page), Sources(page, page.intake), page.versions)
    page.tabs = Tabs(page, panels)
    page.settings_dialog = SettingsDialog(page)
    page.exchange = Exchange(page)
    page.compare = Compare(page)
    page.training_runs = TrainingRuns(page)
    page.taste_panel = TastePanel(page)
    page.skill_list = SkillList(page)
    page.example_grid = ExampleGrid(page)
    page.shortcuts = Shortcuts(page)
    page.watch(page.settings_dialog.apply, "settings")


async def fill(page):
    """Show what is stored: chats, settings, queue, and the chat that was open last."""
    page.settings_dialog.apply()
    page.tabs.open(page.settings["tab"])
    read = (
        page.aside.settle,
        page.teaching.load,
        page.fact_memory.read,
        page.speed.load,
        page.packer.load,
        page.model_loader.load_registry,
    )
    shown = (page.choice.read_version, lambda: open_last_chat(page), page.conversations.load)
    # A part that fails says so, and the page starts without it.
    for part in [asyncio.create_task(dom.guard(part())) for part in read]:
        await part
    for part in shown:
        await dom.guard(part())
    if page.store.lost:
        page.status.know(storage_lost=True)
    page.status.know(online=js.navigator.onLine)
    page.touch("words", "tab")
    page.begin()
    if site.option("tab"):
        page.aside.show(site.option("tab"))
    if not js.matchMedia(MIDDLE).matches:
        dom.offer_focus(page.composer.field)


def press_again():
    """Click the button that was pressed too early for the page, kept by web/static/start.js."""
    if not dom.is_none(js.pressedEarly):
        js.pressedEarly.click()


async def open_last_chat(page):
    opened = await page.store.get("settings", "open-chat")
    if opened:
        await dom.guard(markdown.load())
    await page.conversations.show(opened["id"] if opened else "")
    await page.reading_position.restore()
