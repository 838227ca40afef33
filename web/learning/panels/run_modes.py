"""The choice of what a run changes of the model, explained, with the memory and the time of
each."""

from oneseek.engine.core.messages import WhatRunTakes
from oneseek.engine.core.settings import MODES
from oneseek.web.lib import dom
from oneseek.web.lib.words import t
from oneseek.web.settings.fields import select


class RunModes:
    """The choice in the dialog of runs, and the note under it."""

    def __init__(self, page):
        self.page = page
        self.asked = 0  # only the last answer is shown

    def field(self):
        options = [(mode, t("modes." + mode)) for mode in MODES]
        box = select(options, "lora", name="mode", do="run-look", data_on="change")
        self.note = dom.make("p", cls="note", role="status", id="run-takes")
        return dom.make(
            "div", dom.make("label", t("modes.label"), box, cls="field"), self.note, cls="column"
        )

    async def look(self, data, epochs, settings, tune=0.0):
        """Show what this choice would take."""
        self.asked += 1
        mine, mode = self.asked, settings["mode"]
        words = t("modes.%s_note" % mode)
        dom.replace(self.note, words, " ", t("modes.looking"))
        asked = WhatRunTakes(data=data, settings=settings, epochs=epochs, tune=tune)
        found = await self.page.learning.tell(asked)
        if found and mine == self.asked:
            taken = [one for one in found.modes if one["mode"] == mode][0]
            dom.replace(self.note, words, " ", takes(taken))


def takes(one):
    if "refused" in one:
        return t("modes.refused")
    size = t.size(one["memory_bytes"])
    if one["seconds"]:
        return t("modes.takes", size=size, time=t.duration(one["seconds"]))
    return t("modes.takes_memory", size=size)
