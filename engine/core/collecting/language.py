"""Detects the language of a text, and chooses the adapter that answers it.

langdetect decides alone about long texts: with the Swedish and English profiles only and a fixed
seed, since more profiles make it mistake Swedish for Danish and without a seed it answers
differently each time. In a short text it is one vote beside the function words
(engine/core/collecting/hint.py), the chat so far and the person's setting; words in a name count
little. The other profiles are used only where neither language's words are found.
"""

import re
from functools import cache
from pathlib import Path
from typing import Any

from oneseek.engine.core.collecting.hint import names_in, verdict, votes, words_of

UNKNOWN = "und"
OWN = ("sv", "en")
OTHERS = (
    "da",
    "no",
    "de",
    "nl",
    "fr",
    "es",
    "it",
    "pt",
    "pl",
    "fi",
    "ru",
    "uk",
    "ar",
    "zh-cn",
    "ja",
)
SURE = 0.9
LONG = 12  # words from which langdetect alone decides
FULL = 4  # words from which its vote weighs as much as a function word
ENOUGH = 4  # words from which it may tell a language that is neither
LINE_OF = {"sv": "sv", "no": "sv", "nb": "sv", "nn": "sv", "da": "sv"}

_ADDRESS = re.compile(r"\b(?:https?://|www\.)\S+|\S+@\S+")
_LATIN = "\u024f"  # the last letter of Latin script, near enough


@cache
def _factory(codes: tuple[str, ...]) -> Any:
    """Return langdetect with the profiles of these languages."""
    from langdetect.detector_factory import PROFILES_DIRECTORY, DetectorFactory

    factory = DetectorFactory()
    factory.seed = 0
    paths = [Path(PROFILES_DIRECTORY, code) for code in codes]
    factory.load_json_profile([path.read_text(encoding="utf-8") for path in paths])
    return factory


def probabilities(text: str, codes: tuple[str, ...] = OWN) -> dict[str, float]:
    """Return langdetect's probabilities, {} when the text gives it nothing to go by."""
    from langdetect.lang_detect_exception import LangDetectException

    detector = _factory(codes).create()
    detector.append(text)
    try:
        return {found.lang: found.prob for found in detector.get_probabilities()}
    except LangDetectException:
        return {}


def detect(text: str, before: str = UNKNOWN, setting: str = UNKNOWN) -> str:
    """Return `sv`, `en`, another language's code or `und`; `before` is the language of the chat so
    far, `setting` the one the person reads the page in."""
    text = _ADDRESS.sub(" ", text)
    words = words_of(text)
    if not words:
        return UNKNOWN
    found = votes(text)
    if other := _neither(text, found, len(words)):
        return other
    thinks = probabilities(text) if len(words) >= LONG else {}
    sure = [code for code in thinks if thinks[code] >= SURE]
    if sure:
        return sure[0]
    named = zip(words, names_in(words), strict=True)
    plain = [word for (word, _, quoted), in_name in named if not (quoted or in_name)]
    thinks = probabilities(" ".join(plain))
    for code in thinks:
        found[code] = found.get(code, 0) + thinks[code] * min(1.0, len(plain) / FULL)
    return verdict(found, before, setting) or UNKNOWN


def _neither(text: str, found: dict[str, float], words: int) -> str:
    """The code of a language that is neither Swedish nor English, or nothing."""
    letters = [letter for letter in text if letter.isalpha()]
    if sum(letter > _LATIN for letter in letters) > len(letters) / 2:
        thinks = probabilities(text, OWN + OTHERS)
        return max(thinks, key=lambda code: thinks[code], default=UNKNOWN)
    told = verdict(found)
    if told and told not in OWN:
        return told
    if words < ENOUGH or any(found.get(code) for code in OWN):
        return ""
    thinks = probabilities(text, OWN + OTHERS)
    return next((c for c, sure in thinks.items() if sure >= SURE and c not in OWN), "")


def line_for(language: str, available: set[str]) -> str:
    """Return the adapter that answers: sv for sv, no and da, en for everything else, generic when
    that is missing."""
    line = LINE_OF.get(language, "en")
    return line if line in available else "generic"
