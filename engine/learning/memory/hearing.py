"""What of a message is kept: the sentences that state something of the person's own, in their own
words.

A sentence stands alone, or goes with the one that it leans on ("She starts on Monday"): within the
message, or in the message before it.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from oneseek.engine.core.collecting.statements import statements_in
from oneseek.engine.learning.lessons import guess
from oneseek.engine.learning.memory.reader import Sentence

STATES = 0.8  # how likely a sentence has to state something, to be kept
OWN = 0.7  # where it begins with the person, or what is theirs
LESS = 0.08  # where it is of a form that people say facts in
NOTHING = 0.2  # what is less likely is a request, a story or a supposition
UNSURE = 0.6  # from where on the person is asked whether it is to be kept
GOES_ON = 0.1  # behind what is kept, and no statement that stands alone: it says more of the same
CERTAIN = 0.9  # behind something that states nothing
GREETING = 3  # words
LONGEST, MOST = 600, 40  # characters of a sentence, and sentences of a message, that are kept
ENDS = re.compile(r"(?<=[.!?…])[\"')”]*\s+(?=\S)|\s*\n\s*|;\s+")
ABBREVIATED = re.compile(
    r"(?:\b(?:dr|mr|mrs|ms|st|no|nr|kl|ca|bl|tel|jr|sr|prof|vs|approx|t\.ex|bl\.a|e\.g|i\.e|\w)|\d)\.$",
    re.I,
)
ANOTHER = re.compile(
    r",?\s+(?:and|och)\s+(?=(?:my|our|min|mitt|mina|vår|vårt|våra)\s+(?:\w+\s+){1,3}"
    r"(?:is|are|was|has|lives|works|heter|är|har|bor|jobbar|fyller)\b)",
    re.I,
)
BEGINS = re.compile(r"(?:i'm|i've|im|my|we|our|jag|min|mitt|mina|vi|vår|vårt|våra)\b", re.I)
OWN_THING = re.compile(r"\b(?:my|our|min|mitt|mina|vår|vårt|våra)\b", re.I)
LEANS = re.compile(
    r"(?:and |but |och |men |så |so )?"
    r"(?:he|she|it|they|his|her|its|their|him|them|there|that one|that's|this one|those|these|it's|"
    r"he's|she's|they're|han|hon|den|det|de|dom|hans|hennes|dess|deras|där|honom|henne)\b",
    re.I,
)
CHANGES = re.compile(
    r"(?:oh |ah |oj |nä |äh |hm+,? )?"
    r"(?:no|nope|nej|nä|wait|vänta|sorry|förlåt|ursäkta|oops|hoppsan|actually|egentligen|"
    r"correction|rättelse|scratch that|typo|i meant|i mean|jag menade|my bad|fel av mig|rättare sagt)"
    r"\b[\s,.:!–-]*",
    re.I,
)
ASKED_FOR = re.compile(
    r"(?:please |pls |can you |could you |snälla |kan du )*"
    r"(?:remember|don'?t forget|never forget|note|keep in mind|make a note|note to self|"
    r"kom ihåg|glöm inte|notera|kom i håg|skriv upp|minns)\b(?:\s+(?:that|att))?[\s:,–-]*",
    re.I,
)


@dataclass
class Statement:
    """What is kept: the words, those that they lean on, and the ids of what they take the place
    of. Of what is `unsure` the person is to say whether it is kept."""

    said: str
    before: str = ""
    replaces: list[str] = field(default_factory=list)
    language: str = ""
    unsure: bool = False

    def told(self) -> dict:
        """As the collector takes it."""
        return {
            "said": self.said,
            "before": self.before,
            "replaces": " ".join(self.replaces),
            "language": self.language,
            "unsure": self.unsure,
        }


Reads = Callable[[Sequence[str]], Awaitable[list[Sentence]]]


def sentences(message: str) -> list[str]:
    """What stands alone in a message."""
    found: list[str] = []
    for part in ENDS.split(message.strip()):
        if found and ABBREVIATED.search(found[-1]):
            found[-1] += " " + part
        elif part.strip():
            found.append(part.strip())
    return [one.strip() for part in found for one in ANOTHER.split(part) if one.strip()]


async def statements(message: str, reads: Reads) -> list[Statement]:
    """The statements of a message; where there is none, one that may be."""
    parts = [one for one in sentences(message)[:MOST] if len(one) <= LONGEST]
    if not parts:
        return []
    read = await reads([bare(one) for one in parts])
    kept: list[Statement] = []
    unsure: list[Statement] = []
    belongs = False  # to a request, a story or a supposition that the message began with
    for i, (part, sentence) in enumerate(zip(parts, read, strict=True)):
        aside = belongs and sentence.states < CERTAIN and not ASKED_FOR.match(part)
        if aside or not is_kept(part, sentence):
            if kept and not belongs and goes_on(part, sentence) and fits(kept[-1], part):
                kept[-1].said += " " + part
                continue
            belongs = belongs or (sentence.states < NOTHING and len(part.split()) > GREETING)
            if not aside and sentence.states >= UNSURE and not part.rstrip().endswith("?"):
                unsure.append(Statement(part, language=guess(part), unsure=True))
            continue
        leaning = leans(part) or changes(part)
        if kept and leaning and fits(kept[-1], part):
            kept[-1].said += " " + part
        elif leans(part) and i and not kept and OWN_THING.search(parts[i - 1]):
            kept.append(Statement(f"{parts[i - 1]} {part}", language=guess(part)))
        else:
            kept.append(Statement(part, language=guess(part)))
    return kept or unsure[:1]


def fits(kept: Statement, part: str) -> bool:
    return len(kept.said) + len(part) < LONGEST


def goes_on(part: str, sentence: Sentence) -> bool:
    """Whether it is no question and no request, but says more of what stands before it."""
    return sentence.states >= GOES_ON and sentence.asks < UNSURE and not part.endswith("?")


def is_kept(part: str, sentence: Sentence) -> bool:
    """Whoever asks for it to be remembered is heard, whatever it is."""
    if ASKED_FOR.match(part):
        return not part.rstrip().endswith("?") and len(bare(part)) > 3
    least = LESS if statements_in(part) else OWN if BEGINS.match(part) else STATES
    return sentence.states >= least and not part.rstrip().endswith("?")


def bare(part: str) -> str:
    """Without the wish that it be remembered."""
    asked = ASKED_FOR.match(part)
    return part[asked.end() :] if asked and len(part) > asked.end() + 3 else part


def changes(message: str) -> bool:
    """Whether a message takes back what was said right before it."""
    return CHANGES.match(message.strip()) is not None


def leans(message: str) -> bool:
    """Whether it speaks of what was said right before it."""
    return LEANS.match(message.strip()) is not None
