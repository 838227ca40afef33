"""Finds the statements of a message in the context of what was kept of those before it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial

from oneseek.engine.core.collecting.collector import text_said
from oneseek.engine.learning.lessons import guess
from oneseek.engine.learning.memory.encoder import NOT_HERE
from oneseek.engine.learning.memory.memory import Memory
from oneseek.engine.learning.memory.statements.correcting import LIMIT, extract_features, weigh
from oneseek.engine.learning.memory.statements.hearing import (
    Statement,
    changes,
    leans,
    sentences,
    statements,
)
from oneseek.engine.learning.memory.statements.hearing import (
    goes_on as goes_with,
)
from oneseek.engine.learning.memory.statements.rows import goes_on
from oneseek.engine.learning.memory.statements.statement import text_of

SOMEBODY = re.compile(
    r"(?:and |but |och |men )?(?:he|she|they|his|her|their|han|hon|de|dom|hans|hennes|deras)\b",
    re.I,
)
QUESTION = 0.6  # from this probability on, a message asks for something of one's own
# Minimum probabilities of stating something, for a message behind one that was kept: if it begins
# with a pronoun for somebody, or shares a rare word; and if not.
SAYS_MORE, IN_ROW = 0.25, 0.4
RECENT = 2  # messages back, at most, that such a message goes on from
RARE = 3.0  # nats of a rare word
ASKS = re.compile(  # a question, also without its mark
    r"(?:what|how|why|when|where|who|which|do|does|did|is|are|can|could|should|would|will|any|vad|"
    r"hur|varför|när|var|vem|vilk\w+|kan|ska|är|har (?:du|nån|någon)|finns)\b",
    re.I,
)
FAR = 200  # characters: a longer message is no correction as a whole
MOST = 4  # statements that a message may correct, at most: the newest


class Listener:
    """Finds the statements of messages, and the earlier statements that they replace or need as
    context."""

    def __init__(self, memory: Memory) -> None:
        self.memory = memory

    async def hear(self, message: str, earlier: Sequence[str], user: str) -> list[Statement]:
        """The statements of a message; `earlier` are the person's messages before it."""
        try:
            known = partial(self.memory.introduces, user=user)
            found = await statements(message, self.memory.reader.alone, known)
        except NOT_HERE:
            return []
        await self.memory.load()  # what is stored may have changed while the message was read
        each = self.find_kept(earlier, user)
        newest = next((at for at in reversed(range(len(each))) if each[at]), None)
        if newest is None:
            return found
        kept, before, at_once = each[newest], earlier[newest], newest == len(earlier) - 1
        texts = {id: text_of(self.memory.facts[id]) for id in kept}
        if at_once and goes_on(message, before) and not changes(message) and len(found) < 2:
            more = Statement(found[0].said if found else message.strip(), language=guess(message))
            more.before = texts[kept[-1]]
            return [more]
        if not (at_once or changes(message)):
            recent = newest >= len(earlier) - RECENT
            if found or not recent or not await self._says_more(message, each):
                return found
            return [self._make_more(message, texts[kept[-1]])]
        if before_it := await self._find_taken_back(message, kept, bool(found)):
            said = found[0].said if len(message) > FAR else message.strip()
            changed = Statement(said, language=guess(message))
            changed.before = texts[before_it]
            changed.replaces = [before_it]
            return [changed]
        if not found and at_once and await self._says_more(message, each):
            return [self._make_more(message, texts[kept[-1]])]
        if found and leans(message):
            found[0].before = texts[kept[-1]]
        return found

    async def _says_more(self, message: str, kept: Sequence[Sequence[str]]) -> bool:
        """Whether a message that states little by itself goes on from what was `kept` of those
        before it: "she wants a skateboard", "one of the hens has died"."""
        text = message.strip()
        if len(text) > FAR or changes(text) or ASKS.match(text):
            return False
        (read,) = await self.memory.reader.alone([text])
        before = [text_of(self.memory.facts[id]) for ids in kept for id in ids]
        shares = any(self.memory.said.measure_shared(text, said) >= RARE for said in before)
        least = SAYS_MORE if shares or SOMEBODY.match(text) else IN_ROW
        return read.states >= least and goes_with(text, read)

    def _make_more(self, message: str, before: str) -> Statement:
        """The statement of a message that goes on from the one `before`."""
        more = Statement(message.strip(), language=guess(message))
        if leans(message):
            more.before = before
        return more

    async def _asks(self, message: str) -> bool:
        """Whether a message asks for something of the person's own."""
        reader = self.memory.reader
        read, _ = await reader.read_question(message, (), await reader.locate_question(message))
        return read.asks >= QUESTION

    async def _find_taken_back(self, message: str, earlier: list[str], states: bool) -> str | None:
        """The id of the earlier statement that a message corrects or ends, or None. `states` says
        that the message states something itself. A question corrects nothing, also without its
        mark."""
        if len(message) > FAR and not states or message.rstrip().endswith("?"):
            return None
        if not states and not changes(message) and await self._asks(message.strip()):
            return None
        (alone,) = await self.memory.reader.alone([message.strip()])
        texts = [text_of(self.memory.facts[id]) for id in earlier[-MOST:]]
        pairs = await self.memory.reader.read_pairs([(said, message) for said in texts])
        likely = [
            weigh(extract_features(pair, said, message, alone.states))
            for pair, said in zip(pairs, texts, strict=True)
        ]
        best = max(range(len(texts)), key=likely.__getitem__)
        return earlier[-MOST:][best] if likely[best] >= LIMIT else None

    def find_kept(self, messages: Sequence[str], user: str) -> list[list[str]]:
        """For each message, the ids of the statements that were kept of it, in their order."""
        person = self.memory.person(user)
        return [person.find_in(message) for message in messages]

    def find_told_beside(self, question: str, kept: Sequence[str]) -> list[str]:
        """The ids of those statements in `kept` that a message tells beside its question."""
        told = [one for one in sentences(question) if not one.endswith("?")]
        said = {id: text_said(self.memory.facts[id]) for id in kept}
        return [
            id
            for id, words in said.items()
            if question.startswith(words) or any(words in one for one in told)
        ]
