"""The one result of every importer: a `Document` of blocks, or an `ImportRefused` with the reason.

A block keeps the meaning of the source (heading, list item, table, code, exchange of a dataset),
never its markup.
"""

import dataclasses
import hashlib

KINDS = ("heading", "paragraph", "item", "table", "code", "quote", "exchange", "picture")


class ImportRefused(Exception):
    """Nothing was imported; the text is one sentence for the user: what happened and what to do."""


@dataclasses.dataclass(frozen=True)
class Block:
    """A piece of a document. `rows` holds a table's cells, or the (role, content) turns of an
    exchange."""

    kind: str
    text: str
    level: int = 0
    rows: tuple[tuple[str, ...], ...] = ()


@dataclasses.dataclass
class Reading:
    """The contents of one file; `scans` are pages without text, `hidden` counts hidden words."""

    blocks: list[Block]
    title: str = ""
    author: str = ""
    date: str = ""
    address: str = ""
    notes: list[str] = dataclasses.field(default_factory=list)
    scans: list[int] = dataclasses.field(default_factory=list)
    hidden: int = 0


@dataclasses.dataclass(frozen=True)
class Document:
    title: str
    address: str
    language: str
    blocks: tuple[Block, ...]
    made_with: str
    sha256: str
    author: str = ""
    date: str = ""
    notes: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        return "\n\n".join(block.text for block in self.blocks if block.text)

    @property
    def words(self) -> int:
        return len(self.text.split())

    def with_changes(self, **changes) -> "Document":
        return dataclasses.replace(self, **changes)

    def to_json(self) -> dict:
        return dataclasses.asdict(self)

    @staticmethod
    def from_json(data: dict) -> "Document":
        blocks = tuple(
            Block(b["kind"], b["text"], b["level"], tuple(tuple(row) for row in b["rows"]))
            for b in data["blocks"]
        )
        return Document(**{**data, "blocks": blocks, "notes": tuple(data["notes"])})


def fingerprint(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def table(rows) -> Block:
    """A table block; its text has one line for each row, so that previews and counts need no
    special case."""
    kept = tuple(tuple(" ".join(cell.split()) for cell in row) for row in rows)
    kept = tuple(row for row in kept if any(row))
    return Block("table", "\n".join(" | ".join(row) for row in kept), rows=kept)


def exchange(turns) -> Block:
    """One conversation of a dataset: (role, content) pairs."""
    kept = tuple((role, content.strip()) for role, content in turns)
    return Block("exchange", "\n".join(content for _, content in kept), rows=kept)
