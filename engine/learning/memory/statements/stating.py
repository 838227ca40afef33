"""The probabilities that a text states something of the person's own, and that it asks for that:
logistic regressions over the embedding of the text, the mean of a middle layer, and features of its
words.

Stories, jokes, roles, quotations and suppositions speak of "me" and "my" as well, so there are
features of them too. tests/golden/weigh_stating.py fits the weights (stating.json, asking.json) on
texts that were written for it.
"""

from __future__ import annotations

import functools
import json
import math
import re
from pathlib import Path

import numpy as np

WEIGHTS, ASKS = (Path(__file__).with_name(f"{name}.json") for name in ("stating", "asking"))
LONG = 300  # characters
SIGNS = {
    "supposed": r"\b(?:suppos\w+|imagine|pretend|assum\w+|let'?s say|say (?:i|my|we)|what if|"
    r"hypothetical\w*|for the sake of|asking for|anta|antag|tänk om|tänk dig|låtsas|föreställ|"
    r"säg att|hypotetiskt|vi leker|låt oss leka|låt säga)\b|^(?:if|om)\b",
    "told": r"\b(?:once upon|long ago|there once|chapter|kapitel|story|det var en gång|"
    r"för länge sedan|sagan?|berättelse\w*|novel|my (?:main )?character\w*|hero(?:ine)?|narrator|"
    r"huvudperson\w*|prin(?:ce|cess)\w*|dragon|knight|wizard|king|troll\w*|kung\w*|riddare|drake)\b",
    "joked": r"\b(?:joke|knock knock|lol|haha\w*|ba ?dum|badabing|walks into|what do you call|"
    r"why d(?:o|id)n?'?t? the|skämt|alla barnen|vad sa)\b|[😂🥁🤣]",
    "played": r"\b(?:you are|you're|youre|you be|act as|role ?play|play(?:ing)? (?:a|the|my)|"
    r"in (?:this|the) (?:game|story|film|movie|book|adventure)|du är|rollspel|"
    r"i (?:spelet|sagan|berättelsen|filmen|boken|det här äventyret)|from now on you)\b",
    "quoted": r"[\"“”«»]|(?:^|\s)'\w|\w'(?:\s|$|[,.?])",
    "handed": r"\b(?:summari[sz]e|translate|proofread|article|press release|headline|sammanfatta|"
    r"översätt|pressmeddelande|artikeln?|korrläs|rätta|lyrics|låttext|poem|dikt|quote|paraphrase|"
    r"re(?:word|phrase|write)|formulera om|convert|turn|sort|continue|fortsätt|carry on|go on)\b",
    "known": r"\b(?:apparently|they say|i read|i heard|did you know|fun fact|tydligen|sägs|"
    r"jag läste|hörde att|de säger)\b",
    "asked": r"\?\s*$",
    "me": r"\b(?:i|i'm|im|i've|ive|i'd|i'll|me|jag|mig)\b",
    "mine": r"\b(?:my|our|ours|mine|min|mitt|mina|vår|vårt|våra)\b",
    "we": r"\b(?:we|we're|us|vi|oss)\b",
    "goes_on": r"^(?:he|she|so|and|then|han|hon|så|och|there|it|det)\b",
    "number": r"\d",
    "name": r"(?<=\w )(?-i:[A-ZÅÄÖ][a-zåäö]+)",
    "day": r"\b(?:today|tomorrow|yesterday|tonight|monday|tuesday|wednesday|thursday|friday|"
    r"saturday|sunday|next|last|idag|igår|imorgon|måndag\w*|tisdag\w*|onsdag\w*|torsdag\w*|"
    r"fredag\w*|lördag\w*|söndag\w*|nästa|förra|jan\w*|feb\w*|march|april|june|july|aug\w*|"
    r"sept\w*|oct\w*|nov\w*|dec\w*)\b",
    "ordered": r"^(?:write|draft|make|give|list|explain|tell|help|can you|could you|please|skriv|"
    r"gör|ge|lista|förklara|berätta|hjälp|kan du|hitta på|invent|create|fix|check|kolla)\b",
    "begun_as_joke": r"\b(?:i used to|my wife (?:says|told)|min fru (?:säger|sa)|"
    r"my (?:doctor|boss|mother in law))\b",
    "who_said": r"\b(?:who|which|what) (?:wrote|sang|sings|said|film|song|movie|band|poet)\b|"
    r"\b(?:vem|vilken|vilka) (?:skrev|sjunger|sa|film|låt)\b",
}
FORMS = {name: re.compile(form, re.I) for name, form in SIGNS.items()}


def signs(text: str) -> list[float]:
    """The features of the words of a text, each 0 or 1, and of its length."""
    text = text.strip()
    return [*(float(bool(form.search(text))) for form in FORMS.values()), length(text)]


def length(text: str) -> float:
    return min(len(text), LONG) / LONG


def extract_features(whole: np.ndarray, text: str) -> np.ndarray:
    """All features of a text whose embedding is `whole`."""
    return np.concatenate([whole, np.array(signs(text), np.float32)])


class Weights:
    """A fitted logistic regression: the weight of each feature, and the bias."""

    def __init__(self, fitted: dict) -> None:
        self.each, self.alone = np.array(fitted["each"], np.float32), float(fitted["alone"])

    def likely(self, whole: np.ndarray, text: str) -> float:
        return self.weigh(extract_features(whole, text))

    def weigh(self, features: np.ndarray) -> float:
        """The probability by these features."""
        nats = float(self.each @ features) + self.alone
        return 1 / (1 + math.exp(-max(-50.0, min(50.0, nats))))


@functools.cache
def load_weights(path: Path = WEIGHTS) -> Weights:
    return Weights(json.loads(path.read_text()))
