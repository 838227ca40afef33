"""Lessons of one source wait as one group: their number, the time they take here, and one yes or no
for all."""

from oneseek.engine.core.collecting.quality import is_poor
from oneseek.web.lib import dom
from oneseek.web.lib.words import t

FEWEST = 3
"""Lessons of one source that are shown as a group; fewer stand by themselves."""

SHOWN = 60


def origin(record):
    """The key that a lesson shares with the others of its source; None for what a person said."""
    source = record["source"]
    return source.get("document") or ("identity" if source["kind"] == "identity" else None)


def group(records):
    """([(origin, its lessons)...], the rest), in the order in which they came."""
    found, order = {}, []
    for record in records:
        key = origin(record)
        if key and key not in found:
            order.append(key)
        if key:
            found.setdefault(key, []).append(record)
    groups = [(key, found[key]) for key in order if len(found[key]) >= FEWEST]
    taken = [key for key, _ in groups]
    return groups, [record for record in records if origin(record) not in taken]


class Groups:
    """The cards of the groups; `page.teaching` carries out their acts."""

    def __init__(self, page, queue):
        self.page, self.queue = page, queue
        self.open = set()

    def draw(self, state, records, item):
        """(the cards, the other records) of what is `state` (held or ready); `item(record)` draws
        one lesson."""
        groups, rest = group(records)
        return [self.card(state, key, some, item) for key, some in groups], rest

    def card(self, state, key, records, item):
        mark, held = "%s %s" % (state, key), state == "held"
        shown = mark in self.open
        opener = dom.button(t("queue.show_lessons"), "open-group", mark, cls="link")
        dom.change(opener, aria_expanded="true" if shown else "false")
        approve = dom.button(t("queue.approve_all"), "approve-group", mark, "check", cls="small")
        skip = dom.button(t("queue.skip_all"), "skip-group", mark, "close", cls="small")
        return dom.make(
            "li",
            dom.make("p", self.title(records[0]), cls="said"),
            dom.make("p", self.price(len(records)), cls="why"),
            dom.make("div", approve if held else None, skip, cls="row tight"),
            opener,
            dom.make("ul", [item(one) for one in records[:SHOWN]], cls="list") if shown else None,
            cls="item group",
        )

    def title(self, record):
        source = record["source"]
        return source.get("title") or source.get("name") or t("source." + source["kind"])

    def price(self, count):
        """The number of lessons, and the time they take here, once a lesson was measured."""
        return " · ".join([t("sources.lessons", n=count)] + self.time(count))

    def time(self, count):
        seconds = self.page.speed.seconds("fact")
        return [t("queue.price", time=t.duration(seconds * count))] if seconds and count else []

    # ------------------------------------------------------------------------------------ acts

    def toggle(self, mark):
        self.open ^= {mark}
        self.page.touch("editing-queue")

    def records(self, mark):
        state, key = mark.split(" ", 1)
        records = self.queue.records.values()
        return [r for r in records if r["state"] == state and origin(r) == key]

    async def approve(self, mark):
        """Approve a group but for its poor lessons, which wait for a yes each."""
        poor = [one["id"] for one in self.records(mark) if is_poor(one.get("quality"))]
        await self.decide(mark, lambda queue, id: queue.approve(id), "queue.approved_all", poor)

    async def skip(self, mark):
        await self.decide(mark, lambda queue, id: queue.skip(id), "queue.skipped_all")

    async def decide(self, mark, act, words, left=()):
        """Do `act` for each record of a group that is still there; the page stays responsive."""
        ids = [one["id"] for one in self.records(mark) if one["id"] not in left]
        self.page.toast(t("queue.deciding", n=len(ids)))
        await self.page.teaching.change_many(ids, act)
        self.page.teaching.index()
        self.page.touch("queue-marks")
        said = t(words, n=len(ids))
        self.page.toast(said + " " + t("quality.left", n=len(left)) if left else said)
