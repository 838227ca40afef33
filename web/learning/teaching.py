"""What the chat teaches: the collector's findings, and what a person approves, corrects or tells.

Everything goes through engine/core/queue/saved.py, so it is stored before it is acknowledged and
can be undone.
"""

import asyncio

from oneseek.engine.core.collecting.collector import DataCollector
from oneseek.engine.core.collecting.content import content_hash, prompt_hash
from oneseek.engine.core.collecting.corrections import (
    contradicts,
    form_of,
    knows_nothing,
    rewritten,
)
from oneseek.engine.core.collecting.hint import guess
from oneseek.engine.core.collecting.statements import STATEMENT
from oneseek.engine.core.messages import Hear
from oneseek.engine.core.queue.saved import SavedQueue
from oneseek.engine.core.queue.training_queue import Conflict
from oneseek.web.learning import learn_from, records
from oneseek.web.lib import dom
from oneseek.web.lib.words import t
from oneseek.web.shell.link import Refused

AT_ONCE = 8


def language_of(text):
    return guess(text, setting=t.language) or "und"


class Teaching:
    def __init__(self, page, queue):
        self.page, self.queue = page, queue
        self.saved = SavedQueue(self.queue, page.store)
        self.collector = DataCollector(self, language=language_of, understand=self.understand)
        self.by_turn = {}
        self.done = None  # the act that the last notice can undo
        dom.verbs(
            {
                "learn-instead": lambda of, el: self.learn_instead(of),
                "learn": lambda of, el: self.toggle(
                    self.page.chat.tree[self.page.chat.tree[of]["parent"]], self.page.chat.tree[of]
                ),
                "chat-learns": lambda of, el: self.learn_from(*of.split(" ", 1)),
                "approve": lambda of, el: self.act(of, "approve"),
                "skip": lambda of, el: self.act(of, "skip"),
                "choose-none": lambda of, el: self.act(of, "refuse_all"),
                "replace-told": lambda of, el: self.replace(of),
                "undo-queue": lambda of, el: self.undo(),
                "remove-aside": lambda of, el: self.remove_aside(),
                "release-secret": lambda of, el: self.release(of),
                "discard-secret": lambda of, el: self.discard(of),
            }
        )

    async def load(self):
        await self.saved.load()
        self.page.status.know(set_aside=len(self.saved.aside))
        self.index()
        self.page.touch("queue", "queue-marks")

    async def remove_aside(self):
        await self.saved.remove_aside()
        self.page.status.know(set_aside=0)

    def configure(self):
        """Set what the collector may collect, by the settings of this moment."""
        self.collector.collect_all(self.page.settings["auto_collect"])
        wanted = learn_from.find_closed(self.page.settings)
        for chat in wanted - self.collector.excluded:
            self.collector.exclude(chat)
        for chat in self.collector.excluded - wanted:
            self.collector.include(chat)

    def index(self):
        """Note which turns have something in the queue, for their "Learn this" buttons."""
        self.by_turn = {}
        for record in self.queue.records.values():
            turn = record["source"].get("message")
            if turn and record["state"] in ("ready", "held"):
                self.by_turn[turn] = record["id"]

    async def change(self, act):
        """Do one act on the queue and store it; the collector calls this too."""
        result = await self.saved.change(act)
        self.index()
        self.page.touch("queue", "queue-marks")
        return result

    async def change_many(self, parts, act):
        """Do `act(queue, part)` for each part, a few at a time: the page stays responsive."""
        for start in range(0, len(parts), AT_ONCE):
            some = parts[start : start + AT_ONCE]
            await self.saved.change(lambda queue, some=some: [act(queue, one) for one in some])
            await asyncio.sleep(0)
        self.page.touch("queue")

    def learns(self, turn):
        return turn in self.by_turn

    # ------------------------------------------------------------------------------ from chats

    def learns_from(self, chat):
        """The level of what this chat may teach: its facts, only what is taught, or nothing."""
        return learn_from.of_chat(self.page.settings, chat)

    def keeps(self, chat):
        """Whether what a person states in a chat is kept unasked."""
        return self.learns_from(chat) == learn_from.FACTS

    async def learn_from(self, level, chat):
        """Set the level of a chat; what is in the queue already stays to be seen."""
        await self.page.set(**learn_from.change(self.page.settings, chat, level))
        self.page.toast(t("chat.learns_" + level))

    def refuses(self, turn):
        """Whether a chat teaches nothing, which the person is then told."""
        if self.learns_from(turn["chat"]) == learn_from.NOTHING:
            self.page.toast(t("chat.is_private"))
            return True
        return False

    async def understand(self, text, earlier):
        """The statements that the engine finds in a text; none without a model."""
        if not self.page.model:
            return []
        try:
            return (await self.page.engine.ask(Hear(text=text, earlier=earlier))).items
        except Refused:
            return []

    async def log_turn(self, turn):
        """Give a finished message of the chat to the collector."""
        self.configure()
        if not self.keeps(turn["chat"]):
            self.collector.turns.pop(turn["chat"], None)
            return
        self.know_before(turn)
        message = {"id": turn["id"], "role": turn["role"], "content": turn["text"]}
        message.update(timestamp=turn["time"], chat=turn["chat"])
        found = await self.collector.log_message(message)
        if turn["id"] in self.secrets():
            self.page.touch("queue")  # the line under the message asks what to do with a secret
        found = [one for one in found if one["state"] != "held"]
        told = [one for one in found if one["kind"] in ("fact", "correction", STATEMENT)]
        if told:  # the line under the message says it, and takes it back
            self.page.say(t("teach.fact", answer=told[0]["answer"]))

    def secrets(self):
        """{message: (the ids of what looks like a secret in it, the kinds)}, until a person
        decides."""
        found = {}
        for id, held in self.collector.held.items():
            message = held["offer"][0]["source"].get("message")
            ids, kinds = found.get(message, ([], []))
            more = [kind for kind in held["kinds"] if kind not in kinds]
            found[message] = (ids + [id], kinds + more)
        return found

    def know_before(self, turn):
        """Give the collector the exchange right before this turn, from an earlier visit or a
        stopped answer: a correction is about it."""
        tree, chat = self.page.chat.tree, turn["chat"]
        answer = tree.turns.get(turn["parent"])
        before = self.collector.turns.get(chat)
        if turn["role"] == "user" and answer and not (before and before.get("answer")):
            self.know(tree[answer["parent"]], answer)
            self.collector.turns[chat] = self.collector.exchanges[answer["id"]]

    def know(self, asked, answer):
        """Give the collector an exchange from an earlier visit, which an act may be about."""
        exchange = {"prompt": asked["text"], "answer": answer["text"]}
        exchange.update(chat=asked["chat"], id=answer["id"])
        self.collector.exchanges[answer["id"]] = exchange

    async def apply_rating(self, asked, answer):
        """Apply a thumb and return whether it counts: up makes a lesson, down takes the answer out
        of those that wait. It leaves what was learned: a notice offers to forget that. A thumb up
        for an answer that contradicts a fact does not count."""
        if self.refuses(answer):
            return False
        self.know(asked, answer)
        if answer["rating"] == 1 and not await self.agrees(asked, answer):
            return False
        await self.collector.log_feedback(answer["id"], answer["rating"])
        id = content_hash(asked["text"], answer["text"])
        if answer["rating"] == -1 and id in self.queue.learned:
            words = t("teach.learned_already")
            self.page.toast(words, "forget-fact", id, t("memory.forget"), 15)
            return True
        words = {1: "queue.added", -1: "queue.skipped"}.get(answer["rating"])
        if words:
            self.offer_undo(t(words))
        return True

    async def agrees(self, asked, answer):
        """Whether an answer may be learned as good. One that contradicts a taught fact, or that
        says it does not know, may not, and the person is told."""
        taught = await self.taught(asked["text"])
        if taught and contradicts(answer["text"], taught):
            words = t("teach.contradicts", answer=taught)
            self.page.toast(words, "learn-instead", answer["id"], t("teach.instead"), 15)
            return False
        if knows_nothing(answer["text"]):
            self.page.toast(t("teach.knows_nothing"), "teach", answer["id"], t("chat.teach"), 15)
            return False
        return True

    async def taught(self, question):
        """The answer that was taught to this question, waiting or learned; else empty."""
        form = form_of({"prompt": question})
        about = {prompt_hash(question)}
        if form:
            about.add(prompt_hash(rewritten(form, "", "")["prompt"]))
        found = [r for r in self.queue.records.values() if r["about"] in about]
        found = [r for r in found if r["state"] == "ready" and r["kind"] in ("fact", "correction")]
        if not found:
            found = [e for e in await records.examples(self.page.store) if e.get("about") in about]
        return found[0]["answer"] if found else ""

    async def learn_instead(self, id):
        """Replace what was taught by this answer: the person means it."""
        tree = self.page.chat.tree
        await self.correct(tree[tree[id]["parent"]], tree[id], tree[id]["text"])

    async def toggle(self, asked, answer):
        """Learn an answer, or no longer: the button under every answer."""
        if self.learns(answer["id"]):
            id = self.by_turn[answer["id"]]
            await self.change(lambda queue: queue.skip(id))
            self.offer_undo(t("queue.skipped"))
            return
        if self.refuses(answer):
            return
        self.know(asked, answer)
        if not await self.agrees(asked, answer):
            return
        await self.collector.log_feedback(answer["id"], 1)
        self.offer_undo(t("queue.added"))

    async def correct(self, asked, answer, text):
        """Teach what an answer should say: the strongest kind of lesson."""
        if self.refuses(answer):
            return
        self.know(asked, answer)
        await self.collector.correct(answer["id"], text)
        self.offer_undo(t("teach.noted"))

    # ---------------------------------------------------------------------------- held back

    async def release(self, ids):
        for id in ids.split():
            await self.collector.release(id)
        self.page.touch("queue")

    def discard(self, ids):
        for id in ids.split():
            self.collector.discard(id)
        self.page.touch("queue")

    # ------------------------------------------------------------------------------ from memory

    async def tell(self, prompt, answer):
        example = {
            "kind": "fact",
            "prompt": prompt,
            "answer": answer,
            "language": language_of(prompt + " " + answer),
            "source": {"kind": "told"},
            "priority": "correction",
            "why": "told",
        }
        await self.change(lambda queue: queue.add(example))
        self.offer_undo(t("teach.noted"))

    async def reword(self, example, wording):
        """Teach a known fact again, with one more wording of its question."""
        again = {key: example[key] for key in ("prompt", "answer", "language", "source")}
        again["phrasings"] = list(example.get("phrasings", ())) + [wording]
        again.update(kind="fact", priority="correction", why="reworded")
        await self.change(lambda queue: queue.add(again))
        self.offer_undo(t("teach.noted"))

    async def replace(self, id):
        """Replace what was told before to the same question."""
        record = self.queue.records[id]
        again = {key: record[key] for key in ("kind", "prompt", "answer", "language", "source")}
        again["phrasings"] = list(record.get("phrasings", ()))
        again.update(priority="correction", why="corrected")
        await self.change(lambda queue: queue.add(again))
        self.offer_undo(t("teach.noted"))

    async def correct_fact(self, example, text):
        if example["kind"] == STATEMENT:
            await self.edit(example["id"], text)
            return
        again = {key: example[key] for key in ("prompt", "language", "source")}
        again.update(answer=text, kind="correction", priority="correction", why="corrected")
        again["phrasings"] = list(example.get("phrasings", ()))
        await self.change(lambda queue: queue.add(again))
        self.offer_undo(t("teach.noted"))

    # --------------------------------------------------------------------------------- the queue

    async def act(self, id, verb):
        """Approve or skip one item, which may have been learned in the meantime."""
        try:
            await self.change(lambda queue: getattr(queue, verb)(id))
        except Conflict:
            self.page.toast(t("queue.gone"))
            return
        self.offer_undo(t("queue." + {"approve": "approved"}.get(verb, "skipped")))

    async def edit(self, id, text):
        await self.change(lambda queue: queue.edit(id, answer=text))

    def offer_undo(self, words):
        """Say what was done last, with a button that undoes that and nothing else."""
        self.done = self.saved.latest
        self.page.toast(words, "undo-queue")

    async def undo(self):
        if not (self.done and await self.saved.undo(self.done)):
            self.page.toast(t("queue.undo_late"))
        self.index()
        self.page.touch("queue", "queue-marks")
