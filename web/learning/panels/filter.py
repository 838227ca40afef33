"""The filter of the Memory panel: by words, by source and by language."""

from oneseek.engine.core.collecting.content import normalise
from oneseek.web.lib import dom
from oneseek.web.lib.words import t

LANGUAGES = ("sv", "en")
EVERY = ""


class Filter:
    def __init__(self):
        self.words, self.kind, self.language = "", EVERY, EVERY

    @property
    def narrows(self):
        return bool(self.words.strip() or self.kind or self.language)

    def choose(self, name, value):
        setattr(self, name, value)

    def filter(self, known):
        wanted = normalise(self.words)
        return [
            one
            for one in known
            if wanted in normalise(one["prompt"] + " " + one["answer"])
            and self.kind in (EVERY, one["source"]["kind"])
            and self.language in (EVERY, one["language"])
        ]

    def controls(self, known):
        """The search field, and a list for each property in which the facts differ."""
        field = dom.make(
            "input",
            type="search",
            id="memory-search",
            do="search-memory",
            data_on="input",
            placeholder=t("memory.search"),
            label=t("memory.search"),
        )
        field.value = self.words
        kinds = sorted({one["source"]["kind"] for one in known})
        spoken = sorted({one["language"] for one in known if one["language"] in LANGUAGES})
        named = [(kind, t("source." + kind) if t.has("source." + kind) else kind) for kind in kinds]
        languages = [(code, t.language_name(code)) for code in spoken]
        return dom.make(
            "div",
            field,
            self.choice("kind", named, "memory.every_source"),
            self.choice("language", languages, "memory.every_language"),
            cls="row tight",
        )

    def choice(self, name, options, every):
        """A list to choose from, unless there is only one choice."""
        chosen = getattr(self, name)
        if len(options) < 2 and not chosen:
            return None
        parts = [dom.make("option", t(every), value=EVERY)]
        parts += [dom.make("option", words, value=value) for value, words in options]
        select = dom.make(
            "select", parts, do="sift-memory", of=name, data_on="change", label=t(every)
        )
        select.value = chosen
        return select
