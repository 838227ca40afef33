"""Numbers that are said in a text, in figures or in English and Swedish words, with where they
stand: "two dozen" is 24, "a litre and a half" 1.5, "trehundra" 300.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

UPWARDS = {
    "en": "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen",
    "sv": "noll en två tre fyra fem sex sju åtta nio tio elva tolv tretton fjorton femton sexton "
    "sjutton arton nitton",
}
BY_TENS = {
    "en": "twenty thirty forty fifty sixty seventy eighty ninety",
    "sv": "tjugo trettio fyrtio femtio sextio sjuttio åttio nittio",
}
SMALL = {word: at for text in UPWARDS.values() for at, word in enumerate(text.split())}
SMALL |= {w: 10 * at for text in BY_TENS.values() for at, w in enumerate(text.split(), 2)}
SMALL |= {"ett": 1}
PAIRS = {"couple", "pair", "par"}
TIMES = {"hundred": 100, "hundra": 100, "thousand": 1000, "tusen": 1000, "dozen": 12, "dussin": 12}
PARTS = {"half": 0.5, "halv": 0.5, "halvt": 0.5, "halva": 0.5, "quarter": 0.25, "quarters": 0.25,
         "kvart": 0.25, "fjärdedels": 0.25, "fjärdedel": 0.25}  # fmt: skip
ONE = {"a", "an", "one", "en", "ett"}
AND, OF = {"and", "och"}, {"of", "a", "an"}
FIGURES = re.compile(r"(?:\d{1,3}(?:[ ,]\d{3})+|\d+)(?:\.\d+)?|\d+,\d{1,2}")
WORD = re.compile(rf"(?:{FIGURES.pattern})(?![\d.,]*\d)|[^\W\d_]+|[^\w\s]")
MOST = 10**9
MONTHS = {
    "en": "january february march april may june july august september october november december",
    "sv": "januari februari mars april maj juni juli augusti september oktober november december",
}
MONTH = {word: at for text in MONTHS.values() for at, word in enumerate(text.split(), 1)}
MONTH |= {word[:3]: at for word, at in MONTH.items()}
ORDINALS = {
    "en": "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth",
    "sv": "första andra tredje fjärde femte sjätte sjunde åttonde nionde tionde elfte tolfte",
}
ORDINAL = {word: at for text in ORDINALS.values() for at, word in enumerate(text.split(), 1)}
Said = tuple[str, int, int, bool]  # the numeral, its first and last letters, whether it is longest


def numerals(text: str, dates: bool = False) -> Iterator[Said]:
    """Yield, from each place where a number begins, all numbers it may be, the shortest first; in
    `dates` the names of months and ordinals are numbers, too."""
    found = list(WORD.finditer(text))
    words = [one[0].lower() for one in found]
    ends = 0
    for first in range(len(words)):
        readings = dict(readings_of(words, first))
        in_date = MONTH.get(words[first]) or ORDINAL.get(words[first])
        if dates and in_date and not readings:
            readings = {first + 1: float(in_date)}
        for last, value in readings.items():
            longest = last == max(readings) and last > ends
            yield figures(value), found[first].start(), found[last - 1].end(), longest
        ends = max(ends, *readings, 0) if readings else ends


def readings_of(words: Sequence[str], first: int) -> Iterator[tuple[int, float]]:
    """Yield (index after the last word, value) of each number that begins at a word."""
    whole, at = cardinal(words, first)
    if at > first:
        yield at, whole
    one = whole if at > first else 1.0
    if share_at(words, at):  # half, a quarter, three quarters, half a dozen
        yield at + 1, one * PARTS[words[at]]
        behind = at + 1 + (at + 1 < len(words) and words[at + 1] in OF)
        if behind < len(words) and words[behind] in TIMES:
            yield behind + 1, PARTS[words[at]] * TIMES[words[behind]]
    for gap in (0, 1) if at > first else ():  # two and a half litres, a litre and a half
        more, part = at + gap + 1, 1.0
        if at + gap < len(words) and words[at + gap] in AND:
            part, behind = cardinal(words, more)
            if share_at(words, behind):
                share = (part if behind > more else 1.0) * PARTS[words[behind]]
                yield behind + 1, whole + share


def share_at(words: Sequence[str], at: int) -> bool:
    return at < len(words) and words[at] in PARTS


def cardinal(words: Sequence[str], first: int) -> tuple[float, int]:
    """Return a whole number, or figures, and the index after its last word."""
    total, now, at = 0.0, 0.0, first
    while at < len(words) and total + now < MOST:
        word, following = words[at], words[at + 1] if at + 1 < len(words) else ""
        known = parse_word(word)
        if at == first and word[0].isdecimal():
            now = in_figures(word)
        elif at == first and word in ONE:
            now = 1
        elif word in PAIRS:
            now = 2
        elif known is not None:
            now += known
        elif word in TIMES or (word == "of" and at > first and following in TIMES):
            factor = TIMES[following if word == "of" else word]
            at += word == "of"
            now = (now or 1) * factor
            if factor == 1000:
                total, now = total + now, 0.0
        elif not (at > first and word in ("-", *AND) and parse_word(following)) or (
            word in AND and words[at - 1] not in TIMES
        ):
            break
        at += 1
    return total + now, at


def parse_word(word: str) -> int | None:
    """Return the number that one word says, or None: Swedish numbers are compounds."""
    if word in SMALL:
        return SMALL[word]
    for middle, factor in (("tusen", 1000), ("hundra", 100)):
        before, found, after = word.partition(middle)
        if found and (before or after):
            times = parse_word(before) if before else 1
            rest = parse_word(after) if after else 0
            if times is not None and rest is not None:
                return times * factor + rest
    for tens in BY_TENS["sv"].split():
        if word.startswith(tens) and word[len(tens) :] in SMALL:
            return SMALL[tens] + SMALL[word[len(tens) :]]
    return None


def in_figures(word: str) -> float:
    if re.search(r"[ ,]\d{3}\b", word):
        return float(re.sub(r"[ ,]", "", word))
    return float(word.replace(",", "."))


def figures(value: float) -> str:
    """Write a number as JSON does."""
    return str(int(value)) if value == int(value) else str(round(value, 4))
