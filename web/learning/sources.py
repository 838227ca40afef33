"""Sources: what was dropped or pasted; each is in exactly one state, with counts and a preview."""

from web import dom
from web.learning import records
from web.words import t

TONES = {
    "waiting": "plain",
    "reading": "plain",
    "ready": "good",
    "failed": "bad",
    "removed": "plain",
}


class Sources:
    name = "sources"
    topics = ("sources", "examples", "queue")

    def __init__(self, page):
        self.page = page

    async def build(self):
        found = await records.sources(self.page.store)
        rows = [self.item(source) for source in found]
        return [self.zone(), dom.make("ul", rows, cls="list") if rows else self.nothing()]

    def zone(self):
        return dom.make(
            "div",
            dom.icon("seed"),
            dom.make("p", t("sources.drop")),
            dom.make(
                "div",
                dom.button(
                    t("sources.files"), "pick-files", drawing="file", cls="small primary-soft"
                ),
                dom.button(t("sources.paste"), "paste-text", drawing="edit", cls="small"),
                cls="row",
            ),
            cls="drop-zone",
        )

    def nothing(self):
        return dom.make("p", t("sources.empty"), cls="empty")

    def item(self, source):
        id, state = source["id"], source["state"]
        used = dom.make("input", type="checkbox", do="use-source", of=id, data_on="change")
        used.checked = source.get("used", True)
        return dom.make(
            "li",
            dom.make(
                "header",
                dom.make("span", t("sources." + state), cls="tag " + TONES[state]),
            ),
            dom.make("p", source["title"], cls="said"),
            dom.make("p", self.facts(source), cls="why"),
            self.preview(source),
            dom.make("label", used, t("sources.use"), cls="check") if state == "ready" else None,
            dom.make(
                "div",
                dom.button(t("sources.remove"), "remove-source", id, "trash", cls="small danger"),
                cls="row tight",
            ),
            cls="item",
        )

    def facts(self, source):
        """Words, language and lessons when it is ready; the one sentence why when it is not."""
        if source["state"] == "failed":
            return source["why"]
        if source["state"] != "ready":
            return source.get("progress") or t("sources.wait_note")
        parts = [t("sources.words", n=source["words"])]
        if source.get("language") in ("sv", "en"):
            parts.append(t.language_name(source["language"]))
        parts.append(t("sources.lessons", n=source["lessons"]))
        return " · ".join(parts)

    def preview(self, source):
        if not source.get("preview"):
            return None
        return dom.make(
            "details",
            dom.make("summary", t("sources.preview")),
            dom.make(
                "div", source["preview"], cls="preview", lang=source.get("language"), tabindex=0
            ),
        )
