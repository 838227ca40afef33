"""The Versions panel: every version, ranked by a rule that is printed, compared blind, rolled
back."""

import js
from pyscript.ffi import to_js

from oneseek.engine.core.exchange.entries import DATA_SET
from oneseek.web.learning import outcomes, records, verdict
from oneseek.web.learning.panels import runs
from oneseek.web.lib import clock, dom, overlay
from oneseek.web.lib.words import t

COLUMNS = ("version", "time", "lessons", "held_out", "taught", "leak", "kl", "wins")
LOWER_IS_BETTER = ("held_out", "leak", "kl")
WEEK = 6 * 86400000
MEASURES = {"kl": "KL, mean"}


class Versions:
    name = "versions"
    topics = ("versions", "state", "ledger", "sort-versions")

    def __init__(self, page):
        self.page = page
        self.order = ("time", -1)
        self.found = []
        dom.verbs(
            {
                "version-details": lambda of, el: self.details(int(of)),
                "forget-version": lambda of, el: self.forget(int(of)),
                "sort-versions": lambda of, el: self.sort(of),
            }
        )

    async def build(self):
        self.found = await records.versions_and_weights(self.page.store)
        compare = dom.button(t("versions.compare"), "compare", drawing="search", cls="small")
        compare.disabled = not self.found or not self.page.model
        load = dom.button(t("versions.import"), "import-adapter", drawing="load", cls="small")
        verify = dom.button(t("versions.verify_all"), "verify", "", "check", cls="small")
        load.disabled = verify.disabled = not self.page.model
        return [
            dom.make("p", t("versions.in_use", version=self.page.version), cls="state-line"),
            dom.make("div", compare, load, verify, cls="row"),
            await self.timeline(),
            self.leaderboard() if self.found else None,
            self.reset(),
        ]

    def reset(self):
        """The button back to the base model; a word is asked for first."""
        button = dom.button(t("reset.learning"), "ask-reset", drawing="undo", cls="small danger")
        button.disabled = not self.page.model
        return dom.make("div", button, cls="row")

    # -------------------------------------------------------------------------------- timeline

    async def timeline(self):
        """Every version and every attempt that was not used, newest first; the base comes last."""
        rows = []
        for version in self.found:
            rows.append((version["time"], await self.item(version)))
        for entry in await records.rejections(self.page.store):
            rows.append((entry["time"], await self.draw_rejected(entry)))
        rows.sort(key=lambda row: -row[0])
        items = [row for _, row in rows] + [self.base()]
        heading = dom.make("h3", t("versions.timeline"))
        return dom.make("section", heading, dom.make("ul", items, cls="list"))

    async def item(self, version):
        number, current = version["number"], version["label"] == self.page.version
        use = dom.button(t("versions.use"), "use-version", number, cls="small")
        about = dom.button(t("versions.details"), "version-details", number, cls="small")
        words = await diary_line(self.page.store, version)
        if version["rounds_away"]:
            words += " " + t("versions.rebuilt", n=version["rounds_away"])
        return self.row(
            version["label"],
            version["kind"],
            current,
            words,
            [None if current else use, about],
            verdict.describe_warnings(version),
        )

    def base(self):
        current = self.page.version == "v0"
        use = dom.button(t("versions.use"), "use-version", 0, cls="small")
        return self.row("v0", "base", current, t("versions.base"), [None if current else use])

    def row(self, label, kind, current, words, buttons, warned=None):
        tag = dom.make("span", t("versions.current"), cls="tag good") if current else None
        known = t("kind." + kind) if t.has("kind." + kind) else kind
        kind = dom.make("span", known, cls="tag plain")
        return dom.make(
            "li",
            dom.make("header", dom.make("strong", label), kind, tag),
            dom.make("p", words, cls="why"),
            dom.make("p", dom.icon("warn"), warned, cls="warned") if warned else None,
            dom.make("div", buttons, cls="row tight"),
            cls="item current" if current else "item",
        )

    async def draw_rejected(self, entry):
        """The row of an attempt that was not used: what it tried, what went wrong, what is next."""
        gate = entry["body"]["gate"]
        return dom.make(
            "li",
            dom.make("header", dom.make("span", t("versions.rejected"), cls="tag plain")),
            dom.make("p", await verdict.describe_attempt(self.page.store, entry), cls="said"),
            [dom.make("p", why) for why in verdict.faults(gate)],
            dom.make("p", verdict.next_step(entry), cls="note"),
            verdict.fold_figures(gate),
            dom.make("p", t.date(entry["time"]), cls="why"),
            cls="item",
        )

    def by_number(self, number):
        return next((one for one in self.found if one["number"] == number), None)

    # ---------------------------------------------------------------------------- leaderboard

    def leaderboard(self):
        column, direction = self.order
        head = [self.draw_heading(name, direction if name == column else 0) for name in COLUMNS]
        rows = [
            dom.make(
                "tr",
                [dom.make("td", self.cell(version, name)) for name in COLUMNS],
                cls="current" if version["label"] == self.page.version else None,
            )
            for version in rank(self.found, column, direction)
        ]
        head, body = dom.make("thead", dom.make("tr", head)), dom.make("tbody", rows)
        title = t("versions.leaderboard")
        wrap = {"cls": "table-wrap", "tabindex": 0, "role": "region", "label": title}
        return dom.make(
            "section",
            dom.make("h3", title),
            dom.make("div", dom.make("table", head, body, cls="data"), **wrap),
            dom.make("p", t("versions.rule"), cls="note"),
            cls="developer",
        )

    def draw_heading(self, name, direction):
        words = t("column." + name) + (" ↓" if direction < 0 else " ↑" if direction > 0 else "")
        sort = {-1: "descending", 1: "ascending", 0: None}[direction]
        return dom.make("th", dom.button(words, "sort-versions", name), scope="col", aria_sort=sort)

    def cell(self, version, name):
        value = value_of(version, name)
        if value is None:
            return t("none")
        if name == "version":
            mark = " · " + t("versions.current") if value == self.page.version else ""
            return value + mark
        if name == "time":
            return t.ago(value)
        return t.number(value, 3) if isinstance(value, float) else str(value)

    def sort(self, name):
        column, direction = self.order
        first = 1 if name in LOWER_IS_BETTER else -1
        self.order = (name, -direction if name == column else first)
        self.page.touch("sort-versions")

    # -------------------------------------------------------------------------------- details

    async def details(self, number):
        self.found = await records.versions(self.page.store)
        version = self.by_number(number)
        parent = self.by_number(version["parent"])
        facts = [
            (t("versions.made"), t.date(version["time"])),
            (t("versions.parent"), records.label(parent)),
            (t("versions.added"), describe_amount(version)),
        ]
        if version["gate"].get("came_as"):
            facts.append((t("versions.came_as"), version["gate"]["came_as"]))
        facts += outcomes.identity(version, self.found)
        if self.page.settings["developer"]:
            for key, before, now in records.config_changes(version, parent):
                facts.append((key, "%s → %s" % (before, now)))
        overlay.dialog(
            t("versions.about", version=version["label"]),
            outcomes.facts_list(facts),
            await self.taught(version),
            [
                dom.make("p", dom.icon("warn"), one, cls="warned")
                for one in verdict.warnings(version)
            ],
            self.gate(version["gate"]),
            await self.ledger(number),
            actions=(
                dom.button(t("versions.verify"), "verify", version["number"], "check"),
                dom.button(t("export.peft"), "export-peft", version["number"], "load"),
                dom.button(t("export.gguf"), "export-gguf", version["number"], "load"),
                dom.button(t("export.merged"), "export-merged", version["number"], "load"),
                dom.button(t("export.certified"), "export-certified", version["number"], "load"),
                dom.button(t("versions.forget"), "forget-version", version["number"], cls="danger"),
            ),
            name="version",
        )

    async def forget(self, number):
        """Ask to forget what this version learned; the versions after it are trained again without
        it."""
        version = await self.page.store.get("versions", number)
        await self.page.memory.ask_forget(version["lessons"], t("forget.title"))

    async def taught(self, version):
        """The lessons that a version added to the one before, each with its source."""
        rows = []
        for id in version["lessons"]:
            example = await self.page.store.get("examples", id)
            if example and example["kind"] == DATA_SET:
                name = runs.name_of(example["prompt"])
                rows.append(dom.make("li", t("runs.option", name=name, n=example["examples"])))
            elif example:
                origin = dom.make("p", self.page.memory.origin(example), cls="why")
                rows.append(dom.make("li", dom.make("p", example["prompt"]), origin))
        if not rows:
            return None
        title = dom.make("h3", t("versions.taught"))
        return dom.make("section", title, dom.make("ul", rows, cls="taught"))

    async def ledger(self, number):
        """The ledger's entries on a version, which continue each other."""
        entries = await records.entries_of(self.page.store, number)
        return outcomes.section("outcome.ledger", outcomes.ledger(entries))

    def gate(self, gate):
        """The figures that the gate measured before it let a version into the chat."""
        table = verdict.figures(gate)
        return table and dom.make("section", dom.make("h3", t("gate.title")), table)


def describe_amount(version):
    """How much a version learned, in words."""
    if version["kind"] == "training":
        return t("versions.learned_set")
    return t("versions.learned", n=len(version["lessons"]))


def value_of(version, name):
    """The value of a version in a leaderboard column; None when it was not measured."""
    if name == "version":
        return version["label"]
    if name == "lessons":
        return len(version["lessons"])
    if name == "held_out":
        held_out = version["gate"].get("held_out")
        return held_out and held_out["after"]
    if name == "wins":
        return version.get("wins", 0)
    if name == "time":
        return version["time"]
    return records.find_measure(version["gate"], MEASURES.get(name, name))


def rank(versions, column, direction):
    """The versions, sorted by a column; those that were not measured come last either way."""
    known = [version for version in versions if value_of(version, column) is not None]
    unknown = [version for version in versions if value_of(version, column) is None]
    if column == "version":
        known.sort(key=lambda version: (version["major"], version["micro"]))
    else:
        known.sort(key=lambda version: value_of(version, column))
    if direction < 0:
        known.reverse()
    return known + unknown


def day_in_words(milliseconds):
    """Today, the name of the day within a week, else the date."""
    now = js.Date.new(float(clock.now()))
    then = js.Date.new(float(milliseconds))
    if now.toDateString() == then.toDateString():
        return t("nav.today")
    if clock.now() - milliseconds < WEEK:
        name = then.toLocaleDateString(t.language, to_js({"weekday": "long"}))
        return name[0].upper() + name[1:]
    return t.day(milliseconds)


async def diary_line(store, version):
    """A version as a line in a diary: the day, and what it learned."""
    return "%s: %s" % (day_in_words(version["time"]), await describe_lessons(store, version))


async def describe_lessons(store, version):
    """What a version learned, in words."""
    kind, ids = version["kind"], version["lessons"]
    first = await store.get("examples", ids[0]) if ids else None
    if kind == "practice":
        return t("diary.practice")
    if kind in ("import", "forget", "training") or not first:
        return t("diary." + kind) if t.has("diary." + kind) else t("versions.learned", n=len(ids))
    more = len(ids) - 1
    if more:
        return t("diary.learned_more", text=first["prompt"], n=more)
    return t("diary.learned", text=first["prompt"])
