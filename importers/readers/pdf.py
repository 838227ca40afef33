"""Reads PDF: joins its text into words, lines and columns; lists pages that are only pictures for
OCR."""

import io
import logging
from typing import Any

from pypdf import PageObject, PdfReader
from pypdf.errors import DependencyError, PyPdfError

from oneseek.importers.document import ImportRefused, Reading
from oneseek.importers.limits import Budget
from oneseek.importers.readers.pdf_lines import Line, lines_of, paragraphs, without_running_lines
from oneseek.importers.readers.pdf_runs import runs_of

logging.getLogger("pypdf").setLevel(logging.ERROR)

_FEW = 20  # characters; a page with fewer counts as a picture of a page
# The errors, besides its own, that pypdf raises for a damaged file.
_DAMAGE = (PyPdfError, ValueError, TypeError, KeyError, IndexError, AttributeError, AssertionError,
           OverflowError, RecursionError, OSError, NotImplementedError, UnicodeError, ZeroDivisionError)  # fmt: skip


def read_pdf(data: bytes, budget: Budget) -> Reading:
    reader = _open(data, budget)
    pages: list[list[Line]] = []
    scans: list[int] = []
    count = _count(reader)
    for number, page in enumerate(_pages(reader, budget)):
        budget.step("pages", number + 1, min(count, budget.limits.pages))
        try:
            lines = lines_of(runs_of(page, budget), number)
        except _DAMAGE:
            lines = []
        pages.append(lines)
        if sum(len(line.text) for line in lines) < _FEW:
            scans.append(number)
    if not pages:
        raise _make_damage_error(budget.name)
    blocks = paragraphs(without_running_lines(pages))
    reading = Reading(blocks, scans=scans, **_properties(reader))
    if count > len(pages) == budget.limits.pages:
        reading.notes.append(f"Only the first {len(pages)} of {count:,} pages were read.")
    if reading.blocks and scans:
        reading.notes.append(
            f"No text on {len(scans)} of {len(pages)} pages; OCR can read pictures of text."
        )
    _check_spaces(reading)
    return reading


def extract_scan(data: bytes, number: int, budget: Budget) -> bytes:
    """The largest picture on a page; on a scanned page this is the page."""
    reader = _open(data, budget)
    try:
        page = next(page for n, page in enumerate(_pages(reader, budget)) if n == number)
        pictures = []
        for name in page.images.keys():
            budget.step()
            picture = page.images[name]
            if picture.image and picture.image.width * picture.image.height <= budget.limits.pixels:
                pictures.append(picture)
        best = max(pictures, key=lambda p: p.image.width * p.image.height)
        out = io.BytesIO()
        best.image.convert("RGB").save(out, "PNG")
        return out.getvalue()
    except (*_DAMAGE, StopIteration) as error:
        raise ImportRefused(
            f"Page {number + 1} of {budget.name} holds no picture that can be read; "
            "take a picture of it and add that."
        ) from error


def _open(data: bytes, budget: Budget) -> PdfReader:
    try:
        reader = PdfReader(io.BytesIO(data), strict=False)
        if reader.is_encrypted and not reader.decrypt(""):
            raise _make_password_error(budget.name)
        return reader
    except DependencyError as error:  # a cipher for which pypdf needs another library
        raise _make_password_error(budget.name) from error
    except _DAMAGE as error:
        raise _make_damage_error(budget.name) from error


def _pages(reader: PdfReader, budget: Budget):
    """Yield the first pages. Walks the page tree itself, because a file may claim any number of
    pages."""
    try:
        waiting: list[Any] = [reader.root_object["/Pages"]]
    except _DAMAGE as error:
        raise _make_damage_error(budget.name) from error
    seen: set[int] = set()
    found = 0
    while waiting and found < budget.limits.pages:
        budget.step()
        try:
            reference = waiting.pop()
            node = reference.get_object()
            number = getattr(reference, "idnum", 0)
            if number in seen or not hasattr(node, "get"):
                continue
            seen.add(number or -len(seen) - 1)
            if "/Kids" in node:
                waiting.extend(reversed(list(node["/Kids"])[: budget.limits.pages]))
                continue
            page = PageObject(reader, getattr(reference, "indirect_reference", None))
            page.update(_inherit_entries(node))
        except _DAMAGE:
            continue
        found += 1
        yield page


def _inherit_entries(node) -> dict:
    """A page's entries, with the resources of the nodes above it if it has none of its own."""
    entries = dict(node)
    parent, hops = node.get("/Parent"), 0
    while parent is not None and hops < 50:
        parent = parent.get_object()
        if "/Resources" in parent and "/Resources" not in entries:
            entries["/Resources"] = parent.raw_get("/Resources")
        parent, hops = parent.get("/Parent"), hops + 1
    return entries


def _count(reader: PdfReader) -> int:
    try:
        pages: Any = reader.root_object["/Pages"]
        return int(pages["/Count"])
    except _DAMAGE:
        return 0


_NO_TITLE = ("(anonymous)", "(unspecified)", "untitled")  # placeholders for a missing title


def _properties(reader: PdfReader) -> dict[str, Any]:
    """Title, author and date, as far as the file states them."""
    found = {}
    try:
        if information := reader.metadata:
            title = " ".join(str(information.title or "").split())
            found["title"] = "" if title.lower() in _NO_TITLE else title
            found["author"] = " ".join(str(information.author or "").split())
            created = information.creation_date
            found["date"] = created.date().isoformat() if created else ""
    except _DAMAGE:
        pass
    return found


def _check_spaces(reading: Reading) -> None:
    """Note a wrong share of spaces, as of words run together or torn apart (prose has 8 to 25
    %)."""
    text = " ".join(block.text for block in reading.blocks)
    share = text.count(" ") / len(text) if len(text) > 400 else 0.15
    if not 0.08 <= share <= 0.25:
        reading.notes.append(
            "The spaces between words look wrong in this PDF; check the text before use."
        )


def _make_password_error(name: str) -> ImportRefused:
    return ImportRefused(
        f"{name} is locked by a password; open it, save an unlocked copy and add that."
    )


def _make_damage_error(name: str) -> ImportRefused:
    return ImportRefused(f"{name} is damaged or cut short; download or save it again.")
