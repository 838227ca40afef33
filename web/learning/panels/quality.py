"""How good an example is to learn from, in words, and lists with the poorest first."""

from oneseek.engine.core.collecting.quality import is_poor
from oneseek.web.lib import dom
from oneseek.web.lib.words import t


def show_quality(record):
    """The score of an example with the reasons; None if nobody judged it."""
    quality = record.get("quality")
    if not quality:
        return None
    why = ", ".join([t("quality." + name) for name in quality["why"]])
    words = t("quality.score", n=quality["score"])
    tone = "why bad" if is_poor(quality) else "why"
    return dom.make("p", words + (": " + why if why else ""), cls=tone, data_quality="shown")


def of_source(source):
    """The quality of all lessons of a source, in words."""
    if source.get("quality") is None:
        return []
    parts = [t("quality.score", n=source["quality"])]
    return parts + ([t("quality.poor", n=source["poor"])] if source.get("poor") else [])


class Order:
    """Whether a list is shown with the poorest first."""

    def __init__(self, verb, changed):
        self.verb, self.changed, self.poorest_first = verb, changed, False
        dom.verbs({verb: lambda of, el: self.turn()})

    def turn(self):
        self.poorest_first = not self.poorest_first
        self.changed()

    def button(self, judged):
        """The button that sorts, if there is something to sort by."""
        if not any(judged):
            return None
        button = dom.button(t("quality.poorest_first"), self.verb, cls="small")
        return dom.change(button, aria_pressed="true" if self.poorest_first else "false")

    def sort(self, things, score):
        """The things, the poorest first if that is chosen; what was never judged comes last."""
        if not self.poorest_first:
            return things
        return sorted(things, key=lambda one: 101 if score(one) is None else score(one))


def score_of(record):
    return record["quality"]["score"] if record.get("quality") else None
