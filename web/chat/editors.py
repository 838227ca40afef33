"""The editor in the place of a message, to ask it again or to teach a better answer."""

from oneseek.web.chat import message
from oneseek.web.lib import dom
from oneseek.web.lib.words import t


class Editors:
    """At most one editor is open at a time."""

    def __init__(self, page):
        self.page = page
        dom.verbs(
            {
                "edit": lambda of, el: self.edit(of),
                "teach": lambda of, el: self.teach(of),
                "close-editor": lambda of, el: self.close(),
            }
        )

    def edit(self, id):
        """Open the editor of a question, in the place where it stands."""
        turn = self.page.chat.tree[id]
        form = message.editor(
            t("chat.save_edit"), turn["text"], "save-edit", id, t("chat.edit_note")
        )
        self.open(id, form)

    def teach(self, id):
        turn = self.page.chat.tree[id]
        form = message.editor(t("teach.save"), turn["text"], "save-teach", id, t("teach.note"))
        self.open(id, form)

    def open(self, id, form):
        self.close()
        dom.find('[id="%s"] > .text' % id).after(form)
        area = dom.find("textarea", form)
        area.focus()
        area.setSelectionRange(len(area.value), len(area.value))
        form.scrollIntoView()

    def close(self):
        for old in dom.find_all("form.editor"):
            old.remove()
        self.page.memory.edit(None, "")
        self.page.queue_panel.edit(None)
        self.page.composer.focus()
