"""Which models to propose on this device: by the languages a person reads, the memory there is, and
how quick each would be.

A model's speed is that of the products of SmolLM2, measured here for a second, scaled by the
number of its weights.  What an answer and a lesson take besides was measured on SmolLM2 in
Chromium on the processor: there are no such figures of a graphics chip.
"""

READS = (("well", 60), ("partly", 30), ("poorly", 0))
"""The word for a model's points of a hundred in questions about a text."""

WORTH = {"well": 4, "partly": 3, "named": 2, "poorly": 1, "unnamed": 0}
QUICK, PATIENT = 2, 1  # tokens a second: of a conversation, and the least that one waits for
ANSWER_SHARE = 0.25  # of an answer's time goes into the products
LESSON_PASSES = 200.0  # of 64 rows over all weights, which a lesson takes as long as
MOST = 3


def rate_reading(row, language):
    """(word, points) of how a model reads a language; without points where nobody measured."""
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
    """What a model takes as it is given, or packed where only that answers or learns; None where
    neither answers here."""
    ways = [fits] + ([fits["packed"]] if fits.get("packed") else [])
    ways = [one for one in ways if one["chats"]]
    learn = [one for one in ways if one["learns"]]
    return (learn or ways or [None])[0]


def offer(row, fits, languages, pace):
    """What one model costs and gives here; None where it cannot answer."""
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
    """At most MOST of them, best first: what speaks the person's first language, what is quick
    enough, how well it speaks it, what learns here, then the larger one, and of a model in several
    files the smallest. A model that this site carries (`here`) is always among them; of the others
    none that is no good in that language, or slower than anybody waits for."""
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
    """Whether it says so many tokens a second, as far as anybody measured."""
    return one["speed"] is None or one["speed"][0] >= least


def rank(row, one):
    worth = WORTH[one["reads"][0][1]]
    learns = one["takes"]["learns"]
    return speaks(one), is_quick(one, QUICK), worth, learns, row["parameters"], -row["bytes"]
