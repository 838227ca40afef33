"""The Memory panel: every fact, in the person's own words; this is what they trust."""

from oneseek.engine.core.collecting.statements import STATEMENT
from oneseek.engine.core.exchange.entries import DATA_SET, LIVES
from oneseek.web.chat import message
from oneseek.web.learning import learning_status, records
from oneseek.web.learning.panels.filter import Filter
from oneseek.web.lib import dom, overlay
from oneseek.web.lib.words import t

TONES = {
    "learned": "good",
    "practised": "good",
    "weakened": "learn",
    "not learned": "bad",
    "replaced": "plain",
}
WAITING = {
    "ready": "not_practised",
    "kept": "as_said",
    "rejected": "not learned",
}  # states of the queue, known by heart or not
SAVES = {"correct": "save-correction", "reword": "save-wording"}
MOST = 50  # rows at a time: building many at once would hold up the page


class Memory:
    name = "memory"
    topics = ("examples", "versions", "recalled", "fact_memory")

    def __init__(self, page, queue):
        self.page, self.queue = page, queue
        self.filter = Filter()
        self.most = MOST
        self.found = []
        self.answers = {}
        self.versions = {}
        self.editing = None
        self.replaced = {}
        page.watch(self.refresh, "queue", "status")
        dom.verbs(
            {
                "tell-fact": lambda of, el: self.ask_new_fact(),
                "search-memory": lambda of, el: self.choose("words", el.value),
                "sift-memory": lambda of, el: self.choose(of, el.value),
                "more-memory": lambda of, el: self.show_more(),
                "forget-shown": lambda of, el: self.forget_shown(),
                "ask-fact": lambda of, el: self.ask(of),
                "correct-fact": lambda of, el: self.edit(of, "correct"),
                "reword-fact": lambda of, el: self.edit(of, "reword"),
                "save-correction": lambda of, el: self.save(of, dom.field(el, "text")),
                "save-wording": lambda of, el: self.save(of, dom.field(el, "text")),
                "forget-fact": lambda of, el: self.ask_forget([of], t("forget.title")),
                "forget-now": lambda of, el: self.forget(of.split()),
            }
        )

    def refresh(self):
        """Redraw: what waits or is being learned has changed."""
        self.page.touch("recalled")

    def is_written_in(self):
        """Whether a form is open, which stays as it is with what was typed; closing it draws all
        anew."""
        if not self.editing:
            return False
        id, act = self.editing
        return bool(dom.find('#panel-memory [data-do="%s"][data-of="%s"]' % (SAVES[act], id)))

    async def build(self):
        learned = await records.examples(self.page.store)
        known = self.find_waiting({example["id"] for example in learned}) + learned
        self.versions = {v["number"]: v["label"] for v in await records.versions(self.page.store)}
        if not known:
            return [dom.make("p", self.describe_empty(), cls="empty"), self.tell()]
        self.found = shown = self.filter.filter(known)
        self.replaced = find_replacements(known, self.queue)
        rows = [self.item(example) for example in shown[: self.most]]
        count = dom.make("p", t("memory.count", n=len(shown)), cls="note grow")
        return [
            self.filter.controls(known),
            self.tell(),
            dom.make("div", count, self.all_of_them(), cls="row tight"),
            dom.make("ul", rows, cls="list"),
            self.more(len(shown)),
        ]

    def all_of_them(self):
        """The button that forgets all that the filter found."""
        if not self.filter.narrows or len(self.found) < 2:
            return None
        words = t("memory.forget_shown", n=len(self.found))
        return dom.button(words, "forget-shown", cls="small danger")

    def more(self, count):
        left = count - self.most
        words = t("memory.more", n=min(left, MOST)) if left > 0 else ""
        return dom.button(words, "more-memory", cls="small") if words else None

    def find_waiting(self, learned):
        """The facts known by heart, or refused, that no version has learned yet; newest first."""
        facts, queue = self.page.fact_memory, self.queue.records.values()
        told = [one for one in queue if facts.knows(one["id"]) or one["id"] in facts.refused]
        told = [one for one in told if one["id"] not in learned]  # a learned one is taught again
        told = [one for one in told if one["state"] in LIVES]
        told.sort(key=lambda record: -record["time"])
        return told

    def show_state(self, example):
        """The tag of a fact: by heart, forgotten but still in a version, or refused and why."""
        id, facts = example["id"], self.page.fact_memory
        if facts.is_forgotten(id):
            return dom.make("span", t("memory.gone"), cls="tag bad")
        if facts.knows(id):
            return dom.make("span", t("memory.by_heart"), cls="tag good")
        if id in facts.refused:
            words = t("memory.not_by_heart", why=t.translate(facts.refused[id]))
            return dom.make("span", words, cls="tag bad")
        return None

    def describe_empty(self):
        """The words when nothing is learned for good; they tell what is on its way."""
        if not (self.page.status.facts["round"] or any(learning_status.count_waiting(self.page))):
            return t("memory.empty")
        return t("memory.learning") + " " + learning_status.sentence(self.page)

    def tell(self):
        return dom.make(
            "div",
            dom.button(t("memory.tell"), "tell-fact", drawing="plus", cls="small"),
            cls="row",
        )

    def item(self, example):
        id, state = example["id"], example.get("state", "learned")
        state = "replaced" if id in self.replaced else WAITING.get(state, state)
        version = self.versions.get(example.get("learned_in"))
        header = dom.make(
            "header",
            dom.make(
                "span",
                t("memory." + state.replace(" ", "_")),
                cls="tag " + TONES.get(state, "plain"),
            ),
            dom.make("span", version, cls="tag plain") if version else None,
            self.show_state(example),
        )
        heard = self.answers.get(id)
        return dom.make(
            "li",
            header,
            None
            if example["kind"] == STATEMENT  # it has no question
            else dom.make("p", example["prompt"], cls="said", lang=example["language"]),
            dom.make("p", example["answer"], cls="answer", lang=example["language"]),
            dom.make("p", t("memory.replaced_by", text=self.replaced[id]), cls="note")
            if id in self.replaced
            else None,
            dom.make("p", self.origin(example), cls="why"),
            dom.make("p", t("memory.heard"), " ", heard, cls="probe") if heard else None,
            self.form(example) if self.editing and self.editing[0] == id else None,
            dom.make(
                "div",
                [] if example["kind"] == STATEMENT else self.draw_ask_buttons(id),
                dom.button(t("memory.correct"), "correct-fact", id, cls="small"),
                dom.button(t("memory.forget"), "forget-fact", id, cls="small danger"),
                cls="row tight",
            ),
            cls="item",
        )

    def draw_ask_buttons(self, id):
        return [
            dom.button(t("memory.ask"), "ask-fact", id, cls="small"),
            dom.button(t("memory.reword"), "reword-fact", id, cls="small"),
        ]

    def origin(self, example):
        """The source of a fact, its time, and when it was last checked."""
        kind = example["source"]["kind"]
        parts = [t("source." + kind) if t.has("source." + kind) else kind]
        title = self.page.conversations.title(example["source"].get("chat"))
        title = title or example["source"].get("title") or example["source"].get("name")
        parts += [title] if title else []
        parts.append(t.date(example["time"]))
        if example.get("checked"):
            parts.append(t("memory.checked", when=t.ago(example["checked"])))
        if example.get("phrasings"):
            parts.append(t("memory.wordings", n=len(example["phrasings"])))
        return " · ".join(parts)

    def form(self, example):
        id, act = self.editing
        before = example["answer"] if act == "correct" else ""
        note = t("memory.%s_note" % act, text=example["prompt"])
        return message.editor(t("memory." + act), before, SAVES[act], id, note)

    # ----------------------------------------------------------------------------------- acts

    def edit(self, id, act):
        self.editing = (id, act) if id else None
        self.page.touch("recalled")

    async def ask(self, id):
        found = await self.page.learning.recall(id)
        if found:
            self.answers[id] = found.text
            self.page.touch("recalled")
            self.page.say(found.text)

    async def save(self, id, text):
        """Teach a fact again, with a correction or a new wording."""
        act = self.editing[1]
        self.editing = None
        self.page.touch("recalled")
        example = await self.page.fact_memory.find(id)
        if text and act == "correct":
            await self.page.teaching.correct_fact(example, text)
        elif text:
            await self.page.teaching.reword(example, text)

    def choose(self, name, value):
        """Show other facts: those with these words, from this kind of source, in this language."""
        self.filter.choose(name, value)
        self.most = MOST
        self.page.touch("recalled")

    def show_more(self):
        self.most += MOST
        self.page.touch("recalled")

    async def forget_shown(self):
        ids = [example["id"] for example in self.found]
        await self.ask_forget(ids, t("memory.forget_shown", n=len(ids)) + "?")

    async def forget(self, ids):
        overlay.close_all()
        affected = await self.page.learning.forget(ids, False)
        if not (affected and await self.page.fact_memory.let_go(ids)):
            return
        if not affected.versions:
            if await self.page.fact_memory.is_learned(ids):
                await self.page.learning.forget(ids, True)
            self.page.toast(t("forget.gone"))
            return
        self.page.toast(t("forget.done"))
        self.page.touch("examples", "versions", "ledger")
        if await self.page.learning.forget(ids, True):
            self.page.toast(t("forget.trained"))
            self.page.touch("examples", "versions", "ledger")

    def ask_new_fact(self):
        """Ask for a question and its answer."""
        prompt = dom.make("textarea", rows=2, name="prompt", required=True)
        answer = dom.make("textarea", rows=2, name="answer", required=True)
        form = dom.make(
            "form",
            dom.make("label", t("memory.question"), prompt, cls="field"),
            dom.make("label", t("memory.answer"), answer, cls="field"),
            dom.make("p", t("memory.tell_note"), cls="note"),
            dom.make(
                "div",
                dom.make("button", t("memory.teach"), type="submit", cls="primary"),
                cls="row end",
            ),
            do="save-fact",
            data_on="submit",
            cls="column",
        )
        overlay.dialog(t("memory.tell"), form, name="tell")
        prompt.focus()

    async def ask_forget(self, ids, title):
        """Show what forgetting would mean, before it is done."""
        affected = await self.page.learning.forget(ids, False)
        if not affected:
            return
        words, yes = t("forget.text_by_heart"), t("memory.forget")
        if affected.versions:
            versions = ", ".join(affected.versions)
            words += " " + t("forget.text", versions=versions, start=affected.retrain_from)
            yes = t("forget.yes")
        one = await self.page.fact_memory.find(ids[0]) if len(ids) == 1 else None
        yes = dom.button(yes, "forget-now", " ".join(ids), cls="danger")
        no = dom.button(t("cancel"), "close-dialog")
        overlay.dialog(
            title,
            dom.make("p", t("event.quoted", question=one["answer"]))
            if one and one["kind"] != DATA_SET
            else None,
            dom.make("p", words),
            actions=(no, yes),
            name="forget",
            important=True,
        )


def find_replacements(known, queue):
    """id -> the answer that replaced a fact, or will: the newest answer to a question holds."""
    newest, found = {}, {}
    for record in queue.records.values():
        if record["state"] == "ready" and record["priority"] == "correction":
            newest[record["about"]] = record
    for example in known:  # newest first
        about = example.get("about", example["id"])
        other = newest.setdefault(about, example)
        if other["id"] != example["id"]:
            found[example["id"]] = other["answer"]
    return found
