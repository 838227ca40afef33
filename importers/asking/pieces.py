"""Splits a document's text into pieces that can answer a question: sentences and table rows.

A piece spans `start` to `end` of the text. Its context (the heading above it, the column headings,
the sentence before it, the line that introduces its list) is not part of that span.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from oneseek.importers.passages import sentences_of

HEADING = 14  # most words of a heading
LONGEST = 4000  # characters; nothing longer is quoted
CELL = " | "
BLOCK = re.compile(r"\S(?:.*?\S)??(?=\s*\n\s*\n|\s*\Z)", re.S)
SPEAKER = re.compile(r"[^\W\d_][\w.'-]*(?: [\w.'-]+)?(?: ?\([^()]{1,30}\))?: ")
DAY = re.compile(r" ?\([^()]{1,30}\): ")
LEANS = re.compile(
    r"(?:it|its|they|them|these|those|this|he|she|his|her|their|den|det|de|dessa|denna|detta|dess|"
    r"han|hon|hans|hennes|deras)\b",
    re.I,
)
LABEL = re.compile(r"^(?:§+ ?\d+\w?|\d+(?:\.\d+)*|[a-z]\))[.:)]?$")
# A line that starts with a number.
NUMBERED = re.compile(r"\n(?=(?:§+ ?\d+\.?|\d+(?:\.\d+)+[.:)]?|\d+[.)]) [\"“”]?[A-ZÅÄÖÆØÉÜ])")
CODE, YEAR = re.compile(r"[^\W\d_]{0,4}[-./ ]?\d{2,}"), re.compile(r"(?:19|20)\d\d")
LISTED = re.compile(r"[a-zåäöéü]|[^:]*: |.*,.*\d")  # no heading begins like this


@dataclass(frozen=True)
class Piece:
    text: str
    start: int
    end: int
    heading: str = ""
    before: str = ""  # the sentence before it in its paragraph; the line above its list
    cells: tuple[tuple[str, str], ...] = ()  # of a row: (column heading, value)
    names: int = 1  # the first cells that identify a row
    spoken: bool = False  # an utterance of a conversation; `before` is the utterance before it

    @property
    def read(self) -> str:
        """The text that is read together with a question: an utterance without its day; a sentence
        that leans on the one before it, after that one."""
        if self.spoken:
            return DAY.sub(": ", self.text, count=1)
        if not self.cells:
            leads = self.before if self.leans else ""
            return f"{leads} {self.text}".strip()
        rest = self.cells[self.names :]
        said = ", ".join(f"{name} {value}".strip() for name, value in rest if value)
        return f"{self.subject}: {said}" if said else self.subject

    @property
    def placed(self) -> str:
        """The text that is embedded: with the heading first."""
        return f"{self.heading}: {self.read}" if self.heading else self.read

    @property
    def leans(self) -> bool:
        """True if the piece says little without the one before it."""
        return self.before[-1:] == ":" or LEANS.match(self.text) is not None

    @property
    def subject(self) -> str:
        """The cells that name the subject of a row."""
        return ", ".join(value for _, value in self.cells[: self.names] if value)


def pieces(text: str) -> list[Piece]:
    """All pieces in order, except those too long to be quoted."""
    return [one for one in _all_pieces(text) if len(one.text) <= LONGEST]


def _all_pieces(text: str) -> list[Piece]:
    blocks = [match.span() for match in BLOCK.finditer(text)]
    if is_conversation([text[start:end] for start, end in blocks]):
        return utterances(text, blocks)
    blocks = [part for start, end in blocks for part in split_numbered(text, start, end)]
    found: list[Piece] = []
    heading = leads = above = ""  # the line above a list; the kind of the last block
    for number, (start, end) in enumerate(blocks):
        block = text[start:end]
        follows = text[slice(*blocks[number + 1])] if number + 1 < len(blocks) else ""
        if CELL in block.split("\n", 1)[0] and "\n" in block:
            found += rows(block, start, heading)
            leads, above = "", "table"
        elif above and is_item(block, follows, leads, above):
            found.append(Piece(" ".join(block.split()), start, end, heading, leads))
            above = "item"
        elif is_heading(block, follows):
            heading, leads, above = " ".join(block.split()), "", "heading"
            found.append(Piece(heading, start, end))
        else:
            found += sentences(block, start, heading)
            leads, above = found[-1].text if block[-1] == ":" else "", "sentence"
    return found


def split_numbered(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The spans of a block, split before each numbered line; a table stays whole."""
    for match in () if CELL in text[start:end] else NUMBERED.finditer(text, start, end):
        yield start, match.start()
        start = match.end()
    yield start, end


def is_conversation(blocks: list[str]) -> bool:
    """True if most blocks begin with a speaker's name."""
    spoken = sum(bool(SPEAKER.match(block)) for block in blocks)
    return len(blocks) >= 4 and spoken >= 0.8 * len(blocks)


def utterances(text: str, blocks: list[tuple[int, int]]) -> list[Piece]:
    """One piece for each utterance, with its speaker and day."""
    said = [" ".join(text[start:end].split()) for start, end in blocks]
    before = ["", *(SPEAKER.sub("", one) for one in said)]
    return [
        Piece(one, start, end, "", lead, spoken=True)
        for one, lead, (start, end) in zip(said, before, blocks, strict=False)
    ]


def is_item(block: str, follows: str, leads: str, above: str) -> bool:
    """True for a few words of a list: they follow the line that introduces it; or a heading or an
    item, with another item after them; or they begin as no heading does."""
    if not is_short(block) or is_numbered(block):
        return False
    listed, hangs = LISTED.match(block) is not None, bool(leads)
    if is_short(follows):
        return listed or hangs or above != "sentence"
    return listed and (hangs or above == "item")


def is_short(block: str) -> bool:
    """True for a few words that end no sentence."""
    words = len(block.split())
    return 0 < words <= HEADING and not set("\n|") & set(block) and block[-1] not in ".!?;:"


def is_numbered(block: str) -> bool:
    return NUMBERED.match(f"\n{block}") is not None


def is_heading(block: str, follows: str) -> bool:
    """True for a few words that end no sentence, above a longer block or a sentence."""
    words = len(block.split())
    if "\n" in block or words > HEADING or block[-1] in ".!?;,":
        return False
    ends = CELL in follows or follows.rstrip()[-1:] in tuple(".!?")
    return ends or is_numbered(block) or len(follows.split()) > words


def sentences(block: str, start: int, heading: str) -> Iterator[Piece]:
    before, begun = "", None
    for first, last in sentences_of(block):
        words = " ".join(block[first:last].split())
        if LABEL.match(words):  # a paragraph's number belongs to its first sentence
            begun = first if begun is None else begun
            continue
        first, begun = (first if begun is None else begun), None
        words = " ".join(block[first:last].split())
        yield Piece(words, start + first, start + last, heading, before)
        before = words


def rows(block: str, start: int, heading: str) -> Iterator[Piece]:
    """One piece for each row, with the headings of its columns if the first row holds headings."""
    lines = block.split("\n")
    names = lines[0].split(CELL)
    headed = len(lines) > 1 and not any(re.search(r"\d", name) for name in names)
    telling = count_key_columns([line.split(CELL) for line in lines[headed:] if line.strip()])
    at = start
    for number, line in enumerate(lines):
        cells = line.split(CELL)
        if line.strip() and not (headed and number == 0):
            titles = names if headed else [""] * len(cells)
            pairs = zip([*titles, *[""] * len(cells)], cells, strict=False)
            stripped = tuple((name.strip(), cell.strip()) for name, cell in pairs)
            row = " ".join(line.split())
            yield Piece(row, at, at + len(line), heading, "", stripped, telling)
        at += len(line) + 1


def count_key_columns(table: list[list[str]]) -> int:
    """The number of first cells that identify a row: two if the first one names a group, and one
    more after article numbers."""
    firsts = [row[0].strip() for row in table]
    if min(map(len, table), default=0) <= 2:
        return 1
    if all(CODE.fullmatch(one) for one in firsts) and not all(
        YEAR.fullmatch(one) for one in firsts
    ):
        return 1 + count_key_columns([row[1:] for row in table])
    return 2 if len(set(firsts)) <= len(firsts) / 2 else 1
