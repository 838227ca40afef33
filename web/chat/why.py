"""Why do you say that: what of what was told an answer used, who told it, when and where."""

from oneseek.web.lib import dom
from oneseek.web.lib.words import t


def details(turn):
    """One quiet line under an answer that opens into the facts it used; None where it used none."""
    facts = turn.get("facts")
    if turn["state"] != "done" or not facts:
        return None
    return dom.make(
        "details",
        dom.make("summary", by(turn)),
        dom.make("ul", [item(fact) for fact in facts], cls="list"),
        cls="because",
    )


def by(turn):
    if turn.get("by") == "version":
        return t("because.version", version=turn["version"])
    return t("because.heart")


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
