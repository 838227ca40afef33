"""The tries that find a run's settings: the choice in its dialog, a plot of their losses, and a
table."""

from pyscript import document

from oneseek.web.lib import dom
from oneseek.web.lib.words import t
from oneseek.web.settings.fields import select

MINUTES = (0, 2, 5, 10, 30)
WIDTH, HEIGHT, EDGE = 320, 120, 12
DEFAULTS = 0  # the place of the defaults among the tries
KINDS = ("other", "defaults", "chosen")  # in this order, so that the last is drawn on top


def field():
    options = [
        (str(n), t("tune.for", time=t.duration(60 * n)) if n else t("tune.no")) for n in MINUTES
    ]
    box = select(options, "0", name="tune", do="run-look", data_on="change")
    return dom.make("label", t("tune.label"), box, cls="field", id="run-tune")


def open_in(run):
    """Whether the run still looks for settings."""
    about = run["about"]
    return bool(about.get("tune")) and (about.get("tuning") or {}).get("chosen") is None


def under_way(run):
    """How far the tries are, or None."""
    if not open_in(run):
        return None
    table = run["about"].get("tuning") or {"results": [], "spent": 0}
    time, spent = t.duration(run["about"]["tune"]), t.duration(table["spent"])
    return t("tune.under_way", n=len(table["results"]), time=time, spent=spent)


def show_tuning(run):
    """The tries and the chosen settings: a sentence, a plot, a table; None without tries."""
    table = run["about"].get("tuning")
    if not table or not table["results"]:
        return None
    words = sentence(table) if table["chosen"] is not None else under_way(run)
    harmed = harmful(table)
    if harmed and table["why"] != "harm":
        words += " " + t("tune.harmed", n=len(harmed))
    shown = dom.make("details", dom.make("summary", t("tune.table")), as_table(table))
    return dom.make("div", dom.make("p", words), plot(table, words), legend(), shown, cls="tries")


def list_tries(table):
    return sorted({one["try"] for one in table["results"]})


def sentence(table):
    settings = table["tries"][table["chosen"]]
    words = {
        "rate": rate_of(settings),
        "rank": settings["lora_config"]["rank"],
        "batch": settings["batch_size"],
        "epochs": settings["epochs"],
    }
    return t("tune.why_" + table["why"], n=len(list_tries(table)), **words)


def harmful(table):
    """The tries after which the gate would have found harm."""
    return {one["try"] for one in table["results"] if one.get("harm")}


def rate_of(settings):
    rate = settings["learning_rate"]
    decimals = ("%.7f" % rate).rstrip("0").split(".")[1]
    return t.number(rate, len(decimals))


def losses(table, number):
    """(rung, loss) of one try."""
    return [(one["rung"], one["loss"]) for one in table["results"] if one["try"] == number]


def kind(table, number):
    if number == table["chosen"]:
        return "chosen"
    return "defaults" if number == DEFAULTS else "other"


def plot(table, words):
    """A line for each try, from its loss on little data to that on more; with a single share of the
    data, a dot for each, side by side."""
    drawing = make_svg("svg", viewBox="0 0 %d %d" % (WIDTH, HEIGHT), role="img")
    drawing.setAttribute("aria-label", words)
    every, numbers, rungs = (
        [one["loss"] for one in table["results"]],
        list_tries(table),
        len(table["shares"]),
    )
    low, high = min(every), max(every)
    across = (WIDTH - 2 * EDGE) / max(1, (rungs if rungs > 1 else len(numbers)) - 1)
    down = (HEIGHT - 2 * EDGE) / ((high - low) or 1)
    for number in sorted(numbers, key=lambda n: KINDS.index(kind(table, n))):
        points = []
        for rung, loss in losses(table, number):
            place = rung if rungs > 1 else numbers.index(number)
            points.append((EDGE + across * place, EDGE + down * (high - loss)))
        look = {"class": kind(table, number)}
        path = " ".join(["%.1f,%.1f" % point for point in points])
        drawing.appendChild(make_svg("polyline", points=path, **look))
        for x, y in points:
            drawing.appendChild(make_svg("circle", cx="%.1f" % x, cy="%.1f" % y, r="3", **look))
    return drawing


def legend():
    parts = [
        dom.make("span", dom.make("i"), t("tune.is_" + name), cls=name)
        for name in ("chosen", "defaults", "other")
    ]
    return dom.make("div", parts, cls="legend")


def make_svg(tag, **attributes):
    node = document.createElementNS("http://www.w3.org/2000/svg", tag)
    for name, value in attributes.items():
        node.setAttribute(name, value)
    return node


def as_table(table):
    head = [t("tune." + name) for name in ("settings", "rate", "rank", "batch", "times")]
    head += [t("tune.loss", share=t.percent(share)) for share in table["shares"]]
    rows = []
    for number in list_tries(table):
        settings, mine = table["tries"][number], dict(losses(table, number))
        cells = [
            t("tune.is_" + ("harmful" if number in harmful(table) else kind(table, number))),
            rate_of(settings),
            settings["lora_config"]["rank"],
            settings["batch_size"],
            settings["epochs"],
        ]
        for rung in range(len(table["shares"])):
            cells.append(t.number(mine[rung], 3) if rung in mine else "")
        rows.append(dom.make("tr", [dom.make("td", cell) for cell in cells]))
    titles = dom.make("tr", [dom.make("th", words, scope="col") for words in head])
    inner = dom.make("table", dom.make("thead", titles), dom.make("tbody", rows), cls="data")
    return dom.make(
        "div", inner, cls="table-wrap", tabindex=0, role="region", label=t("tune.table")
    )
