"""The card of an empty chat without a model: one model that suits this person and this device, the
small one that the site carries, and everything else behind clicks.

The device is measured while the person reads. The recommended model has its place from the
beginning: a button that moved would be pressed by mistake.
"""

from oneseek.engine.core import offer
from oneseek.web.lib import dom, site
from oneseek.web.lib.words import t
from oneseek.web.settings import device, offers


class FirstCard:
    """`loader` knows the models and the measurements of this device."""

    def __init__(self, page, loader):
        self.page, self.loader = page, loader

    def draw(self):
        small, found = self.loader.model(self.loader.wanted), self.offers()
        mine = next((one for one in found if one["id"] == small["id"]), None)
        first = found[0] if found and found[0] is not mine else None
        others = [one for one in found if one is not mine and one is not first]
        shown = [(self.loader.model(first["id"]), first)] if first else []
        return dom.make(
            "section",
            self.page.packer.card(),
            dom.make("h3", t("consent.title")),
            self.space(small),
            self.draw_recommended(first),
            self.small(small, mine),
            dom.make("p", t("consent.text")),
            self.ways(),
            self.more(others),
            device.note(self.page),
            self.details(shown + [(small, mine)]),
            self.instructions(),
            cls="card consent important",
            id="consent",
            tabindex=-1,
        )

    def offers(self):
        """The offers, the best first; none before the device was measured."""
        rows = [one for one in self.loader.models if one["id"] != "tiny"]
        takes, pace = self.loader.takes, self.loader.pace
        return offer.offers(rows, takes, offers.languages(), pace, site.models())

    def draw_recommended(self, one):
        """The best model; until it is known, a note that it is looked for, or that none is
        better."""
        if one:
            row = self.loader.model(one["id"])
            words = offers.sentence(row, one, "recommend.first")
            return self.choice(row, words, self.button(row, "primary"), "choice first")
        words = t("recommend.none" if self.loader.takes else "recommend.wait")
        return dom.make("div", dom.icon("search"), dom.make("p", words), cls="choice first")

    def small(self, row, one):
        """The site's own model: available at once, whatever the device is."""
        words = t("models.use")
        if row["id"] not in self.loader.stored:
            words = t("consent.download", size=t.size(row["bytes"] + self.loader.beside))
        use = dom.button(words, "download", row["id"], "load")
        words = offers.sentence(row, one, "" if row["source"].get("url") else "recommend.small")
        return self.choice(row, words, use)

    def choice(self, row, sentence, use, cls="choice"):
        words = dom.make("p", sentence, cls="sentence")
        words = dom.make("div", dom.make("h3", row["name"]), words)
        return dom.make("div", dom.icon("mark"), words, use, cls=cls)

    def about(self, row, one):
        return offers.about(row, one, self.loader.registry)

    def button(self, row, cls=""):
        """A button that loads from this site at once, from another one after a yes."""
        if row["id"] in site.models():
            words = self.loader.describe_use(row)
            return dom.button(words, "download", row["id"], "load", cls=cls)
        return self.page.remote_models.button(row, cls)

    def ways(self):
        """The other ways to a model."""
        return dom.make(
            "div",
            dom.button(t("consent.other"), "choose-model", cls="quiet small"),
            dom.button(t("consent.file"), "pick-model", cls="quiet small"),
            self.tiny(),
            cls="row",
        )

    def tiny(self):
        """The small test model, for a look around without a download, where the site carries it."""
        if "tiny" not in site.models():
            return None
        words, beside = t("consent.tiny"), self.loader.beside
        if beside:
            words = t("consent.tiny_beside", size=t.size(beside))
        return dom.button(words, "download", "tiny", cls="quiet small")

    def more(self, others):
        """The other models that suit, folded."""
        rows = []
        for one in others:
            row = self.loader.model(one["id"])
            words = dom.make("div", dom.make("h3", row["name"]), self.about(row, one))
            rows.append(dom.make("div", dom.icon("mark"), words, self.button(row), cls="choice"))
        return fold("consent-more", t("consent.more"), rows) if rows else None

    def details(self, shown):
        """Folded: the size, the licence, the languages and the abilities of the shown models, and
        what this browser can do."""
        rows = []
        for row, one in shown:
            rows.append(dom.make("h4", row["name"]))
            rows.append(dom.make("div", self.about(row, one), cls="about"))
        return fold(
            "consent-details",
            t("consent.details"),
            rows,
            self.loader.comes_along("consent.beside"),
            self.loader.notes(),
            dom.make("ul", self.preflight(), cls="chips", label=t("preflight.title")),
        )

    def instructions(self):
        """A field for how every answer is to be, before the first one; Settings keep it."""
        text = dom.make("textarea", rows=3, do="set-text", of="system", data_on="change")
        dom.change(text, id="consent-system", maxlength=4000, label=t("consent.how"))
        text.value = self.page.settings["system"]
        note = dom.make("p", t("consent.how_note"), cls="note")
        return fold("consent-how", t("consent.how"), text, note)

    def space(self, model):
        """A warning with both numbers, before anything is fetched, when the browser allows too
        little."""
        words = self.loader.lacks(model["bytes"] + self.loader.beside)
        if not words:
            return None
        run = dom.button(t("consent.unsaved"), "download-unsaved", model["id"], cls="small")
        return dom.make("div", dom.make("p", words), run, cls="card bad", role="alert")

    def preflight(self):
        """Chips on what this browser can do; nothing here is a dead end."""
        said = [t("preflight.private")]
        if self.loader.free is not None:
            said.insert(0, t("preflight.storage", free=t.size(self.loader.free)))
        chips = [dom.make("li", dom.icon("check"), words, cls="chip good") for words in said]
        return [device.chip(self.page)] + chips


def fold(id, title, *inside):
    """Details behind a click; the id keeps them open when the chat is drawn again."""
    return dom.make("details", dom.make("summary", title), *inside, id=id)
