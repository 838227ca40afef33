"""What a model costs and gives on this device, in words: its size and licence, the languages it
reads, its speed."""

import js

from oneseek.engine.core import offer
from oneseek.web.lib import dom
from oneseek.web.lib.words import t
from oneseek.web.settings import own_models

MOST_LANGUAGES = 3
WORDS = 0.75  # words per token, in most languages that a person reads here


def languages():
    """The first languages of this list: the page's, those of the browser, English."""
    wishes = [wish[:2] for wish in js.navigator.languages]
    found = []
    for language in [t.language] + wishes + ["en"]:
        if language not in found:
            found.append(language)
    return found[:MOST_LANGUAGES]


def about(row, one, registry):
    """The lines on one model; `one` is its offer, or None before the device was measured."""
    size = t.size(row["bytes"])
    if one and one["packed"]:
        size = t("offer.packed", size=size, packed=t.size(one["takes"]["bytes"]))
    reads = (
        one["reads"] if one else [(code,) + offer.rate_reading(row, code) for code in languages()]
    )
    return [
        dom.make("p", size + " · " + row["licence"]),
        dom.make("p", [read(row, registry, *known) for known in reads], cls="reads"),
        dom.make("p", eyes(row["eyes"], one and one["takes"])) if "eyes" in row else None,
        dom.make("p", here(one), cls="note") if one else None,
    ]


def eyes(file, takes=None):
    """What a model with eyes can do, their size, and the memory they take if it is known."""
    said = t("offer.sees", size=t.size(file["bytes"]))
    memory = (takes or {}).get("eyes_bytes")
    return said + " " + t("offer.eyes_take", size=t.size(memory)) if memory else said


def sentence(row, one, begin=""):
    """What a model is good for here, after the words of `begin`; without its speed before it is
    known."""
    language = languages()[0]
    word = offer.rate_reading(row, language)[0]
    said = [t("recommend." + word, language=t.language_name(language)), t.size(row["bytes"])]
    if one and one["speed"]:
        said.append(t("recommend.rate", rate=t.rate(WORDS * one["speed"][0])))
    said = ", ".join(said)
    said = t(begin, said=said) if begin else said
    return said[0].upper() + said[1:] + "."


def read(row, registry, language, word, points):
    """How well a model reads a language, with a link to the evidence."""
    name = t.language_name(language)
    if points is None:
        said, address = t("reads." + word, language=name), row.get("page")
    else:
        said = t("reads." + word, language=name, points=t.number(points))
        address = registry["reading"]["addresses"][language]
    if not address:
        return dom.make("span", said)
    link = {"href": address, "target": "_blank", "rel": "noopener noreferrer"}
    return dom.make("a", said, **link)


def here(one):
    """What a model can do on this device, and about how quickly."""
    said = own_models.fits(one["takes"])
    if not one["speed"]:
        return said
    tokens, lesson = one["speed"]
    key = "offer.speed" if one["takes"]["learns"] else "offer.answers"
    return said + " " + t(key, rate=t.rate(tokens), time=t.duration(lesson))


def notes(registry, pace, kind):
    """What the words and figures are based on."""
    reading = registry["reading"]
    day = t.day(reading["asked"])
    points = t("reads.note", list=reading["name"], day=day)
    measured = " " + t("offer.measured_" + kind) if pace else None
    return dom.make("p", points, measured, cls="note")
