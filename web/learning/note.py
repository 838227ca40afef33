"""The line under a message from which something was kept: noted, remembered, learned or not used,
each true at its moment.

`state_of` alone decides what the line says; `Notes` keeps the lines on the page current.
"""

from oneseek.engine.core.collecting.statements import STATEMENT
from oneseek.web.learning import learning_status, records
from oneseek.web.lib import dom
from oneseek.web.lib.words import t

TONES = {
    "remembered": "good",
    "remembered-only": "good",
    "kept": "good",
    "learned": "good",
    "warned": "learn",
    "rejected": "bad",
}

TOLD = ("fact", "correction")  # kinds of what a person told
HOLDS = ("ready", "learned", "weakened", "rejected")  # states in which it is known
ASKS = ("remembered", "remembered-only", "noted")  # states whose line asks about an earlier one


def state_of(page, kept, version, leased):
    """(state, words, verbs) of the record that a message left: a lesson of the queue, or what
    `version` learned from it. Verbs are (words, verb, of); the last one takes it back."""
    id, facts = kept["id"], page.fact_memory
    if kept["state"] == "secret":
        keep = (t("queue.secret_keep"), "release-secret", id)
        return (
            "secret",
            t("queue.secret_note", what=secret_names(kept["kinds"])),
            [keep, (t("queue.secret_drop"), "discard-secret", id)],
        )
    asks = (t("memory.ask"), "ask-in-chat", id)
    if facts.is_forgotten(id):
        return "gone", t("note.gone"), []
    if version:
        state = "warned" if kept.get("state") == "weakened" else "learned"
        words = t("note." + state, version=version)
        return state, words, [asks, details(id), (t("memory.forget"), "forget-fact", id)]
    undo = (t("undo"), "skip", id)
    if leased:
        return "learning", learning_status.sentence(page), []
    if facts.knows(id) and kept["state"] in ("ready", "rejected", "kept"):
        return by_heart(page, kept, asks)
    if kept["state"] == "ready" and id in facts.refused:
        words = t("note.not_by_heart", why=t.translate(facts.refused[id]))
        return "not-by-heart", words + " " + learning_status.sentence(page), [undo]
    if kept["state"] == "ready":
        return "noted", t("note.noted") + " " + learning_status.sentence(page), [undo]
    if kept["state"] == "kept":
        return "noted", t("note.keeping"), [undo]
    if kept["state"] == "held" and kept["kind"] == STATEMENT:
        words = t("note.unsure", text=kept["answer"])
        return "held", words, [(t("note.remember"), "approve", id), (t("note.drop"), "skip", id)]
    if kept["state"] == "held":
        return "held", t("queue.held"), [(t("queue.approve"), "approve", id), undo]
    if kept["state"] == "rejected":
        return "rejected", t("note.rejected"), [(t("learned.look"), "what-became", id)]
    return "skipped", t("queue.skipped"), [(t("note.again"), "approve", id)]


def rival_of(record, known):
    """The newest other fact that was told before to the same question and still holds, or None."""
    earlier = [
        one
        for one in known
        if one.get("about") == record.get("about")
        and one["time"] <= record["time"]
        and one["id"] != record["id"]
        and one.get("state", "learned") in HOLDS
    ]
    return max(earlier, key=lambda one: one["time"]) if earlier else None


def with_rival(page, kept, line):
    """The line, which also asks whether the earlier fact still holds."""
    state, words, verbs = line
    rival = kept.get("rival")
    if not rival or state not in ASKS or page.fact_memory.is_forgotten(rival["id"]):
        return line
    words += " " + t("note.before", text=rival["answer"])
    replace = (t("note.replace"), "replace-told", kept["id"])
    return state, words, verbs[:-1] + [replace] + verbs[-1:]


def details(id):
    """The verb that shows all that came of it."""
    return (t("versions.details"), "what-became", id)


def secret_names(kinds):
    """The names of kinds of secrets: "a password and a bank card number"."""
    return t("secret.and").join([t("secret." + kind) for kind in kinds])


def beside(before, record):
    """The record of a message; statements that are kept from one message are joined in one
    record."""
    if not before or record["state"] != "kept" or before[0]["state"] != "kept":
        return record
    kept = before[0]
    ids, words = kept.get("ids", [kept["id"]]), kept["answer"]
    return dict(record, ids=ids + [record["id"]], answer=words + " · " + record["answer"])


def by_heart(page, kept, asks):
    """The line on a fact that is known at once, whatever becomes of its lesson."""
    id = kept["id"]
    undo = (t("undo"), "let-go", " ".join(kept.get("ids", [id])))
    if kept["state"] == "kept":
        words = t("note.kept", text=kept["answer"])
        return "kept", words, [(t("memory.correct"), "correct-known", id), undo]
    if kept["state"] == "rejected":
        look = (t("learned.look"), "what-became", id)
        return "remembered-only", t("note.remembered_only"), [asks, look, undo]
    return "remembered", t("note.remembered") + " " + learning_status.sentence(page), [asks, undo]


class Notes:
    def __init__(self, page, queue):
        self.page, self.queue = page, queue
        self.found = {}  # message -> (its record, the label of the version that learned it)
        page.watch(self.read, "queue", "examples", "versions")
        page.watch(self.draw, "far", "status", "words", "chat", "fact_memory")

    async def read(self):
        """Find the record of each message: a learned one comes before one that waits."""
        found, learned = {}, await records.examples(self.page.store)
        known = [one for one in self.queue.records.values() if one["kind"] in TOLD]
        known += [one for one in learned if one["kind"] in TOLD]
        for record in self.queue.records.values():
            message = record["source"].get("message")
            if record["kind"] == "fact" and record["priority"] != "correction":
                record = dict(record, rival=rival_of(record, known))
            found[message] = (beside(found.get(message), record), "")
        labels = {v["number"]: v["label"] for v in await records.versions(self.page.store)}
        for example in learned:
            version = labels.get(example.get("learned_in"), "")
            found[example["source"].get("message")] = (example, version or t("none"))
        for message, (ids, kinds) in self.page.teaching.secrets().items():
            found[message] = ({"id": " ".join(ids), "state": "secret", "kinds": kinds}, "")
        self.found = found
        self.draw()

    def draw(self):
        """Update the line of each message that is shown; only what changed is drawn."""
        for article in dom.find_all("article.user"):
            self.put(article, article.id)

    def put(self, article, turn):
        old = dom.find(".told", article)
        state = self.state(turn)
        if not state:
            if old:
                old.remove()
            return
        words, shown = state[1], old and dom.find(".told-words", old)
        if (
            shown
            and old.getAttribute("data-state") == state[0]
            and len(dom.find_all("button", old)) == len(state[2])
        ):
            if shown.textContent != words:
                shown.textContent = words
            return
        new = line(*state)
        if old:
            dom.swap(old, new)
        else:
            dom.find(".actions", article).before(new)

    def state(self, turn):
        kept = self.found.get(turn)
        if not kept:
            return None
        leased = kept[0]["id"] in self.queue.leased
        line = state_of(self.page, kept[0], kept[1], leased)
        return with_rival(self.page, kept[0], line)


def line(state, words, verbs):
    buttons = [dom.button(said, verb, of, cls="small quiet") for said, verb, of in verbs]
    return dom.make(
        "div",
        dom.make("span", words, cls="told-words"),
        buttons,
        cls="told row tight " + TONES.get(state, "plain"),
        data_state=state,
    )
