"""The last events in plain words; what only a developer asks for is shown in developer mode."""

from oneseek.web.learning import verdict
from oneseek.web.lib.words import t

ADDS_NOTHING = ("asked", "known", "not approved", "nothing said", "same")
"""Outcomes of a question's second stage that add nothing to the first."""


TOLD_WHY = ("not learned", "weakened")
"""Outcomes whose words do not tell the reason."""

UNASKED = "not approved"
"""The outcome of answers that nobody wanted learned, which is not shown."""


def list_newest(events, labels, developer, count):
    """The newest `count` of them, newest first, as (time, words); `labels` names the versions."""
    found = [event for event in events if developer or not _says_nothing(event)]
    return [(event["time"], describe(event, labels, developer)) for event in found[:count]]


def describe(event, labels, developer=False):
    """An event in plain words; one without words of its own goes by its name."""
    kind, data = event["kind"], event.get("data") or {}
    if kind in ("stage1_complete", "stage2_complete"):
        return of_question(kind[: len("stage1")], data, developer)
    if not t.has("event." + kind):
        return kind.replace("_", " ")
    if kind == "example" and data.get("round") == "training":
        return t("event.data_set")
    gate = data.get("gate") or {}
    reason = " ".join(verdict.faults(gate)) if kind == "rejection" else ""
    return t("event." + kind, name=labels.get(data.get("number"), ""), reason=reason)


def of_sample(sample):
    """The outcome of a stored question in one of its stages, in words."""
    return of_question(sample["stage"], sample, False)


def of_question(stage, data, developer):
    """The outcome of a question's answers in this stage, in words."""
    question = data.get("question")
    question = t("event.quoted", question=question) if question else t("event.a_question")
    outcome = data.get("outcome", "")
    words = "event.%s.%s" % (stage, outcome.replace(" ", "_"))
    text = t(words if t.has(words) else "event." + stage + ".other", question=question)
    if data.get("reason") and outcome in TOLD_WHY:
        text += ": " + verdict.reason(data["reason"])
    if developer:
        key = "outcome." + outcome.replace(" ", "_")
        named = t(key) if t.has(key) else outcome
        text += " (%s: %s, %s)" % (t("statistics." + stage), named, data.get("version") or "–")
    return text


def _says_nothing(event):
    kind, outcome = event["kind"], (event.get("data") or {}).get("outcome")
    if kind == "stage1_complete":
        return outcome == UNASKED
    return kind == "stage2_complete" and outcome in ADDS_NOTHING
