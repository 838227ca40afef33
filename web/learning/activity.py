"""Activity: what the engine is practising, in words, as a chart and in figures."""

from web.learning import records
from web.lib import chart, dom
from web.lib.words import t

PROBES = 3


class Activity:
    name = "activity"
    topics = ("status", "progress", "metrics", "events", "versions", "queue", "state")

    def __init__(self, page):
        self.page = page
        self.chart = chart.Chart()
        self.runs, self.points, self.labels = [], [], {}
        self.as_table = False
        self.probed = {}
        self.probing = False

    async def build(self):
        store, live = self.page.store, self.page.learning.progress
        self.runs = await records.curves(store)
        self.points = self.runs[-1]["points"] if self.runs else []
        run = self.runs[-1]["run"] if self.runs else ""
        versions = await records.versions(store)
        self.labels = {version["number"]: version["label"] for version in versions}
        parts = [
            self.state(live),
            self.curve(),
            self.figures(live, run),
            await self.page.training_runs.section(),
            self.probes(versions),
            self.events(await records.events(store, 10)),
            self.statistics(await records.statistics(store)),
        ]
        return parts

    async def drawn(self):
        if not self.as_table:
            await self.chart.show(self.runs, self.labels)

    # ------------------------------------------------------------------------------- the parts

    def state(self, live):
        facts = self.page.status.facts
        running = bool(facts["round"])
        bar = None
        if running and live and live.steps:
            bar = dom.make("progress", cls="learn", max=live.steps, label=t("activity.progress"))
            bar.value = live.step
        user_paused = self.page.learning.paused_by_user
        pause = dom.button(
            t("activity.resume" if user_paused else "activity.pause"),
            "pause-learning",
            drawing="play" if user_paused else "pause",
            cls="small",
        )
        now = dom.button(t("activity.now"), "learn-now", drawing="seed", cls="small")
        practise = dom.button(t("activity.practise"), "practise-now", drawing="again", cls="small")
        drop = None
        if running:
            drop = dom.button(t("activity.drop"), "drop-round", drawing="stop", cls="small")
        ready = bool(self.page.model)
        now.disabled = practise.disabled = not ready
        return dom.make(
            "section",
            dom.make("p", self.sentence(live), cls="state-line", id="state-line"),
            bar,
            dom.make("div", pause, now, practise, drop, cls="row"),
        )

    def sentence(self, live):
        """The state in plain words: doing what, how far, how long still, from what."""
        facts, waiting = self.page.status.facts, self.page.learning.waiting()
        if not self.page.model:
            return t("activity.no_model")
        if facts["round"] and live:
            left = self.page.learning.seconds_left()
            doing = t("activity.doing_" + live.kind) if t.has("activity.doing_" + live.kind) else ""
            said = [doing, t("activity.steps", step=live.step, steps=live.steps)]
            said += [t("activity.left", time=t.duration(left))] if left else []
            lessons = len(self.page.learning.leased)
            said += [t("activity.from", n=lessons)] if lessons else []
            if facts["paused"]:
                said = [t("state.paused", why=t("paused." + facts["paused"]))] + said
            return " · ".join(part for part in said if part)
        if facts["round"]:
            return t("activity.starting")
        if self.page.learning.paused_by_user:
            return t("activity.off", n=waiting)
        return t("activity.waiting", n=waiting) if waiting else t("activity.idle")

    def curve(self):
        words = t("chart.show_drawing" if self.as_table else "chart.show_table")
        switch = dom.button(words, "switch-chart", cls="link")
        if self.as_table:
            inner = chart.table(self.points)
        elif not self.points:
            inner = dom.make("figure", dom.make("p", t("chart.empty"), cls="empty"), cls="chart")
        else:
            said = chart.summary(self.points)
            drawing = dom.make("div", self.chart.node, role="img", label=said)
            inner = dom.make("figure", drawing, chart.legend(), cls="chart")
        note = dom.make("p", chart.summary(self.points), cls="note") if self.points else None
        return dom.make(
            "section",
            dom.make("h3", t("chart.title")),
            inner,
            note,
            switch if self.points else None,
        )

    def figures(self, live, run):
        last = self.points[-1] if self.points else None
        step = live.step if live else last[0] if last else None
        loss = live.loss if live and live.loss is not None else last[1] if last else None
        steps = "%s / %s" % (step, live.steps) if live and live.steps else step
        rows = [
            ("figure.step", t("none") if step is None else steps, "train-step"),
            ("figure.loss", t("none") if loss is None else t.number(loss, 3), "train-loss"),
        ]
        if live and live.tokens_per_second:
            rows.append(("figure.speed", t.number(live.tokens_per_second), None))
        if live and self.page.settings["developer"]:
            rows.append(("figure.rate", "%.1e" % live.learning_rate, None))
            if live.grad_norm is not None:
                rows.append(("figure.norm", t.number(live.grad_norm, 2), None))
        if run:
            rows.append(("figure.run", run, None))
        return dom.make("section", dom.make("h3", t("figure.title")), definition(rows))

    def probes(self, versions):
        """What was taught last, asked of the version before and of the one in use."""
        newest = versions[0] if versions else None
        if not newest or not newest["lessons"]:
            return None
        key, ready = str(newest["number"]), bool(self.page.model)
        rows = [
            dom.make(
                "div",
                dom.make("b", prompt),
                dom.make("span", t("probe.before"), " ", before),
                dom.make("div", t("probe.after"), " ", after),
                cls="probe",
            )
            for prompt, before, after in self.probed.get(key, ())
        ]
        ask = dom.button(t("probe.ask"), "probe", key, "search", cls="small")
        ask.disabled = not ready or self.probing
        title = dom.make("h3", t("probe.title"))
        return dom.make("section", title, rows, dom.make("div", ask, cls="row"))

    async def probe(self, key):
        """Ask both versions, three questions at most."""
        version = await self.page.store.get("versions", int(key))
        self.probing, found = True, []
        self.page.touch("tab")
        try:
            for id in version["lessons"][-PROBES:]:
                example = await self.page.store.get("examples", id)
                answers = []
                for number in (version["parent"] or 0, version["number"]):
                    options = {"version": number, "temperature": 0.0}
                    answered = await self.page.answer_once(example["prompt"], options)
                    answers.append(answered.text)
                found.append([example["prompt"]] + answers)
                self.probed[key] = found
                self.page.touch("tab")
        finally:
            self.probing = False
            self.page.touch("tab")

    def events(self, found):
        title = dom.make("h3", t("events.title"))
        if not found:
            return dom.make("section", title, dom.make("p", t("events.empty"), cls="empty"))
        rows = [
            dom.make("li", dom.make("time", t.clock(event["time"])), dom.make("span", said(event)))
            for event in found
        ]
        return dom.make("section", title, dom.make("ol", rows, cls="events"))

    def statistics(self, found):
        languages = ", ".join(
            "%s %s" % (t.language_name(code), t.number(count))
            for code, count in sorted(found["languages"].items())
            if code != "und"
        )
        never = t("statistics.never")
        rows = [
            ("statistics.runs", t.number(found["runs"]), None),
            ("statistics.stage1", t.number(found["stage1"]), None),
            ("statistics.stage2", t.number(found["stage2"]), None),
            ("statistics.languages", languages or t("none"), None),
            ("statistics.last", t.ago(found["last"]) if found["last"] else never, None),
            ("statistics.dna", t.ago(found["dna"]) if found["dna"] else never, None),
        ]
        return dom.make("section", dom.make("h3", t("statistics.title")), definition(rows))


def definition(rows):
    """Figures with their names; the third of a row is its hook for tests."""
    return dom.make(
        "dl",
        [
            dom.make(
                "div",
                dom.make("dt", t(key)),
                dom.make(
                    "dd", value, data_testid=hook, cls="long" if len(str(value)) > 9 else None
                ),
            )
            for key, value, hook in rows
        ],
        cls="figures",
    )


def said(event):
    """An event in plain words; one without words of its own goes by its name."""
    key, data = "event." + event["kind"], event.get("data") or {}
    if not t.has(key):
        return event["kind"].replace("_", " ")
    return t(key, name=data.get("name", ""), reason=(data.get("gate") or {}).get("reason", ""))
