"""Making and changing elements; text given here always stays text.

An element names its verb in its attributes (`do="copy"`, `of=message id`), and one listener for the
whole page finds it, so that elements can come and go without leaving proxies behind.
"""

import asyncio
import io
import sys

from js import console
from pyscript import document
from pyscript.ffi import is_none, to_js

VERBS = {}
"""verb -> function(of, element); filled by `verbs`."""

TYPED_INTO = "textarea, input:not([type=checkbox]):not([type=radio])"

PLAIN = {"cls": "class", "label": "aria-label", "do": "data-do", "of": "data-of", "for_": "for"}


def or_none(node):
    """The node, with None for JavaScript's null."""
    return None if is_none(node) else node


def find(selector, within=None):
    """The first element that matches, or None."""
    return or_none((within or document).querySelector(selector))


def find_all(selector, within=None):
    return list((within or document).querySelectorAll(selector))


def by_id(name):
    element = or_none(document.getElementById(name))
    if element is None:
        raise LookupError("the page has no element with the id %s" % name)
    return element


def make(tag, *children, **attributes):
    """A new element; attributes are HTML's own (underscores become hyphens), True is a bare one."""
    element = document.createElement(tag)
    change(element, **attributes)
    fill(element, children)
    return element


def change(element, **attributes):
    for name, value in attributes.items():
        if name in ("value", "checked", "disabled", "hidden", "open", "selected"):
            setattr(element, name, value)
        elif value is not None and value is not False:
            name = PLAIN.get(name) or name.replace("_", "-")
            element.setAttribute(name, "" if value is True else str(value))
    return element


def fill(element, children):
    for child in children:
        if isinstance(child, (list, tuple)):
            fill(element, child)
        elif child is not None:
            element.append(child)
    return element


def fragment(*children):
    """The children without an element around them."""
    return fill(document.createDocumentFragment(), children)


def replace(element, *children):
    """Replace the children. The focus and what is typed into its field stay where the control still
    exists; unfolded details with an id stay open, and the scroll position stays."""
    focused, unfolded = _find_focused(element), _find_unfolded(element)
    scrolled = element.childElementCount and element.scrollTop  # reading scrollTop costs a layout
    element.replaceChildren()
    fill(element, children)
    _unfold(unfolded, element)
    if scrolled:
        element.scrollTop = scrolled
    _focus_again(focused, element)
    return element


def swap(old, new):
    """Replace an element; the focus stays as in `replace`, also that of the element itself."""
    focused = _find_focused(old)
    _unfold(_find_unfolded(old), new)
    old.replaceWith(new)
    _focus_again(focused, new)


def _find_unfolded(element):
    return [one.id for one in find_all("details[id][open]", element)]


def _unfold(ids, element):
    for id in ids:
        fold = find('[id="%s"]' % id, element)
        if fold:
            fold.open = True


def offer_focus(element):
    """Focus the element, unless the person already focused something else."""
    if not find(":focus"):
        element.focus()


def _find_focused(element):
    focused = document.activeElement
    return focused if not is_none(focused) and element.contains(focused) else None


def _focus_again(focused, element):
    """Focus the new control that corresponds to the one that had the focus."""
    mark = _mark(focused) if focused else None
    if not mark:
        return
    again = element if element.matches(mark) else find(mark, element)
    if again and focused.matches(TYPED_INTO):
        again.replaceWith(focused)
        focused.focus()
    elif again:
        again.focus()


def _read(node, name):
    value = node.getAttribute(name)
    return None if is_none(value) else value


def _mark(node):
    if node.id:
        return '[id="%s"]' % node.id
    name, of = _read(node, "data-do"), _read(node, "data-of")
    if name is None:
        return None
    return '[data-do="%s"]' % name + ("" if of is None else '[data-of="%s"]' % of)


def icon(name):
    """One of the drawings in index.html; always next to words or inside a labelled button."""
    space = "http://www.w3.org/2000/svg"
    drawing = document.createElementNS(space, "svg")
    use = document.createElementNS(space, "use")
    use.setAttribute("href", "#i-" + name)
    drawing.appendChild(use)
    drawing.setAttribute("aria-hidden", "true")
    return drawing


def button(words, do, of=None, drawing=None, cls=None, **attributes):
    """A button with words beside its drawing."""
    parts = [icon(drawing)] if drawing else []
    return make("button", parts, words, type="button", do=do, of=of, cls=cls, **attributes)


def icon_button(words, do, of=None, drawing="more", cls="icon small", **attributes):
    """A button that shows only its drawing; the words are its name and its tooltip."""
    inside = icon(drawing)
    return make(
        "button",
        inside,
        type="button",
        do=do,
        of=of,
        cls=cls,
        label=words,
        title=words,
        **attributes,
    )


def verbs(acts):
    """Register what elements with `do=name` do when they are clicked, changed, typed into or
    submitted."""
    VERBS.update(acts)


def field(form, name):
    """The text in a field of a form."""
    return find('[name="%s"]' % name, form).value.strip()


def start(complain):
    """Listen for every verb; `complain(fault)` is called for a verb that fails."""
    global _complain
    _complain = complain

    def act(event):
        node = event.target
        if not hasattr(node, "closest"):
            return
        node = node.closest("[data-do]")
        if is_none(node) or (_read(node, "data-on") or "click") != event.type:
            return
        if event.type == "submit":
            event.preventDefault()
        run(VERBS[_read(node, "data-do")](_read(node, "data-of"), node))

    for kind in ("click", "change", "submit", "input"):
        document.addEventListener(kind, act)


def listen(kind, target, handler, **options):
    """Call `handler(event)` on an event of an element, a selector, the document or the window."""
    targets = find_all(target) if isinstance(target, str) else [target]
    for one in targets:
        one.addEventListener(kind, lambda event: run(handler(event)), to_js(options))


def run(work):
    """Start the coroutine that a verb returned, if it returned one."""
    if hasattr(work, "send"):
        asyncio.create_task(guard(work))


async def guard(work):
    """Await work whose failure the person and the console must see."""
    try:
        await work
    except Exception as fault:
        report(fault)


async def adorn(work):
    """Await work that only makes the page prettier: if it fails, the page stays as it is."""
    try:
        await work
    except Exception as fault:
        console.warn("shown without what makes it prettier: %s" % fault)


def report(fault):
    said = io.StringIO()
    sys.print_exception(fault, said)
    console.error(said.getvalue())
    _complain(fault)


_complain = print
