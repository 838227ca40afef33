"""All parts of the page must agree about the model's state at any moment."""

import pytest

from builder import ROOT
from tests.support.page import in_micropython

CORE = [str(file.relative_to(ROOT)) for file in (ROOT / "engine/core").rglob("*.py")]

TRUTH = """
from oneseek.web.learning import learning_status

class Facts:
    def __init__(self, **facts):
        for name in facts:
            setattr(self, name, facts[name])

page = Facts(
    model=None, status=Facts(facts={"round": ""}), model_loader=Facts(busy=BUSY),
    choice=Facts(will_load=lambda: CHOSEN), training=None,
    teaching=Facts(queue=Facts(counts={"state": {}})),
)
print(learning_status.sentence(page), learning_status.no_lesson_now(page))
"""


@pytest.mark.parametrize(
    ("busy", "chosen", "said"),
    [
        (False, False, "activity.no_model"),
        (True, False, "learn.loading"),
        (False, True, "learn.loading"),  # it loads by itself once the engine is up
    ],
)
def test_nobody_is_told_to_choose_a_model_that_is_on_its_way(busy, chosen, said):
    beside = {"lib/words.py": "def t(key, **values):\n    return key\n"}
    program = f"BUSY, CHOSEN = {busy}, {chosen}\n{TRUTH}"
    assert run(program, "web/learning/learning_status.py", **beside).split() == [said, said]


LOADED = """
from oneseek.web.settings.choice import Choice

class Part:
    def __getattr__(self, name):
        return lambda *args, **named: told.append((name,) + args + tuple(named))

told, page = [], Part()
page.status = page.header = page.chat = page.presence = Part()

class Stored(Exception):
    pass

async def stored(**settings):
    print(told)
    raise Stored

page.set, page.settings, page.model = stored, {"model": ""}, None

class Loaded:
    model = "tiny"

try:
    Choice(page).on_loaded(Loaded(), True).send(None)  # to where it waits for the store
except Stored:
    pass
"""


def test_every_part_says_ready_before_anything_is_stored():
    beside = {
        "lib/dom.py": "def run(task):\n    task.close()\n",
        "lib/site.py": "def option(name):\n    return ''\n",
        "lib/words.py": "def t(key, **values):\n    return key\n",
        "learning/records.py": "",
    }
    told = run(LOADED, "web/settings/choice.py", **beside)
    assert "('know'," in told
    assert "('touch', 'model', 'tab')" in told


TAKEN_IN_MEANWHILE = """
from oneseek.web.learning.fact_memory import FactMemory

class Store:
    def __init__(self):
        self.held = {"facts": [], "meanings": []}

    async def all(self, name):
        return self.take_in(list(self.held[name]))

    async def keys(self, name):
        return self.take_in([key for key, _ in self.held[name]])

    async def get(self, name, key):
        return None

    def take_in(self, found):
        self.held["facts"] = [("1", {"also": (), "answer": "Your boat is called Vindil."})]
        self.held["meanings"] = [("tiny/1", {})]
        return found

class Part:
    records, store, model = {}, Store(), None
    model_id = lambda self: "tiny"
    watch = touch = lambda self, *topics: None

page = Part()
page.choice = Part()
memory = FactMemory(page, Part())
try:
    memory.read().send(None)
except StopIteration:
    pass
print(memory.is_forgotten("1"))
"""


def test_a_fact_that_is_taken_in_while_the_page_reads_is_none_that_was_forgotten():
    beside = {
        "lib/dom.py": "",
        "learning/records.py": "async def examples(store):\n    return []\n",
    }
    assert run(TAKEN_IN_MEANWHILE, "web/learning/fact_memory.py", *CORE, **beside) == "False"


DELETED_MEANWHILE = """
from oneseek.web.learning import records

class Store:
    async def keys(self, name):
        return ["run-1", "run-2", "run-3", "trainer"]

    async def get(self, name, key):
        return None if key == "run-2" else {"runId": key}

try:
    records.list_runs(Store(), 3).send(None)
except StopIteration as over:
    print([run["runId"] for run in over.value])
"""


def test_a_run_that_the_engine_deletes_while_the_page_reads_is_not_shown():
    assert run(DELETED_MEANWHILE, "web/learning/records.py", *CORE) == "['run-3', 'run-1']"


SILENT = """
import sys

class Event:
    def __init__(self):
        self.held = False

    def is_set(self):
        return self.held

    def set(self):
        self.held = True

    async def wait(self):
        pass

class Part:
    release = lambda self: None

async def js_import(path):
    return (lock,)

async def sleep(seconds):
    world.ticks += 1
    if world.ticks == 20:
        link.calls.clear()  # the long request is answered ...
    if world.ticks == 21:
        try:
            world.ping.send(None)  # ... and then whether it is there
        except StopIteration:
            pass
    if world.ticks == 24:
        print("alive")
        raise SystemExit

async def receive(text):
    return Alive(sent=0).to_text()

def create_task(task):
    world.ping = task

lock, world, pyscript, asyncio = Part(), Part(), Part(), Part()
lock.hold = lambda *of: Part()
world.ticks, pyscript.js_import = 0, js_import
asyncio.Event, asyncio.sleep, asyncio.create_task = Event, sleep, create_task
sys.modules["pyscript"], sys.modules["asyncio"] = pyscript, asyncio

from oneseek.engine.core.messages import Alive, Verify
from oneseek.web.shell.link import Call, Link

link = Link("engine")
link.channel, link.remote = Part(), Part()
link.channel.name, link.remote.receive = "engine-1", receive
link.calls.add(Call(Verify(version=1)))
try:
    link.until_silent().send(None)
except StopIteration:
    print("silent")
except SystemExit:
    pass
"""


def test_a_worker_that_has_just_answered_a_long_request_is_none_that_hangs():
    beside = {
        "lib/clock.py": "def now():\n    return 0\n",
        "lib/site.py": "def path(name):\n    return name\n",
    }
    assert run(SILENT, "web/shell/link.py", *CORE, **beside) == "alive"


def run(program: str, *paths: str, **beside: str) -> str:
    folders = ("", "lib/", "learning/", "settings/", "shell/")
    beside = {f"{folder}__init__.py": "" for folder in folders} | beside
    named = {f"oneseek/web/{name}": text for name, text in beside.items()}
    return in_micropython.run(program, *paths, **named)
