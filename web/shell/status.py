"""The word for the engine's state, always true, and the banners that explain it.

`word(facts)` decides; the pill in the header, `data-engine` on the document and the banners only
show what it says.
"""

from pyscript import document

from oneseek.web.learning import learning_status
from oneseek.web.lib import dom
from oneseek.web.lib.words import t

LOOKS = {
    "booting": ("wait", "plain"),
    "needs-consent": ("load", "plain"),
    "downloading": ("load", "busy"),
    "loading": ("wait", "busy"),
    "ready": ("check", "good"),
    "generating": ("edit", "busy"),
    "training": ("seed", "learn"),
    "evaluating": ("search", "learn"),
    "paused": ("pause", "plain"),
    "countdown": ("wait", "learn"),
    "recovering": ("again", "bad"),
    "read-only": ("lock", "plain"),
    "failed": ("warn", "bad"),
}
"""state -> (drawing, tone)"""


def word(facts):
    """The state to show: the first one that the facts allow."""
    for state, holds in (
        ("read-only", facts["other_tab"]),
        ("recovering", facts["lost"]),
        ("failed", facts["failed"]),
        ("booting", not facts["worker"]),
        ("downloading", facts["loading"] == "download"),
        ("loading", facts["loading"]),
        ("needs-consent", not facts["model"]),
        ("generating", facts["answering"]),
        ("paused", facts["round"] and facts["paused"]),
        ("evaluating", facts["round"] == "checking"),
        ("training", facts["round"]),
        ("countdown", facts["countdown"]),
    ):
        if holds:
            return state
    return "ready"


def worth_saying(before, state):
    """Whether a screen reader is told; the end of an answer or a lesson has an announcement of its
    own."""
    if state == "ready":
        return before not in ("generating", "training", "evaluating", "countdown", "paused")
    return state in ("training", "paused", "recovering", "failed")


class Status:
    def __init__(self, page):
        self.page = page
        self.shown = None
        self.banners = None
        self.facts = {
            "other_tab": False,
            "lost": "",
            "failed": "",
            "worker": False,
            "step": "python",
            "loading": "",
            "share": 0.0,
            "model": False,
            "answering": False,
            "round": "",
            "paused": "",
            "countdown": 0,
            "online": True,
            "storage_lost": False,
            "storage_low": False,
            "storage_full": False,
            "set_aside": 0,
        }
        page.watch(self.draw, "words")

    def know(self, **facts):
        """Update facts about the engine and redraw the pill at once."""
        self.facts.update(facts)
        self.draw()

    def text(self, state):
        facts = self.facts
        if state == "booting":
            return t("boot." + facts["step"])
        if state == "downloading":
            return t("state.downloading", share=t.percent(facts["share"]))
        if state in ("training", "evaluating"):
            return learning_status.short(self.page)
        if state == "paused":
            return t("state.paused", why=t("paused." + facts["paused"]))
        if state == "countdown":
            return t("state.countdown", time=t.duration(facts["countdown"]))
        return t("state." + state)

    def draw(self):
        state = word(self.facts)
        drawing, tone = LOOKS[state]
        pill = dom.by_id("status")
        text = self.text(state)
        share = "%d%%" % round(100 * self.share(state))
        pill.style.setProperty("--share", share)
        dom.by_id("status-word").textContent = text
        document.documentElement.setAttribute("data-step", self.facts["step"])
        if state != self.shown:
            document.documentElement.setAttribute("data-engine", state)
            dom.change(pill, data_state=state, data_tone=tone)
            dom.find("use", pill).setAttribute("href", "#i-" + drawing)
            if self.shown and worth_saying(self.shown, state):
                self.page.say(text)
            self.shown = state
            self.page.touch("status")
        self.draw_banners()

    def share(self, state):
        """The share, 0 to 1, that the ring of the pill shows; 0 hides it."""
        if state == "downloading":
            return self.facts["share"]
        return self.page.training.share() if self.facts["round"] else 0

    def draw_banners(self):
        facts, banners = self.facts, []
        if not facts["online"]:
            banners.append(banner("off", t("banner.offline")))
        if facts["other_tab"]:
            use = dom.button(t("banner.use_here"), "use-here", cls="small")
            banners.append(banner("lock", t("banner.other_tab"), use))
        if facts["storage_lost"]:
            restore = dom.button(t("banner.restore"), "import-everything", cls="small")
            banners.append(banner("warn", t("banner.storage_lost"), restore, bad=True))
        if facts["storage_low"] or facts["storage_full"]:
            free = dom.button(t("banner.free_space"), "settings", cls="small")
            words = t("banner.storage_full" if facts["storage_full"] else "banner.storage_low")
            banners.append(banner("warn", words, free, bad=True))
        if facts["set_aside"]:
            out = dom.button(t("banner.remove_aside"), "remove-aside", cls="small")
            keep = dom.button(t("backup.export"), "export-everything", cls="small")
            banners.append(banner("warn", t("banner.set_aside", n=facts["set_aside"]), keep, out))
        if facts["lost"]:
            banners.append(banner("again", t("banner.lost_" + facts["lost"]), bad=True))
        shown = [state for state in sorted(facts) if facts[state]], t.language
        if shown != self.banners:
            self.banners = shown
            dom.replace(dom.by_id("state-banners"), banners)


def banner(drawing, text, *actions, bad=False):
    cls = "banner bad" if bad else "banner"
    return dom.make("div", dom.icon(drawing), dom.make("p", text), actions, cls=cls, role="status")
