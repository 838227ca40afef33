"""The gate's findings in a person's words: what was tried, what went wrong, what happens next.

The figures are folded away; their limits are in the page's language too.
"""

from oneseek.web.learning import records
from oneseek.web.lib import dom
from oneseek.web.lib.words import t

CHANGED = ("KL", "top-1", "perplexity")  # measures of its other answers
SCALED = "scaled to "
WITHOUT_LESSONS = ("practice", "training")  # kinds of rounds with words of their own
AS_BEFORE = " as before"
NEVER_TRAINED = " in wordings never trained"


def faults(gate):
    """The failed checks as sentences, each once."""
    said = []
    for one in records.measures(gate):
        told = "" if one["ok"] else fault(one)
        if told and told not in said:
            said.append(told)
    return said or ([t("verdict.no_numbers")] if gate and not gate.get("accepted") else [])


def fault(measure):
    """A failed check as a sentence; the first question it shows in is the example."""
    name, shows = measure["name"], measure.get("detail") or ()
    changed = any(name.startswith(beginning) for beginning in CHANGED)
    key = "verdict.changed" if changed else "verdict." + "_".join(name.split())
    if shows and t.has(key + "_as"):
        return t(key + "_as", question=shows[0])
    return t(key) if t.has(key) else t("verdict.changed")


def warnings(version):
    """The checks that a version in use failed, as sentences."""
    gate = version.get("gate") or {}
    return faults(gate) if any(not one["ok"] for one in records.measures(gate)) else []


def describe_warnings(version):
    """These warnings in one text, or None."""
    found = warnings(version)
    if not found:
        return None
    return t("verdict.warned", n=len(found)) + " " + " ".join(found)


async def describe_attempt(store, entry):
    """The subject of a refused attempt, in words."""
    body = entry["body"]
    if body.get("kind") in WITHOUT_LESSONS:
        return t("verdict.tried_" + body["kind"])
    texts = []
    for id in body.get("lessons") or ():
        record = await store.get("queue", id)
        texts += [record["answer"]] if record else []
    if len(texts) == 1:
        return t("verdict.tried", text=texts[0])
    return t("verdict.tried_many", n=len(body.get("lessons") or ()))


def next_step(entry):
    kind = entry["body"].get("kind")
    return t("verdict.next_" + kind if kind in WITHOUT_LESSONS else "verdict.next")


def figures(gate):
    """A table of everything that was measured."""
    found = records.measures(gate)
    if not found:
        return None
    rows = [
        dom.make(
            "tr",
            dom.make("th", measure_name(one["name"]), scope="row"),
            dom.make("td", value_of(one)),
            dom.make("td", limit(one["limit"]), cls="wrap"),
            dom.make(
                "td",
                t("gate.ok" if one["ok"] else "gate.no"),
                cls="wrap better" if one["ok"] else "wrap worse",
            ),
        )
        for one in found
    ]
    inner = dom.make("table", dom.make("tbody", rows), cls="data")
    return dom.make("div", inner, cls="table-wrap")


def fold_figures(gate):
    table = figures(gate)
    return table and dom.make("details", dom.make("summary", t("verdict.figures")), table)


def reason(text):
    """Why a round's change was scaled down or refused, from the engine's own sentence."""
    scaled, why = "", text
    if text.startswith(SCALED):
        scaled, _, why = text[len(SCALED) :].partition(" because ")
    said = "; ".join(describe_check(part) for part in why.split("; "))
    return t("verdict.scaled", scale=figure(scaled), why=said) if scaled else said


def describe_check(part):
    """A check such as `Known facts lost is 1, must be 0`, in words."""
    name, _, found = part.partition(" is ")
    value, _, wanted = found.partition(", must be ")
    if not wanted:
        return t.translate(part)
    said = {"name": measure_name(name), "value": figure(value), "limit": limit(wanted)}
    return t("verdict.checked", **said)


def value_of(measure):
    value = measure["value"]
    return t("none") if value is None else t.number(value, 3)


def measure_name(name):
    """The name of a measure that the gate calls "KL, mean" and the like, in words."""
    letters = "".join(c if c.isalpha() or c.isdigit() else " " for c in name)
    key = "gate." + "_".join(letters.lower().split())
    return t(key) if t.has(key) else name


def limit(text):
    """A limit such as `>= 0.98, was 1.00`, in words."""
    if text.endswith(AS_BEFORE):
        sign, _, number = text[: -len(AS_BEFORE)].partition(" ")
        return t("limit.above" if sign == ">" else "limit.below", value=figure(number))
    rest, _, before = text.partition(", was ")
    other = rest.endswith(NEVER_TRAINED)
    rest = rest[: -len(NEVER_TRAINED)] if other else rest
    sign, _, number = rest.rpartition(" ")
    said = t("limit." + {">=": "least", "<=": "most"}.get(sign, "exactly"), value=figure(number))
    said += " " + t("limit.never_trained") if other else ""
    return said + ", " + t("limit.was", value=figure(before)) if before else said


def figure(text):
    return t.number(float(text), len(text.partition(".")[2]))
