"""The interface's words in Swedish and English, and numbers, sizes and times as each writes them.

`t("key", name=value)` is the sentence in the current language; `n` chooses among its plural forms.
The words themselves are in i18n/sv.json and i18n/en.json.
"""

import json

import js
from pyscript import document
from pyscript.ffi import to_js

from oneseek.engine.core.sentences import translate
from oneseek.web.lib import clock, site

LANGUAGES = ("sv", "en")
WRITTEN_IN = "en"  # the language of the importers' and the engine's errors
SIZES = ("B", "kB", "MB", "GB", "TB")


class Words:
    """`tables` are JavaScript objects: the browser parses them faster, and few entries are used."""

    def __init__(self):
        self.language = "en"
        self.tables = {}
        self.sentences = {}
        self.coming = {}

    async def use(self, language):
        """Switch to a language and put its words into the parts of the page that stay."""
        if language not in self.tables:
            self.tables[language] = await (await self.fetch(language)).json()
            if language != WRITTEN_IN:
                forms = await self.fetch("sentences." + language)
                self.sentences = json.loads(await forms.text())
        self.language = language
        self.plural = self.relative = None  # these are made when they are first needed
        self.numbers = {}
        document.documentElement.lang = language
        self.put(document)

    def ahead(self, language):
        """Ask for the words of a language that will probably be used."""
        self.coming[language] = js.fetch(site.path("i18n/%s.json" % language))

    async def fetch(self, name):
        return await (self.coming.pop(name, None) or js.fetch(site.path("i18n/%s.json" % name)))

    def put(self, root):
        """Fill every element below `root` that names its words in a data-i18n attribute."""
        for node in root.querySelectorAll("[data-i18n]"):
            node.textContent = self(node.getAttribute("data-i18n"))
        for node in root.querySelectorAll("[data-i18n-label]"):
            said = self(node.getAttribute("data-i18n-label"))
            node.setAttribute("aria-label", said)
            if node.tagName == "BUTTON":
                node.title = said
        for node in root.querySelectorAll("[data-i18n-placeholder]"):
            node.placeholder = self(node.getAttribute("data-i18n-placeholder"))

    def __call__(self, key, **values):
        found = self.tables[self.language][key]
        if not isinstance(found, str):
            if not self.has(key):
                raise KeyError(key)
            self.plural = self.plural or js.Intl.PluralRules.new(self.language)
            found = found[self.plural.select(float(values["n"]))]
            values["n"] = self.number(values["n"])
        for name, value in values.items():
            found = found.replace("{%s}" % name, str(value))
        return found

    def translate(self, text):
        """A sentence of an importer or of the engine in the current language."""
        return text if self.language == WRITTEN_IN else translate(text, self.sentences)

    def has(self, key):
        return bool(js.Object.hasOwn(self.tables[self.language], key))

    def number(self, value, digits=0):
        if digits not in self.numbers:
            options = to_js({"minimumFractionDigits": digits, "maximumFractionDigits": digits})
            self.numbers[digits] = js.Intl.NumberFormat.new(self.language, options)
        return self.numbers[digits].format(float(value))

    def percent(self, share, digits=0):
        return self.number(share * 100, digits) + "\u00a0%"

    def rate(self, per_second):
        """A rate to about two figures: 14, 1.8, 0.05."""
        digits = 0 if per_second >= 10 else 1 if per_second >= 1 else 2
        return self.number(per_second, digits)

    def size(self, count):
        step = 0
        while count >= 1000 and step < len(SIZES) - 1:
            count, step = count / 1000, step + 1
        digits = 1 if step > 1 and count < 10 else 0
        return "%s %s" % (self.number(count, digits), SIZES[step])

    def duration(self, seconds):
        """A rough duration in one unit: hours, minutes or seconds."""
        for unit, length in (("h", 3600), ("min", 60)):
            if seconds >= 1.5 * length:
                return "%s\u00a0%s" % (self.number(seconds / length), unit)
        return "%s\u00a0s" % self.number(max(1, seconds))

    def clock(self, milliseconds):
        options = to_js({"hour": "2-digit", "minute": "2-digit"})
        return js.Date.new(float(milliseconds)).toLocaleTimeString(self.language, options)

    def date(self, milliseconds):
        options = to_js({"dateStyle": "medium", "timeStyle": "short"})
        return js.Date.new(float(milliseconds)).toLocaleString(self.language, options)

    def day(self, when):
        """The date of a time in milliseconds, or of a day such as 2026-04-20."""
        options = to_js({"dateStyle": "long"})
        when = when if isinstance(when, str) else float(when)
        return js.Date.new(when).toLocaleDateString(self.language, options)

    def ago(self, milliseconds):
        if not self.relative:
            options = to_js({"numeric": "auto"})
            self.relative = js.Intl.RelativeTimeFormat.new(self.language, options)
        seconds = (clock.now() - milliseconds) / 1000
        for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
            if seconds >= length:
                return self.relative.format(-float(seconds // length), unit)
        return self.relative.format(0, "second")

    def language_name(self, code):
        options = to_js({"type": "language"})
        return js.Intl.DisplayNames.new(to_js([self.language]), options).of(code)


t = Words()


def choose_language():
    """The first of the browser's languages with words here; Swedish for Norwegian or Danish."""
    for wish in js.navigator.languages:
        if wish[:2] in LANGUAGES:
            return wish[:2]
        if wish[:2] in ("no", "nb", "nn", "da"):
            return "sv"
    return "en"
