"""A notice while a version whose weights were cleared away is trained again: how far that is and
how long it takes."""

from oneseek.engine.core.messages import Rebuilding
from oneseek.web.lib import dom
from oneseek.web.lib.words import t


class RebuildNotice:
    """One notice at a time; it goes when the version is restored."""

    def __init__(self, page):
        self.page = page
        self.notice = None
        page.engine.listen(Rebuilding, self.on_event)

    def on_event(self, event):
        if event.done >= event.rounds:
            self.over()
            return
        if self.notice is None:
            self.begin(event)
        bar, words = dom.find("progress", self.notice), dom.find("p", self.notice)
        bar.value = event.done
        words.textContent = describe(event)

    def begin(self, event):
        bar = dom.make("progress", cls="learn", max=event.rounds, label=t("activity.progress"))
        self.notice = dom.make("div", dom.make("p"), bar, cls="toast", id="comeback")
        dom.by_id("toasts").append(self.notice)
        self.page.say(describe(event))

    def over(self):
        if self.notice is not None:
            self.notice.remove()
            self.notice = None
            self.page.touch("versions")


def describe(event):
    """The version, the lesson of how many, and the time left, in words."""
    at = min(int(event.done) + 1, event.rounds)
    said = t("rebuilding.now", version=event.version, at=at, n=event.rounds)
    if event.seconds_left is None:
        return said
    return said + " · " + t("learn.left", time=t.duration(event.seconds_left))
