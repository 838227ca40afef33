"""Reads DOCX: the words of the body in order, with tracked insertions and without deletions."""

from oneseek.importers.document import Block, Reading, table
from oneseek.importers.limits import Budget
from oneseek.importers.readers.archive import Archive

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_DC = "{http://purl.org/dc/elements/1.1/}"
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_SIGNS = {_W + "tab": "\t", _W + "br": "\n", _W + "cr": "\n", _W + "noBreakHyphen": "-"}
# Invisible on the page: deleted text, field codes, and the second copy of a text box.
_UNSEEN = {
    _W + "del",
    _W + "moveFrom",
    _W + "instrText",
    _W + "delText",
    _W + "rPr",
    _W + "pPr",
    _FALLBACK,
}


def read_docx(data: bytes, budget: Budget) -> Reading:
    archive = Archive(data, budget)
    styles = _styles(archive)
    body = archive.xml("word/document.xml").find(_W + "body")
    blocks = list(_blocks(body, styles, budget)) if body is not None else []
    return Reading([b for b in blocks if b.text], *_properties(archive))


def _blocks(body, styles, budget):
    """Yield paragraphs and tables in order, also those inside content controls and insertions."""
    waiting = list(reversed(body))
    while waiting:
        node = waiting.pop()
        if node.tag == _W + "p":
            yield _paragraph(node, styles, budget)
        elif node.tag == _W + "tbl":
            rows = [[_text(cell) for cell in row.iter(_W + "tc")] for row in node.iter(_W + "tr")]
            block = table(rows)
            budget.keep(block.text)
            yield block
        elif node.tag not in _UNSEEN:
            waiting.extend(reversed(node))


def _paragraph(node, styles, budget) -> Block:
    budget.step()
    text = "\n".join(" ".join(line.split()) for line in _text(node).split("\n"))
    text = budget.keep(text.strip())
    style = node.find(f"{_W}pPr/{_W}pStyle")
    name, level = styles.get(style.get(_W + "val") if style is not None else "", ("", 0))
    if level or name == "title":
        return Block("heading", text, level or 1)
    if node.find(f"{_W}pPr/{_W}numPr") is not None or name.startswith("list"):
        return Block("item", text, 1)
    return Block("quote" if "quote" in name else "paragraph", text)


def _text(node) -> str:
    pieces = []
    waiting = [node]
    while waiting:
        part = waiting.pop()
        if part == " ":
            pieces.append(" ")
        elif part.tag == _W + "t":
            pieces.append(part.text or "")
        elif part.tag in _SIGNS:
            pieces.append(_SIGNS[part.tag])
        elif part.tag not in _UNSEEN:
            if part.tag == _W + "p" and part is not node:
                waiting.append(" ")
            waiting.extend(reversed(part))
    return "".join(pieces)


def _styles(archive: Archive) -> dict[str, tuple[str, int]]:
    """Style id -> its built-in name (English in every language of Word) and its heading level, or
    0."""
    found: dict[str, tuple[str, int]] = {}
    if "word/styles.xml" not in archive:
        return found
    for style in archive.xml("word/styles.xml").iter(_W + "style"):
        name_node = style.find(_W + "name")
        name = (name_node.get(_W + "val") if name_node is not None else "").lower()
        outline = style.find(f"{_W}pPr/{_W}outlineLvl")
        level = 0
        if name.startswith("heading ") and name[8:].isdigit():
            level = int(name[8:])
        elif outline is not None and (outline.get(_W + "val") or "9").isdigit():
            level = (int(outline.get(_W + "val") or "9") + 1) % 10
        found[style.get(_W + "styleId") or ""] = (name, level)
    return found


def _properties(archive: Archive) -> tuple[str, str]:
    if "docProps/core.xml" not in archive:
        return "", ""
    core = archive.xml("docProps/core.xml")
    return (core.findtext(_DC + "title") or "").strip(), (
        core.findtext(_DC + "creator") or ""
    ).strip()
