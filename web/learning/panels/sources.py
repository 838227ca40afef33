"""Sources: what was dropped or pasted; each is in exactly one state, with counts and a preview."""

import json

import js

from oneseek.web.learning import records
from oneseek.web.learning.note import secret_names
from oneseek.web.learning.panels import quality
from oneseek.web.lib import dom
from oneseek.web.lib.words import t

TONES = {
    "waiting": "plain",
    "reading": "plain",
    "ready": "good",
    "failed": "bad",
    "held": "bad",
    "chats": "good",
    "removed": "plain",
}
SHOWN = 12  # rows: building many at once would hold up the page
# A bookmark that hands the current page to hand-over.html; if that does not answer, it saves the
# page as a file, to be dropped here. It sends nothing anywhere else.
BOOKMARKLET = (
    "javascript:(()=>{const home=HOME,w=open(home+'hand-over.html'),d=document,"
    "page={address:location.href,title:d.title,html:d.documentElement.outerHTML};let heard;"
    "addEventListener('message',(e)=>{if(e.source===w&&e.origin===new URL(home).origin&&e.data.oneseek){heard=1;"
    "w.postMessage({token:e.data.oneseek,...page},e.origin)}});"
    "setTimeout(()=>{if(heard)return;const a=d.createElement('a');a.download=(d.title||'page')+'.html';"
    "a.href=URL.createObjectURL(new Blob([page.html],{type:'text/html'}));a.click()},5000)})()"
)


class Sources:
    name = "sources"
    topics = ("sources", "examples", "queue")

    def __init__(self, page, intake):
        self.page, self.intake = page, intake
        self.all = False
        self.pictures = {}  # id -> the object URL of what was dropped
        self.order = quality.Order("sort-sources", lambda: page.touch("sources"))
        self.drawn_rows = {}  # id -> (what it showed, its row): only what changed is built again
        dom.verbs(
            {
                "all-sources": lambda of, el: self.show_all(),
            }
        )

    async def build(self):
        store = self.page.store
        every = self.all or self.order.poorest_first
        shown = await records.sources(store, 0 if every else SHOWN)
        shown = self.order.sort(shown, lambda one: one.get("quality"))
        sort = self.order.button([one.get("quality") is not None for one in shown])
        shown = shown if self.all else shown[:SHOWN]
        rows = [self.row(source) for source in shown]
        more, count = None, await store.count("sources")
        if len(shown) < count:
            more = dom.button(t("sources.all", n=count), "all-sources", cls="small")
        return [
            self.zone(),
            sort,
            dom.make("ul", rows, cls="list") if rows else self.draw_empty(),
            more,
        ]

    def row(self, source):
        tests = len(self.intake.tests.get(source["id"], ()))
        wanted = (
            "title",
            "state",
            "progress",
            "why",
            "used",
            "sha256",
            "lessons",
            "words",
            "through",
            "secrets",
            "quality",
            "poor",
        )
        price = self.page.speed.seconds("fact")
        shows = [
            t.language,
            price,
            tests,
            self.intake.testing.get(source["id"]),
            self.intake.previews.get(source["id"]),
        ] + [source.get(name) for name in wanted]
        before = self.drawn_rows.get(source["id"])
        if before is None or before[0] != shows:
            before = self.drawn_rows[source["id"]] = (shows, self.item(source))
        return before[1]

    async def on_drawn(self):
        self.intake.scroll_to_mark()

    def show_all(self):
        self.all = True
        self.page.touch("sources")

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
                dom.button(t("sources.folder"), "pick-folder", drawing="file", cls="small"),
                dom.button(t("sources.address"), "ask-address", drawing="load", cls="small"),
                dom.button(t("sources.paste"), "paste-text", drawing="edit", cls="small"),
                cls="row",
            ),
            cls="drop-zone",
        )

    def draw_empty(self):
        return dom.make("p", t("sources.empty"), cls="empty")

    def item(self, source):
        state = source["state"]
        return dom.make(
            "li",
            dom.make(
                "header",
                dom.make("span", t("sources." + state), cls="tag " + TONES[state]),
            ),
            dom.make("p", source["title"], cls="said"),
            self.picture(source),
            dom.make("p", self.facts(source), cls="why"),
            self.remarks(source),
            self.ways(source) if source.get("ways") else None,
            self.show_held(source) if state == "held" else None,
            self.intake.chats.show(source) if state == "chats" else None,
            self.secrets(source) if source.get("secrets") else None,
            self.preview(source),
            self.draw_test(source),
            self.tick(source) if state == "ready" else None,
            dom.make("div", self.acts(source), cls="row tight"),
            cls="item",
            data_state=state,
        )

    def tick(self, source):
        used = dom.make(
            "input", type="checkbox", do="use-source", of=source["id"], data_on="change"
        )
        used.checked = source.get("used", False)
        return dom.make("label", used, t("sources.use"), cls="check")

    def acts(self, source):
        """The buttons of a source: the actions that its state allows."""
        id, state = source["id"], source["state"]
        wanted = {
            "waiting": [("stop", "stop-source", "stop")],
            "reading": [("stop", "stop-source", "stop")],
            "failed": [("again", "retry-source", "again")],
            "held": [("allow", "allow-source", "check")],
            "chats": [("move_in", "move-in", "check")],
            "ready": [("ask", "ask-source", "search")]
            + ([("test", "test-source", "help")] if source.get("lessons") else []),
        }.get(state, [])
        if source.get("picture") and state in ("ready", "failed"):
            wanted = wanted + [("caption", "caption-source", "edit")]
        if state in ("ready", "held") and source.get("editable"):
            wanted = wanted + [("edit", "edit-source", "edit")]
        buttons = [
            dom.button(
                t("sources." + words), do, id, drawing, cls="small", data_title=source["title"]
            )
            for words, do, drawing in wanted
        ]
        gone = dom.button(t("sources.remove"), "remove-source", id, "trash", cls="small danger")
        return buttons + [gone]

    def facts(self, source):
        """Words, language and lessons of a source that is ready; else one sentence on its state."""
        if source["state"] == "failed":
            return t.translate(source["why"])
        if source["state"] in ("waiting", "reading"):
            return source.get("progress") or t("sources.wait_note")
        if source["state"] == "chats":
            return t("chats.what")
        parts = [t("sources.words", n=source["words"])]
        if source.get("language") in ("sv", "en"):
            parts.append(t.language_name(source["language"]))
        parts.append(t("sources.lessons", n=source["lessons"]))
        parts += quality.of_source(source)
        parts += self.page.queue_panel.groups.time(source["lessons"])
        return " · ".join(parts)

    def picture(self, source):
        """The picture that was dropped in this visit, shown beside what was read from it."""
        kept = self.intake.reader.kept.get(source["id"])
        if not source.get("picture") or kept is None or isinstance(kept, str):
            return None
        address = self.pictures.get(source["id"])
        if address is None:
            address = self.pictures[source["id"]] = js.URL.createObjectURL(kept)
        return dom.make("img", src=address, alt=t("sources.picture", title=source["title"]))

    def remarks(self, source):
        """Remarks on the reading: through which host, how sure it is, what was left out."""
        said = [t.translate(note) for note in source.get("notes") or ()]
        if source.get("through"):
            said.insert(0, t("sources.through", host=source["through"]))
        if source.get("confidence"):
            said.insert(0, t("sources.confidence", share=t.percent(source["confidence"] / 100)))
        return [dom.make("p", one, cls="note") for one in said]

    def ways(self, source):
        """Three private ways to bring a page whose site lets no other page read it."""
        link = dom.make("a", t("sources.bookmarklet"), href=bookmarklet(), cls="bookmarklet")
        return dom.make(
            "ol",
            dom.make("li", t("sources.way_save")),
            dom.make("li", t("sources.way_paste")),
            dom.make("li", t("sources.way_bookmark"), " ", link),
            cls="ways",
        )

    def show_held(self, source):
        """The places that read like orders to the assistant, and why."""
        places = [
            dom.make("li", dom.make("q", place["text"]), " – ", t.translate(place["why"]))
            for place in source.get("held") or ()
        ]
        return dom.make(
            "div", dom.make("p", t("sources.held_note"), cls="note"), dom.make("ul", places)
        )

    def secrets(self, source):
        """How many lessons look like secrets, and the button to have them learned all the same."""
        allow = dom.button(t("queue.secret_keep"), "allow-secrets", source["id"], cls="small")
        what = secret_names(source.get("secret_kinds") or ["any"])
        note = dom.make("p", t("sources.secrets", n=source["secrets"], what=what), cls="note")
        return dom.make("div", note, allow)

    def draw_test(self, source):
        found = self.intake.tests.get(source["id"])
        now = self.intake.testing.get(source["id"])
        said = dom.make("p", now, cls="note", role="status") if now else None
        if not found:
            return said
        rows = [
            dom.make(
                "li",
                dom.make("strong", one["question"]),
                dom.make("p", one["said"]),
                dom.make(
                    "p",
                    t("sources.right")
                    if one["right"]
                    else t("sources.wrong", answer=one["answer"]),
                    cls="why",
                ),
            )
            for one in found
        ]
        return [dom.make("ol", rows, cls="tested", label=t("sources.test")), said]

    def preview(self, source):
        """A button that shows the beginning of the text, which is read when it is wanted."""
        if not source.get("sha256") or source["state"] == "chats":
            return None
        shown = self.intake.previews.get(source["id"])
        opener = dom.button(t("sources.preview"), "preview-source", source["id"], cls="link")
        dom.change(opener, aria_expanded="true" if shown else "false")
        if not shown:
            return opener
        wrap = {"cls": "preview", "lang": source.get("language"), "tabindex": 0}
        before, quoted, after = shown
        mark = dom.make("mark", quoted) if quoted else None
        return [opener, dom.make("div", before, mark, after, **wrap)]


def bookmarklet():
    home = json.dumps(js.URL.new(".", js.document.baseURI).href)
    return BOOKMARKLET.replace("HOME", home)
