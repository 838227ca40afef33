"""What is drawn anew or moved while it is pressed loses its click to the browser: the same control,
where it is then, is clicked instead."""

import asyncio

from pyscript import document

from oneseek.web.lib import dom

TREMBLE = 8
"""Pixels within which a mouse that is held counts as still."""
SOON = 0.01
"""Seconds within which a browser that makes a click of a press has made it."""


def start():
    _finish_mouse()
    _finish_key()


def _finish_mouse():
    held = []  # what is pressed and where, until a click comes of it

    def on_press(event):
        plain = event.button == 0 and not event.ctrlKey
        held[:] = [(_control(event.target), (event.clientX, event.clientY))] if plain else []

    async def on_release(event):
        place = event.clientX, event.clientY
        await asyncio.sleep(SOON)
        control, before = held.pop() if held else (None, place)
        if control and _near(before, place):
            here = _control(document.elementFromPoint(*place))
            again = _double(control, here)
            if again:
                again.click()

    def on_click(event):
        if event.isTrusted:  # by the browser, not by a script
            held.clear()

    dom.listen("mousedown", document, on_press)
    dom.listen("mouseup", document, on_release)
    dom.listen("click", document, on_click, capture=True)


def _finish_key():
    held = []

    def on_press(event):
        held[:] = [_control(event.target)] if event.code == "Space" else []

    def on_release(event):
        control = held.pop() if held else None
        again = control and _double(control, None)
        if again:
            again.click()

    dom.listen("keydown", document, on_press)
    dom.listen("keyup", document, on_release)


def _control(node):
    """What a click on this node presses."""
    if dom.is_none(node) or not hasattr(node, "closest"):
        return None
    return dom.or_none(node.closest("button, summary, label, a, [data-do]"))


def _near(one, other):
    """Whoever moves away while they press has thought better of it; a hand trembles a little."""
    return max(abs(one[0] - other[0]), abs(one[1] - other[1])) <= TREMBLE


def _double(control, here):
    """The same control: the one at the same place, else the only one there is. What still stands
    elsewhere was not let go upon."""
    if control.isConnected:
        return control if here and here.isSameNode(control) else None
    if here and here.isEqualNode(control):
        return here
    same = document.querySelectorAll(control.localName)
    doubles = [one for one in same if one.isEqualNode(control)]
    return doubles[0] if len(doubles) == 1 else None
