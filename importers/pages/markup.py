"""Turns HTML into blocks: what a reader would see, without scripts and hidden parts.

The same walk reads a page's body, a chapter of an EPUB, the HTML of a mail and the output of
trafilatura.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from lxml import etree, html

from oneseek.importers.document import Block, ImportRefused, table
from oneseek.importers.encoding import decode
from oneseek.importers.limits import Budget

_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_DROPPED = set(
    "script style template noscript iframe frame object embed svg math canvas audio video form button input "
    "select textarea dialog map".split()
)
_HIDDEN_STYLE = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0(?![.\d]*[1-9])|opacity\s*:\s*0(?![.\d]*[1-9])",
    re.IGNORECASE,
)
_KINDS = {"h1": "heading", "h2": "heading", "h3": "heading", "h4": "heading", "h5": "heading"}
_KINDS |= {
    "h6": "heading",
    "head": "heading",
    "li": "item",
    "item": "item",
    "dt": "item",
    "dd": "item",
}
_KINDS |= {"pre": "code", "blockquote": "quote", "quote": "quote"}
_BREAKS = set(_KINDS) | set(
    "p div section article main header footer aside nav ul ol dl list table tr figure figcaption address "
    "details summary hr body fieldset legend center comments".split()
)
_DECLARED = re.compile(
    rb"<meta[^>]+charset\s*=\s*[\"']?\s*([\w-]+)|<\?xml[^>]+encoding=[\"']([\w-]+)", re.I
)


_VALUE = r"""\s*+=\s*+(?:"[^"]*+"|'[^']*+'|[^\s>"']*+)"""
_ATTRIBUTE = re.compile(rf"[\s/]++(?:[^\s/>=]++(?:{_VALUE})?+)?+")
# Tags with all their attributes; skips comments, scripts and styles, which may hold lookalikes.
_TAGS = re.compile(
    rf"<!--.*?-->|<(?:script|style)\b.*?</(?:script|style)|<[a-z][^\s/>]*+((?:{_ATTRIBUTE.pattern})*+)",
    re.IGNORECASE | re.DOTALL,
)
_LOOK_EVERY = 1000  # elements between two checks of the budget
_MOST_ATTRIBUTES = 1000  # in one tag: parsers compare each attribute with all others


def page_text(data: bytes, name: str, declared: str = "") -> str:
    """Decode an HTML file, by its own declared encoding if it has one."""
    found = _DECLARED.search(data[:4096])
    said = (found[1] or found[2]).decode() if found else ""
    return decode(data, name, declared or said)


def parse(text: str) -> etree._Element | None:
    """A tree at most 256 deep, or None if it is empty; no network, no DTD, no huge trees."""
    parser = html.HTMLParser(
        huge_tree=False, recover=True, no_network=True, remove_comments=True, remove_pis=True
    )
    _must_be_modest(text)
    text = re.sub(r"^\s*<\?xml[^>]*\?>", "", text)  # lxml refuses a str that declares an encoding
    try:
        return html.document_fromstring(text, parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError, ValueError, AssertionError):
        return None


def _must_be_modest(text: str) -> None:
    for tag in _TAGS.finditer(text):
        attributes = tag[1] or ""
        if len(attributes) <= _MOST_ATTRIBUTES:
            continue
        if sum(1 for _ in _ATTRIBUTE.finditer(attributes)) > _MOST_ATTRIBUTES:
            raise ImportRefused(
                f"The page has a tag of more than {_MOST_ATTRIBUTES:,} attributes, which no page "
                "needs; select the text on it, copy it and paste it here."
            )


def too_deep(text: str) -> bool:
    """True if the parser stopped at the nesting limit and left the rest unread."""
    parser = html.HTMLParser(huge_tree=False)
    try:
        html.document_fromstring(text, parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError, ValueError, AssertionError):
        return False
    return any("xcessive depth" in str(entry.message) for entry in parser.error_log)


def iterate_within(nodes: Iterable[Any], budget: Budget) -> Iterator[Any]:
    """Iterate over the nodes; check the budget at regular intervals."""
    for number, node in enumerate(nodes):
        if number % _LOOK_EVERY == 0:
            budget.step()
        yield node


def clean(tree: etree._Element, budget: Budget) -> int:
    """Remove scripts and hidden elements; returns the number of hidden words."""
    hidden = 0
    for node in iterate_within(list(tree.iter()), budget):
        _make_writable(node)
        if not isinstance(node.tag, str) or node.getparent() is None:
            continue
        if node.tag in _DROPPED:
            node.drop_tree()
        elif _is_hidden(node):
            hidden += len(node.text_content().split())
            node.drop_tree()
    return hidden


def _make_writable(node: etree._Element) -> None:
    """Remove control characters. libxml2 accepts them in a damaged page, but lxml refuses to write
    them back when dropping an element joins the text behind it to the text before."""
    for part in ("text", "tail"):
        text = getattr(node, part)
        if isinstance(text, str) and _UNWRITABLE.search(text):
            setattr(node, part, _UNWRITABLE.sub("", text))


def blocks_of(root: etree._Element, budget: Budget) -> list[Block]:
    walk = _Walk()
    events = etree.iterwalk(root, events=("start", "end"))
    for event, node in iterate_within(events, budget):
        if not isinstance(node.tag, str):
            continue
        if event == "start":
            if walk.start(node):
                events.skip_subtree()
                walk.skipped = node
        else:
            walk.end(node, last=node is root)
    walk.flush()
    return walk.blocks


class _Walk:
    """Collects running text until a block element starts or ends."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self.pieces: list[str] = []
        self.open: list[tuple[str, int]] = []
        self.lists = 0
        self.skipped: etree._Element | None = None

    def start(self, node: etree._Element) -> bool:
        """True if the element, with its children, is done."""
        tag = node.tag
        if tag in _BREAKS:
            self.flush()
        if tag in ("ul", "ol", "list"):
            self.lists += 1
        if tag == "table" and _is_data(node):
            self.blocks.append(table(_rows(node)))
            return True
        if tag in ("pre", "code") and (tag == "pre" or _is_block_code(node)):
            self.blocks.append(Block("code", _lines(node)))
            return True
        if tag in _DROPPED:
            return True
        if tag in ("br", "lb"):
            self.pieces.append("\n")
        elif tag in ("td", "th", "cell"):
            self.pieces.append(" ")
        if tag in _KINDS:
            self.open.append((_KINDS[tag], _level(node, self.lists)))
        self.add(node.text)
        return False

    def end(self, node: etree._Element, last: bool) -> None:
        if self.skipped is node:
            self.skipped = None
        else:
            if node.tag in _BREAKS:
                self.flush()
            if node.tag in _KINDS and self.open:
                self.open.pop()
        if node.tag in ("ul", "ol", "list"):
            self.lists = max(0, self.lists - 1)
        if not last:
            self.add(node.tail)

    def add(self, text: str | None) -> None:
        if text:
            self.pieces.append(re.sub(r"\s+", " ", text))

    def flush(self) -> None:
        lines = [" ".join(line.split()) for line in "".join(self.pieces).split("\n")]
        self.pieces = []
        text = "\n".join(line for line in lines if line)
        if text:
            kind, level = self.open[-1] if self.open else ("paragraph", 0)
            self.blocks.append(Block(kind, text, level))


def _is_hidden(node: etree._Element) -> bool:
    if node.get("hidden") is not None or node.tag == "body":
        return node.tag != "body"
    style = node.get("style")
    return bool(style and _HIDDEN_STYLE.search(style))


def _is_data(node: etree._Element) -> bool:
    """True for a table of data; False for one that only lays out the page."""
    if next((n for n in node.iter("table") if n is not node), None) is not None:
        return False
    if any(True for _ in node.iter("p", "ul", "div", "article")) and len(_rows(node)) < 3:
        return False
    return any(len(row) > 1 for row in _rows(node))


def _rows(node: etree._Element) -> list[list[str]]:
    rows = []
    for row in node.iter("tr", "row"):
        rows.append([" ".join("".join(c.itertext()).split()) for c in row.iter("td", "th", "cell")])
    return rows


def _is_block_code(node: etree._Element) -> bool:
    return "\n" in "".join(node.itertext()).strip()


def _lines(node: etree._Element) -> str:
    for br in node.iter("br", "lb"):
        br.tail = "\n" + (br.tail or "")
    return "".join(node.itertext()).strip("\n")


def _level(node: etree._Element, lists: int) -> int:
    if _KINDS[node.tag] == "heading":
        digit = (node.get("rend") or node.tag)[-1]
        return int(digit) if digit.isdigit() else 2
    return lists
