"""Chooses which models to propose on this device: by the languages a person reads, the memory, and
how quick each would be.

A model's speed is that of the products of SmolLM2, measured here for a second, scaled by the number
of its weights. The other costs of an answer and a lesson were measured on SmolLM2 in Chromium on
the processor: there are no such figures of a graphics chip.
"""

READS = (("well", 60), ("partly", 30), ("poorly", 0))
"""The word for a model's points of a hundred in questions about a text."""

WORTH = {"well": 4, "partly": 3, "named": 2, "poorly": 1, "unnamed": 0}
QUICK, PATIENT = 2, 1  # tokens a second: of a conversation, and the least that is acceptable
ANSWER_SHARE = 0.25  # of an answer's time is spent in products
LESSON_PASSES = 200.0  # of 64 rows over all weights: the time of a lesson
MOST = 3


def rate_reading(row, language):
    """Return (word, points) of how a model reads a language; no points where nobody measured."""
    points = row.get("reads", {}).get(language)
    if points is None:
        return ("named" if language in row["languages"] else "unnamed"), None
    return next(word for word, least in READS if points >= least), points


def speed(row, pace):
    """(tokens a second of an answer, seconds of a lesson), or None where nothing was measured."""
    if not pace:
        return None
    tokens = ANSWER_SHARE * pace["answer"] / row["parameters"]
    return tokens, LESSON_PASSES * row["parameters"] / pace["lesson"]


def takes(fits):
    """Return what a model takes as published, or packed where only that answers or learns; None
    where neither answers here."""
    ways = [fits] + ([fits["packed"]] if fits.get("packed") else [])
    ways = [one for one in ways if one["chats"]]
    learn = [one for one in ways if one["learns"]]
    return (learn or ways or [None])[0]


def offer(row, fits, languages, pace):
    """Return what one model costs and gives here; None where it cannot answer."""
    way = takes(fits)
    if way is None:
        return None
    return {
        "id": row["id"],
        "takes": way,
        "packed": way is not fits,
        "reads": [(language,) + rate_reading(row, language) for language in languages],
        "speed": speed(row, pace),
    }


def offers(rows, fits, languages, pace, here):
    """Return at most MOST models, best first: what speaks the person's first language, what is
    quick enough, how well it speaks it, what learns here, then the larger one, and of a model in
    several files the smallest. A model that this site carries (`here`) is always among them; the
    others speak that language, and no slower than is acceptable."""
    found = []
    for row in rows:
        one = offer(row, fits[row["id"]], languages, pace) if row["id"] in fits else None
        if one and (row["id"] in here or speaks(one) and is_quick(one, PATIENT)):
            found.append((rank(row, one), one))
    found = [one for _, one in sorted(found, key=lambda pair: pair[0], reverse=True)]
    pages = {row["id"]: row.get("page") or row["id"] for row in rows}
    first = {}
    for one in found:
        first.setdefault(pages[one["id"]], one["id"])
    found = [one for one in found if first[pages[one["id"]]] == one["id"]]
    best = found[:MOST]
    if not any(one["id"] in here for one in best):
        best = best[: MOST - 1] + [one for one in found if one["id"] in here][:1]
    return best


def speaks(one):
    return WORTH[one["reads"][0][1]] > WORTH["poorly"]


def is_quick(one, least):
    """Whether a model generates at least this many tokens a second; True where that is not
    measured."""
    return one["speed"] is None or one["speed"][0] >= least


def rank(row, one):
    worth = WORTH[one["reads"][0][1]]
    learns = one["takes"]["learns"]
    return speaks(one), is_quick(one, QUICK), worth, learns, row["parameters"], -row["bytes"]
