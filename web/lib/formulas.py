"""Formulas in an answer, rendered by Temml as MathML where they stand."""

from pyscript import document, js_import
from pyscript.ffi import to_js

from oneseek.engine.core.formulas import CLOSES, OPENS
from oneseek.web.lib import dom, site

SAFE = {"throwOnError": True, "trust": False, "maxExpand": 200}
TEXT_NODES = 4

_setter = None
_attempt = None


def put(fragment, formulas):
    """Replace each mark by an element with the formula's source, rendered once Temml is loaded."""
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
    """Render formulas; one that cannot be rendered keeps its source."""
    for place, tex, display in places:
        source = place.textContent
        _attempt(_setter, "default.render", tex, place, to_js(dict(SAFE, displayMode=display)))
        if not dom.find("math", place):
            place.textContent = source


async def fetch_and_fill(places):
    """Load Temml, then render; until then, and if it cannot load, a formula shows its source."""
    global _setter, _attempt
    module, careful = await js_import(site.path("vendor/temml.js"), site.path("attempt.js"))
    _setter, _attempt = module, careful.attempt
    fill(places)
