"""Writes out a question that refers to the message before it: "how old is she?" after "my wife
Ingrid ..." asks how old my wife Ingrid is."""

from __future__ import annotations

import re

LONGEST = 12  # words of a question that leaves something out, at most
NAME = r"[A-ZÅÄÖÉ][\w’'-]*[^\W\d_]"
ASKS = re.compile(
    r".*\?\W*$|(?:what|who|whose|where|when|why|how|which|is|are|was|were|does|do|did|has|have|can|"
    r"will|vad|vem|vems|var|när|varför|hur|vilken|vilket|vilka|är|har|kan|ska)\b",
    re.I | re.S,
)
MY = r"(?i:my|our|min|mitt|vår|vårt)"
OWN = re.compile(rf"\b{MY} [^\W\d_]+(?: {NAME})?")
NAMED = re.compile(rf"(?<=\S )(?<![.!?] ){NAME}")
HE = re.compile(r"\b(?:he|she|him|han|hon|honom|henne)\b|\bher\b(?!\s+\w)", re.I)
HIS = re.compile(r"\b(?:his|her|hans|hennes)\b(?=\s+\w)", re.I)
SHORT_FOR = re.compile(r"\b(he|she)[’']s\b", re.I)
WAS_IT = re.compile(  # asks what a thing of the message before it was
    r"(?:and |so |och |men )?(?:what|how much|how many|when|where|which|who|vad|hur mycket|när|var|"
    r"vilken|vem) (?:was|were|did|var) (?P<it>it|that|they|det|den) "
    r"(?:before|earlier|originally|until then|used to be|före det|förut|tidigare|innan)\W*",
    re.I,
)
AND = re.compile(
    r"(?:(?:and|but|och|men) (?:what about |how about )?|what about |how about |hur är det med )"
    r"(?P<whose>[^?,.]+?)(?:[’']s)?\s*\?+",
    re.I,
)
OF = re.compile(rf"\b{MY} [^\W\d_]+?(?: {NAME})?[’']?s(?= \w)")
MINE = re.compile(r"(?:mine|me|min|mitt|mina|mig|jag)", re.I)
ANOTHER = re.compile(rf"(?:{MY} )?\w+")


def in_full(question: str, before: str) -> str:
    """The question with words of the message before it in place of what refers to them; unchanged
    if nothing there fits."""
    question = question.strip()
    if not before or len(question.split()) > LONGEST or not ASKS.match(question):
        return question
    if found := AND.fullmatch(question):
        if full := of_another(before, found["whose"].strip()):
            return full
    if (own := OWN.search(before)) and (was := WAS_IT.fullmatch(question)):
        return f"{question[: was.start('it')]}{own[0]}{question[was.end('it') :]}"
    if OWN.search(question) or not (HE.search(question) or HIS.search(question)):
        return question
    if not (who := person_in(before)):
        return question
    plain = SHORT_FOR.sub(r"\1 is", question)
    return HE.sub(who, HIS.sub(f"{who}{genitive(who)}", plain))


def person_in(message: str) -> str:
    """The person that a message is about: a relative or friend of one's own, or else a name; empty
    if there is neither."""
    own = [found[0] for found in OWN.finditer(message)]
    named = [found[0] for found in NAMED.finditer(message)]
    who = re.sub(r"[’']s$", "", (own or named or [""])[-1])
    return who[:1].lower() + who[1:] if own else who


def genitive(who: str) -> str:
    swedish = who.lower().startswith(("min ", "mitt ", "vår ", "vårt "))
    return ("" if who.endswith("s") else "s") if swedish else "'s"


def of_another(before: str, whose: str) -> str:
    """The question before, asked about somebody else; empty if it has no owner to replace."""
    if not before.rstrip().endswith("?") or not (found := OF.search(before)):
        return ""
    if MINE.fullmatch(whose):
        own = found[0].split()[0]
        return f"{before[: found.start()]}{own}{before[found.end() :]}"
    if not ANOTHER.fullmatch(whose):
        return ""
    return f"{before[: found.start()]}{whose}{genitive(found[0])}{before[found.end() :]}"
