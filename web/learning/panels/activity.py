"""The Activity panel: what the engine learns, in words, as a chart and in figures."""

from oneseek.web.learning import learning_status, records
from oneseek.web.learning.panels import events
from oneseek.web.lib import chart, dom
from oneseek.web.lib.words import t

PROBES = 3
EVENTS = 10
STAGES = ("stage1", "stage2")
QUEUE = ("queue", "editing-queue", "words", "status", "pace", "chats")
"""Topics that change the list of the queue. It may be long, so it is not redrawn with the rest,
four times a second."""


class Activity:
    name = "activity"
    topics = (
        "status",
        "progress",
        "metrics",
        "events",
        "versions",
        "queue",
        "editing-queue",
        "state",
        "settings",
        "pace",
        "choices",
    )

    def __init__(self, page):
        self.page = page
        self.chart = chart.Chart()
        self.runs, self.points, self.labels = [], [], {}
        self.as_table = False
        self.probed = {}
        self.probing = False
        self.queue, self.queue_is_new = dom.make("section", id="queue"), True
        page.watch(self.go_on, "far")
        page.watch(self.queue_changed, *QUEUE)
        dom.verbs(
            {
                "probe": lambda of, el: self.probe(of),
            }
        )

    def switch_chart(self):
        """Switch between the curve as a drawing and as a table."""
        self.as_table = not self.as_table
        self.page.touch("tab")

    async def build(self):
        store, live = self.page.store, self.page.learning.progress
        self.runs = await records.curves(store)
        self.points = self.runs[-1]["points"] if self.runs else []
        run = self.runs[-1]["run"] if self.runs else ""
        versions = await records.versions(store)
        self.labels = {version["number"]: version["label"] for version in versions}
        parts = [
            self.state(live),
            await self.draw_queue(),
            self.probes(versions),
            self.events(await records.events(store, 2 * EVENTS)),
            self.switch(),
            self.curve(),
            self.figures(live, run),
            await self.page.skill_list.section(),
            await self.page.training_runs.section(),
            await self.page.taste_panel.section(),
            self.statistics(await records.statistics(store)),
        ]
        return parts

    def queue_changed(self):
        self.queue_is_new = True

    async def draw_queue(self):
        if self.queue_is_new:
            self.queue_is_new = False
            dom.replace(self.queue, await self.page.queue_panel.build())
        return self.queue

    async def on_drawn(self):
        if not self.as_table and self.page.settings["developer"]:
            await self.chart.show(self.runs, self.labels)

    # ------------------------------------------------------------------------------- the parts

    def state(self, live):
        facts = self.page.status.facts
        running = bool(facts["round"]) and self.page.training.kind != "memory"
        bar = None
        if running:
            words = t("activity.progress")
            bar = dom.make("progress", cls="learn", max=1, label=words, id="how-far")
            bar.value = self.page.training.share()
        user_paused = self.page.presence.paused_by_user
        pause = dom.button(
            t("activity.resume" if user_paused else "activity.pause"),
            "pause-learning",
            drawing="play" if user_paused else "pause",
            cls="small",
        )
        now, why = self.now_button(running)
        practise = dom.button(t("activity.practise"), "practise-now", drawing="again", cls="small")
        drop = None
        if running:
            drop = dom.button(t("activity.drop"), "drop-round", drawing="stop", cls="small")
        nothing = not self.labels and not running
        practise.disabled = running or nothing or not self.page.model
        if nothing and self.page.model:
            dom.change(practise, title=t("activity.nothing_known"))
        return dom.make(
            "section",
            dom.make("p", learning_status.sentence(self.page), cls="state-line", id="state-line"),
            bar,
            dom.make("div", pause, now, practise, drop, cls="row"),
            dom.make("p", why, cls="note") if why else None,
        )

    def now_button(self, running):
        """The button that learns now, and why it would do nothing, shown before it is pressed."""
        finishing = running and self.page.training.scheduler.forced
        key = (
            "activity.finishing" if finishing else "activity.finish" if running else "activity.now"
        )
        now = dom.button(t(key), "learn-now", drawing="seed", cls="small")
        why = learning_status.no_lesson_now(self.page)
        now.disabled = finishing or bool(why)
        if why:
            dom.change(now, title=why)
        said = why if why and why != learning_status.sentence(self.page) else ""
        return now, said

    def go_on(self):
        """Update the progress once a second, without drawing the panel again."""
        line, bar = dom.find("#state-line"), dom.find("#how-far")
        if line:
            line.textContent = learning_status.sentence(self.page)
        if bar:
            bar.value = self.page.training.share()

    def switch(self):
        """The box that shows what only a developer asks for."""
        box = dom.make(
            "input", type="checkbox", do="set-check", of="developer", data_on="change", id="figures"
        )
        box.checked = self.page.settings["developer"]
        return dom.make("label", box, t("activity.figures"), cls="check")

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
            cls="developer",
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
            rows.append(("figure.speed", t.rate(live.tokens_per_second), None))
        if live and self.page.settings["developer"]:
            rows.append(("figure.rate", "%.1e" % live.learning_rate, None))
            if live.grad_norm is not None:
                rows.append(("figure.norm", t.number(live.grad_norm, 2), None))
        if run:
            rows.append(("figure.run", run, "train-run"))
        return dom.make(
            "section", dom.make("h3", t("figure.title")), definition(rows), cls="developer"
        )

    def probes(self, versions):
        """The lessons of the newest version, asked of it and of the version before."""
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
        told = events.list_newest(found, self.labels, self.page.settings["developer"], EVENTS)
        if not told:
            return dom.make("section", title, dom.make("p", t("events.empty"), cls="empty"))
        rows = [
            dom.make("li", dom.make("time", t.clock(time)), dom.make("span", words))
            for time, words in told
        ]
        return dom.make("section", title, dom.make("ol", rows, cls="events"))

    def statistics(self, found):
        languages = ", ".join(
            "%s %s" % (t.language_name(code), t.number(count))
            for code, count in sorted(found["languages"].items())
            if code != "und"
        )
        rounds = t.number(found["rounds"])
        never = t("statistics.never")
        rows = [
            ("statistics.questions", t.number(found["questions"]), "questions"),
            ("statistics.compared", t.number(found["stage1"]), "compared"),
            ("statistics.learned", t.number(found["learned"]), None),
            ("statistics.asked", t.number(found["asked"]), None),
            ("statistics.languages", languages or t("none"), None),
            ("statistics.last", t.ago(found["last"]) if found["last"] else never, None),
            ("statistics.dna", t.ago(found["dna"]) if found["dna"] else never, None),
            ("statistics.rounds", rounds, None),
        ]
        if self.page.settings["developer"]:
            rows += [("statistics." + one, t.number(found[one]), None) for one in STAGES]
        return dom.make(
            "section", dom.make("h3", t("statistics.title")), definition(rows), cls="developer"
        )


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
