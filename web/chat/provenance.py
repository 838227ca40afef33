"""Who speaks in an answer, and why it says that: what of what was told it used, who told it, when
and where."""

from oneseek.web.lib import dom
from oneseek.web.lib.words import t


def speaker(turn):
    """Who an answer is from, as the name of its chip."""
    if turn.get("quotes") or turn.get("by") == "source":
        return "document"
    if turn.get("skill"):
        return "skill"
    if turn.get("by") == "taste":
        return "taste"
    return "memory" if turn.get("facts") or turn.get("by") == "memory" else "model"


def chip(turn):
    """Memory, Document, Skill, Taste or Model, in a word."""
    name = speaker(turn)
    words = t("chat.skill", name=turn["skill"]) if name == "skill" else t("from." + name)
    return dom.make("span", words, cls="chip from", data_from=name)


def alone(turn):
    """The chip under an answer that has nothing to unfold; None under any other."""
    over = turn["role"] == "assistant" and turn["state"] == "done"
    if not over or turn.get("facts") or turn.get("quotes"):
        return None
    return dom.make("div", chip(turn), switch(turn), cls="because row tight")


def switch(turn):
    """The way to what the model says by itself, under an answer of a skill or a taste."""
    if speaker(turn) == "skill":
        return dom.button(t("chat.without"), "answer-without", turn["id"], cls="small quiet")
    if speaker(turn) == "taste":
        return dom.button(t("taste.off"), "use-taste", "off", cls="small quiet")
    return None


def details(turn):
    """One quiet line under an answer that opens into the facts it used; None where it used none."""
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
    """How it is known, and who told it: the person, or the source that every fact stood in."""
    kind = "version" if turn.get("by") == "version" else "heart"
    titles = [fact["source"].get("title") for fact in turn["facts"] if is_imported(fact)]
    if len(titles) == len(turn["facts"]) and titles[0]:
        return t("because.%s_source" % kind, version=turn["version"], title=titles[0])
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
    """Where it came from, and when."""
    source = fact["source"]
    kind = source.get("kind", "")
    parts = [t("source." + kind) if t.has("source." + kind) else kind]
    parts += [source.get("title") or source.get("name")]
    parts += [t.date(fact["time"])] if fact.get("time") else []
    return " · ".join([part for part in parts if part])
