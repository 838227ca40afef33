"""Repeats a click that the browser drops because the pressed control was redrawn or moved: the same
control is clicked where it is now."""

import asyncio

from pyscript import document

from oneseek.web.lib import dom

TREMBLE = 8
"""Pixels within which a mouse that is held counts as still."""
SOON = 0.01
"""Seconds within which the browser sends the click of a press, if it sends one."""


def start():
    _finish_mouse()
    _finish_key()


def _finish_mouse():
    held = []  # the pressed control and the pointer's position, until the click arrives

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
    """The control that a click on this node presses, or None."""
    if dom.is_none(node) or not hasattr(node, "closest"):
        return None
    return dom.or_none(node.closest("button, summary, label, a, [data-do]"))


def _near(one, other):
    """Whether the pointer stayed in place, but for a tremble; moving away cancels a press."""
    return max(abs(one[0] - other[0]), abs(one[1] - other[1])) <= TREMBLE


def _double(control, here):
    """The control that a release clicks: the pressed one if it is still in the document and under
    the pointer; else its equal under the pointer, or the only equal in the page."""
    if control.isConnected:
        return control if here and here.isSameNode(control) else None
    if here and here.isEqualNode(control):
        return here
    same = document.querySelectorAll(control.localName)
    doubles = [one for one in same if one.isEqualNode(control)]
    return doubles[0] if len(doubles) == 1 else None
