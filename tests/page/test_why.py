"""Who is said to have told what an answer used."""

import json

import pytest

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
SAYS = """
from oneseek.web.chat import provenance
print(provenance.by({"by": BY, "version": "v0.1", "facts": [{"source": one} for one in SOURCES]}))
"""
MANUAL = {"kind": "import", "title": "The manual"}


@pytest.mark.parametrize(
    ("by", "sources", "said"),
    [
        ("heart", [{"kind": "chat"}], "By heart: you told it"),
        ("heart", [MANUAL], "By heart: it stands in “The manual”"),
        ("heart", [MANUAL, {"kind": "told"}], "By heart: you told it"),
        ("version", [MANUAL], "Learned, in v0.1: it stands in “The manual”"),
    ],
)
def test_what_a_source_says_is_not_said_to_be_told(by, sources, said):
    assert run_provenance(f"BY, SOURCES = {by!r}, {sources!r}\n{SAYS}") == said


@pytest.mark.parametrize(
    ("turn", "name"),
    [
        ({"facts": [MANUAL], "by": "version"}, "memory"),
        ({"quotes": {"title": "The manual"}, "facts": []}, "document"),
        ({"skill": "orders", "facts": []}, "skill"),
        ({"by": "taste", "facts": []}, "taste"),
        ({"version": "v0.3", "by": "version", "facts": []}, "model"),
        ({}, "model"),  # of an earlier page, which kept no facts
    ],
)
def test_a_chip_says_who_speaks(turn, name):
    program = f"from oneseek.web.chat import provenance\nprint(provenance.speaker({turn!r}))"
    assert run_provenance(program) == name


def run_provenance(program: str) -> str:
    beside = {"lib/dom.py": "", "lib/words.py": WORDS, "lib/__init__.py": ""}
    beside |= {"__init__.py": "", "chat/__init__.py": ""}
    beside = {f"oneseek/web/{name}": text for name, text in beside.items()}
    return in_micropython.run(program, "web/chat/provenance.py", **beside).strip()
