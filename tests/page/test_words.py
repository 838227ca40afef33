"""The interface must have every text in both languages, and no text that is never shown."""

import json
import re
from pathlib import Path

import pytest

from oneseek.engine.core.messages import Device
from tests.support.page import in_micropython

WEB = Path(__file__).parents[2] / "web"
TABLES = {code: json.loads((WEB / f"static/i18n/{code}.json").read_text()) for code in ("sv", "en")}
SOURCES = {
    path.relative_to(WEB).as_posix(): path.read_text()
    for path in sorted([*WEB.rglob("*.py"), *WEB.rglob("*.html")])
}
KEY = re.compile(r'"([a-z_]+[a-z0-9_-]*(?:\.[a-z0-9_-]+)+|[a-z_]+)"')


def keys_named() -> tuple[set[str], set[str]]:
    """Keys written out in the sources, and prefixes that are completed with a value."""
    whole, beginnings = set(), set()
    for text in SOURCES.values():
        whole |= set(re.findall(r'data-i18n(?:-label|-placeholder)?="([^"]+)"', text))
        whole |= set(KEY.findall(text))
        beginnings |= set(re.findall(r'"([a-z_]+\.(?:[a-z0-9_]+_)?)(?:%s[a-z_]*)?"', text))
        beginnings |= {found + "." for found in re.findall(r'"([a-z_]+)\.%[sd]', text)}
        beginnings |= set(re.findall(r'"([a-z_]+\.[a-z_]+)%[sd]', text))
    return whole, beginnings


def test_both_languages_have_the_same_keys_and_the_same_values_to_fill_in():
    assert TABLES["sv"].keys() == TABLES["en"].keys()
    for key in TABLES["en"]:
        swedish, english = TABLES["sv"][key], TABLES["en"][key]
        assert isinstance(swedish, dict) == isinstance(english, dict), key
        filled = [set(re.findall(r"\{(\w+)\}", json.dumps(text))) for text in (swedish, english)]
        assert filled[0] == filled[1], key
        if isinstance(english, dict):
            assert swedish.keys() == english.keys() == {"one", "other"}, key


@pytest.mark.parametrize("name", [n for n in SOURCES if n.endswith(".html")])
def test_every_word_the_markup_names_is_there(name):
    named = set(re.findall(r'data-i18n(?:-label|-placeholder)?="([^"]+)"', SOURCES[name]))
    assert named <= TABLES["en"].keys()


def test_every_key_a_part_asks_for_is_there():
    for name, text in SOURCES.items():
        text = re.sub(r'""".*?"""', "", text, flags=re.S)
        for key in re.findall(r'\bt\(\s*"([^"]+)"\s*[,)]', text):
            assert key in TABLES["en"], f"{name} says {key}, which has no words"


def test_no_words_are_left_over():
    whole, beginnings = keys_named()
    unused = [
        key
        for key in TABLES["en"]
        if key not in whole and not any(key.startswith(one) for one in beginnings)
    ]
    assert not unused


def test_no_sentence_is_empty_or_left_untranslated():
    same = {key for key in TABLES["en"] if TABLES["en"][key] == TABLES["sv"][key]}
    assert all(TABLES["en"].values())
    assert all(len(str(TABLES["en"][key]).split()) < 4 for key in same), same


def test_every_reason_for_what_is_computed_on_has_words():
    assert {f"device.{why}" for why in Device.WHY} <= TABLES["en"].keys()


STAGE = """
from oneseek.web.learning.panels import events
print(events.describe({"kind": "stage1_complete", "data": DATA}, {}, True))
"""
PLAIN = """
class T:
    def __call__(self, key, **values):
        found = TABLE[key]
        if isinstance(found, dict):
            found = found["one" if values["n"] == 1 else "other"]
        for name in values:
            found = found.replace("{%s}" % name, str(values[name]))
        return found
    def has(self, key):
        return key in TABLE
    def number(self, value, digits=0):
        return "%.*f" % (digits, value)
    def said(self, text):
        return text
t = T()
"""


@pytest.mark.parametrize("language", TABLES)
def test_a_stage_is_told_with_its_question_and_its_reason(language):
    data = {
        "question": "Vem grävde brunnen?",
        "outcome": "weakened",
        "reason": "leak is 0.25, must be <= 0.13",
        "version": "v0.1",
    }
    folders = ("", "lib/", "learning/", "learning/panels/")
    beside = {f"oneseek/web/{one}__init__.py": "" for one in folders}
    beside |= {"oneseek/web/lib/dom.py": "", "oneseek/web/learning/records.py": ""}
    beside["oneseek/web/lib/words.py"] = f"TABLE = {TABLES[language]!r}\n{PLAIN}"
    said = in_micropython.run(
        f"DATA = {data!r}\n{STAGE}",
        "web/learning/panels/events.py",
        "web/learning/verdict.py",
        **beside,
    )
    wanted = ("Vem grävde brunnen?", "0.25", "0.13", TABLES[language]["outcome.weakened"])
    assert all(one in said for one in wanted), said
    assert language == "en" or not re.search(r"\b(leak|must|weakened)\b", said), said


VERDICTS = """
from oneseek.web.learning import verdict
from oneseek.web.lib import words
def wait_for(coroutine):
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
for table in TABLES:
    words.TABLE = table
    print(verdict.describe_warnings(VERSION))
    print(wait_for(verdict.describe_attempt(None, REFUSED)))
    print(*verdict.faults(REFUSED["body"]["gate"]))
    print(verdict.next_step(REFUSED))
    print(*[verdict.limit(one["limit"]) for one in REFUSED["body"]["gate"]["measures"]], sep="; ")
"""
FAILED = [
    {"name": "leak", "limit": "<= 0.13", "ok": False, "detail": ["What is my dog called?"]},
    {"name": "known facts lost", "limit": "0", "ok": False, "detail": ["What is ice made of?"]},
]
MISSED = [
    {"name": "taught", "limit": ">= 0.98, was 1.00", "ok": False, "detail": []},
    {"name": "recall", "limit": ">= 0.66 in wordings never trained", "ok": False, "detail": []},
]
TOLD = """\
Used with 2 warnings: It began to give the taught answer to other questions too, such as \
“What is my dog called?” It forgot something it knew: “What is ice made of?”
The practice of everything you taught it was tried and is not used.
It did not know what it was taught. Asked in other words, it did not know it.
What it knew before is as it was. It tries again after the next things you teach it.
at least 0.98, was 1.00; at least 0.66 in wordings never trained
Används med 2 varningar: Den började ge det inlärda svaret också på andra frågor, som \
”What is my dog called?” Den glömde något den visste: ”What is ice made of?”
Övningen på allt du lärt den prövades och används inte.
Den kunde inte det den fått lära sig. När frågan ställdes på ett annat sätt kunde den inte svaret.
Det den kunde förut är som det var. Den försöker igen när du har lärt den något mer.
minst 0.98, var 1.00; minst 0.66 i ordalydelser som aldrig övats
"""


def test_warnings_and_refusals_are_told_in_words_of_either_language():
    version = {"gate": {"accepted": True, "measures": FAILED}}
    gate = {"accepted": False, "reason": "taught is 0, must be >= 0.98", "measures": MISSED}
    refused = {"body": {"kind": "practice", "lessons": [], "gate": gate}}
    tables = [TABLES["en"], TABLES["sv"]]
    beside = {f"oneseek/web/{one}__init__.py": "" for one in ("", "lib/", "learning/")}
    engine = ("", "core/", "core/exchange/")
    beside |= {f"oneseek/engine/{one}__init__.py": "" for one in engine}
    beside |= {"oneseek/engine/core/exchange/entries.py": "DATA_SET = None"}
    beside |= {"oneseek/engine/core/next_work.py": "rounds_away = None"}
    beside |= {"oneseek/web/lib/dom.py": "", "oneseek/web/lib/words.py": PLAIN}
    said = in_micropython.run(
        f"TABLES, VERSION, REFUSED = {tables!r}, {version!r}, {refused!r}\n{VERDICTS}",
        "web/learning/verdict.py",
        "web/learning/records.py",
        **beside,
    )
    assert said.splitlines() == TOLD.splitlines()


SPEEDS = """
from oneseek.web.lib.words import t
t.number = lambda value, digits=0: "%.*f" % (digits, value)
t.tables = {"en": {"chat.speed": "{rate} tokens/s"}}
from oneseek.web.chat import message
for rate, tokens in ((14.2, 40), (1.84, 40), (0.04, 40), (0.04, 3), (0.0, 1)):
    shown = message._speed({"tokens_per_second": rate, "tokens": tokens})
    print(shown[0] if shown else "nothing")
"""


def test_a_speed_is_told_with_two_figures_or_not_at_all():
    stubs = {
        f"oneseek/web/{name}.py": ""
        for name in ("chat/pictures", "chat/source_chat", "chat/provenance", "lib/markdown")
    }
    stubs |= {f"oneseek/web/{one}__init__.py": "" for one in ("", "lib/", "chat/")}
    stubs |= {f"oneseek/web/lib/{name}.py": "" for name in ("clock", "site")}
    stubs["oneseek/web/lib/dom.py"] = "def make(tag, *children, **more):\n    return children\n"
    stubs |= {"pyscript/__init__.py": "document = None\n", "pyscript/ffi.py": "to_js = None\n"}
    stubs |= {"oneseek/engine/core/sentences.py": "translate = None\n"}
    stubs |= {f"oneseek/engine/{one}__init__.py": "" for one in ("", "core/")}
    said = in_micropython.run(SPEEDS, "web/chat/message.py", "web/lib/words.py", **stubs)
    wanted = ["14 tokens/s", "1.8 tokens/s", "0.04 tokens/s", "nothing", "nothing"]
    assert said.splitlines() == wanted
