"""Code in an answer: a button that copies it, and colours once highlight.js is loaded."""

import asyncio

from pyscript import js_import
from pyscript.ffi import to_js

from oneseek.web.lib import dom, site
from oneseek.web.lib.words import t

LONGEST = 20_000  # characters

_highlighter = None
_attempt = None


def furnish(node):
    """Give each block of code a copy button; code and tables can take the keyboard's focus."""
    for table in node.querySelectorAll("table"):
        table.tabIndex = 0
    blocks = [pre for pre in node.querySelectorAll("pre")]
    for pre in blocks:
        pre.tabIndex = 0
        copy = dom.icon_button(t("chat.copy_code"), "copy-code", drawing="copy")
        frame = dom.make("div", copy, cls="code")
        pre.replaceWith(frame)
        frame.prepend(pre)
    named = [code for code in node.querySelectorAll('pre code[class^="language-"]')]
    if named:
        dom.run(dom.adorn(colour(named)))


async def colour(blocks):
    """Colour the code whose language highlight.js knows; all other code stays as it is."""
    global _highlighter, _attempt
    if _highlighter is None:
        module, careful = await js_import(site.path("vendor/highlight.js"), site.path("attempt.js"))
        _highlighter, _attempt = module, careful.attempt
    for block in blocks:
        language, text = block.className[len("language-") :], block.textContent
        if len(text) > LONGEST or dom.is_none(
            _attempt(_highlighter, "default.getLanguage", language)
        ):
            continue
        coloured = _attempt(_highlighter, "default.highlight", text, to_js({"language": language}))
        if not dom.is_none(coloured):
            block.innerHTML = coloured.value
        await asyncio.sleep(0)
