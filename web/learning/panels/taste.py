"""The taste that a person showed: their choices, what was learned from them, and whether it is
used."""

from oneseek.engine.core.collecting import choices
from oneseek.engine.core.messages import RemoveChoices
from oneseek.web.learning.panels import evaluation
from oneseek.web.lib import dom, overlay
from oneseek.web.lib.words import t

DATA = "taste"  # the name of its data set
SHOWN = 50  # choices in the list, the newest first


class TastePanel:
    def __init__(self, page):
        self.page = page
        self.listed = dom.make("details")  # one for all redraws: it stays open once it was opened
        dom.verbs(
            {
                "train-taste": lambda of, el: self.train(),
                "use-taste": lambda of, el: self.use(of == "on"),
                "remove-choice": lambda of, el: self.remove([of]),
                "ask-remove-taste": lambda of, el: self.ask_remove(),
                "remove-taste": lambda of, el: self.remove([]),
            }
        )

    async def section(self):
        """What is known of the taste; None when nothing was chosen."""
        store = self.page.store
        found = await choices.load_choices(store)
        if not found:
            self.listed.open = False
            return None
        pointer = await store.get("state", "current.%s.taste" % self.page.choice.model_id())
        version = pointer and await store.get("versions", pointer["number"])
        rows = [row(one) for one in found[::-1][:SHOWN]]
        count = dom.make("summary", t("taste.choices", n=len(found)), id="taste-choices")
        dom.replace(self.listed, count, dom.make("ul", rows, cls="list"))
        train = dom.button(t("taste.train"), "train-taste", drawing="seed", cls="small")
        able = self.page.model and self.page.model.trainable
        train.disabled = not able or len(found) < choices.FEWEST
        few = len(found) < choices.FEWEST
        return dom.make(
            "section",
            dom.make("h3", t("taste.heading")),
            dom.make("p", t("taste.text"), cls="note"),
            dom.make("p", t("taste.few", n=choices.FEWEST), cls="note") if few else None,
            show_version(version, await self.page.taste.is_off()) if version else None,
            self.listed,
            dom.make("div", train, dom.button(t("taste.remove"), "ask-remove-taste", cls="small"),
                     cls="row"),
        )  # fmt: skip

    async def train(self):
        """Begin a run over all choices, in granted time."""
        await self.page.training_runs.begin(DATA)

    async def use(self, on):
        """Switch the taste on or off; a notice offers to switch it on again."""
        await self.page.store.batch([["put", "state", self.page.taste.key(), {"off": not on}]])
        if not on:
            self.page.toast(t("taste.switched_off"), "use-taste", "on", t("taste.on"))
        self.page.touch("state")

    def ask_remove(self):
        sure = dom.button(t("taste.remove_all"), "remove-taste", cls="danger")
        cancel = dom.button(t("cancel"), "close-dialog")
        note = dom.make("p", t("taste.remove_note"))
        overlay.dialog(
            t("taste.remove"), note, dom.make("div", cancel, sure, cls="row end"), name="taste"
        )

    async def remove(self, ids):
        """Remove these choices, or all of them for an empty list, and what was trained on them."""
        overlay.close_all()
        if await self.page.learning.tell(RemoveChoices(ids=ids)):
            self.page.touch("state", "versions", "choices")


def show_version(version, off):
    """What the version in use learned of the taste, and the button that switches it."""
    words = evaluation.taste(version["gate"].get("taste"))
    use = dom.button(
        t("taste.on" if off else "taste.off"), "use-taste", "on" if off else "off", cls="small"
    )
    state = dom.make("p", t("taste.is_off" if off else "taste.is_on", taste=words))
    return dom.make("div", state, follows(version["gate"].get("taste")),
                    dom.make("div", use, cls="row"), cls="column")  # fmt: skip


def follows(told):
    """How many answers written with the taste are as chosen; to rank one of two given answers
    higher is not yet to write so."""
    if not told or not told["traits"]:
        return None
    found = dict(told["followed"], words=t("taste." + told["traits"][0]))
    return dom.make("p", t("taste.followed", **found), cls="note")


def row(choice):
    """One choice: the prompt, the answer that was preferred and the one that was not."""
    words = [dom.make("p", choice["prompt"], cls="said")]
    if choice["chosen"]:
        words.append(dom.make("p", t("taste.chosen", text=choice["chosen"]), cls="answer"))
    if choice["rejected"]:
        words.append(dom.make("p", t("taste.rejected", text=choice["rejected"]), cls="why"))
    remove = dom.icon_button(t("taste.remove_choice"), "remove-choice", choice["id"], "trash")
    return dom.make("li", words, remove, cls="item")
