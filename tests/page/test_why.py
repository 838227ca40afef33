"""The attribution of an answer: who spoke, and who told the facts."""

import json

from builder import ROOT
from tests.support.page import in_micropython

ENGLISH = json.loads((ROOT / "web/static/i18n/en.json").read_text())
WORDS = f"""
TABLE = {ENGLISH!r}
def t(key, **values):
    found = TABLE[key]
    for name in values:
        found = found.replace("{{%s}}" % name, values[name])
    return found
"""
MANUAL = {"kind": "import", "title": "The manual"}
GUIDE = {"kind": "import", "title": "The guide"}


def test_what_a_source_says_is_not_said_to_be_told():
    cases = [
        ("heart", [{"kind": "chat"}], "By heart: you told it"),
        ("heart", [MANUAL], "By heart: it stands in “The manual”"),
        ("heart", [MANUAL, GUIDE, MANUAL], "By heart: it stands in “The manual, The guide”"),
        ("heart", [MANUAL, {"kind": "told"}], "By heart: you told it"),
        ("version", [MANUAL], "Learned, in v0.1: it stands in “The manual”"),
    ]
    turns = [
        {"by": by, "version": "v0.1", "facts": [{"source": one} for one in sources]}
        for by, sources, _ in cases
    ]
    assert ask_provenance("by", turns) == [said for *_, said in cases]


def test_a_chip_says_who_speaks():
    cases = [
        ({"facts": [MANUAL], "by": "version"}, "memory"),
        ({"quotes": {"title": "The manual"}, "facts": []}, "document"),
        ({"skill": "orders", "facts": []}, "skill"),
        ({"by": "taste", "facts": []}, "taste"),
        ({"version": "v0.3", "by": "version", "facts": []}, "model"),
        ({}, "model"),  # from an earlier version of the page, which stored no facts
    ]
    turns = [turn for turn, _ in cases]
    assert ask_provenance("speaker", turns) == [name for _, name in cases]


def ask_provenance(function: str, turns: list[dict]) -> list[str]:
    """The attribution of each turn of a chat."""
    program = f"""from oneseek.web.chat import provenance
for turn in {turns!r}:
    print(provenance.{function}(turn))"""
    beside = {"lib/dom.py": "", "lib/words.py": WORDS, "lib/__init__.py": ""}
    beside |= {"__init__.py": "", "chat/__init__.py": ""}
    beside = {f"oneseek/web/{name}": text for name, text in beside.items()}
    return in_micropython.run(program, "web/chat/provenance.py", **beside).splitlines()
