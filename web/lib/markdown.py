"""Markdown as elements: markdown-it reads it without HTML, DOMPurify has the last word.

A growing text is drawn block by block: blocks that are finished stay untouched, so that a
selection survives and a long answer costs no more at its end than at its beginning.  What is shown
before the two libraries are there is plain until they are.
"""

from pyscript import js_import
from pyscript.ffi import to_js

from oneseek.engine.core.formulas import taken
from oneseek.web.lib import code, formulas, site

ALLOWED = "p br hr h1 h2 h3 h4 h5 h6 ul ol li blockquote pre code em strong del a table thead tbody tr th td"

_reader = None
_purifier = None
_plain = []


async def load():
    """Fetch the two libraries, once."""
    global _reader, _purifier
    if _reader:
        return
    reader, purifier = await js_import(
        site.path("vendor/markdown-it.js"), site.path("vendor/purify.js")
    )
    options = {"html": False, "linkify": True, "breaks": True}
    _reader = reader.default.new(to_js(options)).disable("image")
    _purifier = purifier.default
    while _plain:
        show(*_plain.pop())


def pure(text):
    """A DocumentFragment of `text`, with nothing in it that can act or load."""
    rules = {
        "ALLOWED_TAGS": ALLOWED.split(),
        "ALLOWED_ATTR": ["href", "start", "class"],  # the language of code; there is no other
        "RETURN_DOM_FRAGMENT": True,
    }
    text, found = taken(text)
    fragment = _purifier.sanitize(_reader.render(text), to_js(rules))
    formulas.put(fragment, found)
    for link in fragment.querySelectorAll("a"):
        link.target = "_blank"
        link.rel = "noopener noreferrer nofollow"
    return fragment


def finished(text):
    """How much of a growing text is whole blocks: up to its last empty line outside a fence."""
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
            self.node.textContent = text
            return
        end = finished(text)
        while self.node.childNodes.length > self.kept:
            self.node.removeChild(self.node.lastChild)
        if end > self.drawn:
            self.node.appendChild(pure(text[self.drawn : end]))
            self.drawn, self.kept = end, self.node.childNodes.length
        self.node.appendChild(pure(text[self.drawn :]))


def show(node, text):
    """Draw a whole text."""
    if not _reader:
        node.textContent = text
        _plain.append((node, text))
        return
    node.replaceChildren(pure(text))
    code.furnish(node)
