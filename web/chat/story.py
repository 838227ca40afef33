"""What will happen, told while the first model loads, and the beginning of a fact to tell it.

Shown until something was told to it once; then never again.
"""

from oneseek.web.lib import dom
from oneseek.web.lib.words import t

KEY = "story"  # in the page's settings: "" shown, or "done"


class Story:
    def __init__(self, page):
        self.page = page
        page.watch(self.notice, "queue", "examples")
        dom.verbs({"first-fact": lambda of, el: self.begin()})

    @property
    def is_wanted(self):
        return not self.page.settings[KEY]

    def lines(self):
        """Three short lines, while there is nothing to do but wait."""
        if not self.is_wanted:
            return None
        rows = [dom.make("li", t("story.line%d" % number)) for number in (1, 2, 3)]
        return dom.make("ol", rows, cls="story", label=t("story.title"))

    def begin(self):
        """The beginning of a sentence in the message field; the person ends it."""
        self.page.composer.put(t("story.draft"))
        self.page.composer.focus()
        self.page.say(t("welcome.tell"))

    async def notice(self):
        """Something was told: the story has been told too."""
        records = self.page.teaching.queue.records.values()
        if self.is_wanted and any(record["kind"] in ("fact", "correction") for record in records):
            await self.page.set(**{KEY: "done"})
