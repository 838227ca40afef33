"""The loss of the last runs as a drawing (uPlot), and of the last one as a table and as one
sentence.

A run is what web/learning/records.py reads: points [step, loss, held-out loss or None], and its
version.
"""

import json

import js
from pyscript import document, js_import
from pyscript.ffi import create_proxy, to_js

from oneseek.web.lib import dom, site
from oneseek.web.lib.smooth import smooth
from oneseek.web.lib.words import t

HEIGHT = 176
WHOLE_STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000]
MARKS = 8  # of versions; more would cover the curve


def drop_missing(points):
    """The points that have a loss; a step that produced NaN or infinity has none."""
    return [point for point in points if point[1] is not None]


def series(runs):
    """The plotted series, all runs in a row with a gap after each: steps, raw, smoothed and
    held-out loss."""
    steps, raw, smoothed, held, at = [], [], [], [], 0
    for run in runs:
        points = drop_missing(run["points"])
        losses = [point[1] for point in points]
        steps += [at + point[0] for point in points] + [at + last_step(run)]
        raw += losses + [None]
        smoothed += smooth(losses) + [None]
        held += [point[2] for point in points] + [None]
        at += last_step(run)
    return [steps, raw, smoothed, held]


def marks(runs, labels):
    """The last step of each run that is over, with its label: its version, or a cross."""
    found, at = [], 0
    for run in runs:
        at += last_step(run)
        if run["version"] is not None:
            found.append((at, labels.get(run["version"], "✕")))
    return found


def last_step(run):
    return run["points"][-1][0]


def summary(points):
    """The last run in one sentence, which is also the chart's accessible name."""
    losses = [point[1] for point in drop_missing(points)]
    if not losses:
        return t("chart.empty")
    values = {"first": t.number(losses[0], 2), "last": t.number(losses[-1], 2)}
    return t("chart.fell" if losses[-1] < losses[0] else "chart.rose", n=len(losses), **values)


def table(points):
    """The last run as a table of at most 200 steps, for readers who cannot use the chart."""
    points = drop_missing(points)
    smoothed = smooth([point[1] for point in points])
    head = [
        dom.make("th", t(key), scope="col")
        for key in ("chart.step", "chart.raw", "chart.smooth", "chart.held")
    ]
    rows = [
        dom.make(
            "tr",
            dom.make("td", points[i][0]),
            dom.make("td", t.number(points[i][1], 4)),
            dom.make("td", t.number(smoothed[i], 4)),
            dom.make("td", "" if points[i][2] is None else t.number(points[i][2], 4)),
        )
        for i in _spread(len(points), 200)
    ]
    inner = dom.make(
        "table", dom.make("thead", dom.make("tr", head)), dom.make("tbody", rows), cls="data"
    )
    return dom.make(
        "div", inner, cls="table-wrap", tabindex=0, role="region", label=t("chart.table")
    )


def _spread(count, most):
    """At most `most` indices, the last one always among them."""
    step = max(1, -(-count // most))
    return sorted(set(list(range(0, count, step)) + ([count - 1] if count else [])))


def _style():
    """Load the library's style sheet, with the first chart."""
    address = site.path("vendor/uplot.css")
    if not dom.find('link[href="%s"]' % address):
        document.head.append(dom.make("link", rel="stylesheet", href=address))


class Chart:
    """One drawing, kept between redraws of its panel; `show(runs, labels)` brings it up to date."""

    def __init__(self):
        self.plot = None
        self.node = dom.make("div", cls="plot")
        self.look = None
        self.marks = []

    async def show(self, runs, labels):
        self.node.hidden = not runs
        if not runs:
            return
        _style()
        library = (await js_import(site.path("vendor/uplot.js")))[0].default
        width = max(200, self.node.clientWidth)
        look = (width, _color("--line"), _color("--ink"))
        self.marks = marks(runs, labels)
        if self.plot is None or look != self.look:
            if self.plot is not None:
                self.plot.destroy()
            options = js.JSON.parse(json.dumps(_options(width)))
            options.hooks = to_js({"draw": [create_proxy(self.draw_marks)]})
            self.plot = library.new(options, js.JSON.parse("[[],[],[],[]]"), self.node)
            self.look = look
        self.plot.setData(js.JSON.parse(json.dumps(series(runs))))

    def draw_marks(self, plot):
        """Draw a line where a run ended, with its label."""
        pen, box, scale = plot.ctx, plot.bbox, js.devicePixelRatio
        pen.save()
        pen.strokeStyle = pen.fillStyle = _color("--learn")
        pen.font = "%dpx sans-serif" % round(11 * scale)
        pen.textAlign = "right"
        for step, words in self.marks[-MARKS:]:
            x = round(plot.valToPos(step, "x", True))
            pen.fillRect(x, box.top, scale, box.height)
            pen.fillText(words, x - 4 * scale, box.top + 11 * scale)
        pen.restore()


def legend():
    return dom.make(
        "div",
        dom.make("span", dom.make("i"), t("chart.raw"), cls="raw"),
        dom.make("span", dom.make("i"), t("chart.smooth")),
        dom.make("span", dom.make("i"), t("chart.held"), cls="held"),
        dom.make("span", dom.make("i"), t("chart.version"), cls="mark"),
        cls="legend",
    )


def _color(name):
    """The colour a CSS variable has now, light or dark."""
    probe = document.getElementById("color-probe")
    if dom.is_none(probe):
        probe = dom.make("i", id="color-probe", hidden=True)
        document.body.append(probe)
    probe.style.color = "var(%s)" % name
    return js.getComputedStyle(probe).color


def _options(width):
    line, soft = _color("--line"), _color("--soft")
    grid = {"stroke": line, "width": 1}
    axis = {"stroke": soft, "grid": grid, "ticks": grid, "font": "11px sans-serif"}
    return {
        "width": width,
        "height": HEIGHT,
        "legend": {"show": False},
        "cursor": {"y": False, "points": {"size": 7}},
        "scales": {"x": {"time": False}},
        "padding": [6, 8, 0, 0],
        "axes": [dict(axis, size=30, incrs=WHOLE_STEPS), dict(axis, size=44)],
        "series": [
            {},
            {"stroke": _color("--control"), "width": 1, "points": {"show": False}},
            {"stroke": _color("--accent"), "width": 2, "points": {"show": False}},
            {
                "stroke": _color("--learn"),
                "width": 0,
                "spanGaps": True,
                "points": {"show": True, "size": 7, "stroke": _color("--learn"), "width": 2},
            },
        ],
    }
