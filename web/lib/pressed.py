"""What is drawn anew while it is pressed goes away under the finger, and the browser forgets the
click: the same control, where it is then, is clicked instead."""

from pyscript import document

from web.lib import dom

TREMBLE = 8
"""Pixels within which a mouse that is held counts as still."""


def start():
    _finish("mousedown", "mouseup")
    _finish("keydown", "keyup")


def _finish(down, up):
    held = []

    def pressed(event):
        held[:] = [(_control(event), _place(event))]

    def released(event):
        gone, place = held.pop() if held else (None, None)
        if gone and not gone.isConnected and _near(place, _place(event)):
            again = _double(gone, _control(event))
            if again:
                again.click()

    dom.listen(down, document, pressed)
    dom.listen(up, document, released)


def _control(event):
    """What the mouse, or the space bar, would click where the event is."""
    if not hasattr(event.target, "closest") or getattr(event, "code", "Space") != "Space":
        return None
    node = event.target.closest("button, summary, label, a, [data-do]")
    return None if dom.is_none(node) else node


def _place(event):
    return getattr(event, "clientX", 0), getattr(event, "clientY", 0)


def _near(one, other):
    """Whoever moves away while they press has thought better of it; a hand trembles a little."""
    return max(abs(one[0] - other[0]), abs(one[1] - other[1])) <= TREMBLE


def _double(gone, here):
    """The same control: the one at the same place, else the only one there is."""
    if here and here.isEqualNode(gone):
        return here
    doubles = [one for one in document.querySelectorAll(gone.localName) if one.isEqualNode(gone)]
    return doubles[0] if len(doubles) == 1 else None
