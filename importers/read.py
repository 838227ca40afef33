"""Turns any file into documents: detects its kind from its content, and reads it with that kind's
reader.

`read` yields one (name, Document or ImportRefused) for a file, and one for each member of an
archive.
"""

import importlib
import posixpath
from collections.abc import Callable, Iterator

from oneseek.importers.document import Document, ImportRefused, Reading, fingerprint
from oneseek.importers.encoding import decode
from oneseek.importers.instructions import visible
from oneseek.importers.kinds import kind_of, kind_of_text
from oneseek.importers.limits import Budget, Exhausted

PICTURE_KINDS = ("png", "jpeg", "gif", "webp")
MADE_WITH = {"pdf": "pypdf", "html": "trafilatura", "markdown": "markdown-it", "rtf": "striprtf"}


class IsPicture(Exception):
    """The file is a picture, in `data`, for the image importer."""

    def __init__(self, kind: str, data: bytes, name: str):
        super().__init__(name)
        self.kind, self.data, self.name = kind, data, name


class IsScan(ImportRefused):
    """A PDF whose pages are pictures; `scans` lists the pages for OCR."""

    def __init__(self, message: str, scans: list[int]):
        super().__init__(message)
        self.scans = scans


Outcome = Document | ImportRefused | IsPicture


def read(
    data: bytes, name: str, budget: Budget | None = None, depth: int = 0
) -> Iterator[tuple[str, Outcome]]:
    budget = budget or Budget(name)
    try:
        budget.turn_to(name)
        budget.accept(len(data))
        kind = kind_of(data, name)
        if kind in PICTURE_KINDS:
            yield name, IsPicture(kind, data, name)
        elif kind == "zip":
            yield from _members(data, name, budget, depth)
        else:
            yield name, document(_read_as(kind, data, budget), data, name, kind)
    except Exhausted as exhausted:
        if depth:
            raise
        yield name, exhausted
    except ImportRefused as refused:
        yield name, refused
    except (MemoryError, RecursionError) as error:
        yield (
            name,
            ImportRefused(
                f"{name} needs more memory than an import may use ({type(error).__name__})."
            ),
        )


def read_text(text: str, format: str | None, name: str, budget: Budget | None = None) -> Document:
    """Read pasted text, or text that a page hands over; `format` overrides the detected one."""
    budget = budget or Budget(name)
    data = text.encode("utf-8", "surrogatepass")
    budget.accept(len(data))
    if not text.strip():
        raise ImportRefused(f"{name} is empty: there is nothing to read in it.")
    kind = format or kind_of_text(text)
    if kind not in _FROM_TEXT:
        raise ImportRefused(
            f"{name}: there is no text format {kind!r}; use one of {', '.join(_FROM_TEXT)}."
        )
    return document(reader(kind)(text, budget), data, name, kind)


def document(reading: Reading, data: bytes, name: str, kind: str) -> Document:
    """The Document of a reading; raises ImportRefused if it holds no text, so that there is never
    an empty success."""
    reading, stripped = visible(reading)
    if not any(block.text.strip() for block in reading.blocks):
        if reading.scans:
            raise IsScan(
                f"No text found on {len(reading.scans)} of {len(reading.scans)} pages of {name}: "
                "they are pictures. Read them with OCR.",
                reading.scans,
            )
        raise ImportRefused(
            f"No text was found in {name}; copy the text you need and paste it here."
        )
    notes = list(reading.notes)
    if stripped:
        notes.append(f"{stripped} invisible characters were taken out.")
    if reading.hidden:
        notes.append(f"{reading.hidden} hidden words were left out.")
    return Document(
        title=reading.title or _title(reading, name),
        address=reading.address or name,
        language="",
        blocks=tuple(reading.blocks),
        made_with=MADE_WITH.get(kind, "oneseek") + f" ({kind})",
        sha256=fingerprint(data),
        author=reading.author,
        date=reading.date,
        notes=tuple(notes),
    )


def _read_as(kind: str, data: bytes, budget: Budget) -> Reading:
    kind = (
        "page" if kind == "html" else kind
    )  # a file is a whole page, from which the article is extracted; pasted HTML is not
    if kind in _FROM_BYTES:
        return reader(kind)(data, budget)
    return reader(kind)(decode(data, budget.name), budget)


def reader(kind: str) -> Callable:
    """The function that reads a kind; imported only now, because its libraries are large."""
    module, function = {**_FROM_BYTES, **_FROM_TEXT}[kind].split(":")
    return getattr(importlib.import_module(f"oneseek.importers.{module}"), function)


def _members(data: bytes, name: str, budget: Budget, depth: int) -> Iterator[tuple[str, Outcome]]:
    if depth >= budget.limits.depth:
        raise ImportRefused(
            f"{name} is an archive inside archives; unpack it and add what is inside."
        )
    from oneseek.importers.readers.archive import Archive

    archive = Archive(data, budget)
    members = [n for n in archive.names if not _is_litter(n)]
    if not members:
        raise ImportRefused(f"{name} is an archive with nothing in it.")
    for number, member in enumerate(members):
        budget.turn_to(name)
        budget.step("files", number + 1, len(members))
        yield from read(archive.read(member), f"{name}/{member}", budget, depth + 1)


def _is_litter(path: str) -> bool:
    """True for files that operating systems add to archives."""
    return path.startswith("__MACOSX/") or posixpath.basename(path).startswith((".", "Thumbs.db"))


def _title(reading: Reading, name: str) -> str:
    for block in reading.blocks[:5]:
        if block.kind == "heading":
            return block.text[:200]
    return posixpath.splitext(posixpath.basename(name))[0] or name


_FROM_BYTES = {
    "pdf": "readers.pdf:read_pdf",
    "docx": "readers.word:read_docx",
    "epub": "readers.epub:read_epub",
    "rtf": "readers.rtf:read_rtf",
    "mail": "readers.mail:read_message",
    "page": "pages.article:read_file",
}
_FROM_TEXT = {
    "plain": "readers.plain:read_plain",
    "markdown": "readers.plain:read_markdown",
    "html": "pages.article:read_whole",
    "csv": "readers.tables:read_csv",
    "json": "readers.datasets:read_json",
    "jsonl": "readers.datasets:read_jsonl",
}
