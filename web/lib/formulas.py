"""Formulas in an answer, set by Temml as MathML in the place where they stood."""

from pyscript import document, js_import
from pyscript.ffi import to_js

from oneseek.engine.core.formulas import CLOSES, OPENS
from oneseek.web.lib import dom, site

SAFE = {"throwOnError": True, "trust": False, "maxExpand": 200}
TEXT_NODES = 4

_setter = None
_attempt = None


def put(fragment, formulas):
    """Each mark becomes an element with its formula's own words, set once Temml has come."""
    if not formulas:
        return
    places = []
    walk = document.createTreeWalker(fragment, TEXT_NODES)
    nodes = []
    while walk.nextNode():
        nodes.append(walk.currentNode)
    for node in nodes:
        pieces = node.textContent.split(OPENS)
        if len(pieces) == 1:
            continue
        parts = [pieces[0]]
        for piece in pieces[1:]:
            number, _, rest = piece.partition(CLOSES)
            source, tex, display = formulas[int(number)]
            place = dom.make("span", source, cls="formula")
            places.append((place, tex, display))
            parts += [place, rest]
        node.replaceWith(*parts)
    if _setter:
        fill(places)
    else:
        dom.run(dom.adorn(fetch_and_fill(places)))


def fill(places):
    """One that cannot be set stays as it was written."""
    for place, tex, display in places:
        source = place.textContent
        _attempt(_setter, "default.render", tex, place, to_js(dict(SAFE, displayMode=display)))
        if not dom.find("math", place):
            place.textContent = source


async def fetch_and_fill(places):
    """Until it has come, and where it cannot, a formula reads as it was written."""
    global _setter, _attempt
    module, careful = await js_import(site.path("vendor/temml.js"), site.path("attempt.js"))
    _setter, _attempt = module, careful.attempt
    fill(places)
