"""What a person teaches on purpose: approvals, corrections, dislikes and facts, put into the queue.

Everything goes through web/saved_queue.py, so it is stored before it is acknowledged and can be undone.
"""

from web import clock, dom
from web.language import guess
from web.queue import Conflict, TrainingQueue
from web.saved_queue import SavedQueue
from web.words import t


class Teaching:
    def __init__(self, page):
        self.page = page
        self.queue = TrainingQueue(clock.now)
        self.saved = SavedQueue(self.queue, page.store)
        self.by_turn = {}

    async def load(self):
        await self.saved.load()
        self.index()

    def index(self):
        """Which turns have something in the queue: what their "Learn this" button shows."""
        self.by_turn = {}
        for record in self.queue.records.values():
            turn = record["source"].get("turn")
            if turn and record["state"] != "skipped":
                self.by_turn[turn] = record["id"]

    async def change(self, act):
        result = await self.saved.change(act)
        self.index()
        self.page.touch("queue", "queue-marks")
        return result

    def learns(self, turn):
        return turn in self.by_turn

    # ------------------------------------------------------------------------------ from chats

    def example(self, asked, text, kind, priority, why, turn):
        source = {"kind": "chat", "title": self.page.chat.chat["title"]}
        source.update(chat=asked["chat"], turn=turn)
        return {
            "kind": kind,
            "prompt": asked["text"],
            "answer": text,
            "language": asked["language"] or "und",
            "source": source,
            "priority": priority,
            "why": why,
        }

    async def approve(self, asked, answer, why="liked"):
        example = self.example(asked, answer["text"], "exchange", "approved", why, answer["id"])
        await self.change(lambda queue: queue.add(example))

    async def withdraw(self, answer):
        """Not to be learned: taken out of the queue, with Undo."""
        id = self.by_turn.get(answer["id"])
        if id:
            await self.change(lambda queue: queue.skip(id))
            self.page.toast(t("queue.skipped"), "undo-queue")

    async def toggle(self, asked, answer):
        if self.learns(answer["id"]):
            await self.withdraw(answer)
        else:
            await self.approve(asked, answer, "chosen")
            self.page.toast(t("queue.added"), "undo-queue")

    async def rated(self, asked, answer):
        """A thumb up is a lesson; a thumb down takes the answer out of what is learned."""
        if answer["rating"] == 1:
            await self.approve(asked, answer)
            self.page.toast(t("queue.added"), "undo-queue")
        else:
            await self.withdraw(answer)

    async def correct(self, asked, answer, text):
        """It should say this: the strongest kind of lesson."""
        example = self.example(asked, text, "correction", "correction", "corrected", answer["id"])
        await self.change(lambda queue: queue.add(example))
        self.page.toast(t("teach.noted"), "undo-queue")

    # ------------------------------------------------------------------------------ from memory

    async def tell(self, prompt, answer):
        example = {
            "kind": "fact",
            "prompt": prompt,
            "answer": answer,
            "language": guess(prompt + " " + answer) or "und",
            "source": {"kind": "told"},
            "priority": "correction",
            "why": "told",
        }
        await self.change(lambda queue: queue.add(example))
        self.page.toast(t("teach.noted"), "undo-queue")

    async def reword(self, example, wording):
        """One more way to ask for a fact it holds; it is taught again with that wording."""
        again = {key: example[key] for key in ("prompt", "answer", "language", "source")}
        again["phrasings"] = list(example.get("phrasings", ())) + [wording]
        again.update(kind="fact", priority="correction", why="reworded")
        await self.change(lambda queue: queue.add(again))
        self.page.toast(t("teach.noted"), "undo-queue")

    async def correct_fact(self, example, text):
        again = {key: example[key] for key in ("prompt", "language", "source")}
        again.update(answer=text, kind="correction", priority="correction", why="corrected")
        again["phrasings"] = list(example.get("phrasings", ()))
        await self.change(lambda queue: queue.add(again))
        self.page.toast(t("teach.noted"), "undo-queue")

    # --------------------------------------------------------------------------------- the queue

    async def act(self, id, verb):
        """approve or skip one item; it may have been learned in the meantime."""
        try:
            await self.change(lambda queue: getattr(queue, verb)(id))
        except Conflict as gone:
            self.page.toast(str(gone))
            return
        self.page.toast(
            t("queue." + {"approve": "approved", "skip": "skipped"}[verb]), "undo-queue"
        )

    async def edit(self, id, text):
        await self.change(lambda queue: queue.edit(id, answer=text))

    async def undo(self):
        if not await self.saved.undo():
            self.page.toast(t("queue.undo_late"))
        self.index()
        self.page.touch("queue", "queue-marks")


def open_editor(article, form):
    """Put a form at the end of a turn and the cursor into it; one at a time."""
    close_editors()
    article.append(form)
    area = dom.find("textarea", form)._dom_element
    area.focus()
    area.setSelectionRange(len(area.value), len(area.value))


def close_editors():
    for old in dom.find_all("form.editor"):
        old._dom_element.remove()
