"""The interface says everything in both languages, and nothing it says is never said."""

import json
import re
from pathlib import Path

import pytest

from oneseek.engine.core.messages import Device

WEB = Path(__file__).parents[2] / "web"
TABLES = {code: json.loads((WEB / f"static/i18n/{code}.json").read_text()) for code in ("sv", "en")}
SOURCES = {
    path.relative_to(WEB).as_posix(): path.read_text()
    for path in sorted([*WEB.rglob("*.py"), *WEB.rglob("*.html")])
}
KEY = re.compile(r'"([a-z_]+[a-z0-9_-]*(?:\.[a-z0-9_-]+)+|[a-z_]+)"')


def keys_named() -> tuple[set[str], set[str]]:
    """Keys written out in the sources, and beginnings that a value is added to."""
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
