"""What the parts of the page say of the model at one moment agree."""

import pytest

from tests.support.page import in_micropython

TRUTH = """
from oneseek.web.learning import learning_status

class Facts:
    def __init__(self, **facts):
        for name in facts:
            setattr(self, name, facts[name])

page = Facts(
    model=None, status=Facts(facts={"round": ""}), first_run=Facts(busy=BUSY),
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
        (False, True, "learn.loading"),  # it loads by itself as soon as the engine is up
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
        "lib/overlay.py": "def close_all():\n    pass\n",
        "lib/site.py": "def option(name):\n    return ''\n",
        "lib/words.py": "def t(key, **values):\n    return key\n",
        "learning/records.py": "",
    }
    told = run(LOADED, "web/settings/choice.py", **beside)
    assert "('know'," in told
    assert "('touch', 'model', 'tab')" in told


def run(program: str, *paths: str, **beside: str) -> str:
    folders = ("", "lib/", "learning/", "settings/")
    beside = {f"{folder}__init__.py": "" for folder in folders} | beside
    named = {f"oneseek/web/{name}": text for name, text in beside.items()}
    return in_micropython.run(program, *paths, **named)
