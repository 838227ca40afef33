"""The dialog that teaches a skill: its name and its examples, each beside what the model says now.
The mistakes of a skill are corrected here too."""

from oneseek.engine.core.collecting.secrets import secrets_in
from oneseek.engine.core.messages import ChangeExamples, ReadExamples
from oneseek.engine.core.settings import SKILL_EXAMPLES
from oneseek.web.learning.skills import skill_list
from oneseek.web.lib import dom, files, overlay
from oneseek.web.lib.words import t
from oneseek.web.shell.link import Refused

FILES = ".csv,.tsv,.jsonl,.json"
DROPPED = (".csv", ".tsv", ".jsonl")
LARGEST = 1_000_000  # bytes of a file that is looked at for examples
SHOWN = 40  # examples in the grid; of the others only the number is shown
EMPTY = 3  # empty rows to write in
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789_-"


class ExampleGrid:
    """One dialog is open at a time: on the `skill`, or on a new one that is named in it."""

    def __init__(self, page):
        self.page = page
        self.skill = ""
        self.more, self.gone, self.rows = [], [], 0
        self.others = 0  # examples of the skill that are not in the grid
        self.file = None  # the dropped one: it can be read as a text as well
        dom.verbs(
            {
                "teach-skill": lambda of, el: self.open(),
                "skill-examples": lambda of, el: self.correct(of),
                "do-it-like-this": lambda of, el: self.like_this(of),
                "count-examples": lambda of, el: self.tell(),
                "add-example": lambda of, el: self.add_row(),
                "drop-example": lambda of, el: self.drop_row(el),
                "try-example": lambda of, el: self.try_row(el),
                "examples-file": lambda of, el: self.pick(),
                "read-as-text": lambda of, el: self.read_as_text(),
                "keep-examples": lambda of, el: self.keep(el, teach=False),
                "save-examples": lambda of, el: self.keep(el, teach=True),
            }
        )

    # -------------------------------------------------------------------------------- opening

    async def open(self, name="", pairs=(), wrong=(), seldom=()):
        """Open the dialog with the mistakes of a skill, given examples, and empty rows to write
        in."""
        before = await skill_list.load_teaching(self.page, name)
        self.others = before["examples"] - len(wrong) if before else 0
        self.skill, self.gone, self.more, self.rows = "", [], list(pairs[SHOWN:]), 0
        self.list = dom.make("ol", cls="example-rows")
        for one in wrong:
            self.list.append(self.row(one["prompt"], one["wanted"], one["said"]))
        for one in pairs[:SHOWN]:
            self.list.append(self.row(one["prompt"], one["answer"]))
        for _ in range(0 if pairs else 1 if wrong else EMPTY):
            self.list.append(self.row("", ""))
        self.told = dom.make("p", cls="note", role="status")
        names = await skill_list.names(self.page)
        box = skill_list.name_box(required=True, list="skill-names")
        box.value = name
        if wrong or name in names:
            self.skill = name
            box.readOnly = True
        options = [dom.make("option", value=one) for one in names]
        known = dom.make("datalist", options, id="skill-names")
        text = None
        if self.file:
            text = dom.button(t("skills.as_text"), "read-as-text", cls="quiet")
        form = dom.make(
            "form",
            dom.make("label", t("skills.named"), box, known, cls="field"),
            dom.make("h3", t("skills.wrong", n=len(wrong))) if wrong else None,
            self.list,
            self.told,
            dom.make("p", t("skills.seldom", kinds=", ".join(seldom)), cls="note")
            if seldom
            else None,
            dom.make(
                "div",
                dom.button(t("skills.add_row"), "add-example", drawing="plus", cls="small"),
                dom.button(t("runs.file"), "examples-file", drawing="file", cls="small"),
                cls="row",
            ),
            dom.make(
                "div",
                text,
                dom.button(t("skills.keep"), "keep-examples"),
                dom.make("button", t("skills.teach"), type="submit", cls="primary"),
                cls="row end",
            ),
            do="save-examples",
            data_on="submit",
            cls="column",
        )
        self.tell()
        note = dom.make("p", t("skills.teach_note"), cls="note")
        overlay.dialog(t("skills.title"), note, form, name="teach-skill", wide=True)

    async def correct(self, name):
        """Open the mistakes of a skill, with room for more examples."""
        self.file = None
        told = await skill_list.load_teaching(self.page, name)
        await self.open(name, wrong=told["wrong"] if told else ())

    async def like_this(self, id):
        """Make an example of an answer, as it was liked or corrected."""
        turn = self.page.chat.tree[id]
        asked = self.page.chat.tree[turn["parent"]]
        pair = {"prompt": asked["text"], "answer": turn.get("taught") or turn["text"]}
        if secrets_in("%s\n%s" % (pair["prompt"], pair["answer"])):
            self.page.toast(t("skills.secret"))
            return
        self.file = None
        await self.open(turn.get("skill") or "", [pair])

    def is_open(self):
        return bool(dom.find("#teach-skill"))

    # ------------------------------------------------------------------------- what comes in

    async def takes(self, file):
        """Whether a file holds pairs of a question and an answer; they are then put in the grid."""
        able = self.page.model and self.page.model.trainable
        if not able or file.size > LARGEST or not file.name.lower().endswith(DROPPED):
            return False
        found = await self.read(file.name, await file.text())
        if not found:
            return False
        if self.is_open():
            self.add(found.items)
        else:
            self.file = file
            await self.open(name_of(file.name), found.items, seldom=found.seldom)
        return True

    async def read(self, name, text):
        """The examples in a text; None when it has none."""
        try:
            found = await self.page.engine.ask(ReadExamples(name=name, text=text))
        except Refused:
            return None
        return found if found.items else None

    async def pick(self):
        chosen = await files.pick(FILES, many=False)
        if not chosen:
            return
        found = await self.read(chosen[0].name, await chosen[0].text())
        if found:
            self.add(found.items)
        else:
            self.page.toast(t("skills.no_pairs", file=chosen[0].name))

    def takes_pasted(self, event):
        """Whether a table or lines of JSON were pasted in the dialog; they then become rows."""
        text = event.clipboardData.getData("text/plain")
        table = "\n" in text.strip() and any([sign in text for sign in "\t,;"])
        if not table or not self.is_open():
            return False
        event.preventDefault()
        dom.run(self.take_pasted(text, event.target))
        return True

    async def take_pasted(self, text, field):
        lines = text.lstrip().startswith("{")
        found = await self.read("pasted.jsonl" if lines else "pasted.csv", text)
        if found:
            self.add(found.items)
        elif field.tagName in ("INPUT", "TEXTAREA"):
            field.value += text

    async def read_as_text(self):
        """Make a source of the file: it was meant to be read."""
        file, self.file = self.file, None
        overlay.close_all()
        source = await self.page.intake.reader.begin(file.name, "file")
        await self.page.intake.reader.read_file(source, file)

    # ------------------------------------------------------------------------------- the grid

    def row(self, prompt, answer, said=None):
        """The row of an example; for a mistake, the model's answer is shown and the question
        stays."""
        self.rows += 1
        question = field("prompt", prompt, t("doing.asked"))
        wanted = field("answer", answer, t("doing.wanted"))
        question.readOnly = said is not None
        now = dom.make("p", cls="why", role="status")
        if said is not None:
            now.textContent = t("skills.said", text=said)
        number = str(self.rows)
        return dom.make(
            "li",
            question,
            wanted,
            dom.make(
                "div",
                dom.icon_button(t("skills.try"), "try-example", number, "play"),
                dom.icon_button(t("skills.drop"), "drop-example", number, "trash"),
                cls="row tight",
            ),
            now,
            cls="example-row",
            data_was="" if said is None else prompt,
            data_wanted="" if said is None else answer,
        )

    def add(self, pairs):
        """Add examples, in the place of the empty rows."""
        for one in dom.find_all("li", self.list):
            if not any(one_pair(one)):
                one.remove()
        room = max(0, SHOWN - len(dom.find_all("li", self.list)))
        for pair in pairs[:room]:
            self.list.append(self.row(pair["prompt"], pair["answer"]))
        self.more += pairs[room:]
        self.tell()

    def add_row(self):
        made = self.row("", "")
        self.list.append(made)
        dom.find("textarea", made).focus()

    def drop_row(self, element):
        """Take an example out, also one that was taught."""
        item = element.closest("li")
        was = item.getAttribute("data-was")
        if was:
            self.gone.append({"prompt": was, "answer": ""})
        item.remove()
        self.tell()

    def tell(self):
        """Show how many examples there are, of how many that most skills take."""
        count = len([one for one in dom.find_all("li", self.list) if all(one_pair(one))])
        count += len(self.more) + self.others
        words = [t("skills.more_rows", n=len(self.more))] if self.more else []
        words += [t("skills.count", n=count, least=SKILL_EXAMPLES)]
        self.told.textContent = " ".join(words)

    async def try_row(self, element):
        """Show what the model says to it now."""
        item = element.closest("li")
        prompt = one_pair(item)[0]
        if not prompt or not await self.page.learning.model_is_there():
            return
        now = dom.find(".why", item)
        now.textContent = t("chat.answering")
        answered = await self.page.answer_once(prompt, {"temperature": 0.0})
        now.textContent = t("skills.said", text=answered.text)

    # --------------------------------------------------------------------------------- keeping

    def changes(self):
        """The examples to correct, to add and to take out."""
        found = list(self.gone) + self.more
        for item in dom.find_all("li", self.list):
            prompt, answer = one_pair(item)
            same = prompt == item.getAttribute("data-was")
            if prompt and answer and not (same and answer == item.getAttribute("data-wanted")):
                found.append({"prompt": prompt, "answer": answer})
        return found

    async def keep(self, element, teach):
        """Store the examples of the skill; with `teach` it is trained on them, in granted time."""
        form, changes = element.closest("form"), self.changes()
        if not form.reportValidity():
            return
        name = dom.field(form, "skill")
        told = await skill_list.load_teaching(self.page, name)
        if not changes and not (teach and told and told["changed"]):
            self.page.toast(t("skills.nothing_new"))
            return
        if changes:
            kept = await self.page.learning.tell(ChangeExamples(skill=name, changes=changes))
            if not kept:
                return
            if not teach:
                words = t("skills.kept", name=name, n=kept.examples)
                self.page.toast(words, "teach-again", name, t("skills.teach_again"))
        overlay.close_all()
        self.page.touch("state")
        if teach:
            await self.page.skill_list.teach(name)


def field(name, value, label):
    acts = {"do": "count-examples", "data_on": "input"}
    area = dom.make("textarea", rows=2, name=name, label=label, placeholder=label, **acts)
    area.value = value
    return area


def one_pair(item):
    """(question, wanted answer) of a row."""
    return dom.field(item, "prompt"), dom.field(item, "answer")


def name_of(file):
    """A skill's name, made from that of a file."""
    stem = file.rsplit(".", 1)[0].lower()
    kept = "".join([c if c in LETTERS else "-" for c in stem])
    return kept.strip("-_")[: skill_list.LONGEST_NAME]
