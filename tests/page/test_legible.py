"""Text read from a picture must be told from nonsense, and no real sentence may count as
nonsense."""

import re
from pathlib import Path

import pytest

from oneseek.engine.core.collecting.quality import is_legible

ROOT = Path(__file__).parents[2]
MISREAD = [  # OCR of tilted, blurred or decorated pages
    "|l1 ~~ rn_ .,'k tE— 0Q",
    "nnrn IVl ¢#@ llI |] wvw tkl",
    "5a|tkr§k@n ~ b0@t l5 c~lled tl1e",
    "ﬂ— »~ ee e3 | : . j ¥ “s",
    "rNm tHgf xKj QwL pzT vBn",
    "e e e ' ~ Pn ; l l | i b",
]
READ = [
    "Räksmörgås på Östermalm.",
    "The lighthouse of Quillmere was built in 1871 by Ida Falk.",
    "It is 32 metres tall.",
    "Vad kostar en biljett? 45,50 kr.",
    "NATO and the EU met in Åbo.",
    "Å, vad det är varmt i dag!",
    "Kl. 14–16 är det öppet.",
    "Strength and rhythm.",
]


@pytest.mark.parametrize("text", MISREAD)
def test_misread_letters_are_no_lesson(text: str):
    assert not is_legible(text)


@pytest.mark.parametrize("text", READ)
def test_sentences_are(text: str):
    assert is_legible(text)


def test_no_sentence_of_the_readme_or_of_either_language_is_called_nonsense():
    prose = re.sub(r"    .*|`[^`]*`", "", (ROOT / "README.md").read_text())
    sentences = [s for s in re.split(r"(?<=[.!?])\s", prose) if len(s.split()) > 3]
    for language in ("en", "sv"):
        table = (ROOT / f"web/static/i18n/{language}.json").read_text()
        sentences += [s for s in re.findall(r'": "([^"]+)"', table) if len(s.split()) > 3]
    assert len(sentences) > 400
    filled = [re.sub(r"\{\w+\}", "seven", s) for s in sentences]
    wrong = [s for s in filled if not is_legible(s)]
    assert len(wrong) <= 0.01 * len(sentences), wrong
