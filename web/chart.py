"""The loss of a run as a drawing (uPlot), as a table, and as one sentence: three forms of the same
points [step, loss, held-out loss or None]."""

import json

import js
from pyscript import document, js_import

from web import dom, site
from web.words import t

SMOOTHING = 0.8
HEIGHT = 176


def smooth(values, keep=SMOOTHING):
    """Exponential moving average, corrected for its start: the first value is the first point."""
    smoothed, mean, weight = [], 0.0, 0.0
    for value in values:
        mean = keep * mean + (1 - keep) * value
        weight = keep * weight + (1 - keep)
        smoothed.append(mean / weight)
    return smoothed


def series(points):
    """What is drawn: steps, raw loss, smoothed loss, held-out loss.  A point without a loss is left out."""
    kept = [point for point in points if point[1] is not None]
    losses = [point[1] for point in kept]
    return [[point[0] for point in kept], losses, smooth(losses), [point[2] for point in kept]]


def summary(points):
    """The chart in one sentence, which is also its accessible name."""
    steps, losses, _, _ = series(points)
    if not steps:
        return t("chart.empty")
    values = {"first": t.number(losses[0], 2), "last": t.number(losses[-1], 2)}
    return t("chart.fell" if losses[-1] < losses[0] else "chart.rose", n=len(steps), **values)


def table(points):
    """The same points for those who do not look at drawings."""
    steps, losses, smoothed, held = series(points)
    head = [
        dom.make("th", t(key), scope="col")
        for key in ("chart.step", "chart.raw", "chart.smooth", "chart.held")
    ]
    rows = [
        dom.make(
            "tr",
            dom.make("td", steps[i]),
            dom.make("td", t.number(losses[i], 4)),
            dom.make("td", t.number(smoothed[i], 4)),
            dom.make("td", "" if held[i] is None else t.number(held[i], 4)),
        )
        for i in _spread(len(steps), 200)
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


class Chart:
    """One drawing, kept between redraws of its panel; `show(points)` brings it up to date."""

    def __init__(self):
        self.plot = None
        self.node = dom.make("div", cls="plot")
        self.look = None

    async def show(self, points, markers=()):
        steps, losses, smoothed, held = series(points)
        self.node._dom_element.hidden = not steps
        if not steps:
            return
        library = (await js_import(site.path("vendor/uplot.js")))[0].default
        width = max(200, self.node._dom_element.clientWidth)
        look = (width, _color("--line"), _color("--ink"))
        if self.plot is None or look != self.look:
            if self.plot is not None:
                self.plot.destroy()
            options = js.JSON.parse(json.dumps(_options(width)))
            self.plot = library.new(options, js.JSON.parse("[[],[],[],[]]"), self.node._dom_element)
            self.look = look
        self.plot.setData(js.JSON.parse(json.dumps([steps, losses, smoothed, held])))

    def hide(self):
        if self.plot is not None:
            self.plot.destroy()
            self.plot = None


def legend():
    return dom.make(
        "div",
        dom.make("span", dom.make("i"), t("chart.raw"), cls="raw"),
        dom.make("span", dom.make("i"), t("chart.smooth")),
        dom.make("span", dom.make("i"), t("chart.held"), cls="held"),
        cls="legend",
    )


def _color(name):
    """The colour a CSS variable has now, light or dark."""
    probe = document.getElementById("color-probe")
    if dom.is_none(probe):
        probe = dom.make("i", id="color-probe", hidden=True)._dom_element
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
        "axes": [dict(axis, size=30), dict(axis, size=44)],
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
