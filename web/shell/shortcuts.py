"""Keyboard shortcuts; the same table makes the help dialog."""

from pyscript import document

from oneseek.web.lib import dom, overlay
from oneseek.web.lib.words import t

KEYS = (
    ("Enter", "keys.send"),
    ("Shift + Enter", "keys.line"),
    ("Esc", "keys.stop"),
    ("↑", "keys.edit"),
    ("Ctrl / ⌘ + K", "keys.search"),
    ("Ctrl / ⌘ + Shift + O", "keys.new"),
    ("/", "keys.field"),
    ("?", "keys.help"),
)


class Shortcuts:
    def __init__(self, page):
        self.page = page
        dom.listen("keydown", document, self.key)

    def key(self, event):
        held = event.ctrlKey or event.metaKey
        field = event.target.closest("input, textarea, select") if event.target else None
        typing = not dom.is_none(field)
        if held and event.key.lower() == "k":
            event.preventDefault()
            self.page.aside.show_nav()
            dom.by_id("chat-search").focus()
        elif held and event.shiftKey and event.key.lower() == "o":
            event.preventDefault()
            dom.run(self.page.conversations.new())
        elif event.key == "Enter" and typing and not event.shiftKey and not event.isComposing:
            form = field.closest("form.editor")
            if not dom.is_none(form):  # as in the message field
                event.preventDefault()
                form.requestSubmit()
        elif event.key == "Escape":
            self.escape(event)
        elif not typing and not held and self.page.settings["single_keys"]:
            self.single(event)

    def escape(self, event):
        """Close or stop the nearest: the drop overlay, an open editor, the answer in flight, a
        sheet."""
        if dom.find("dialog[open]") or dom.find(".menu:popover-open"):
            return
        editor = dom.find("form.editor")
        if not dom.by_id("drop").hidden:
            self.page.intake.inputs.close_drop()
        elif editor:
            self.page.editors.close()
        elif self.page.chat.answering:
            self.page.chat.stop()
        else:
            self.page.aside.close_sheets()

    def single(self, event):
        if event.key == "?":
            self.help()
        elif event.key == "/":
            event.preventDefault()
            self.page.composer.focus()
        elif event.key in ("1", "2", "0") and dom.find("#compare-result .pair"):
            dom.run(self.page.compare.choose(event.key))

    def help(self):
        rows = [
            (dom.make("dt", dom.make("kbd", key)), dom.make("dd", t(words))) for key, words in KEYS
        ]
        overlay.dialog(
            t("help.title"),
            dom.make("p", t("help.text")),
            [
                dom.make("p", dom.make("a", words, href=address, target="_blank"))
                for words, address in (
                    (t("help.guide"), t("help.guide_page")),
                    (t("help.lab"), "lab.html"),
                    (t("help.licenses"), "THIRD_PARTY_LICENSES.txt"),
                )
            ],
            dom.make("section", dom.make("h3", t("help.keys")), dom.make("dl", rows, cls="keys")),
            dom.make(
                "section",
                dom.make("h3", t("help.how")),
                [dom.make("p", t("help.how%d" % n)) for n in (1, 2, 3)],
            ),
            name="help",
        )
