"""A message too long for the model: it goes back into the field, whole, and can become a source."""

from oneseek.web.lib import dom
from oneseek.web.lib.words import t


class LongMessage:
    def __init__(self, page):
        self.page = page
        self.card = dom.by_id("too-long")
        dom.listen("input", page.composer.field, self.on_input)
        dom.verbs(
            {
                "take-as-source": lambda of, el: self.take(),
                "close-too-long": lambda of, el: self.close(),
            }
        )

    async def give_back(self, asked, turn):
        """Put the question back into the field and out of the chat. A continued answer stays, and
        so does a question that has other answers."""
        chat = self.page.chat
        if turn["text"]:
            turn["ended"] = "full"
            await chat.save(turn)
            chat.draw()
            return
        gone = [turn] if len(chat.tree.after[asked["id"]]) > 1 else [turn, asked]
        for one in gone:
            chat.tree.remove(one)
        await chat.forget_turns(gone)
        self.page.composer.put(asked["text"])
        await self.page.pictures.give_back(asked)
        await self.page.composer.keep()
        self.show(asked["text"])

    def show(self, text):
        words = t("sources.words", n=len(text.split()))
        said = t("too_long.text", words=words)
        take = dom.button(t("too_long.take"), "take-as-source", drawing="file", cls="primary")
        close = dom.button(t("close"), "close-too-long")
        heading = dom.make("h3", t("too_long.title"))
        dom.replace(
            self.card, heading, dom.make("p", said), dom.make("div", take, close, cls="row")
        )
        self.card.hidden = False
        self.page.chat.keep_up()
        self.page.alarm(said)

    def on_input(self, event):
        if not self.page.composer.field.value:
            self.close()

    def close(self):
        self.card.hidden = True
        self.page.composer.focus()

    async def take(self):
        """Make the text a source; it leaves the field only once it is one."""
        composer = self.page.composer
        text = composer.field.value
        self.close()
        await self.page.intake.reader.take_text(text)
        composer.put("")
        await composer.keep()
