"""The preferences that a person shows in the chat: a thumb, an edited answer, a variant that was
kept, the better of two. Each is stored before it is acknowledged."""

from oneseek.engine.core.collecting import choices
from oneseek.web.learning import learn_from
from oneseek.web.lib import clock
from oneseek.web.lib.words import t


class Taste:
    def __init__(self, page):
        self.page = page

    def key(self):
        """The key of the store's record on whether the taste is used with this model."""
        return "taste.%s" % self.page.choice.model_id()

    async def is_off(self):
        """Whether a person switched it off."""
        switch = await self.page.store.get("state", self.key())
        return bool(switch and switch["off"])

    def may_learn(self, chat):
        """Whether a person lets this chat teach anything."""
        return self.page.teaching.learns_from(chat) != learn_from.NOTHING

    async def keep(self, way, prompt, chosen, rejected, chat="", message=""):
        """Store one choice; two equal answers are none."""
        if chat and not self.may_learn(chat):
            return
        source = {"chat": chat, "message": message}
        try:
            record = choices.choice_of(prompt, chosen, rejected, way, clock.now(), source)
        except ValueError:
            return
        if await choices.keep(self.page.store, record):
            self.page.touch("choices")
        elif choices.secrets_of(record):
            self.page.say(t("taste.secret"))

    async def keep_edit(self, asked, answer, text):
        """Store that the person's text is better than the answer."""
        about = asked["chat"], answer["id"]
        await self.keep(choices.EDITED, asked["text"], text, answer["text"], *about)

    async def keep_rating(self, asked, answer):
        """Store a thumb up or down, or remove it."""
        good, bad = answer["rating"] == 1, answer["rating"] == -1
        if good or bad:
            texts = (answer["text"], "") if good else ("", answer["text"])
            about = asked["chat"], answer["id"]
            await self.keep(choices.THUMB, asked["text"], *(texts + about))
            return
        id = choices.id_of(asked["text"], answer["text"], "")
        await self.page.store.batch([["delete", choices.STORE, id]])
        self.page.touch("choices")

    async def went_on(self, tree, answer):
        """Store that the person went on from this answer, not from the others to its question.
        Answers about a picture are no measure for answers to words."""
        others = [one for one in tree.siblings(answer) if one is not answer]
        done = answer["role"] == "assistant" and answer["state"] == "done"
        if not (others and done and self.page.teaching.keeps(answer["chat"])):
            return
        if answer.get("of_picture"):
            return
        asked = tree[answer["parent"]]
        about = asked["chat"], answer["id"]
        for other in others:
            if other["state"] == "done" and other["text"]:
                texts = asked["text"], answer["text"], other["text"]
                await self.keep(choices.KEPT, *(texts + about))

    async def better(self, prompt, chosen, rejected):
        """Store the better of two answers in a comparison."""
        await self.keep(choices.BETTER, prompt, chosen, rejected)
