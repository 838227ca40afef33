"""A version as a line in a diary: when, what it learned, and that it was checked."""

import js
from pyscript.ffi import to_js

from oneseek.web.lib import clock
from oneseek.web.lib.words import t

WEEK = 6 * 86400000


def day(milliseconds):
    """Today, the name of the day within a week, else the date."""
    now = js.Date.new(float(clock.now()))
    then = js.Date.new(float(milliseconds))
    if now.toDateString() == then.toDateString():
        return t("nav.today")
    if clock.now() - milliseconds < WEEK:
        name = then.toLocaleDateString(t.language, to_js({"weekday": "long"}))
        return name[0].upper() + name[1:]
    return t.day(milliseconds)


async def line(store, version):
    """“Tuesday: learned “What is my boat called?” and 2 more; checked.”"""
    return "%s: %s" % (day(version["time"]), await describe(store, version))


async def describe(store, version):
    kind, ids = version["kind"], version["lessons"]
    first = await store.get("examples", ids[0]) if ids else None
    if kind == "practice":
        return t("diary.practice")
    if kind in ("import", "forget", "training") or not first:
        return t("diary." + kind) if t.has("diary." + kind) else t("versions.learned", n=len(ids))
    more = len(ids) - 1
    if more:
        return t("diary.learned_more", text=first["prompt"], n=more)
    return t("diary.learned", text=first["prompt"])
