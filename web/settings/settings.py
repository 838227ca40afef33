"""Settings: what anyone may want to change first, the engine's configuration in Developer mode."""

import json

import js
from pyscript import document

from oneseek.engine.core import settings
from oneseek.web.learning import learn_from
from oneseek.web.lib import dom, overlay
from oneseek.web.lib.words import LANGUAGES, t
from oneseek.web.settings import device
from oneseek.web.settings.fields import choice, fields, parse_field

THEMES = ("", "light", "dark")


def read_summary(details):
    return details.firstElementChild.textContent


def decimal(value):
    return t.number(value, 2 if value % 1 else 0)


class SettingsDialog:
    def __init__(self, page):
        self.page = page
        self.storage = None  # None until the browser has told it
        page.watch(self.draw, "settings", "words", "storage")
        dom.verbs(
            {
                "set-language": lambda of, el: self.use_language(el.value),
                "set-text": lambda of, el: self.page.set(**{of: el.value}),
                "set-address": lambda of, el: self.set_address(of, el),
                "set-choice": lambda of, el: self.page.set(**{of: el.value}),
                "set-check": lambda of, el: self.page.set(**{of: el.checked}),
                "set-number": lambda of, el: self.set_number(of, el),
                "set-optional": lambda of, el: self.set_optional(of, el),
                "set-config": lambda of, el: self.set_config(of, el),
                "reset-config": lambda of, el: self.page.set(
                    config_training=None, config_scheduler=None
                ),
                "settings": lambda of, el: self.open(),
            }
        )

    def apply(self):
        """Apply the theme, Developer mode and the language to the document."""
        theme = self.page.settings["theme"]
        if theme:
            document.documentElement.setAttribute("data-theme", theme)
        else:
            document.documentElement.removeAttribute("data-theme")
        developer = "true" if self.page.settings["developer"] else "false"
        document.documentElement.setAttribute("data-developer", developer)
        for code in LANGUAGES:
            pressed = "true" if code == t.language else "false"
            dom.change(dom.by_id("language-" + code), aria_pressed=pressed)

    async def next_theme(self):
        now = THEMES.index(self.page.settings["theme"])
        theme = THEMES[(now + 1) % len(THEMES)]
        await self.page.set(theme=theme)
        self.apply()
        self.page.touch("words")
        self.page.toast(t("theme." + (theme or "auto")), seconds=2)

    async def use_language(self, code):
        await t.use(code)
        await self.page.set(language=code)
        self.apply()
        self.page.touch("words")

    # ------------------------------------------------------------------------------- the dialog

    def open(self):
        """Open the dialog at once: Escape pressed right after the click finds it open."""
        overlay.dialog(t("settings.title"), self.sections(), name="settings", wide=True)
        return self.tell_storage()

    async def tell_storage(self):
        self.storage = await storage_figures()
        line = dom.find("#storage-told")
        if line:
            line.textContent = self.storage_words()

    async def draw(self):
        if overlay.body_of("settings"):
            self.storage = await storage_figures()
        body = overlay.body_of("settings")
        if body:
            dom.find("#dialog-title").textContent = t("settings.title")
            unfolded = [read_summary(one) for one in dom.find_all("details[open]", body)]
            dom.replace(body, self.sections())
            for one in dom.find_all("details", body):
                one.open = read_summary(one) in unfolded

    def sections(self):
        return [
            self.look(),
            self.chat(),
            self.draw_learning(),
            self.developer() if self.page.settings["developer"] else None,
            self.data(),
        ]

    def section(self, key, *parts):
        return dom.make("section", dom.make("h3", t(key)), parts)

    def look(self):
        names = [(code, t.language_name(code)) for code in LANGUAGES]
        languages = [(code, name[0].upper() + name[1:]) for code, name in names]
        themes = [(theme, t("theme." + (theme or "auto"))) for theme in THEMES]
        return self.section(
            "settings.look",
            dom.make(
                "div",
                choice(t("language.label"), "set-language", "language", languages, t.language),
                choice(t("theme.label"), "set-theme", "theme", themes, self.page.settings["theme"]),
                cls="columns",
            ),
            self.check("single_keys"),
            dom.make(
                "div",
                dom.button(t("help.title"), "help", drawing="help"),
                dom.button(t("privacy.promise"), "privacy", drawing="lock"),
                cls="row narrow-only",
            ),
        )

    def chat(self):
        values = self.page.settings
        system = dom.make(
            "textarea", rows=2, do="set-text", of="system", data_on="change", id="set-system"
        )
        system.value = values["system"]
        return self.section(
            "settings.chat",
            dom.make("label", t("settings.system"), system, cls="field"),
            dom.make(
                "div",
                self.optional("temperature", 0, 2, 0.1),
                self.optional("top_p", 0.05, 1, 0.05),
                self.number("max_tokens", 16, 4096, 16),
                cls="columns",
            ),
            self.check("voice"),
        )

    def draw_learning(self):
        hidden = [(rule, t("hidden." + rule)) for rule in ("mains", "always", "never")]
        back_ends = [(kind, t("back_end." + kind)) for kind in ("auto", "gpu", "cpu")]
        values = self.page.settings
        levels = [(level, t("learn_from." + level)) for level in learn_from.LEVELS]
        usual = learn_from.usually(values)
        return self.section(
            "settings.learning",
            choice(t("settings.learn_from"), "set-choice", "learn_from", levels, usual),
            dom.make(
                "div",
                self.number("idle_seconds", 1, 600, 1),
                choice(t("settings.hidden"), "set-choice", "hidden", hidden, values["hidden"]),
                choice(
                    t("settings.back_end"), "set-choice", "back_end", back_ends, values["back_end"]
                ),
                cls="columns",
            ),
            self.address("mirror"),
            self.check("full_speed"),
            self.check("auto_collect"),
            self.address("proxy"),
            self.check("sign"),
            self.draw_signing_key(),
            dom.button(t("settings.introduce"), "introduce", drawing="seed", cls="small"),
            self.check("developer"),
        )

    def draw_signing_key(self):
        """The public key to hand out, and a button for the private one, to be kept in a safe
        place."""
        public = self.page.learning.signing
        if not public:
            return None
        save = dom.button(t("settings.save_key"), "save-signing-key", drawing="load", cls="small")
        return dom.make("p", dom.make("code", public), " ", save, cls="note")

    def address(self, name):
        """A field for a site that is asked in place of another; empty unless the person names
        one."""
        field = dom.make(
            "input",
            type="url",
            pattern="https://.*|http://(127\\.0\\.0\\.1|localhost)(:.*)?",
            placeholder="https://",
            do="set-address",
            of=name,
            data_on="change",
            id="set-" + name,
        )
        field.value = self.page.settings[name]
        note = dom.make("small", t("settings.%s_note" % name))
        return dom.make("label", t("settings." + name), field, note, cls="field")

    async def set_address(self, name, element):
        if element.checkValidity():
            await self.page.set(**{name: element.value})
        else:
            element.reportValidity()

    def developer(self):
        """The fields of the engine's configuration with their ranges; a value out of range is
        refused."""
        tables = (("training", settings.TrainingConfig), ("scheduler", settings.SchedulerConfig))
        parts = []
        for name, kind in tables:
            parts.append(dom.make("h4", t("config." + name)))
            now = self.current(name).to_dict()
            offered = settings.IN_LESSONS if name == "training" else None
            parts.append(dom.make("div", list(fields(name, kind, now, offered)), cls="columns"))
        reset = dom.button(t("config.reset"), "reset-config", drawing="undo", cls="small")
        row = dom.make("div", reset, cls="row")
        return self.section("settings.developer", device.facts(self.page), parts, row)

    def storage_words(self):
        """How much storage is used, and whether the browser keeps it."""
        told = self.storage
        if not told:
            return "…"
        kept = t("storage.kept" if told["persistent"] else "storage.may_go")
        figures = t("storage.words", used=t.size(told["used"]), free=t.size(told["quota"]))
        return figures + ". " + kept

    def data(self):
        return self.section(
            "settings.data",
            dom.make("p", self.storage_words(), cls="note", id="storage-told"),
            dom.make(
                "div",
                dom.button(t("backup.export"), "export-everything", drawing="load"),
                dom.button(t("backup.import"), "ask-restore", drawing="up"),
                dom.button(t("backup.openai"), "export-openai", drawing="load"),
                dom.button(t("backup.sharegpt"), "export-sharegpt", drawing="load"),
                cls="row",
            ),
            dom.make(
                "div",
                dom.button(t("exchange.out"), "ask-carry-out", drawing="load"),
                dom.button(t("exchange.in"), "ask-bring-in", drawing="up"),
                dom.button(t("exchange.with"), "ask-exchange-with", drawing="again"),
                cls="row",
            ),
            dom.make(
                "div",
                dom.button(t("reset.learning"), "ask-reset", drawing="undo", cls="danger"),
                dom.button(t("reset.everything"), "ask-delete", drawing="trash", cls="danger"),
                cls="row",
            ),
        )

    # ------------------------------------------------------------------------------- the fields

    def check(self, name):
        box = dom.make(
            "input", type="checkbox", do="set-check", of=name, data_on="change", id="set-" + name
        )
        box.checked = self.page.settings[name]
        note = dom.make("small", t("settings.%s_note" % name), cls="note")
        words = dom.make("span", t("settings." + name), dom.make("br"), note)
        return dom.make("label", box, words, cls="check")

    def optional(self, name, low, high, step):
        """A field for a number that the model brings until a person chooses another."""
        field = self.number(name, low, high, step, "set-optional")
        dom.find("input", field).placeholder = t("settings.models_own")
        return field

    async def set_optional(self, name, element):
        if not element.checkValidity():
            element.reportValidity()
            return
        chosen = dict(self.page.settings["sampling"])
        chosen.pop(name, None)
        if element.value:
            chosen[name] = float(element.value)
        await self.page.set(sampling=chosen)

    def number(self, name, low, high, step, do="set-number"):
        box = dom.make(
            "input",
            type="number",
            min=low,
            max=high,
            step=step,
            do=do,
            of=name,
            data_on="change",
            id="set-" + name,
        )
        values = self.page.settings
        box.value = values["sampling"].get(name, "") if do == "set-optional" else values[name]
        note = dom.make("small", t("config.range", low=decimal(low), high=decimal(high)))
        return dom.make("label", t("settings." + name), box, note, cls="field")

    async def set_number(self, name, element):
        if element.checkValidity() and element.value:
            value = float(element.value)
            await self.page.set(**{name: int(value) if value == int(value) else value})
        else:
            element.reportValidity()

    def defaults(self, table):
        """The measured recipe for a model of this size; the scheduler's own defaults."""
        if table == "training":
            model = self.page.model
            return settings.for_model(model.parameters if model else settings.USUAL_SIZE)
        return settings.SchedulerConfig()

    def current(self, table):
        """The defaults with the person's changes."""
        return self.defaults(table).replace(**(self.page.settings.get("config_" + table) or {}))

    async def set_config(self, of, element):
        """Set one field, named table.field or table.part.field, checked as the engine checks it."""
        table, *path = of.split(".")
        own = json.loads(json.dumps(self.page.settings.get("config_" + table) or {}))
        inner, before = own, self.current(table).to_dict()
        for part in path[:-1]:
            inner, before = inner.setdefault(part, {}), before[part]
        inner[path[-1]] = parse_field(element, before[path[-1]])
        label = dom.or_none(element.closest(".field"))
        try:
            self.defaults(table).replace(**own)
        except settings.ConfigError as wrong:
            label.classList.add("invalid")
            dom.find(".wrong", label).textContent = str(wrong)
            self.page.alarm(str(wrong))
            return
        label.classList.remove("invalid")
        dom.find(".wrong", label).textContent = ""
        await self.page.set(**{"config_" + table: own})


async def storage_figures():
    """Used and allowed bytes, as the browser tells, and whether it promised to keep them."""
    estimate = json.loads(js.JSON.stringify(await js.navigator.storage.estimate()))
    persistent = await js.navigator.storage.persisted()
    return {"used": estimate["usage"], "quota": estimate["quota"], "persistent": persistent}
