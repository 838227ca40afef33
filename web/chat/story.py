"""The first minute: what will happen, told while the model loads, and a fact of one's own as the
exercise.

Shown until something was told to it once, or the person put it away; then never again.
"""

from oneseek.web.lib import dom
from oneseek.web.lib.words import t

KEY = "story"  # in the page's settings: "" shown, "done" or "skipped"


class Story:
    def __init__(self, page):
        self.page = page
        page.watch(self.notice, "queue", "examples")
        dom.verbs(
            {
                "first-fact": lambda of, el: self.begin(),
                "skip-story": lambda of, el: self.skip(),
            }
        )

    @property
    def wanted(self):
        return not self.page.settings[KEY]

    def lines(self):
        """Three short lines, while there is nothing to do but wait."""
        if not self.wanted:
            return None
        rows = [dom.make("li", t("story.line%d" % number)) for number in (1, 2, 3)]
        return dom.make("ol", rows, cls="story", label=t("story.title"))

    def exercise(self):
        """In an empty chat with a model: begin with something about oneself."""
        if not self.wanted:
            return None
        return dom.make(
            "div",
            dom.button(t("story.begin"), "first-fact", drawing="seed", cls="primary"),
            dom.button(t("story.skip"), "skip-story", cls="quiet"),
            cls="row",
            id="story",
        )

    def begin(self):
        """The beginning of a sentence in the message field; the person ends it."""
        self.page.composer.put(t("story.draft"))
        self.page.composer.focus()
        self.page.say(t("story.begin"))

    async def skip(self):
        await self.page.set(**{KEY: "skipped"})
        self.page.chat.draw()
        self.page.composer.focus()

    async def notice(self):
        """Something was told: the story has been told too."""
        records = self.page.teaching.queue.records.values()
        if self.wanted and any(record["kind"] in ("fact", "correction") for record in records):
            await self.page.set(**{KEY: "done"})
