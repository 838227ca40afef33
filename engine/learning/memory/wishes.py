"""Requests to the memory itself: to list what the person told, or to forget some of it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from oneseek.engine.learning.lessons import guess, language
from oneseek.engine.learning.memory.second_look import alike, content
from oneseek.engine.learning.memory.statements.hearing import ASKED_FOR
from oneseek.engine.learning.memory.statements.quoting import turn_to_person, words_of
from oneseek.engine.learning.memory.statements.statement import is_statement, text_of

LISTED = 10  # facts in a list, at most: the newest
BEGINS = (
    r"(?:(?:so|ok|okay|and|hey|hi|please|can you|could you|så|ok|och|hej|kan du|snälla)[\s,!]+)*"
)
ABOUT = r"(?:\s+(?:about|of) (?:me|us)|\s+om (?:mig|oss))?(?:\s+so far|\s+hittills|\s+now|\s+nu)?"
ALL = re.compile(
    rf"{BEGINS}(?:"
    rf"what (?:all )?do you (?:know|remember)|what (?:have|did) i (?:told|tell) you|"
    rf"what(?:'s| is) in your memory|do you (?:know|remember) (?:anything|something)|"
    rf"(?:tell me|list|show me|repeat) (?:all|everything)(?: that)?"
    rf"(?: you (?:know|remember)| i(?:'ve| have)? told you)|"
    rf"vad (?:vet|minns|kommer) du(?: ihåg)?|vad har jag (?:berättat|sagt)(?: för dig| till dig)?|"
    rf"vad finns i ditt minne|(?:vet|minns) du något|"
    rf"(?:berätta|lista|visa)(?: mig)? allt(?: som)? (?:du (?:vet|minns)|jag har berättat)"
    rf"){ABOUT}\W*",
    re.I,
)
ABOUT_IT = re.compile(
    rf"{BEGINS}(?:what (?:all )?(?:do|did) you (?:know|remember) (?:about|of)|"
    r"(?:remind me )?what (?:have |did )?i (?:told|tell) you about|(?:tell me|list|show me) (?:everything|all|what)"
    r"(?: that)?(?: you (?:know|remember))? about|vad (?:vet|minns) du om|"
    r"(?:påminn mig om )?vad (?:har jag|jag har) (?:berättat|sagt)(?: för dig| till dig)? om|berätta (?:allt|vad) du vet om)\s+"
    r"(?P<what>(?!(?:me|us|mig|oss)\b)[^?]+)\W*",
    re.I,
)
FORGET = re.compile(
    rf"{BEGINS}(?:forget|glöm(?: bort)?)\s+(?!inte\b|aldrig\b|not\b|to\b)"
    r"(?:what i (?:said|told you) about|vad jag (?:sa|sade|berättade) om|about|that|att|om|det om)?"
    r"\s*(?P<what>.+)",
    re.I | re.S,
)
KEEP_AT_END = re.compile(
    r".*[^\w\s'’]\s*(?:please |pls |so |and )?(?:"
    r"(?:remember|note|keep) (?:that|this|it)(?: down| in mind)?|don'?t forget (?:that|this|it)|"
    r"(?:kom ihåg|minns|notera|glöm inte) (?:det|detta)|lägg det på minnet"
    r")(?:,? (?:please|pls|ok|tack))?\W*",
    re.I | re.S,
)
EVERYTHING = re.compile(r"(?:everything|all|allt|allting|alltihop)\b", re.I)
WORDS = {
    "en": {
        "all": "What you told me, the newest first:",
        "about": "What you told me about {what}, the newest first:",
        "more": "And {count} more.",
        "empty": "You have not told me anything yet.",
        "forgets": "I'll forget that: {said}",
        "one_by_one": "Tell me which: I forget one thing at a time here. "
        "The settings have what removes everything.",
    },
    "sv": {
        "all": "Det här har du berättat, det nyaste först:",
        "about": "Det här har du berättat om {what}, det nyaste först:",
        "more": "Och {count} till.",
        "empty": "Du har inte berättat något för mig än.",
        "forgets": "Det glömmer jag: {said}",
        "one_by_one": "Säg vilket: här glömmer jag en sak i taget. "
        "I inställningarna finns det som tar bort allt.",
    },
}


def addresses_memory(message: str) -> bool:
    """Whether a message asks the memory itself to keep something, to forget it or to list it."""
    text = message.strip()
    keeps = ASKED_FOR.match(text) or KEEP_AT_END.fullmatch(text)
    return bool(keeps or wants_all(text) or read_what_to_tell(text) or read_what_to_forget(text))


def wants_all(message: str) -> bool:
    """Whether a message asks for all that the memory holds of the person."""
    return ALL.fullmatch(message.strip()) is not None


def read_what_to_tell(message: str) -> str:
    """The topic of a request such as "what do you know about my dog?", in the person's words; empty
    for other messages."""
    found = ABOUT_IT.fullmatch(message.strip())
    return found["what"].strip() if found else ""


def read_what_to_forget(message: str) -> str:
    """What a message asks to forget, in the person's words; empty for other messages."""
    found = FORGET.fullmatch(message.strip().rstrip(".!"))
    if not found or "?" in message:
        return ""
    what = found["what"].strip()
    return what if EVERYTHING.match(what) or content(what, language(guess(message))) else ""


def list_told(facts: Sequence[dict], code: str, what: str = "") -> str:
    """The text that lists these facts in the second person: the newest LISTED, and how many more
    there are. `what` is the topic, if there is one."""
    words = WORDS.get(code, WORDS["en"])
    newest = list_lines(sorted(facts, key=lambda fact: -fact["time"]))
    if not newest:
        return words["empty"]
    lines = "\n".join(f"* {said}" for said in newest[:LISTED])
    more = len(newest) - LISTED
    rest = "\n\n" + words["more"].format(count=more) if more > 0 else ""
    begin = words["about"].format(what=address(what, code)) if what else words["all"]
    return f"{begin}\n\n{lines}{rest}"


def address(what: str, code: str) -> str:
    """A noun phrase of the person turned to the second person: "my dog" becomes "your dog"."""
    return language(code if code == "sv" else "en").turn(what, "second")


def list_lines(facts: Sequence[dict]) -> list[str]:
    """The facts in the second person, without repetitions: one may be known as a fact and as a
    statement."""
    return list(dict.fromkeys(say_to_person(fact) for fact in facts))


def say_to_person(fact: dict) -> str:
    if not is_statement(fact):
        return fact["answer"]
    code = fact["language"] if fact["language"] == "sv" else "en"
    return turn_to_person(fact["answer"], code) or f"“{fact['answer'].strip()}”"


def find_concerned(what: str, facts: Sequence[dict]) -> list[dict]:
    """The facts that hold each content word of `what`; none if it means everything."""
    words = language(guess(what))
    wanted = frozenset() if EVERYTHING.match(what) else content(what, words)
    found = []
    for fact in facts:
        told = text_of(fact) if is_statement(fact) else f"{fact['question']} {fact['answer']}"
        held = content(told, words)
        if wanted and all(any(alike(one, other, words) for other in held) for one in wanted):
            found.append(fact)
    return found


def reply_to_forget(what: str, facts: Sequence[dict], code: str) -> str:
    """The reply to a request to forget something, for which these facts were found."""
    words = WORDS.get(code, WORDS["en"])
    if EVERYTHING.match(what):
        return words["one_by_one"]
    if not facts:
        return words_of(code)["nothing"]
    return words["forgets"].format(said=" ".join(list_lines(facts)))
