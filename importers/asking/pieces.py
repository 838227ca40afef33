"""The text of a document in pieces that can answer a question: sentences, and rows of its tables.

A piece stands in its text from `start` to `end`; what it is read with (the heading above it, the
heading of a table's column, the sentence before it) is no part of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from oneseek.importers.passages import sentences_of

HEADING = 14  # words at most
LONGEST = 4000  # characters; what is longer is no sentence that could be quoted
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


@dataclass(frozen=True)
class Piece:
    text: str
    start: int
    end: int
    heading: str = ""
    before: str = ""  # the sentence before it in its paragraph
    cells: tuple[tuple[str, str], ...] = ()  # of a row: (heading of its column, what stands there)
    spoken: bool = False  # an utterance of a conversation; `before` is the one before it

    @property
    def read(self) -> str:
        """As it is read with a question; of an utterance without its day, and of a sentence that
        leans on the one before it, behind that."""
        if self.spoken:
            return DAY.sub(": ", self.text, count=1)
        if not self.cells:
            leads = self.before if LEANS.match(self.text) else ""
            return f"{leads} {self.text}".strip()
        (_, first), *rest = self.cells
        said = ", ".join(f"{name} {value}".strip() for name, value in rest if value)
        return f"{first}: {said}" if said else first


def pieces(text: str) -> list[Piece]:
    """In order, without what is too long to be quoted."""
    return [one for one in _all_pieces(text) if len(one.text) <= LONGEST]


def _all_pieces(text: str) -> list[Piece]:
    blocks = [match.span() for match in BLOCK.finditer(text)]
    if is_conversation([text[start:end] for start, end in blocks]):
        return utterances(text, blocks)
    found: list[Piece] = []
    heading = ""
    for number, (start, end) in enumerate(blocks):
        block = text[start:end]
        follows = text[slice(*blocks[number + 1])] if number + 1 < len(blocks) else ""
        if CELL in block.split("\n", 1)[0] and "\n" in block:
            found += rows(block, start, heading)
        elif is_heading(block, follows):
            heading = " ".join(block.split())
            found.append(Piece(heading, start, end))
        else:
            found += sentences(block, start, heading)
    return found


def is_conversation(blocks: list[str]) -> bool:
    """Whether somebody is named before most of what stands there."""
    spoken = sum(bool(SPEAKER.match(block)) for block in blocks)
    return len(blocks) >= 4 and spoken >= 0.8 * len(blocks)


def utterances(text: str, blocks: list[tuple[int, int]]) -> list[Piece]:
    """Each whole, with who speaks and the day."""
    said = [" ".join(text[start:end].split()) for start, end in blocks]
    before = ["", *(SPEAKER.sub("", one) for one in said)]
    return [
        Piece(one, start, end, "", lead, (), True)
        for one, lead, (start, end) in zip(said, before, blocks, strict=False)
    ]


def is_heading(block: str, follows: str) -> bool:
    """A few words that end no sentence, above something that is longer or is a sentence."""
    words = len(block.split())
    if "\n" in block or words > HEADING or block[-1] in ".!?;,":
        return False
    return CELL in follows or follows.rstrip()[-1:] in tuple(".!?") or len(follows.split()) > words


def sentences(block: str, start: int, heading: str) -> Iterator[Piece]:
    before, begun = "", None
    for first, last in sentences_of(block):
        words = " ".join(block[first:last].split())
        if LABEL.match(words):  # the number of a paragraph belongs to its first sentence
            begun = first if begun is None else begun
            continue
        first, begun = (first if begun is None else begun), None
        words = " ".join(block[first:last].split())
        yield Piece(words, start + first, start + last, heading, before)
        before = words


def rows(block: str, start: int, heading: str) -> Iterator[Piece]:
    """Each row with the headings of its columns, where the first row holds headings."""
    lines = block.split("\n")
    names = lines[0].split(CELL)
    headed = len(lines) > 1 and not any(re.search(r"\d", name) for name in names)
    at = start
    for number, line in enumerate(lines):
        cells = line.split(CELL)
        if line.strip() and not (headed and number == 0):
            titles = names if headed else [""] * len(cells)
            pairs = zip([*titles, *[""] * len(cells)], cells, strict=False)
            stripped = tuple((name.strip(), cell.strip()) for name, cell in pairs)
            yield Piece(" ".join(line.split()), at, at + len(line), heading, "", stripped)
        at += len(line) + 1
