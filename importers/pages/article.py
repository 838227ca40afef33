"""A web page's main text, title, author and date: from trafilatura, and from the marked main part
where it finds too little.

Menus, footers, cookie notices and lists of links are left out; so is everything hidden, which is
counted.
"""

import copy
import logging
import re
from dataclasses import replace

from lxml import etree
from trafilatura import bare_extraction

from oneseek.importers.document import Block, ImportRefused, Reading
from oneseek.importers.limits import Budget
from oneseek.importers.pages.markup import (
    blocks_of,
    clean,
    iterate_within,
    page_text,
    parse,
    too_deep,
)
from oneseek.importers.passages import is_boilerplate

for _name in ("trafilatura", "htmldate", "courlan", "justext", "charset_normalizer"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)

_AROUND = "nav|footer|header|aside|menu"
_AROUND_NAME = re.compile(
    r"(^|[\s_-])(nav|navbar|menu|breadcrumbs?|footer|sidebar|cookie\w*|consent|share|social|related|promo|advert\w*"
    r"|newsletter|comments?-form|pagination|toolbar|banner|skip-?link|login)([\s_-]|$)",
    re.IGNORECASE,
)
_MAIN = ("//main", "//*[@role='main']", "//article", "//*[@id='content' or @id='main']")
# A date that merely occurs in the text is not the page's own.
_DATES = {"extensive_search": False, "original_date": True, "max_date": "2100-01-01"}
_PARSER_FAULTS = (ValueError, TypeError, AttributeError, IndexError, AssertionError, RecursionError)
_MOST_ELEMENTS = 50_000  # trafilatura takes most of a millisecond for each
_ENOUGH = 25  # words; a shorter text is no article


def read_file(data: bytes, budget: Budget) -> Reading:
    return read_page(page_text(data, budget.name), "", budget)


def read_page(text: str, address: str, budget: Budget) -> Reading:
    """The article of an HTML page; raises ImportRefused if there is none, and says what was there
    instead."""
    budget.keep(text)
    tree = parse(text)
    if tree is None:
        raise ImportRefused(f"{budget.name} is an HTML file without content; save the page again.")
    login = bool(tree.xpath("//input[@type='password']"))
    hidden = clean(tree, budget)
    budget.step()
    reading = replace(_extract(tree, address, budget), hidden=hidden, address=address)
    if too_deep(text):
        reading.notes.append(
            "The page is nested deeper than 256 levels; what lies deeper was not read."
        )
    words = sum(len(block.text.split()) for block in reading.blocks)
    if login and words < 150:
        raise ImportRefused(
            f"{budget.name} asks you to log in first; open it in your browser, save the page and drop the file here."
        )
    if not words:
        raise ImportRefused(
            f"No main text was found in {budget.name}; select the text on the page, copy it and paste it here."
        )
    return reading


def read_whole(text: str, budget: Budget) -> Reading:
    """Every visible block of pasted HTML, because a person selected all of it."""
    tree = parse(budget.keep(text))
    if tree is None:
        return Reading([])
    title = " ".join((tree.findtext(".//title") or "").split())
    hidden = clean(tree, budget)
    return Reading(blocks_of(_body(tree), budget), title=title, hidden=hidden)


def _extract(tree: etree._Element, address: str, budget: Budget) -> Reading:
    title = _title(tree)
    _prune(tree, budget)
    if sum(1 for _ in tree.iter()) > _MOST_ELEMENTS:
        note = f"The page has over {_MOST_ELEMENTS:,} elements; its text was read as it stands."
        return Reading(
            _once(_second_look(tree, budget) or blocks_of(_body(tree), budget)), title, notes=[note]
        )
    try:
        found = bare_extraction(
            copy.deepcopy(tree),
            url=address or None,
            with_metadata=True,
            favor_recall=True,
            date_extraction_params={**_DATES},  # a copy, because trafilatura changes it
        )
    except _PARSER_FAULTS:
        found = None  # the second look below reads a page on which the parser fails
    blocks: list[Block] = []
    author = date = ""
    if found is not None:
        for part in (found.body, found.commentsbody):
            if part is not None:
                blocks += blocks_of(part, budget)
        title, author, date = found.title or title, found.author or "", found.date or ""
    second = _second_look(tree, budget)
    if _words(blocks) < _ENOUGH or _words(second) > 1.6 * _words(blocks):
        blocks = second if _words(second) > _words(blocks) else blocks
    blocks = [block for block in _once(blocks) if not is_boilerplate(block.text)]
    heading = " ".join((tree.findtext(".//h1") or "").split())
    if blocks and heading and all(heading != block.text for block in blocks):
        blocks.insert(0, Block("heading", heading, 1))
    return Reading(blocks, title, author, date)


def _once(blocks: list[Block]) -> list[Block]:
    """The blocks without word-for-word repeated paragraphs: trafilatura returns forum posts
    twice."""
    seen: set[str] = set()
    kept = []
    for block in blocks:
        if block.kind != "paragraph" or block.text not in seen:
            kept.append(block)
            seen.add(block.text)
    return kept


def _prune(tree: etree._Element, budget: Budget) -> None:
    """Remove the parts around the text, unless one holds most of the page's words."""
    most = len(tree.text_content().split()) / 2
    for node in iterate_within(list(tree.iter()), budget):
        if isinstance(node.tag, str) and node.getparent() is not None and _is_around(node):
            if len(node.text_content().split()) <= most or _is_link_list(node):
                node.drop_tree()


def _second_look(tree: etree._Element, budget: Budget) -> list[Block]:
    """All blocks of the part that the page itself marks as its main part."""
    for path in _MAIN:
        marked = tree.getroottree().xpath(path)
        if marked:
            return blocks_of(max(marked, key=lambda node: len(node.text_content())), budget)
    return []


def _is_around(node: etree._Element) -> bool:
    if node.tag in ("body", "main", "article", "html"):
        return False
    if node.tag in _AROUND.split("|") and not (node.tag == "header" and _in_article(node)):
        return True
    named = f"{node.get('class') or ''} {node.get('id') or ''} {node.get('role') or ''}"
    return bool(_AROUND_NAME.search(named)) or _is_link_list(node)


def _in_article(node: etree._Element) -> bool:
    return any(parent.tag in ("article", "main") for parent in node.iterancestors())


def _is_link_list(node: etree._Element) -> bool:
    """True for a list or block whose words are nearly all links."""
    if node.tag not in ("ul", "ol", "div", "section", "table", "td"):
        return False
    links = node.findall(".//a")
    if len(links) < 3:
        return False
    linked = sum(len(link.text_content().split()) for link in links)
    return linked > 0.8 * max(1, len(node.text_content().split()))


def _body(tree: etree._Element) -> etree._Element:
    found = tree.find(".//body")
    return found if found is not None else tree


def _title(tree: etree._Element) -> str:
    return " ".join((tree.findtext(".//h1") or tree.findtext(".//title") or "").split())


def _words(blocks: list[Block]) -> int:
    return sum(len(block.text.split()) for block in blocks)
