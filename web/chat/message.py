"""One turn of a conversation on the page: its text, its author, and its actions."""

from js import console

from oneseek.web.chat import pictures, provenance, source_chat
from oneseek.web.lib import dom, markdown
from oneseek.web.lib.words import t

FEWEST = 5
"""Fewest tokens of an answer whose speed is shown."""

CUT_OFF = {
    "length": ("continue", "continue", "play"),
    "repeats": ("regenerate", "regenerate", "again"),
    "full": ("", "", ""),
}
"""Reason why an answer ended early -> the words, the verb and the drawing of the button below
it."""


def draw(turn, number, count, learns):
    """The article of a turn: branch `number` of `count`; `learns` when it is queued. If it cannot
    be drawn, its text alone is shown."""
    try:
        return _draw(turn, number, count, learns)
    except Exception as fault:
        console.warn("a message is shown as its text alone: %s" % fault)
        text = dom.make("div", cls="text as-written")
        markdown.plain(text, str(turn.get("text") or ""))
        return dom.make("article", text, cls="message " + turn["role"], id=turn["id"])


def _draw(turn, number, count, learns):
    mine = turn["role"] == "user"
    body = dom.make("div", cls="text", lang=turn["language"] or None)
    article = dom.make(
        "article",
        None if mine else dom.make("div", _who(turn), cls="who"),
        _fold_thought(turn),
        pictures.draw_pictures(turn),
        body,
        _notice(turn),
        provenance.alone(turn),
        provenance.details(turn),
        source_chat.draw_quotes(turn),
        dom.make("div", _actions(turn, number, count, learns), cls="actions"),
        cls="message %s" % turn["role"],
        id=turn["id"],
        aria_label=t("chat.by_you" if mine else "chat.by_oneseek"),
    )
    if mine:
        markdown.plain(body, turn["text"])
    elif turn["text"]:
        markdown.show(body, turn["text"])
    elif turn["state"] == "streaming":
        body.append(dom.make("span", dom.make("i"), dom.make("i"), dom.make("i"), cls="thinking"))
    if turn["state"] == "streaming":
        body.classList.add("streaming")
        dom.change(article, aria_busy="true")
    return article


def _who(turn):
    """The author in one line, which unfolds into time, language, tokens and version."""
    facts = [t.date(turn["time"])] if turn.get("time") else []
    facts += [t.language_name(turn["language"])] if turn["language"] in ("sv", "en") else []
    facts += [t("chat.tokens", n=turn["tokens"])] if turn.get("tokens") else []
    facts += [turn["version"]] if turn.get("version") else []
    line = dom.make("summary", "OneSeek")
    return dom.make("details", line, dom.make("span", " · ".join(facts), cls="facts"), _speed(turn))


def _fold_thought(turn):
    """The model's thoughts before the answer, folded."""
    if not turn.get("thought"):
        return None
    summary = dom.make("summary", t("chat.thought"))
    return dom.make("details", summary, dom.make("p", turn["thought"]), cls="because thought")


def _language(turn):
    if turn["language"] in ("", "und"):
        return None
    return dom.make("span", t.language_name(turn["language"]), cls="tag plain")


def _notice(turn):
    if turn["state"] == "interrupted":
        go_on = dom.button(t("chat.continue"), "continue", turn["id"], "play", cls="small")
        words = " ".join([t("chat.interrupted"), turn.get("why", "")]).strip()
        return dom.make("div", dom.make("span", words, cls="note"), go_on, cls="row")
    if turn["state"] == "done" and turn.get("ended") in CUT_OFF:
        words, do, drawing = CUT_OFF[turn["ended"]]
        act = dom.button(t("chat." + words), do, turn["id"], drawing, cls="small") if do else None
        said = dom.make("span", t("chat.ended_" + turn["ended"]), cls="note")
        return dom.make("div", said, act, cls="row cut-off")
    if turn["state"] == "failed":
        again = dom.button(t("chat.try_again"), "regenerate", turn["id"], "again", cls="small")
        return dom.make("div", dom.make("span", turn["why"], cls="note"), again, cls="row")
    return None


def _branch(turn, number, count):
    if count < 2:
        return None
    before = dom.icon_button(t("chat.branch_before"), "branch-before", turn["id"], "prev")
    after = dom.icon_button(t("chat.branch_after"), "branch-after", turn["id"], "next")
    before.disabled, after.disabled = number == 1, number == count
    return dom.make("span", before, "%d/%d" % (number, count), after, cls="branch")


def _actions(turn, number, count, learns):
    if turn["state"] == "streaming":
        return []
    copy = dom.icon_button(t("chat.copy"), "copy", turn["id"], "copy")
    if turn["role"] == "user":
        edit = dom.icon_button(t("chat.edit"), "edit", turn["id"], "edit")
        shown = ["%s %s" % (turn["id"], one["id"]) for one in turn.get("pictures", ())]
        learn = [pictures.learn_button(of) for of in shown[:1]]
        return [_language(turn), _branch(turn, number, count), learn, edit, copy]
    good, bad = turn.get("rating") == 1, turn.get("rating") == -1
    like_this = None
    if good or turn.get("taught"):
        like_this = dom.button(
            t("chat.like_this"), "do-it-like-this", turn["id"], "copy", cls="small quiet"
        )
    alone = [
        copy,
        dom.icon_button(t("voice.aloud"), "aloud", turn["id"], "aloud", cls="icon small aloud"),
        dom.icon_button(t("chat.regenerate"), "regenerate", turn["id"], "again"),
    ]
    if turn.get("of_picture"):  # words about a picture mean nothing alone; the picture is learned
        return alone + [_branch(turn, number, count)]
    return alone + [
        dom.icon_button(t("chat.good"), "good", turn["id"], "good", aria_pressed=yes(good)),
        dom.icon_button(t("chat.bad"), "bad", turn["id"], "bad", aria_pressed=yes(bad)),
        dom.button(t("chat.teach"), "teach", turn["id"], "teach", cls="small quiet"),
        dom.button(
            t("chat.learn"),
            "learn",
            turn["id"],
            "seed",
            cls="small quiet learn-toggle",
            aria_pressed=yes(learns),
        ),
        like_this,
        _branch(turn, number, count),
    ]


def _speed(turn):
    """The speed of an answer that is long enough for it to mean something."""
    rate = turn.get("tokens_per_second")
    if not rate or (turn.get("tokens") or 0) < FEWEST:
        return None
    return dom.make("span", t("chat.speed", rate=t.rate(rate)), cls="facts developer")


def yes(value):
    return "true" if value else "false"


def editor(words, text, do, of, note):
    """A form in the place of a turn's words, to edit a question or teach an answer."""
    area = dom.make("textarea", rows=3, name="text", label=words, id="editor-%s" % of)
    area.value = text
    cancel = dom.button(t("cancel"), "close-editor", of)
    save = dom.make("button", words, type="submit", cls="primary")
    return dom.make(
        "form",
        dom.make("p", note, cls="note"),
        area,
        dom.make(
            "div",
            dom.make("span", t("chat.editor_keys"), cls="note grow"),
            cancel,
            save,
            cls="row end",
        ),
        cls="card editor",
        do=do,
        of=of,
        data_on="submit",
    )
