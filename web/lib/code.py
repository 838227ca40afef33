"""Code in an answer: a button that copies it, and colours once highlight.js has come."""

from pyscript import js_import
from pyscript.ffi import to_js

from oneseek.web.lib import dom, site
from oneseek.web.lib.words import t

_highlighter = None


def furnish(node):
    """Give every block of code its button, and tables a place for the keyboard."""
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
        dom.run(colour(named))


async def colour(blocks):
    """Only for code that names its language; without the library it stays as it is."""
    global _highlighter
    if _highlighter is None:
        (module,) = await js_import(site.path("vendor/highlight.js"))
        _highlighter = module.default
    for block in blocks:
        language = block.className[len("language-") :]
        if _highlighter.getLanguage(language):
            block.innerHTML = _highlighter.highlight(
                block.textContent, to_js({"language": language})
            ).value
