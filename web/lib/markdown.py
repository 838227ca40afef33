"""Markdown as elements: markdown-it reads it without HTML, DOMPurify sanitises the result.

A growing text is drawn block by block: finished blocks stay untouched, so that a selection survives
and a long answer costs no more at its end than at its beginning. Until both libraries are loaded,
text is shown plain. A text that is too large to draw, or that fails to be drawn, stays as it was
written: no text can hold up the page or stop it.
"""

from pyscript import js_import
from pyscript.ffi import to_js

from oneseek.engine.core.formulas import extract
from oneseek.web.lib import code, dom, formulas, site

ALLOWED = "p br hr h1 h2 h3 h4 h5 h6 ul ol li blockquote pre code em strong del a table thead tbody tr th td"
LONGEST = 50_000  # characters
MOST = (("<", 10_000), ("<a ", 500), ("<pre", 100), ("<table", 100))
"""How often these may stand in the HTML of one text."""
CELLS = 10_000
"""Cells that the tables of one text may have, counting those that fill up a short row."""
LONG_WORD = 1000
DEEPEST = " ".join([":is(li, blockquote)"] * 40)
"""Matches an element nested too deeply to draw; markdown-it leaves out deeper levels itself."""

_reader = None
_purifier = None
_attempt = None
_plain = []


async def load():
    """Load the two libraries once, then draw the texts that were shown plain."""
    global _reader, _purifier, _attempt
    if _reader:
        return
    reader, purifier, careful = await js_import(
        site.path("vendor/markdown-it.js"), site.path("vendor/purify.js"), site.path("attempt.js")
    )
    options = {"html": False, "linkify": True, "breaks": True}
    _reader = reader.default.new(to_js(options)).disable("image")
    _purifier, _attempt = purifier, careful.attempt
    while _plain:
        show(*_plain.pop())


def plain(node, text):
    """Show a text as it was written."""
    node.textContent = readable(text)
    ease(node, text)


def readable(text):
    """The text with each NUL replaced: JavaScript gets a string only up to its first NUL."""
    return text.replace("\0", "\ufffd")


def ease(node, text):
    """Have very long words laid out more simply; a browser would take seconds for them."""
    if any(len(word) > LONG_WORD for word in text.split()):
        node.classList.add("unkerned")


def draw(text):
    """A DocumentFragment of `text`: its Markdown as elements, else the text as it was written."""
    text = readable(text)
    return pure(text) or dom.fragment(dom.make("p", text, cls="as-written"))


def cells(text):
    """The most cells that a text can have: those it has if all of it is one table."""
    rows = [line.count("|") for line in text.split("\n") if "|" in line]
    return max(rows) * len(rows) if rows else 0


def pure(text):
    """The Markdown of `text` as a DocumentFragment in which nothing can act or load; None where it
    is too large to draw, or cannot be drawn."""
    if len(text) > LONGEST or cells(text) > CELLS:
        return None
    rules = {
        "ALLOWED_TAGS": ALLOWED.split(),
        "ALLOWED_ATTR": ["href", "start", "class"],  # `class` names the language of code only
        "RETURN_DOM_FRAGMENT": True,
    }
    marked, found = extract(text)
    html = dom.or_none(_attempt(_reader, "render", marked))
    if html is None or any(html.count(tag) > most for tag, most in MOST):
        return None
    fragment = dom.or_none(_attempt(_purifier, "default.sanitize", html, to_js(rules)))
    if fragment is None or dom.find(DEEPEST, fragment):
        return None
    formulas.put(fragment, found)
    for link in fragment.querySelectorAll("a"):
        link.target = "_blank"
        link.rel = "noopener noreferrer nofollow"
    return fragment


def find_end(text):
    """The length of the finished blocks of a growing text: up to its last empty line outside a
    fence."""
    end, fenced, at = 0, None, 0
    for line in text.split("\n"):
        mark = line.strip()[:3]
        if mark in ("```", "~~~") and fenced in (None, mark):
            fenced = None if fenced else mark
        at += len(line) + 1
        if not line.strip() and not fenced and at <= len(text):
            end = at
    return end


class Growing:
    """A text that is drawn while it grows, into one element."""

    def __init__(self, node):
        self.node = node
        self.drawn = 0
        self.kept = 0

    def show(self, text):
        if not _reader:
            plain(self.node, text)
            return
        ease(self.node, text)
        end = find_end(text)
        while self.node.childNodes.length > self.kept:
            self.node.removeChild(self.node.lastChild)
        if end > self.drawn:
            self.node.appendChild(draw(text[self.drawn : end]))
            self.drawn, self.kept = end, self.node.childNodes.length
        self.node.appendChild(draw(text[self.drawn :]))


def show(node, text):
    """Draw a whole text."""
    if not _reader:
        plain(node, text)
        _plain.append((node, text))
        return
    ease(node, text)
    node.replaceChildren(draw(text))
    code.furnish(node)
