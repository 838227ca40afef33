"""Training on a data set: the dialog that begins a run, and the outcome of every run so far."""

from oneseek.engine.core.messages import BringDataSet, EndRun, ListDataSets, StartRun
from oneseek.engine.core.settings import LoraConfig, TrainingConfig
from oneseek.web.learning import records, verdict
from oneseek.web.learning.panels import evaluation, trials
from oneseek.web.learning.panels.run_modes import RunModes
from oneseek.web.learning.skills.skill_list import name_box
from oneseek.web.lib import dom, files, overlay
from oneseek.web.lib.words import t
from oneseek.web.settings.fields import select

FILES = ".jsonl,.json,.csv,.tsv,.txt,.md"
NAMED = ("identity", "learned", "chats", "taste")
OVER = ("failed", "cancelled")
SHOWN = 5


def name_of(data):
    return t("runs.data_" + data) if data in NAMED else data


def became(results, in_use):
    """The outcome of a model's round, in a sentence; `in_use` is the full name of a version."""
    version, reason = results["version"] or "", verdict.reason(results["reason"] or "")
    done = results["gate"].get("doing")
    if done:
        reason = evaluation.sentence(done)
    taste = results["gate"].get("taste")
    if taste:
        reason = evaluation.taste(taste) + "."
        reason = reason[0].upper() + reason[1:]
    if not version:
        faults = " ".join(verdict.warnings(results)) or reason + "."
        return t("runs.refused", reason=faults + " " + reason if done or taste else faults)
    used = in_use and results["version_name"] == in_use
    return t("runs.trained" if used else "runs.made", version=version, reason=reason)


def wrong_in(run):
    """The examples that each of a run's models still gets wrong."""
    results = run["results"]
    each = list((results.get("models") or {"": results}).values())
    return [one["wrong"] for one in each if one.get("wrong")]


def memory_of(run):
    """For developers: the announced memory of a run, and the memory it took."""
    used = run["results"].get("memory_used")
    if used is None:
        return None
    announced = t.size(run["about"]["needs"]["memory_bytes"])
    words = t("runs.memory", announced=announced, used=t.size(used))
    return dom.make("p", words, cls="note developer")


class TrainingRuns:
    """The dialog behind *Train on a data set*, and the list under it in Activity."""

    def __init__(self, page):
        self.page = page
        self.modes = RunModes(page)
        dom.verbs(
            {
                "train-on-data": lambda of, el: self.open(),
                "run-file": lambda of, el: self.bring(),
                "run-look": lambda of, el: self.look(el),
                "run-start": lambda of, el: self.start(el),
                "run-end": lambda of, el: self.end(of),
            }
        )

    async def open(self, chosen=""):
        items = await self.page.learning.tell(ListDataSets())
        if not items:
            return
        options = [
            (one["id"], t("runs.option", name=name_of(one["name"]), n=one["examples"]))
            for one in items.items
        ]
        chosen = chosen or options[0][0]
        data = select(options, chosen, name="data", do="run-look", data_on="change")
        file = dom.button(t("runs.file"), "run-file", drawing="file", cls="small")
        form = dom.make(
            "form",
            dom.make("label", t("runs.data"), data, cls="field"),
            dom.make("div", file, cls="row"),
            skill_box(),
            self.modes.field(),
            trials.field(),
            dom.make(
                "div",
                number("epochs", None, 1, 100, 1, do="run-look", data_on="change"),
                number("rate", None, 0.00001, 0.001, 0.00001),
                number("threshold", THRESHOLD, 0, 1, 0.0001),
                number("patience", PATIENCE, 1, 100, 1),
                cls="columns",
            ),
            dom.make(
                "details",
                dom.make("summary", t("runs.more")),
                dom.make("div", [draw_field(*one) for one in CHOSEN], cls="columns"),
            ),
            dom.make(
                "div",
                dom.make("button", t("runs.start"), type="submit", cls="primary"),
                cls="row end",
            ),
            do="run-start",
            data_on="submit",
            cls="column",
        )
        note = dom.make("p", t("runs.text"), cls="note")
        one = dom.make("p", t("runs.one_model", model=self.page.model_loader.name()), cls="note")
        overlay.dialog(t("runs.title"), note, one, form, name="runs")
        await self.modes.look(chosen, AS_FITS, settings_of(form))

    async def look(self, element):
        """Show what the run takes, after a choice that changes that."""
        form = dom.or_none(element.closest("form"))
        data, epochs = read_field(form, "data"), int(read_field(form, "epochs") or AS_FITS)
        settings = settings_of(form)
        mode = settings["mode"]
        dom.by_id("run-tune").hidden = mode != "lora"
        await self.modes.look(data, epochs, settings, self.tune(form, mode))

    def tune(self, form, mode):
        """Seconds of tries before the run; only for adapters are settings looked for."""
        return 60.0 * int(read_field(form, "tune")) if mode == "lora" else 0.0

    async def bring(self):
        """Make a data set of a person's file, and choose it in the dialog."""
        chosen = await files.pick(FILES, many=False)
        if not chosen:
            return
        kept = await files.put_in_inbox(chosen[0])
        brought = await self.page.learning.tell(BringDataSet(name=chosen[0].name, file=kept))
        if brought:
            await self.open(brought.items[0]["id"])

    async def start(self, form):
        found = {name: read_field(form, name) for name in FIELDS}
        settings = settings_of(form)
        run = StartRun(
            data=found["data"],
            settings=settings,
            epochs=int(found["epochs"] or AS_FITS),
            rate=float(found["rate"] or AS_FITS),
            threshold=float(found["threshold"]),
            patience=int(found["patience"]),
            tune=self.tune(form, settings["mode"]),
            skill=read_field(form, "skill").strip(),
        )
        if await self.ask(run):
            overlay.close_all()

    async def begin(self, data, skill=""):
        """Begin a run with the settings that fit, in granted time; whether it was begun."""
        return await self.ask(
            StartRun(
                data=data, settings={}, epochs=AS_FITS, rate=float(AS_FITS),
                threshold=THRESHOLD, patience=PATIENCE, tune=0.0, skill=skill,
            )
        )  # fmt: skip

    async def ask(self, run):
        """Begin a run as soon as possible, and return whether it was begun; a refusal is shown."""
        started = await self.page.learning.tell(run)
        if started:
            await self.page.training.count_runs()
            self.page.training.now("lesson")
            self.page.touch("state")
        return bool(started)

    async def section(self):
        """The last runs with their epochs, newest first."""
        used = await records.in_use(self.page.store, self.page.choice.model_id())
        runs = await records.list_runs(self.page.store, SHOWN)
        rows = [self.row(run, used and used["name"]) for run in runs]
        button = dom.button(t("runs.title"), "train-on-data", drawing="seed", cls="small")
        button.disabled = not (self.page.model and self.page.model.trainable)
        listed = dom.make("ol", rows, cls="list") if rows else None
        return dom.make("section", dom.make("h3", t("runs.heading")), button, listed)

    async def end(self, run):
        """Throw away a run that has not begun, or that goes on another time."""
        if self.page.training.run == run:  # it began meanwhile
            await self.page.learning.drop()
        elif await self.page.learning.tell(EndRun(run=run)):
            await self.page.training.count_runs()
            self.page.touch("state")

    def describe(self, run, in_use):
        """What a run does, or what came of it, in sentences that are true now."""
        state, models, paused = run["state"], run["models"], self.page.status.facts["paused"]
        if state == "complete":
            each = run["results"].get("models")
            if not each:
                return [became(run["results"], in_use)]
            return [t("runs.of_model", model=m, told=became(each[m], in_use)) for m in models]
        if state in OVER:
            return [t("runs." + state, reason=run["reason"])]
        if len(models) > 1:
            return [t("runs.several", models=", ".join(models))]
        if models != [self.page.choice.model_id()]:
            return [t("runs.other_model", model=models[0])]
        if state == "ready" and self.page.training.run == run["runId"]:
            return [t("runs.opens")]
        if state == "training" and self.page.training.run != run["runId"]:
            return [t("runs.begun")]
        if state == "training" and paused:
            return [t("runs.paused", why=t("paused." + paused))]
        if state == "training" and trials.open_in(run):
            return [trials.under_way(run)]
        return [t("runs." + state)]

    def row(self, run, in_use):
        losses = [event["total_loss"] for event in run["metrics"]]
        told = t("runs.losses", losses=" → ".join([t.number(loss, 3) for loss in losses]))
        about = run["about"]
        words = t("runs.option", name=name_of(about["dataset"]), n=about["examples"])
        mode = about.get("shape", {}).get("mode", "lora")
        if mode != "lora":
            words += " · " + t("modes." + mode)
        end = None
        if run["state"] not in OVER + ("complete",) and self.page.training.run != run["runId"]:
            end = dom.button(t("runs.end"), "run-end", run["runId"], drawing="stop", cls="small")
        return dom.make(
            "li",
            dom.make("b", words),
            [dom.make("p", sentence) for sentence in self.describe(run, in_use)],
            trials.show_tuning(run),
            [evaluation.wrong(one) for one in wrong_in(run)],
            dom.make("p", told, cls="note") if losses else None,
            memory_of(run),
            end,
            dom.make("small", run["runId"], cls="developer"),
            cls="item",
        )


AS_FITS = 0  # epochs and rate that nobody chose: those that fit the model
THRESHOLD, PATIENCE = 0.001, 3
FIELDS = ("data", "epochs", "rate", "threshold", "patience")
CHOSEN = (
    ("rank", LoraConfig.FIELDS["rank"]),
    ("batch_size", TrainingConfig.FIELDS["batch_size"]),
    ("warmup_steps", TrainingConfig.FIELDS["warmup_steps"]),
)
"""Settings that a person may choose; a box left empty keeps what fits the model."""


def read_field(form, name):
    return dom.find('[name="%s"]' % name, form).value


def draw_field(name, field):
    return number(name, None, field.low, field.high, 1, do="run-look", data_on="change")


def settings_of(form):
    """The mode and the other chosen settings, in the names of TrainingConfig."""
    found = {"mode": read_field(form, "mode")}
    given = {name: int(read_field(form, name)) for name, _ in CHOSEN if read_field(form, name)}
    rank = given.pop("rank", None)
    if rank and found["mode"] != "full":
        found["lora_config"] = {"rank": rank}
    found.update(given)
    return found


def skill_box():
    """A field for the name of a skill; without one the run is for all answers."""
    box = name_box(placeholder=t("skills.none"))
    return dom.make("label", t("skills.name"), box, cls="field")


def number(name, value, low, high, step, **acts):
    """A field for a number; without a value it may stay empty, for what fits."""
    limits = {"min": low, "max": high, "step": step, "required": value is not None}
    box = dom.make("input", type="number", name=name, **limits, **acts)
    if value is None:
        box.placeholder = t("runs.as_fits")
    else:
        box.value = value
    return dom.make("label", t("runs." + name), box, cls="field")
