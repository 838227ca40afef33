"""The provenance of an answer: who speaks in it, the facts it used, who told them, when and
where."""

from oneseek.web.lib import dom
from oneseek.web.lib.words import t


def speaker(turn):
    """The speaker of an answer: document, skill, taste, memory or model."""
    if turn.get("quotes") or turn.get("by") == "source":
        return "document"
    if turn.get("skill"):
        return "skill"
    if turn.get("by") == "taste":
        return "taste"
    return "memory" if turn.get("facts") or turn.get("by") == "memory" else "model"


def chip(turn):
    """The chip that names the speaker."""
    name = speaker(turn)
    words = t("chat.skill", name=turn["skill"]) if name == "skill" else t("from." + name)
    return dom.make("span", words, cls="chip from", data_from=name)


def alone(turn):
    """The chip of an answer that has nothing to unfold; None for any other."""
    over = turn["role"] == "assistant" and turn["state"] == "done"
    if not over or turn.get("facts") or turn.get("quotes"):
        return None
    return dom.make("div", chip(turn), switch(turn), cls="because row tight")


def switch(turn):
    """The button that leaves a skill out or switches the taste off; None for other answers."""
    if speaker(turn) == "skill":
        return dom.button(t("chat.without"), "answer-without", turn["id"], cls="small quiet")
    if speaker(turn) == "taste":
        return dom.button(t("taste.off"), "use-taste", "off", cls="small quiet")
    return None


def details(turn):
    """The facts that an answer used, folded into one line; None when it used none."""
    facts = turn.get("facts")
    if turn["state"] != "done" or not facts or turn.get("quotes"):
        return None
    return dom.make(
        "details",
        dom.make("summary", chip(turn), dom.make("span", by(turn))),
        dom.make("ul", [item(fact) for fact in facts], cls="list"),
        cls="because",
        id="because-" + turn["id"],
    )


def by(turn):
    """How the facts are known, and who told them: the person, or the source if all were
    imported."""
    kind = "version" if turn.get("by") == "version" else "heart"
    titles = [fact["source"].get("title") for fact in turn["facts"] if is_imported(fact)]
    if len(titles) == len(turn["facts"]) and all(titles):
        names = [one for at, one in enumerate(titles) if one not in titles[:at]]
        return t("because.%s_source" % kind, version=turn["version"], title=", ".join(names))
    return t("because." + kind, version=turn["version"])


def is_imported(fact):
    return fact["source"].get("kind") == "import"


def item(fact):
    chat = fact["source"].get("chat")
    return dom.make(
        "li",
        dom.make("p", fact["question"], cls="said"),
        dom.make("p", origin(fact), cls="why"),
        dom.make(
            "div",
            dom.button(t("because.open"), "show-chat", chat, cls="small quiet") if chat else None,
            dom.button(t("memory.correct"), "correct-known", fact["id"], cls="small quiet"),
            dom.button(t("memory.forget"), "forget-fact", fact["id"], cls="small quiet"),
            cls="row tight",
        ),
    )


def origin(fact):
    """The source of a fact, and the time it was told."""
    source = fact["source"]
    kind = source.get("kind", "")
    parts = [t("source." + kind) if t.has("source." + kind) else kind]
    parts += [source.get("title") or source.get("name")]
    parts += [t.date(fact["time"])] if fact.get("time") else []
    return " · ".join([part for part in parts if part])
