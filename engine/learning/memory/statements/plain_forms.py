"""The plainest things that people say of themselves, and the plainest questions for them: a name,
an age, a height, a birthday, a home, a job. *My name is Jonas and I live in Malmö* answers *what's
my name?*, whatever else the sentence holds; and what is said of Birgitta answers *who is
Birgitta?*."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable

I = r"(?:i|we|jag|vi)"  # noqa: E741
WERE = r"(?: (?:just|recently|now|nyss|precis|nu))?"
AM = r"(?:i'?m|i am|jag är)"
A_NAME = r"(?-i:[A-ZÅÄÖ][\w-]+)"
TEACH = rf"{I} (?:teach|undervisar)"
A_JOB = (
    r"(?:an? |en )?(?:[\w-]+ ){0,2}(?!member|medlem)"
    r"(?:\w{3,}(?:er|or|ist|ian|are|ör|man)|nurse|chef|cook|vet|\w*sköterska|kock)"
)
SAYS = {
    "name": rf"^(?:hi|hello|hey|hej|hallå)\b[ ,!]*(?:there|där)?[ ,!]*{AM} {A_NAME}(?=[,.!]|$)|"
    rf"{AM} {A_NAME}, \d\d\b|(?:my name(?: is|'s)|call me|i'?m called|i go by|jag heter|mitt namn är|kalla mig)",
    "age": rf"{AM} (?:{A_NAME}, )?\d{{1,3}}\b(?! ?(?:%|(?:cm|m|kg|kilos?|min|foot|ft|feet)\b))|"
    rf"{I} (?:turned|fyllde) \d",
    "height": rf"{AM} (?:\w+ )?(?:\d[\d.,]* ?(?:cm|m|meter|metres?)\b|\d ?(?:ft|foot|'|feet)\W?|"
    r"\d+(?:[.,]\d+)? (?:tall|lång)\b)|my height is|min längd är",
    "weight": rf"{I} (?:weigh|väger)|{AM} \d[\d.,]* ?(?:kg|kilos?|stone|lbs?|pounds)\b",
    "birthday": r"my birthday(?: is|'s)|i was born (?:on|in)|(?:jag )?fyller (?:jag )?år (?:den|i|på)|"
    r"jag (?:är född|föddes) (?:den|i|på)|min födelsedag är",
    "home": rf"{I} (?:live|bor) (?:in|on|at|near|i|på|vid)|"
    rf"{I}(?:'ve| have| har)?{WERE} (?:moved|flyttade|flyttat)(?: \w+)? (?:to|into|till)|"
    rf"{I} (?:moved|flyttade) (?:to|till)",
    "job": rf"{I} (?:work|jobbar|arbetar) (?:as|som)|i'?m an? \w+ by (?:trade|profession)|{TEACH}|"
    rf"{AM} {A_JOB} (?:at|for|in|på|hos)",
    "workplace": rf"{I} (?:work|jobbar|arbetar) (?:at|for|på|hos)|"
    rf"(?:{I} (?:work|jobbar|arbetar) (?:as|som)|{AM} {A_JOB}|{TEACH})[^,.;]{{0,40}}? (?:at|for|på|hos)",
}
ASKS = {
    "name": r"(?:what is|do you (?:know|remember)|can you (?:tell me|remember)|tell me) my name|"
    r"what am i called|who am i|vad heter jag|vad är mitt namn|vem är jag|"
    r"(?:vet|minns) du (?:vad jag heter|mitt namn)|kommer du ihåg (?:vad jag heter|mitt namn)",
    "age": r"how old am i|what is my age|hur gammal är jag|vad är min ålder",
    "height": r"how tall am i|what is my height|hur lång är jag|vad är min längd",
    "weight": r"(?:how much|what) do i weigh|what is my weight|(?:hur mycket|vad) väger jag",
    "birthday": r"when is my birthday|when was i born|what is my (?:birthday|date of birth)|"
    r"när (?:fyller jag år|är min födelsedag|är jag född)",
    "home": rf"where do {I} live|(?:what|which) (?:city|town|place|country) do {I} live in|"
    rf"where is {I} living|where is (?:my|our) home|var bor {I}|"
    rf"(?:vilken stad|i vilken stad|vilket land) bor {I}(?: i)?",
    "job": rf"what do {I} (?:do|work as)(?: for (?:a living|work))?|what is my (?:job|profession|work)|"
    rf"vad jobbar {I} (?:med|som)|vad är mitt (?:jobb|yrke)|vad arbetar {I} (?:med|som)",
    "workplace": rf"where do {I} work|(?:who|what company) do {I} work for|"
    rf"var (?:jobbar|arbetar) {I}|vem jobbar {I} för",
}
SAID = {name: re.compile(rf"(?<![\w'])(?:{form})(?!\w)", re.I) for name, form in SAYS.items()}
ASKED = {name: re.compile(form, re.I) for name, form in ASKS.items()}
A_WHOLE_NAME = rf"(?P<name>{A_NAME}(?: {A_NAME}){{0,2}})"
TO_ME = r"(?: (?:to|for|för|till|i förhållande till) (?:me|us|mig|oss|något|nåt|någon|nån))?"


def forms_of(*forms: str) -> list[re.Pattern[str]]:
    """The patterns of questions for who or what a NAME is."""
    return [re.compile(form.replace("NAME", A_WHOLE_NAME) + TO_ME, re.I) for form in forms]


WHO = forms_of(
    "(?:what or )?who (?:is|was)(?: that)? NAME",
    "who or what (?:is|was) NAME",
    "(?:can you )?remind me who NAME (?:is|was)",
    "how do (?:i|we) know NAME",
    "what does NAME do for (?:me|us)",
    "(?:vad eller )?vem (?:är|var)(?: nu)? NAME",
    "vem eller vad (?:är|var)(?: nu)? NAME",
    "hur känner (?:jag|vi) NAME",
    "vad gör NAME åt (?:mig|oss)",
)
WHAT = forms_of(
    "(?:can you )?remind me what NAME (?:is|was)",
    "what (?:is|was|are) (?:the )?NAME",
    "vad (?:är|var)(?: nu)? NAME",
)
BEFORE = re.compile(
    r"(?:(?:hey|hi|so|ok|okay|and|hej|och|men|så|nu|now|again|igen|then|då)[\s,!]+)*", re.I
)
AFTER = re.compile(
    r"(?:\s+(?:now|then|again|these days|at the moment|currently|nowadays|nu|då|igen|numera))*\W*$",
    re.I,
)


@functools.lru_cache(maxsize=16)  # it is called with one question for each statement near it
def strip_asides(question: str) -> str:
    """A question without the fillers at its beginning and end: "so", "at the moment"."""
    plain = re.sub(r"\b(what|who|where)(?:['’]?s)\b", r"\1 is", question.strip(), flags=re.I)
    plain = AFTER.sub("", plain)
    return plain[BEFORE.match(plain).end() :]  # type: ignore[union-attr]


def find_form(question: str) -> str:
    """The name of the form that a question asks for and no more; empty if there is none."""
    plain = strip_asides(question)
    return next((name for name, form in ASKED.items() if form.fullmatch(plain)), "")


def find_person(question: str) -> str:
    """The name of the person that a question asks about and no more; empty if there is none."""
    return find_name(question, WHO)


def find_name(question: str, forms: Iterable[re.Pattern[str]] = (*WHO, *WHAT)) -> str:
    """The name of the person or thing that a question asks about and no more; empty if there is
    none."""
    plain = strip_asides(question)
    return next((found["name"] for form in forms if (found := form.fullmatch(plain))), "")


def mentions(said: str, name: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(name)}(?:['’]?s)?(?!\w)", said) is not None


def says_plainly(question: str, said: str) -> bool:
    """Whether a sentence has the form that a question asks for, or names the person that it asks
    about."""
    if name := find_form(question):
        return SAID[name].search(said.replace("’", "'")) is not None
    person = find_person(question)
    return bool(person) and mentions(said, person)
