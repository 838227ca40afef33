"""The dialog on what came of a message: its samples, the outcome and its reason, the version that
learned it, the ledger's entries and the fingerprint, each once."""

from oneseek.engine.core.collecting.statements import STATEMENT
from oneseek.web.learning import records, verdict
from oneseek.web.learning.panels import events
from oneseek.web.lib import dom, overlay
from oneseek.web.lib.words import t

SHOWN_DIGITS = 16  # of a hash


class Outcomes:
    def __init__(self, page):
        self.page = page
        dom.verbs({"what-became": lambda of, el: self.open(of)})

    async def open(self, id):
        store = self.page.store
        example = await self.page.fact_memory.find(id)
        if not example:
            self.page.toast(t("queue.gone"))
            return
        versions = await records.versions(store)
        version = next((v for v in versions if v["number"] == example.get("learned_in")), None)
        refused = None if version else await records.refusal_of(store, id)
        overlay.dialog(
            t("outcome.title"),
            None if example["kind"] == STATEMENT else dom.make("p", example["prompt"], cls="said"),
            dom.make("p", example["answer"], cls="answer"),
            dom.make("p", self.page.memory.origin(example), cls="why"),
            section("outcome.result", self.result(version, refused)),
            section("outcome.samples", samples(example, await records.samples(store, example))),
            section("outcome.version", self.version(version, versions)),
            section("outcome.ledger", ledger(await self.entries(version, refused))),
            name="outcome",
        )

    def result(self, version, refused):
        """The outcome and its reason: the checks, with their figures."""
        if version:
            said = [dom.make("p", t("note.learned", version=version["label"]))]
            gate, found = version["gate"], verdict.warnings(version)
        elif refused:
            said = [dom.make("p", t("note.rejected"))]
            gate = refused["body"]["gate"]
            found = verdict.faults(gate)
        else:
            return [dom.make("p", t("outcome.waits"))]
        said += [dom.make("p", why) for why in found]
        if version and not found:
            said.append(dom.make("p", t("outcome.passed"), cls="note"))
        return said + [verdict.fold_figures(gate)]

    def version(self, version, versions):
        if not version:
            return None
        about = dom.button(t("versions.details"), "version-details", version["number"], cls="small")
        return [facts_list(identity(version, versions)), dom.make("div", about, cls="row")]

    async def entries(self, version, refused):
        if version:
            return await records.entries_of(self.page.store, version["number"])
        return [refused] if refused else []


def identity(version, versions):
    """The facts that identify a version, as (name, value)."""
    dna = records.fingerprint(version, versions)[:SHOWN_DIGITS]
    return [
        (t("versions.name"), version["name"]),
        (t("versions.hash"), version["weights_sha256"][:SHOWN_DIGITS]),
        (t("versions.dna"), t("versions.dna_note", hash=dna)),
    ]


def samples(example, stages):
    """The training data: the question in all its wordings, and what each stage compared."""
    asked = [example["prompt"]] + list(example.get("phrasings") or ())
    rows = [dom.make("li", one) for one in asked]
    for stage in stages:
        rows.append(dom.make("li", events.of_sample(stage)))
        if stage.get("reason"):
            rows.append(dom.make("li", t.translate(stage["reason"]), cls="why"))
    return dom.make("ul", rows, cls="taught") if rows else None


def ledger(entries):
    """Each entry by its number, its kind and the hash that the next one continues."""
    rows = [
        dom.make(
            "li",
            "#%d · %s · %s · " % (one["seq"], kind(one["kind"]), t.date(one["time"])),
            dom.make("code", one["hash"][:SHOWN_DIGITS]),
        )
        for one in entries
    ]
    return dom.make("ul", rows, cls="entries") if rows else None


def kind(name):
    return t("ledger." + name) if t.has("ledger." + name) else name


def facts_list(facts):
    rows = [(dom.make("dt", key), dom.make("dd", value)) for key, value in facts]
    return dom.make("dl", rows, cls="facts-list")


def section(title, inner):
    return inner and dom.make("section", dom.make("h3", t(title)), inner)
