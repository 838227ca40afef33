"""Finds the sentences of a message that state something of the person's own, to be kept as they
stand.

A sentence is kept alone, or with the one that it needs as context ("She starts on Monday"), from
the same message or the message before it.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from oneseek.engine.core.collecting.statements import statements_in
from oneseek.engine.learning.lessons import guess
from oneseek.engine.learning.memory.statements.introducing import find_introduced, with_capitals
from oneseek.engine.learning.memory.statements.reader import Sentence
from oneseek.engine.learning.memory.statements.stating import FORMS

STATES = 0.6  # minimum probability of stating something, for a sentence to be kept
OWN = 0.5  # the same, if it begins in the first person
OF_KNOWN = 0.15  # the same, if it is about somebody known by name
LESS = 0.3  # the same, if it has a form in which people tell facts
NOTHING = 0.2  # below, a sentence is a request, a story or a supposition
AS_A_WHOLE = 0.45  # below, for the whole message, nothing of it is kept
UNSURE = 0.45  # from here on, the person is asked whether it is to be kept
GOES_ON = 0.1  # minimum behind a kept statement, for a sentence that says more of the same
CERTAIN = 0.9  # minimum behind a request, a story or a supposition
ASIDE = 0.7  # minimum behind a question, or for a marked aside, about the person
FOREIGN = ("supposed", "told", "played", "quoted")  # features of what is not one's own
GREETING = 3  # words of a greeting, at most
LONGEST, MOST = 600, 40  # characters of a sentence, sentences of a message, at most
ENDS = re.compile(r"(?<=[.!?…])[\"')”]*\s+(?=\S)|\s*\n\s*|;\s+")
ABBREVIATED = re.compile(
    r"(?:\b(?:dr|mr|mrs|ms|st|no|nr|kl|ca|bl|tel|jr|sr|prof|vs|approx|t\.ex|bl\.a|e\.g|i\.e|\w)|"
    r"(?<!\w)\d+)\.$",
    re.I,
)
ANOTHER = re.compile(
    r",?\s+(?:and|och)\s+(?=(?:my|our|min|mitt|mina|vår|vårt|våra)\s+(?:\w+\s+){1,3}"
    r"(?:is|are|was|has|lives|works|heter|är|har|bor|jobbar|fyller)\b)",
    re.I,
)
ASKS_THEN = re.compile(
    r",\s+(?:(?:but|so|and|men|så|och)\s+)?"
    r"(?=(?:(?:can|could|would|will|do) (?:you|u)|(?:kan|skulle|vet|har) du|"
    r"(?:what|how|where|which|who|when|why|any|vad|hur|var|vilken|vilket|vilka|vem|när|varför)\b"
    r"(?:['’]?s)?)\s[^.!?]*\?$)",
    re.I,
)  # a statement before what is asked: "my sister moved, can you write a poem?"
SHORT, FEW = 140, 4  # characters kept together, at most; words that stand alone, at least
SUBJECT = re.compile(
    r"(?:and |but |och |men )?"
    r"(?:i|i'm|i've|i'd|i'll|im|ive|my|we|we're|we've|our|jag|min|mitt|mina|vi|vår|vårt|våra)\b",
    re.I,
)
BEGINS = re.compile(r"(?:i'm|i've|im|my|we|our|jag|min|mitt|mina|vi|vår|vårt|våra)\b", re.I)
NAMED = re.compile(r"\b(?:called|named|heter)\s+\w", re.I)
FIRST = re.compile(r"[^\W\d_]+(?=(?:['’]?s)? \w+ \w)")
OWN_THING = re.compile(r"\b(?:my|our|min|mitt|mina|vår|vårt|våra)\b", re.I)
PERSON = re.compile(
    r"\b(?:i|i'm|im|i've|ive|i'd|i'll|my|we|we're|we've|our|jag|min|mitt|mina|vi|vår|vårt|våra)\b",
    re.I,
)
ASIDES = r"btw|fyi|by the way|just so you know|förresten|för övrigt|bara så du vet"
BY_THE_WAY = re.compile(
    rf"\b(?:{ASIDES}|before i forget|unrelated|for the record|oh and|innan jag glömmer)\b", re.I
)
THIS = re.compile(r"\b(?:this|that|it|these|those|det|detta|denna|den)\b", re.I)
LEANS = re.compile(
    r"(?:and |but |och |men |så |so )?"
    r"(?:he|she|it|they|his|her|its|their|him|them|there|that one|that's|this one|those|these|it's|"
    r"he's|she's|they're|han|hon|den|det|de|dom|hans|hennes|dess|deras|där|honom|henne)\b",
    re.I,
)
CHANGES = re.compile(
    r"(?:oh |ah |oj |nä |äh |hm+,? )?"
    r"(?:no|nope|nej|nä|wait|vänta|sorry|förlåt|ursäkta|oops|hoppsan|actually|egentligen|"
    r"correction|rättelse|scratch that|typo|i meant|i mean|jag menade|my bad|fel av mig|rättare sagt|"
    r"scrap that|make (?:that|it)|change of plan|hang on|beg pardon|(?:skrev|läste) fel|"
    r"not (?:the )?\w+(?=[,;.!])|inte \w+(?: \w+)?(?=[,;.!]))"
    r"\b[\s,.:!–-]*",
    re.I,
)
NO_NEWS = re.compile(  # behind a correction: thanks, or a wish about an answer
    r"(?:thanks?|thank you|tack|please|that'?s (?:all|it|fine|ok)|det var allt|never ?mind|"
    r"strunt i det|what|why|how|vad|varför|hur|too|much|more|less|a bit|a little|mer|mindre|lite|"
    r"(?:short|long|bett|nic|funni|simpl|clear|easi|strong|soft|warm|friendli|kind|polit)er|"
    r"formal|casual|polite|professional|friendly|simple|personal|sound|rhyme|"
    r"kortare|längre|bättre|roligare|enklare|tydligare|vänligare)\b|\W*$",
    re.I,
)
ASKED_FOR = re.compile(
    r"(?:please |pls |can you |could you |snälla |kan du )*"
    r"(?:(?:remember|don'?t forget|never forget|note|keep in mind|make a note|note to self|"
    r"kom ihåg|glöm inte|notera|kom i håg|skriv upp|minns)\b(?:\s+(?:that|att))?|"
    r"remind me that\b|påminn mig om att\b)[\s:,–-]*",
    re.I,
)


@dataclass
class Statement:
    """A statement to be kept: its words, its context (`before`), and the ids of those that it
    replaces. The person is asked whether an `unsure` one is kept."""

    said: str
    before: str = ""
    replaces: list[str] = field(default_factory=list)
    language: str = ""
    unsure: bool = False

    def to_dict(self) -> dict:
        """The form that the collector takes."""
        return {
            "said": self.said,
            "before": self.before,
            "replaces": " ".join(self.replaces),
            "language": self.language,
            "unsure": self.unsure,
        }


Knows = Callable[[str], bool]
Reads = Callable[[Sequence[str]], Awaitable[list[Sentence]]]


def sentences(message: str) -> list[str]:
    """The parts of a message that stand alone."""
    found: list[str] = []
    for part in ENDS.split(message.strip()):
        if found and ABBREVIATED.search(found[-1]):
            found[-1] += " " + part
        elif part.strip():
            found.append(part.strip())
    parts = [one for part in found for one in ASKS_THEN.split(part, maxsplit=1)]
    return [one.strip() for part in parts for one in ANOTHER.split(part) if one.strip()]


def nobody(_: str) -> bool:
    return False


def parts_of(message: str, knows: Knows = nobody) -> list[str]:
    """The texts of a message that are read: the whole, and the parts that stand alone, with names
    in capitals."""
    parts = [one for one in sentences(message)[:MOST] if len(one) <= LONGEST]
    return [capitalise_names(bare(one), knows) for one in (message.strip(), *parts)]


def capitalise_names(part: str, knows: Knows) -> str:
    """The part with a capital to each name that it introduces, or that `knows` accepts."""
    own = find_introduced(part, guess(part))
    return with_capitals(part, lambda name: name in own or knows(name))


async def statements(message: str, reads: Reads, knows: Knows = nobody) -> list[Statement]:
    """The statements of a message, or else at most one that may be one. A sentence about somebody
    whose name `knows` accepts has a lower threshold."""
    parts = [one for one in sentences(message)[:MOST] if len(one) <= LONGEST]
    if not parts:
        return []
    texts = list(dict.fromkeys(parts_of(message, knows)))
    known = dict(zip(texts, await reads(texts), strict=True))
    whole, *read = (known[text] for text in parts_of(message, knows))
    nothing = whole.states < AS_A_WHOLE  # a story, a role, a quotation with what is asked of it
    kept: list[Statement] = []
    unsure: list[Statement] = []
    belongs = False  # to a request, a story or a supposition that the message began with
    for i, (part, sentence) in enumerate(zip(parts, read, strict=True)):
        asked = i > 0 and parts[i - 1].endswith("?")  # and the person says why
        certain = sentence.states >= CERTAIN and (asked or not nothing)
        certain = certain or is_aside(message, parts, i, sentence)
        known_name = sentence.states >= OF_KNOWN and begins_with_known(part, knows)
        certain = certain or known_name
        foreign = (nothing or belongs) and not certain and not ASKED_FOR.match(part)
        if foreign or not (known_name or is_kept(part, sentence)):
            if kept and not belongs and goes_on(part, sentence) and fits(kept[-1], part):
                kept[-1].said += " " + part
                continue
            belongs = belongs or (sentence.states < NOTHING and len(part.split()) > GREETING)
            may_be = whole.states >= NOTHING and sentence.states >= UNSURE
            if may_be and not belongs and not part.rstrip().endswith("?"):
                unsure.append(Statement(part, language=guess(part), unsure=True))
            continue
        leaning = leans(part) or changes(part)
        if kept and (leaning or belongs_to(kept[-1], part)) and fits(kept[-1], part):
            kept[-1].said += " " + part
        elif (
            i
            and not kept
            and (
                (leans(part) and OWN_THING.search(parts[i - 1]))
                or (
                    not (nothing or belongs)
                    and goes_on(parts[i - 1], read[i - 1])
                    and belongs_to(Statement(parts[i - 1]), part)
                )
            )
        ):
            kept.append(Statement(f"{parts[i - 1]} {part}", language=guess(part)))
        else:
            kept.append(Statement(part, language=guess(part)))
    return kept or unsure[:1]


def is_aside(message: str, parts: Sequence[str], at: int, sentence: Sentence) -> bool:
    """Whether a part is about the person beside a question in the same message, and the message
    hands over no story, quotation or supposition."""
    others = [part for i, part in enumerate(parts) if i != at]
    if not any(part.endswith("?") for part in others) or not PERSON.search(parts[at]):
        return False
    after = at > 0 and parts[at - 1].endswith("?")
    least = ASIDE if after or BY_THE_WAY.search(parts[at]) else CERTAIN
    if sentence.states < least or any(FORMS[name].search(message) for name in FOREIGN):
        return False
    handing = [part for part in others if FORMS["handed"].search(part)]
    return not any(after or THIS.search(part) or not part.endswith("?") for part in handing)


def begins_with_known(part: str, knows: Knows) -> bool:
    """Whether a part is no question and begins with a name that `knows` accepts."""
    first = FIRST.match(part)
    return first is not None and not part.rstrip().endswith("?") and knows(first[0].lower())


def fits(kept: Statement, part: str) -> bool:
    return len(kept.said) + len(part) < LONGEST


def belongs_to(kept: Statement, part: str) -> bool:
    """Whether a part belongs to the statement before it in a short message: it does not begin in
    the first person, or the statement says too little alone: "Sold the Polo! A lad from Herne Bay
    gave me 1,900"."""
    if len(kept.said) + len(part) > SHORT:
        return False
    return not SUBJECT.match(part) or len(kept.said.split()) < FEW


def goes_on(part: str, sentence: Sentence) -> bool:
    """Whether a part is no question, but says more of what stands before it."""
    return sentence.states >= GOES_ON and not part.endswith("?")


def is_kept(part: str, sentence: Sentence) -> bool:
    """Whether a part is kept: it reaches its threshold, or the person asks that it be remembered,
    whatever it is. A question is not."""
    if ASKED_FOR.match(part):
        return not part.rstrip().endswith("?") and len(bare(part)) > 3
    named = BEGINS.match(part) and NAMED.search(part)
    least = LESS if named or statements_in(part) else OWN if BEGINS.match(part) else STATES
    return sentence.states >= least and not part.rstrip().endswith("?")


def bare(part: str) -> str:
    """The part without a request that it be remembered."""
    asked = ASKED_FOR.match(part)
    return part[asked.end() :] if asked and len(part) > asked.end() + 3 else part


def changes(message: str) -> bool:
    """Whether a message begins as a correction of what was said right before it."""
    text = strip_correction(message)
    return text != message.strip() and not NO_NEWS.match(text)


def strip_correction(message: str) -> str:
    """The message without the words of correction at its beginning."""
    text = message.strip()
    while found := CHANGES.match(text):
        text = text[found.end() :]
    return text


def leans(message: str) -> bool:
    """Whether a message begins with a word that refers to what was said right before it."""
    return LEANS.match(strip_correction(message)) is not None
