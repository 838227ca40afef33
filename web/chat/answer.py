"""One answer while it grows: it is painted, and stored every half second."""

import asyncio

from oneseek.engine.core.conversation import split_thought
from oneseek.web.chat import source_chat
from oneseek.web.lib import clock, dom, failures, markdown
from oneseek.web.lib.words import t

FLUSH_MS = 500
PAINT_SECONDS = 0.06


class Answer:
    def __init__(self, chat, turn, asked):
        self.chat, self.turn, self.asked = chat, turn, asked
        self.number = ""
        self.growing = None
        self.painting = False
        self.stored_at = clock.now()
        self.came = turn["text"]

    def ask(self, messages, options):
        """Ask the model; its tokens and the end of the answer arrive here."""
        self.number = self.chat.page.ask(self.chat.id, messages, options, self)

    def attach(self):
        """Draw into the turn's element, which is new after every redraw of the log."""
        body = dom.find('[id="%s"] .text' % self.turn["id"])
        self.growing = markdown.Growing(body) if body else None
        if self.turn["text"] and self.growing:
            self.growing.show(self.turn["text"])

    def on_token(self, token):
        if self.chat.answering is not self:
            return
        self.take(self.came + token.text)
        if not self.painting:
            self.painting = True
            asyncio.create_task(dom.guard(self.paint()))

    def take(self, text):
        """Keep the model's thoughts apart from its answer."""
        self.came = text
        thought, said = split_thought(text)
        self.turn["text"] = said
        if thought:
            self.turn["thought"] = thought

    async def paint(self):
        await asyncio.sleep(PAINT_SECONDS)
        self.painting = False
        if self.chat.answering is not self:
            return
        if self.growing:
            self.growing.show(self.turn["text"] or self.describe_thinking())
            self.chat.keep_up()
        if clock.now() - self.stored_at > FLUSH_MS:
            self.stored_at = clock.now()
            await self.chat.page.save([["put", "messages", self.turn["key"], self.turn]])

    def describe_thinking(self):
        """The placeholder of an answer while there are only thoughts."""
        return "*%s*" % t("chat.thinking") if self.turn.get("thought") else ""

    def stop(self):
        self.chat.page.stop(self.number)
        self.end("done" if self.turn["text"] else "interrupted")
        dom.run(self.chat.save(self.turn))

    def end(self, state):
        """End the answer in the page: it takes no more tokens."""
        self.turn["state"] = state
        self.chat.answer_over(self.turn)

    async def on_answered(self, answered):
        if self.chat.answering is not self:
            return
        if answered.text:  # a token event may have got lost
            self.take(answered.text)
        self.turn.update(
            version=answered.version,
            language=answered.language,
            tokens=answered.tokens,
            tokens_per_second=answered.tokens_per_second,
            ended=answered.ended,
            by=answered.by,
            skill=answered.skill,
            facts=self.chat.page.fact_memory.add_times(answered.facts),
        )
        if answered.places:
            self.turn["quotes"] = source_chat.quotes(answered.places)
        self.chat.page.composer.meter(answered)
        if self.asked["language"] != answered.asked_in:
            self.asked["language"] = answered.asked_in
            self.chat.redraw_turn(self.asked)
        self.chat.note_seen(self.count_seen(answered))
        self.end("done")
        page = self.chat.page
        versions = self.chat.tree.siblings(self.turn)  # before another chat can be opened
        alone = not self.turn.get("of_picture")  # words about a picture teach nothing alone
        if alone:
            await page.teaching.log_turn(self.turn)  # before the person can react to it
        await self.chat.save(self.asked, self.turn)
        page.say(self.turn["text"])
        self.chat.keep_up()
        await page.speed.note_answer(answered)
        page.touch("chats")
        if alone:
            await page.learning.on_answers(self.asked, versions)
        if answered.forgets:
            await page.memory.forget(answered.forgets)

    def count_seen(self, answered):
        """The number of shown turns that the model still saw, 0 when it saw all."""
        shown = len(self.chat.branch())
        return shown - answered.dropped if answered.dropped else 0

    async def on_failed(self, failed):
        if self.chat.answering is not self:
            return
        if failed.detail == "too-long":
            self.end("done")
            await self.chat.page.long_message.give_back(self.asked, self.turn)
            return
        self.turn["why"] = failures.words(failed)
        self.end("interrupted" if failed.detail == "ended" else "failed")
        await self.chat.save(self.turn)
        self.chat.page.alarm(self.turn["why"])
