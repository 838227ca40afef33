"""The dialog behind the button of the header: every model, and what to know of each."""

from oneseek.engine.core import offer
from oneseek.web.lib import dom, overlay, site
from oneseek.web.lib.words import t
from oneseek.web.settings import device, offers, own_models


class ModelList:
    def __init__(self, page):
        self.page = page

    def choose(self):
        """Open the dialog with every model and what one must know to choose."""
        overlay.dialog(t("models.title"), self.choices(), name="models")
        if self.page.app.device:
            dom.run(self.page.model_loader.weigh())

    def choices(self):
        return [
            dom.make("p", t("models.text"), cls="note"),
            self.page.packer.card(),
            self.underway(),
            self.current(),
            [self.choice(model) for model in self.page.model_loader.models],
            self.page.remote_models.rows(),
            self.page.model_loader.notes(),
            device.draw_unmeasured(self.page.model_loader.unmeasured),
            dom.make(
                "div",
                dom.button(t("models.address"), "ask-model-address", drawing="load"),
                dom.button(t("models.file"), "pick-model", drawing="file"),
                cls="row",
            ),
        ]

    def underway(self):
        """The progress of the next model while one is in use; without one the chat shows it."""
        if not self.page.model:
            return None
        loader = self.page.model_loader
        if loader.trouble:
            return loader.trouble_card()
        return loader.progress_card() if loader.progress else None

    def current(self):
        """The loaded model, what it computes on, and why."""
        loaded = self.page.model
        if not loaded:
            return None
        on, why = t("models.on_" + loaded.back_end), t("device." + loaded.why)
        cores = ""
        if loaded.threads:
            cores = "all_threads" if loaded.threads > 1 or loaded.cores < 2 else "one_thread"
            cores = "; " + t("models." + cores, n=max(loaded.threads, loaded.cores))
        name = dom.make("strong", self.page.model_loader.name())
        words = dom.make("p", name, " · ", on, ": ", why, cores, cls="note")
        told = device.trouble(loaded), device.costs(self.page), device.note(self.page)
        return dom.make("div", words, *told)

    def choice(self, model):
        current = bool(self.page.model) and self.page.model.model == model["id"]
        takes = self.page.model_loader.takes.get(model["id"])
        one = (
            offer.offer(model, takes, offers.languages(), self.page.model_loader.pace)
            if takes
            else None
        )
        no = dom.make("p", own_models.fits(takes), cls="note") if takes and not one else None
        if model["id"] in site.models():
            words = self.page.model_loader.describe_use(model)
            use = dom.button(words, "download", model["id"], cls="small")
        else:
            use = self.page.remote_models.button(model)
        tag = dom.make("span", t("models.current"), cls="tag good")
        return dom.make(
            "div",
            dom.icon("mark"),
            self.about(model, one, no),
            tag if current else use,
            cls="choice current" if current else "choice",
        )

    def about(self, model, one, no=None):
        """A model of a list; `no` says why it cannot be used."""
        name = dom.make("h3", model["name"])
        return dom.make("div", name, offers.about(model, one, self.page.model_loader.registry), no)

    def draw(self):
        """Redraw the dialog if it is open: more is known of this device."""
        shown = overlay.body_of("models")
        if shown:
            dom.replace(shown, self.choices())
