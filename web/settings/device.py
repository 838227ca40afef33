"""The device: what computes, what that means in seconds, and what to do about it in this
browser."""

import js

from oneseek.web.lib import dom
from oneseek.web.lib.words import t

MARKS = (("Firefox/", "firefox"), ("Edg/", "chrome"), ("Chrome/", "chrome"), ("Version/", "safari"))
FIRST = {"firefox": 141, "chrome": 113, "safari": 26}
"""The first version of each browser that can use the graphics chip."""

MISSING = ("no-webgpu", "no-adapter")


def browser(agent):
    """(family, version) of the browser; ("", 0) when it tells neither."""
    for mark, family in MARKS:
        if mark in agent:
            digits = agent.split(mark)[1].split(".")[0]
            return family, int(digits) if digits.isdigit() else 0
    return "", 0


def advice(why, agent):
    """The key of the words on how to get the graphics chip, or None when nothing is known to
    help."""
    family, version = browser(agent)
    if why not in MISSING or not family:
        return None
    if version < FIRST[family]:
        return "device.newer_" + family
    return None if family == "safari" else "device.turn_on_" + family


def chip(page):
    """The chip of the first card: the device, once the engine knows it."""
    device = page.app.device
    if device is None:
        return None
    quick = device.kind == "gpu"
    words = t("models.on_" + device.kind) + ": " + t("device." + device.why)
    return dom.make("li", dom.icon("check" if quick else "wait"), words, cls="chip")


def note(page):
    """The advice for this browser; None when nothing would help."""
    device = page.app.device
    key = advice(device.why, js.navigator.userAgent) if device else None
    return dom.make("p", t(key), cls="note device-advice") if key else None


def trouble(told):
    """What happened when the graphics chip failed, and that it can still be chosen; `told` is a
    Device or a Loaded."""
    if not told.detail:
        return None
    words = t("device.detail", detail=told.detail), t("device.all_the_same")
    return dom.make("p", " ".join(words), cls="note device-trouble")


def facts(page):
    """For developers: the device, and what happened with it."""
    device = page.app.device
    if device is None:
        return None
    words = "%s: %s (%s)" % (t("models.on_" + device.kind), device.name, t("device." + device.why))
    return dom.make("div", dom.make("p", words, cls="note"), trouble(page.model or device))


def draw_unmeasured(detail):
    """Why the speed is unknown, if measuring it failed."""
    return dom.make("p", t("device.no_pace", detail=detail), cls="note") if detail else None


def costs(page):
    """The seconds of an answer and of a fact, as far as they were measured here."""
    answer, fact = page.speed.seconds("answer"), page.speed.seconds("fact")
    said = [t("device.answer", time=t.duration(answer)) if answer else t("device.unmeasured")]
    said += [t("device.fact", time=t.duration(fact))] if fact else []
    return dom.make("p", " ".join(said), cls="note")
