"""The memory's reply to a question: the statements that answer it, the nearest one if none is sure,
or that nothing of the kind was told."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import replace

from oneseek.engine.core.collecting.secrets import secrets_in
from oneseek.engine.core.conversation import MEMORY
from oneseek.engine.learning.composing.asked import Asked
from oneseek.engine.learning.composing.parts import clauses, parts
from oneseek.engine.learning.composing.rules import compose, takes_several
from oneseek.engine.learning.composing.selecting import widen
from oneseek.engine.learning.composing.tasks import is_task
from oneseek.engine.learning.lessons import guess, language
from oneseek.engine.learning.memory.encoder import NOT_HERE
from oneseek.engine.learning.memory.memory import Memory, Read
from oneseek.engine.learning.memory.oneself import (
    asks_for_advice,
    asks_for_own,
    has_question,
    points_elsewhere,
    speaks_of_everybody,
    speaks_of_oneself,
)
from oneseek.engine.learning.memory.second_look import content
from oneseek.engine.learning.memory.speaking import Speaking
from oneseek.engine.learning.memory.statements.answering import (
    QUOTED,
    SAID,
    answer,
    choose_statements,
)
from oneseek.engine.learning.memory.statements.hearing import STATES
from oneseek.engine.learning.memory.statements.quoting import Quoting, quote_context, words_of
from oneseek.engine.learning.memory.statements.rows import Rows, before, goes_on
from oneseek.engine.learning.memory.statements.statement import Found, is_for
from oneseek.engine.model.tokenizer import Tokenizer

ASKS_NOTHING = 0.2  # below, a question that names nobody is a general one
ADVISED = 0.98  # below, a question that may be for advice is for advice
LIKELY = 0.42  # least sum of scores for one statement to answer a question for several
NEAREST = 0.12  # with a smaller sum of scores, nothing that was told is near the question
NEARLY = 0.3  # the least score of the next statement that is offered too, relative to the nearest
# The least sum of scores for a question to be split, and the least score of each of its parts.
NEAR_PART, PART_SURE = 0.045, 0.15
# The least sum of scores for several statements to be put together, where the question names
# neither a group nor anything that the memory knows by name.
SEVERAL = 0.1
# The least probabilities that a question asks for something of the person's own, for several
# statements to be put together: if it speaks of the person, and if it does not.
SLIGHTLY_MINE, SLIGHTLY = 0.06, 0.3
LATELY = 1.0  # nats added to a statement of the last few messages of the same chat


def states_more(read: Read) -> bool:
    """Whether a message states something rather than asks for it."""
    return read.states > max(STATES, read.asks)


def likelier(found: list[Found], ids: Collection[str]) -> list[Found]:
    """The statements, of which those with these ids are raised by LATELY; the likeliest first."""
    raised = [
        replace(one, score=one.score / (one.score + (1 - one.score) * math.exp(-LATELY)))
        if one.id in ids
        else one
        for one in found
    ]
    return sorted(raised, key=lambda one: (-one.score, -one.fact["time"]))


def changes_another(found: Sequence[Found], rows: Rows) -> bool:
    """Whether the likeliest statement is sure and changes another. It changes none of those that
    were said together with it: a correction takes their place when it is kept."""
    first = found[0]
    if not first.changes or first.score < QUOTED or goes_on(first.fact["answer"]):
        return False
    together = {fact["id"] for fact in rows.together(first.fact)}
    return together.isdisjoint(one.id for one in found)


class Replies:
    def __init__(self, memory: Memory, tokenizer: Tokenizer) -> None:
        self.memory, self.tokenizer = memory, tokenizer

    def say(self, text: str, used: Sequence[Found] = ()) -> Speaking:
        """The decision to say exactly this text, from the facts that are `used`."""
        push = Quoting(self.tokenizer, text)
        facts = {one.id: one.to_dict() for one in used}
        return Speaking(MEMORY, list(facts.values()), push, None)

    async def find(
        self,
        question: str,
        user: str,
        lately: Collection[str],
        told: Collection[str],
        unkept: Sequence[str],
    ) -> Speaking | None:
        """The memory's reply to a question, or None if a model is to answer. Statements told
        `lately` in this chat are likelier; those that the message itself `told` do not answer it.
        `unkept` are earlier messages of which nothing was kept."""
        try:
            found = likelier(await self.memory.find_statements(question, user), lately)
            read = await self.memory.read(question, user)
        except NOT_HERE:
            return None
        code, now, sure = guess(question), self.memory.clock(), sum(one.score for one in found)
        asks_beside = sure >= NEAREST and not told and has_question(question)
        if (states_more(read) and not asks_beside) or is_task(question):
            return None
        if told:
            return self._say_likeliest([one for one in found if one.id not in told], question)
        knows, mine = self.memory.knows(question, user), speaks_of_oneself(question)
        if speaks_of_everybody(question) and not knows:
            return None
        general = read.asks < ASKS_NOTHING and not knows
        if general and not mine:
            return None
        advice = asks_for_advice(question) and read.asks < ADVISED
        if advice and not knows and sure < QUOTED:
            return None
        own = mine and (not general or takes_several(question, code))
        is_own = asks_for_own(question, read.asks, knows, sure >= NEAREST)
        own = own or knows or is_own or sure >= QUOTED
        if found and read.asks >= (SLIGHTLY_MINE if mine else SLIGHTLY):
            if more := await self._put_together(question, found, user, own, knows):
                return self.say(*more)
        said = choose_statements(found, question) if found else []
        if not said and is_own and sure >= LIKELY and takes_several(question, code):
            said = found[:1]  # the base model would invent an answer
        if not said:
            said = await self._of_another_language(question, user)
        if said:
            return self.say(answer(said, question, code, now), said)
        if is_own and not advice and not points_elsewhere(question):
            if sure >= NEAREST:
                return self._offer_nearest(found, code)
            return self.say(self._why_nothing(question, unkept))
        return None

    async def _put_together(
        self, question: str, found: list[Found], user: str, own: bool, knows: bool
    ) -> tuple[str, list[Found]] | None:
        """The answer from several statements, and those statements; None if one is enough, or if
        the question, or a part of it, is neither sure to be for the person's `own` things nor
        near what was told."""
        code, sure = guess(question), sum(one.score for one in found)
        if not own and sure < NEAR_PART:
            return None
        rows, asked = self.memory.person(user).rows, Asked(question, code)
        changed = changes_another(found, rows)
        wider = await widen(self.memory, asked, found, user)
        questions = clauses(question) if changed else parts(question)
        each = [await self.memory.find_statements(part, user) for part in questions]
        sure_parts = [any(one.apart >= PART_SURE for one in part) for part in each]
        own = own or bool(each) and all(sure_parts)
        for part, is_sure in zip(questions, sure_parts, strict=True):
            own = own or is_sure and await self._asks_for_own(part, user)
        near = sure >= SEVERAL or any(sure_parts)
        if not own or not (near or knows or asked.groups):
            return None
        return compose(question, found, rows, code, self.memory.clock(), each, changed, wider)

    async def _asks_for_own(self, question: str, user: str) -> bool:
        knows = self.memory.knows(question, user)
        return asks_for_own(question, (await self.memory.read(question, user)).asks, knows)

    def _offer_nearest(self, found: Sequence[Found], code: str) -> Speaking:
        """The reply that exactly that was not told, with the nearest statement, and the next one if
        that is nearly as likely."""
        nearest, *others = found[:2]
        offered = [nearest, *(one for one in others if one.score >= NEARLY * nearest.score)]
        words, texts = words_of(code), []
        for name, one in zip(("not_exactly", "then"), offered, strict=False):
            context = quote_context(before(one.fact), code)
            texts.append(words[name].format(said=one.fact["answer"]) + context)
        text = " ".join(texts)
        return replace(self.say(text, offered), sure=False)

    def _why_nothing(self, question: str, unkept: Sequence[str]) -> str:
        """The text that nothing was told, or that it was a secret in one of the `unkept`
        messages."""
        code = guess(question)
        words = language(code)
        asked = content(question, words)
        secret = any(asked & content(one, words) and secrets_in(one) for one in unkept)
        return words_of(code)["secret" if secret else "nothing"]

    async def find_change(self, question: str, speaking: Speaking, user: str) -> Speaking | None:
        """The reply to give instead of facts told in a chat, if another statement is likelier than
        they are."""
        ids = [one["id"] for one in speaking.facts]
        if any("message" not in one["source"] for one in speaking.facts):
            return None
        try:
            found = await self.memory.find_statements(question, user)
        except NOT_HERE:
            return None
        if not found or found[0].id in ids or not any(one.id in ids for one in found):
            return None
        return self._say_likeliest(found, question)

    def _say_likeliest(self, found: list[Found], question: str) -> Speaking | None:
        """The reply with the likeliest of some statements; None if they are not likely enough."""
        said = choose_statements(found, question)
        if not said:
            return None
        return self.say(answer(said, question, guess(question), self.memory.clock()), said)

    async def _of_another_language(self, question: str, user: str) -> list[Found]:
        found = await self.memory.in_another_language(question, user)
        return [one for one in found if one.score >= SAID and is_for(one.fact, user)][:1]
