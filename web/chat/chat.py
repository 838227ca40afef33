"""The conversation in the middle: it sends questions, receives answers, and changes both.

Every turn is stored before anything is done with it; an answer that grows is stored every half
second, so that closing the tab loses at most that.
"""

import asyncio

from oneseek.engine.core import conversation
from oneseek.engine.core.collecting.hint import guess
from oneseek.engine.core.conversation import newest_turns
from oneseek.web.chat import message, welcome
from oneseek.web.chat.answer import Answer
from oneseek.web.lib import clock, dom
from oneseek.web.lib.words import t
from oneseek.web.shell.page import new_id

BREATH_SECONDS = 0.005
FIRST = 8
MORE = 16
NEAR_BOTTOM = 100
OTHERWISE = 0.7  # temperature of a second answer to a question: the likeliest was the first


class Chat:
    """The chat that is open: its record, its turns, and the part of the page that shows them."""

    def __init__(self, page):
        self.page = page
        self.chat = None
        self.tree = conversation.Tree()
        self.below = None  # the key before which the store has more turns of this chat
        self.shown_from = 0
        self.answering = None
        self.seen_by_model = 0
        self.follows = True
        self.adding = False
        self.log = dom.by_id("log")
        self.column = dom.make("div", cls="log-column")
        self.log.append(self.column)
        page.watch(self.draw, "words")
        page.watch(self.mark_lessons, "queue-marks")
        dom.listen("scroll", self.log, self.on_scroll)
        dom.listen("click", "#to-latest", self.to_latest)
        dom.verbs(
            {
                "save-edit": lambda of, el: self.edit_question(of, dom.field(el, "text")),
                "regenerate": lambda of, el: self.regenerate(of),
                "answer-without": lambda of, el: self.regenerate(of, by_itself=True),
                "continue": lambda of, el: self.go_on(of),
                "branch-before": lambda of, el: self.other_branch(of, -1),
                "branch-after": lambda of, el: self.other_branch(of, 1),
                "good": lambda of, el: self.rate(of, 1),
                "bad": lambda of, el: self.rate(of, -1),
                "earlier": lambda of, el: self.earlier(),
            }
        )

    # ------------------------------------------------------------------------------ the branch

    @property
    def id(self):
        return self.chat["id"] if self.chat else ""

    def branch(self):
        return self.tree.branch(self.chat["leaf"]) if self.chat else []

    def thinks(self, chat):
        """Whether the model is to think before it answers in this chat."""
        return (
            bool(self.page.model and self.page.model.thinks) and chat in self.page.settings["think"]
        )

    def find_language(self):
        """The language that the person used last in this chat; empty before the first question."""
        asked = [turn["language"] for turn in self.branch() if turn["role"] == "user"]
        return asked[-1] if asked else ""

    async def open(self, id):
        """Show a stored chat, or a new empty one when `id` is empty."""
        self.stop()
        if not id:
            self.show_empty()
        else:
            chat = await self.page.store.get("chats", id)
            self.show(chat, *await newest_turns(self.page.store, id, chat["leaf"] if chat else ""))
        interrupted = [turn for turn in self.branch() if conversation.is_unfinished(turn)]
        for turn in interrupted:
            turn["state"] = "interrupted"
        if interrupted:
            await self.save(*interrupted)
            self.draw()
        dom.run(self.remember())

    async def remember(self):
        """The next visit opens the chat that is open now."""
        await self.page.save([["put", "settings", "open-chat", {"id": self.id}]])

    def show_empty(self):
        self.stop()
        self.show(None, [])

    def show(self, chat, found, below=None):
        """Make this the open chat at once: text that is typed from now on belongs to it."""
        self.chat = chat
        self.page.source_chat.load_sources(chat)
        self.follows = True
        self.tree, self.below = conversation.Tree(found if chat else []), below
        self.seen_by_model = 0
        self.draw()
        if chat:
            self.to_latest()
        else:
            self.log.scrollTop = 0
        self.page.touch("chat")

    def save(self, *changed):
        """Store turns with their chat. The chat is read now, because another one may be opened
        before the write is done."""
        self.chat["updated"] = clock.now()
        ops = [["put", "messages", turn["key"], turn] for turn in changed]
        return self.store(ops + [["put", "chats", self.id, self.chat]])

    async def store(self, ops):
        await self.page.save(ops)
        self.page.touch("chats")

    async def forget_turns(self, gone):
        """Delete turns that led to nothing, and the chat with them when it has no others."""
        ops = [["delete", "messages", turn["key"]] for turn in gone]
        if self.tree.turns:
            self.chat["leaf"] = self.tree.newest_leaf(gone[-1]["parent"])
            await self.page.save(ops + [["put", "chats", self.id, self.chat]])
            self.draw()
        else:
            await self.page.save(ops + [["delete", "chats", self.id]])
            self.show(None, [])
            await self.remember()
        self.page.touch("chats")

    def new_turn(self, parent, role, text, state="done", pictures=()):
        id = new_id("m")
        turn = {
            "id": id,
            "key": "%s/%s" % (self.id, id),
            "chat": self.id,
            "parent": parent,
            "role": role,
            "text": text,
            "time": clock.now(),
            "language": guess(text, self.find_language(), t.language) if role == "user" else "",
            "state": state,
            "version": "",
        }
        if pictures:
            turn["pictures"] = pictures
        self.tree.add(turn)
        self.chat["leaf"] = id
        return turn

    # ------------------------------------------------------------------------------- questions

    async def send(self, text, pictures=()):
        """Store what the person wrote or showed, then answer it."""
        text = text or t("picture.describe")
        if self.chat is None:
            now = clock.now()
            title = conversation.title(text)
            self.chat = {"id": new_id("c"), "title": title, "created": now, "leaf": ""}
            self.page.source_chat.keep(self.chat)
            dom.run(self.remember())
        tree, before = self.tree, self.tree.turns.get(self.chat["leaf"])
        asked = self.new_turn(self.chat["leaf"], "user", text, pictures=pictures)
        await self.answer(asked)
        if before:
            await self.page.taste.went_on(tree, before)
        await self.page.teaching.log_turn(asked)

    def answer_over(self, turn):
        """Note that the answer in flight is over."""
        self.answering = None
        self.redraw_turn(turn)
        self.busy(False)

    def note_seen(self, count):
        """Note how many of the shown turns the model still saw, 0 when it saw all."""
        self.seen_by_model = count

    async def answer(self, asked, earlier=None, by_itself=False):
        """Answer the turn `asked`; `earlier` is an interrupted answer to continue; with `by_itself`
        the base model answers, without what was learned.

        Another chat may be opened at every wait: then this answer is no longer the one in flight.
        """
        self.stop()
        turn = earlier or self.new_turn(asked["id"], "assistant", "", "streaming")
        turn.update(state="streaming", version=self.page.version, of_picture="pictures" in asked)
        turn.pop("why", None)
        self.answering = answer = Answer(self, turn, asked)
        await self.save(asked, turn)
        if self.answering is not answer:
            return
        self.draw_from(asked)
        self.to_latest()
        self.page.say(t("chat.answering"))
        self.busy(True)
        options = self.page.source_chat.options()
        system = filter(None, (self.page.settings["system"], self.chat.get("instructions")))
        shown, sees = self.tree.branch(asked["id"]), self.page.pictures.sees()
        said = conversation.messages(shown, "\n\n".join(system), sees)
        if any(one["text"] for one in self.tree.siblings(turn) if one is not turn):
            chosen = self.page.settings["sampling"].get("temperature", 0)
            options["temperature"] = max(OTHERWISE, chosen)
        else:
            options["keeps"] = self.page.teaching.keeps(asked["chat"])
        options.update(prefix=turn["text"], think=self.thinks(self.id))
        if by_itself:
            options.update(version=0, temperature=0.0)
        answer.ask(said, options)

    def busy(self, busy):
        """Have learning make way while an answer comes, which takes all computing power."""
        self.page.status.know(answering=busy)
        self.page.composer.draw()
        self.page.presence.yield_to_chat(busy)

    def stop(self):
        """End the answer in flight; its text so far is kept."""
        if self.answering:
            self.answering.stop()

    async def regenerate(self, id, by_itself=False):
        """Answer once more; with `by_itself` the base model does."""
        asked = self.tree[self.tree[id]["parent"]]
        self.chat["leaf"] = asked["id"]
        await self.answer(asked, by_itself=by_itself)

    async def go_on(self, id):
        turn = self.tree[id]
        await self.answer(self.tree[turn["parent"]], turn)

    async def edit_question(self, id, text):
        """Ask a question in other words: a new branch beside the old one."""
        pictures = self.tree[id].get("pictures", ())
        asked = self.new_turn(self.tree[id]["parent"], "user", text, pictures=pictures)
        await self.answer(asked)
        await self.page.teaching.log_turn(asked)

    async def other_branch(self, id, step):
        turn = self.tree[id]
        same = self.tree.siblings(turn)
        other = same[[one["id"] for one in same].index(id) + step]
        self.chat["leaf"] = self.tree.newest_leaf(other["id"])
        await self.save()
        self.draw()
        button = dom.find('[id="%s"] .branch button:not(:disabled)' % other["id"])
        if button:
            dom.offer_focus(button)

    async def rate(self, id, rating):
        turn = self.tree[id]
        turn["rating"] = 0 if turn.get("rating") == rating else rating
        await self.save(turn)
        asked = self.tree[turn["parent"]]
        if await self.page.teaching.apply_rating(asked, turn):
            await self.page.taste.keep_rating(asked, turn)
        self.redraw_turn(turn)

    # -------------------------------------------------------------------------------- drawing

    def draw(self):
        """Draw the whole log: the newest turns at once, some earlier ones right after."""
        shown = self.branch()
        if not shown:
            below = self.page.model_loader.card(), self.page.install.card()
            dom.replace(self.column, welcome.draw(self.page.model), below)
            return
        reading = None if self.follows else self.page.reading_position.now()
        self.shown_from = max(0, len(shown) - FIRST)
        parts = [self.earlier_button()] + self.articles(shown, self.shown_from)
        dom.replace(self.column, parts, self.page.model_loader.card())
        if self.answering:
            self.answering.attach()
        if self.has_earlier():
            asyncio.create_task(dom.guard(self.earlier()))
        if reading:
            dom.run(self.page.reading_position.back(reading))

    def draw_from(self, turn):
        """Draw from `turn` on; the turns above stay as they are."""
        shown = self.branch()
        above = dom.find('[id="%s"]' % turn["parent"]) if turn["parent"] else None
        if not above:
            return self.draw()
        while not dom.is_none(above.nextElementSibling):
            above.nextElementSibling.remove()
        dom.fill(self.column, self.articles(shown, shown.index(turn)))
        if self.answering:
            self.answering.attach()

    def articles(self, shown, start):
        first_seen = len(shown) - self.seen_by_model if self.seen_by_model else 0
        parts = []
        for index in range(start, len(shown)):
            if index and index == first_seen:
                parts.append(dom.make("div", t("chat.unseen"), cls="divider", role="separator"))
            parts.append(self.draw_turn(shown[index]))
        return parts

    def has_earlier(self):
        """Whether the chat has turns before the shown ones."""
        shown = self.branch()
        return self.shown_from > 0 or bool(shown and self.below and shown[0]["parent"])

    def earlier_button(self):
        if not self.has_earlier():
            return None
        return dom.button(t("chat.earlier"), "earlier", drawing="up", cls="small quiet")

    def draw_turn(self, turn):
        same = self.tree.siblings(turn)
        number = [one["id"] for one in same].index(turn["id"]) + 1
        article = message.draw(turn, number, len(same), self.page.teaching.learns(turn["id"]))
        if turn["role"] == "user":
            self.page.notes.put(article, turn["id"])
        return article

    def redraw_turn(self, turn):
        old = dom.find('[id="%s"]' % turn["id"])
        if old:
            dom.swap(old, self.draw_turn(turn))

    def mark_lessons(self):
        """Redraw only the "Learn this" buttons, so that an open editor and a selection stay."""
        for toggle in dom.find_all(".learn-toggle", self.column):
            turn = toggle.getAttribute("data-of")
            dom.change(toggle, aria_pressed=message.yes(self.page.teaching.learns(turn)))

    async def earlier(self):
        """Show some more earlier turns; a second call waits for the first."""
        while self.adding:
            await asyncio.sleep(BREATH_SECONDS)
        self.adding = True
        try:
            await self.add_earlier()
        finally:
            self.adding = False

    async def add_earlier(self):
        """Add earlier turns above; the text that is being read does not move."""
        while not self.shown_from and self.has_earlier():
            await self.fetch_earlier()
        shown, button = self.branch(), self.column.firstElementChild
        if not shown or button.getAttribute("data-do") != "earlier":
            return
        until, self.shown_from = self.shown_from, max(0, self.shown_from - MORE)
        made = []
        for index in range(self.shown_from, until):
            made.append(self.draw_turn(shown[index]))
            await asyncio.sleep(BREATH_SECONDS)
            if not button.isConnected:  # the log was drawn anew meanwhile
                return
        log = self.log  # all at once: each measurement lays out the whole log
        below = log.scrollHeight - log.scrollTop
        button.after(*made)
        log.scrollTop = log.scrollHeight - below
        if not self.has_earlier():
            button.remove()

    async def fetch_earlier(self):
        """Read some more of the chat from the store."""
        tree, known = self.tree, len(self.branch())
        found, below = await newest_turns(self.page.store, self.id, below=self.below)
        if tree is self.tree:  # no other chat was opened meanwhile
            self.below = below
            for turn in found:
                tree.add(turn)
            self.shown_from += len(self.branch()) - known

    async def fetch_until(self, id):
        """Read the chat back to the turn `id`, or all of it when it has no such turn."""
        while self.below and id not in self.tree.turns:
            await self.fetch_earlier()

    def on_scroll(self, event):
        distance = self.log.scrollHeight - self.log.scrollTop - self.log.clientHeight
        self.follows = distance < NEAR_BOTTOM
        dom.by_id("to-latest").hidden = self.follows or not self.chat

    def keep_up(self):
        """Stay at the end of the log if it was in view: the log or its room has changed."""
        if self.follows:
            self.to_latest()

    def to_latest(self, event=None):
        self.follows = True
        self.log.scrollTop = self.log.scrollHeight
        dom.by_id("to-latest").hidden = True
