"""How quick this device was with this model: the seconds of an answer and of a learned fact.

Only what was measured here is shown; until then nothing is.
"""

from oneseek.web.learning import records
from oneseek.web.lib import clock

ANSWER_TOKENS = 60  # a few sentences
KEEP = 0.7  # weight of the earlier measurements beside a new one


class Speed:
    def __init__(self, page):
        self.page = page
        self.paces = {}
        self.lesson = None  # (run, when it began)
        page.watch(self.look, "progress", "versions")

    async def load(self):
        self.paces = await self.page.store.get("settings", "paces") or {}

    def key(self):
        loaded = self.page.model
        return "%s/%s" % (loaded.model, loaded.back_end) if loaded else ""

    def pace(self):
        return self.paces.get(self.key(), {})

    async def note_answer(self, answered):
        """Note the seconds of a usual answer: the time to its first token, and the rate of those
        after."""
        if answered.tokens > 4 and answered.tokens_per_second > 0:
            seconds = answered.first_token_ms / 1000 + ANSWER_TOKENS / answered.tokens_per_second
            await self.note("answer", seconds)

    async def look(self):
        """Time one lesson from its first step to the version it becomes."""
        live = self.page.learning.progress
        if live and live.kind == "lesson":
            if (self.lesson is None or self.lesson[0] != live.run) and live.step <= 1:
                self.lesson = (live.run, clock.now())
        elif self.lesson and not live:
            _, began = self.lesson
            self.lesson = None
            made = await records.versions(self.page.store)
            if made and made[0]["kind"] == "lesson" and made[0]["time"] >= began:
                count = max(1, len(made[0]["lessons"]))
                await self.note("fact", (clock.now() - began) / 1000 / count)

    async def note(self, what, seconds):
        pace = self.paces.setdefault(self.key(), {})
        before = pace.get(what)
        pace[what] = seconds if before is None else KEEP * before + (1 - KEEP) * seconds
        await self.page.store.batch([["put", "settings", "paces", self.paces]])
        self.page.touch("pace")

    def seconds(self, what):
        """The seconds of an "answer" or a "fact" with the model in use here; None before the
        first."""
        return self.pace().get(what)
