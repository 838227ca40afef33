"""The queue, a part of Activity: what waits to be learned, why, and the person's yes or no."""

from oneseek.engine.core.queue.training_queue import DISAGREEMENT
from oneseek.web.chat import message
from oneseek.web.learning.note import secret_names
from oneseek.web.learning.panels import quality
from oneseek.web.learning.panels.groups import Groups
from oneseek.web.lib import dom
from oneseek.web.lib.words import t

MOST = 60


class QueuePanel:
    def __init__(self, page, queue):
        self.page, self.queue = page, queue
        self.editing = None
        self.groups = Groups(page, queue)
        self.order = quality.Order("sort-queue", lambda: page.touch("editing-queue"))
        dom.verbs(
            {
                "open-group": lambda of, el: self.groups.toggle(of),
                "approve-group": lambda of, el: self.groups.approve(of),
                "skip-group": lambda of, el: self.groups.skip(of),
            }
        )

    async def build(self):
        queue = self.queue
        asked = [r for r in queue.records.values() if r["state"] == "held" and disagrees(r)]
        held = [r for r in queue.records.values() if r["state"] == "held" and not disagrees(r)]
        waiting, secrets = queue.peek(queue.size()), self.page.teaching.collector.held
        now = [queue.records[id] for id in queue.leased if id in queue.records]
        refused = [r for r in queue.records.values() if r["state"] == "rejected"]
        if not (asked or held or waiting or secrets or refused or now):
            return [dom.make("p", t("queue.empty"), cls="empty")]
        parts = []
        if secrets:
            rows = [self.secret(id, secrets[id]) for id in secrets]
            parts.append(dom.make("ul", rows, cls="list"))
        parts.append(
            self.order.button([quality.score_of(one) is not None for one in held + waiting])
        )
        parts.append(self.questions(queue, asked))
        for heading, some in (
            ("queue.now", now),
            ("queue.held", held),
            ("queue.next", waiting),
            ("queue.rejected", refused[:MOST]),
        ):
            if some:
                state = "held" if heading == "queue.held" else "ready"
                some = self.order.sort(some, quality.score_of)
                cards, rest = self.groups.draw(state, some, self.item)
                rows = cards + [self.item(record) for record in rest[:MOST]]
                parts.append(
                    dom.make(
                        "section", dom.make("h3", t(heading)), dom.make("ul", rows, cls="list")
                    )
                )
        return parts

    def edit(self, id):
        """Open one example for editing, or none."""
        self.editing = id
        self.page.touch("editing-queue")

    def questions(self, queue, asked):
        """The questions whose answers disagree: the person says which is right."""
        if not asked:
            return None
        questions = {record["about"]: True for record in asked}
        rows = [self.question(queue.rivals(about)) for about in list(questions)[:MOST]]
        return dom.make(
            "section",
            dom.make("h3", t("queue.disagree")),
            dom.make("p", t("queue.disagree_note"), cls="note"),
            dom.make("ul", rows, cls="list"),
        )

    def question(self, rivals):
        answers = [
            dom.make(
                "div",
                dom.make("p", one["answer"], cls="answer", lang=one["language"]),
                dom.button(t("queue.choose"), "approve", one["id"], "check", cls="small"),
                cls="row tight",
            )
            for one in rivals
        ]
        one = rivals[0]
        return dom.make(
            "li",
            dom.make("p", one["prompt"], cls="said", lang=one["language"]),
            answers,
            dom.make("p", self.why(one), cls="why"),
            dom.button(t("queue.none_of_them"), "choose-none", one["about"], cls="small"),
            cls="item",
        )

    def item(self, record):
        id = record["id"]
        if self.editing == id:
            note = t("queue.edit_note", text=record["prompt"])
            form = message.editor(t("save"), record["answer"], "save-queued", id, note)
            return dom.make("li", form)
        held = record["state"] == "held"
        waits = record["state"] != "rejected" and id not in self.queue.leased
        return dom.make(
            "li",
            dom.make(
                "header",
                dom.make("span", t("priority." + record["priority"]), cls="tag plain"),
                dom.make("span", t("queue.waits_for_you"), cls="tag learn") if held else None,
            )
            if waits
            else None,
            dom.make("p", record["prompt"], cls="said", lang=record["language"]),
            dom.make("p", record["answer"], cls="answer", lang=record["language"]),
            dom.make("p", self.why(record), cls="why"),
            quality.show_quality(record),
            dom.make(
                "div",
                dom.button(t("queue.approve"), "approve", id, "check", cls="small")
                if record["state"] != "rejected"
                and (held or record["priority"] in ("chat", "import"))
                else None,
                dom.button(t("queue.again"), "approve", id, "again", cls="small")
                if record["state"] == "rejected"
                else None,
                dom.button(t("queue.edit"), "edit-queued", id, "edit", cls="small"),
                dom.button(t("queue.skip"), "skip", id, "close", cls="small"),
                cls="row tight",
            )
            if waits or record["state"] == "rejected"
            else None,
            cls="item",
        )

    def secret(self, id, held):
        """A row for what looks like a secret: kept in memory only, until a person decides."""
        example = held["offer"][0]
        return dom.make(
            "li",
            dom.make("header", dom.make("span", t("queue.secret"), cls="tag bad")),
            dom.make("p", example["prompt"], cls="said"),
            dom.make("p", t("queue.secret_note", what=secret_names(held["kinds"])), cls="why"),
            dom.make(
                "div",
                dom.button(t("queue.secret_keep"), "release-secret", id, cls="small"),
                dom.button(t("queue.secret_drop"), "discard-secret", id, cls="small"),
                cls="row tight",
            ),
            cls="item",
        )

    def why(self, record):
        """The reason why a record is here, and its source."""
        reason = "why." + record["why"].replace(" ", "_")
        refused = record["state"] == "rejected"  # its reason is the gate's, in figures
        parts = [t("queue.refused") if refused else t(reason) if t.has(reason) else record["why"]]
        title = self.page.conversations.title(record["source"].get("chat"))
        title = title or record["source"].get("title") or record["source"].get("name")
        kind = "source." + record["source"]["kind"]
        parts += [title or (t(kind) if t.has(kind) else "")]
        if record["seen"] > 1:
            parts.append(t("queue.seen", n=record["seen"]))
        return " · ".join(part for part in parts if part)


def disagrees(record):
    return record["why"] == DISAGREEMENT
