"""Dialogs and menus: the browser's own <dialog> and popover, made when needed, removed after."""

from pyscript import document

from oneseek.web.lib import dom
from oneseek.web.lib.words import t


def dialog(title, *body, actions=(), name=None, wide=False, important=False):
    """Open a modal dialog; `actions` are buttons at its foot.  Closing it removes it."""
    close_all()
    for closed in document.querySelectorAll("dialog"):
        closed.remove()  # at once: its `close` event comes later
    heading = dom.make("h2", title, id="dialog-title")
    close = dom.icon_button(t("close"), "close-dialog", drawing="close", cls="icon")
    box = dom.make(
        "dialog",
        dom.make("div", heading, close, cls="dialog-head"),
        dom.make("div", body, cls="dialog-body"),
        dom.make("div", actions, cls="dialog-foot") if actions else None,
        id=name,
        cls="wide" if wide else None,
        aria_labelledby="dialog-title",
        role="alertdialog" if important else None,
    )
    document.body.append(box)
    box.showModal()
    return box


def body_of(name):
    """The content of an open dialog, or None when it was closed meanwhile."""
    return dom.find("#%s .dialog-body" % name)


def close_all():
    for node in document.querySelectorAll("dialog[open]"):
        node.close()


def menu(anchor, *items):
    """A small list of choices below a button."""
    box = dom.make("div", items, cls="menu", role="menu", popover="auto")
    for item in items:
        item.setAttribute("role", "menuitem")
    document.body.append(box)
    box.showPopover()
    at = anchor.getBoundingClientRect()
    width, height = box.offsetWidth, box.offsetHeight
    room_x, room_y = document.documentElement.clientWidth, document.documentElement.clientHeight
    box.style.left = "%dpx" % max(6, min(at.right - width, room_x - width - 6))
    below = at.bottom + 4
    box.style.top = "%dpx" % (below if below + height < room_y else at.top - height - 4)
    box.firstElementChild.focus()


def start():
    """Remove closed dialogs and menus, move in menus by the arrow keys, close a menu after a
    choice."""

    def on_close(event):
        node = event.target
        if node.tagName == "DIALOG":
            node.remove()

    def on_toggle(event):
        node = event.target
        if event.newState == "closed" and node.classList.contains("menu"):
            node.remove()

    def key(event):
        if event.key not in ("ArrowDown", "ArrowUp"):
            return
        inside = event.target.closest(".menu") if hasattr(event.target, "closest") else None
        if dom.is_none(inside):
            return
        event.preventDefault()
        step = "nextElementSibling" if event.key == "ArrowDown" else "previousElementSibling"
        other = getattr(event.target, step)
        if not dom.is_none(other):
            other.focus()

    def on_click(event):
        inside = event.target.closest(".menu") if hasattr(event.target, "closest") else None
        if not dom.is_none(inside) and inside.matches(":popover-open"):
            inside.hidePopover()

    dom.listen("close", document, on_close, capture=True)
    dom.listen("toggle", document, on_toggle, capture=True)
    dom.listen("keydown", document, key)
    dom.listen("click", document, on_click)


def close_dialog(of, element):
    element.closest("dialog").close()


dom.verbs({"close-dialog": close_dialog})
