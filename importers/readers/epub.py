"""EPUB: the chapters of the spine, in reading order."""

import posixpath
import urllib.parse

from oneseek.importers.document import Block, ImportRefused, Reading
from oneseek.importers.limits import Budget
from oneseek.importers.pages.markup import blocks_of, clean, page_text, parse
from oneseek.importers.readers.archive import Archive

_DC = "{http://purl.org/dc/elements/1.1/}"
_OPF = "{http://www.idpf.org/2007/opf}"
_LOCKED = b"http://www.w3.org/2001/04/xmlenc#aes"


def read_epub(data: bytes, budget: Budget) -> Reading:
    archive = Archive(data, budget)
    if "META-INF/encryption.xml" in archive and _LOCKED in archive.read("META-INF/encryption.xml"):
        raise ImportRefused(f"{budget.name} is locked by its seller (DRM); OneSeek cannot read it.")
    root = archive.xml("META-INF/container.xml").find(".//{*}rootfile")
    path = root.get("full-path") if root is not None else None
    if not path:
        raise ImportRefused(f"{budget.name} names no book inside it; download or save it again.")
    package = archive.xml(path)
    chapters = _spine(package, posixpath.dirname(path))
    blocks: list[Block] = []
    for number, chapter in enumerate(chapters):
        budget.step("chapters", number + 1, len(chapters))
        if chapter in archive:
            blocks += _chapter(archive.read(chapter), budget)
    title, author, date = (
        (package.findtext(f".//{_DC}{tag}") or "").strip() for tag in ("title", "creator", "date")
    )
    return Reading(blocks, title, author, date[:10])


def _spine(package, folder: str) -> list[str]:
    items = {}
    for item in package.iter(_OPF + "item"):
        href = urllib.parse.unquote((item.get("href") or "").split("#")[0])
        if "nav" not in (item.get("properties") or "").split():
            items[item.get("id")] = posixpath.normpath(posixpath.join(folder, href))
    order = [
        ref.get("idref") for ref in package.iter(_OPF + "itemref") if ref.get("linear") != "no"
    ]
    return [items[name] for name in order if name in items]


def _chapter(data: bytes, budget: Budget) -> list[Block]:
    tree = parse(page_text(data, budget.name))
    body = tree.find(".//body") if tree is not None else None
    if body is None:
        return []
    clean(body, budget)
    blocks = blocks_of(body, budget)
    for block in blocks:
        budget.keep(block.text)
    return blocks
