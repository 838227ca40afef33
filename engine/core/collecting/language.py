"""Which language a text is in, and which adapter answers it.

langdetect decides, with the Swedish and English profiles only and a fixed seed: more profiles make
it mistake Swedish for Danish, and without a seed it answers differently each time.  On the few
words it is unsure of, letters and function words help, then the language the chat had before.
"""

import re
from functools import cache
from pathlib import Path
from typing import Any

UNKNOWN = "und"
SURE = 0.9
FEW_WORDS = 3
LINE_OF = {"sv": "sv", "no": "sv", "nb": "sv", "nn": "sv", "da": "sv"}

_ADDRESS = re.compile(r"\b(?:https?://|www\.)\S+|\S+@\S+")
_WORD = re.compile(r"[^\W\d_]+")
_FUNCTION_WORDS = {
    "sv": "och att det som är jag du inte på med för av till den ett en om har hur vad var vem när "
    "varför kan ska vill min mitt din han hon vi ni de så men ja nej hej tack också",
    "en": "the and to of a in that is i you it not on with for as have how what where who when why "
    "can will my your he she we they this but so yes no hi hello thanks are do does please",
}
_WORDS_OF = {code: frozenset(words.split()) for code, words in _FUNCTION_WORDS.items()}


@cache
def _factory() -> Any:
    from langdetect.detector_factory import PROFILES_DIRECTORY, DetectorFactory

    factory = DetectorFactory()
    factory.seed = 0
    profiles = [Path(PROFILES_DIRECTORY, code) for code in ("sv", "en")]
    factory.load_json_profile([path.read_text(encoding="utf-8") for path in profiles])
    return factory


def probabilities(text: str) -> dict[str, float]:
    """What langdetect thinks, {} when the text gives it nothing to go by."""
    from langdetect.lang_detect_exception import LangDetectException

    detector = _factory().create()
    detector.append(text)
    try:
        return {found.lang: found.prob for found in detector.get_probabilities()}
    except LangDetectException:
        return {}


def hint(text: str) -> str:
    """A quick look at letters and function words; empty when they say nothing."""
    words = [word.lower() for word in _WORD.findall(text)]
    counts = {code: sum(word in known for word in words) for code, known in _WORDS_OF.items()}
    counts["sv"] += sum(any(letter in "åäö" for letter in word) for word in words)
    if counts["sv"] == counts["en"]:
        return ""
    return max(counts, key=lambda code: counts[code])


def detect(text: str, before: str = UNKNOWN) -> str:
    """`sv`, `en` or `und`; `before` is the language of the chat so far."""
    text = _ADDRESS.sub(" ", text)
    words = _WORD.findall(text)
    found = probabilities(text) if words else {}
    if not found:
        return UNKNOWN
    best = max(found, key=lambda code: found[code])
    if len(words) > FEW_WORDS and found[best] >= SURE:
        return best
    return hint(text) or (before if before in found or before in _WORDS_OF else best)


def line_for(language: str, available: set[str]) -> str:
    """The adapter that answers: sv, no, da -> sv, everything else en, generic when that is missing."""
    line = LINE_OF.get(language, "en")
    return line if line in available else "generic"
