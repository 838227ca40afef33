"""The two memories of one assistant: facts known by heart, and what its versions learned.

A fact is remembered before any lesson about it, and forgotten before a version is trained without
it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from oneseek.engine.core.collecting.collector import allows_secret
from oneseek.engine.core.collecting.secrets import secrets_in
from oneseek.engine.core.conversation import MEMORY
from oneseek.engine.core.exchange import INTENT
from oneseek.engine.core.exchange.entries import KEPT
from oneseek.engine.history.round_plan import DATA_SET
from oneseek.engine.history.versions import GUARDED, Versions, ancestors, behind
from oneseek.engine.learning.composing.parts import parts
from oneseek.engine.learning.composing.rows import goes_on
from oneseek.engine.learning.composing.rules import composed, takes_several
from oneseek.engine.learning.composing.tasks import is_task, notes_for
from oneseek.engine.learning.lessons import LessonError, guess, language
from oneseek.engine.learning.lessons.forms import LONGEST as LONGEST_QUESTION
from oneseek.engine.learning.memory.encoder import NOT_HERE, Encoder
from oneseek.engine.learning.memory.listening import Listener
from oneseek.engine.learning.memory.memory import Found, Memory, Read
from oneseek.engine.learning.memory.oneself import (
    asks_for_own,
    asks_something_else,
    speaks_of_everybody,
    speaks_of_oneself,
)
from oneseek.engine.learning.memory.speaking import Speaking, decided
from oneseek.engine.learning.memory.statements.answering import QUOTED, SAID, answer, chosen
from oneseek.engine.learning.memory.statements.following import in_full
from oneseek.engine.learning.memory.statements.hearing import (
    STATES,
    Statement,
)
from oneseek.engine.learning.memory.statements.quoting import (
    CONVERSES,
    Quoting,
    acknowledgement,
    states_all,
    words_of,
)
from oneseek.engine.learning.memory.statements.statement import (
    is_for,
    is_said_by,
)
from oneseek.engine.learning.memory.wishes import (
    find_concerned,
    list_told,
    read_what_to_forget,
    read_what_to_tell,
    reply_to_forget,
    wants_all,
)
from oneseek.engine.model.generate import Generator
from oneseek.engine.model.loaded import Model

TO_REMEMBER = ("ready", "rejected", KEPT)  # a refused lesson costs nothing that is known by heart
ASKS_NOTHING = 0.2  # with less a question that names nobody is a general one
NEAR_NOTHING = 0.35  # with a smaller sum of scores, nothing that was told answers the question
# The least sum of scores for a question to be split, and the least score of each of its parts.
NEAR_PART, PART_SURE = 0.045, 0.15
LATELY = 1.0  # nats that speak for a statement of the same chat, of the last few messages
ALONE = re.compile(r"[^?]*\?\W*\w*\W*")  # one question and no wish beside it, thanks at most
WAITING, AT_ONCE = 100, 8  # records of the queue that a question looks at, and takes in, at most
REMEMBERED, REFUSED = "remembered", "not remembered"


def states_more(read: Read) -> bool:
    """Whether a message states something rather than asks for it."""
    return read.states > max(STATES, read.asks)


def likelier(found: list[Found], ids: Collection[str]) -> list[Found]:
    """The same statements, of which these are the likelier by LATELY."""
    raised = [
        replace(one, score=one.score / (one.score + (1 - one.score) * math.exp(-LATELY)))
        if one.id in ids
        else one
        for one in found
    ]
    return sorted(raised, key=lambda one: (-one.score, -one.fact["time"]))


class Mind:
    def __init__(self, model: Model, encoder: Encoder, versions: Versions) -> None:
        self.versions, self.tokenizer = versions, model.tokenizer
        self.converses = model.config.parameters >= CONVERSES
        self.memory = Memory(versions.store, versions.base, encoder, versions.clock)
        self.listener = Listener(self.memory)
        self._learned: dict[int, frozenset[str]] = {}
        self._queued = 0  # records of the queue when it was last looked at

    # ---- who answers

    async def learned(self, number: int | None) -> frozenset[str]:
        """What a version has learned and stands by."""
        if not number:
            return frozenset()
        if number not in self._learned:
            chain = ancestors(number, await self.versions.records())
            pool = await self.versions.pool(chain=chain)
            self._learned[number] = frozenset(one["id"] for one in pool)
        return self._learned[number]

    async def guards(self, number: int) -> bool:
        """Whether a version answers only within its adapter scope: it was made for that, and it was
        judged with that scope or the memory recognises all of its facts."""
        record = await self.versions.record(number) if number else {}
        if record.get("guard") != GUARDED:
            return False
        await self.memory.load()
        known = self.memory.covered() | await self._to_forget()
        return behind(record) or await self.learned(number) <= known

    async def speaking(
        self,
        number: int,
        question: str,
        version: Generator | None = None,
        pushes: bool = True,
        always: bool = False,
        user: str = "",
        keeps: bool = False,
        earlier: Sequence[str] = (),
    ) -> Speaking:
        """Decide who answers a question, before any model reads it. With `keeps`, statements of
        the person are kept, and a message that only states something is acknowledged;
        `earlier` are the person's messages before it."""
        message, question = question, in_full(question, earlier[-1] if earlier else "")
        found = await self.memory.asked_for(question, user=user)
        *before, kept = self.listener.find_kept([*earlier, message], user)
        told = self.listener.told_beside(message, kept)
        found = [one for one in found if one.id not in told]
        learned = await self.learned(number)
        languages = {one.fact["language"] for one in found}
        briefly = any(language(code).briefly.search(question) for code in languages)
        alone = ALONE.fullmatch(question) is not None
        speaking = decided(found, self.tokenizer, version, learned, pushes, always, briefly, alone)
        if speaking.version or not pushes or len(question) > LONGEST_QUESTION:
            return speaking
        if wished := await self._answer_wish(message, user, keeps):
            return wished
        if speaking.push:
            return await self._since_changed(question, speaking, user) or speaking
        lately = {id for ids in before for id in ids}
        answering = await self._of_statements(question, user, lately, told)
        if answering is None and keeps and not self.converses:
            answering = await self._acknowledged(message, earlier, user)
        return answering or speaking

    async def _answer_wish(self, message: str, user: str, keeps: bool) -> Speaking | None:
        """Answer a person who asks for all that they told, or asks to forget some of it."""
        what = read_what_to_forget(message) if keeps else ""
        about = read_what_to_tell(message)
        if not (what or about or wants_all(message)):
            return None
        told = [one for one in self.memory.facts.values() if "answer" in one and is_for(one, user)]
        if about and not what:
            told = find_concerned(about, told)
            if not told:
                return None
            listed = list_told(told, guess(message), about)
            return self._saying(listed, [Found(one, 1.0) for one in told])
        if not what:
            return self._saying(list_told(told, guess(message)), [Found(one, 1.0) for one in told])
        gone = find_concerned(what, told)
        reply = self._saying(reply_to_forget(what, gone, guess(message)))
        return replace(reply, forgets=[one["id"] for one in gone])

    async def _acknowledged(
        self, message: str, earlier: Sequence[str], user: str
    ) -> Speaking | None:
        """The reply to a message that only states what is kept of it, or would be but for a secret;
        and to the word that the secret before it is to be kept."""
        if earlier and allows_secret(message) and secrets_in(earlier[-1]):
            message, earlier, allowed = earlier[-1], earlier[:-1], True
        else:
            allowed = False
        if message.rstrip().endswith("?"):
            return None
        found = await self.hear(message, earlier, user)
        if not states_all(message, found):
            return None
        if not allowed and secrets_in(message):
            return self._saying(words_of(guess(message))["secret"])
        return self._saying(acknowledgement(message, found))

    def _saying(self, text: str, used: Sequence[Found] = ()) -> Speaking:
        """The memory says exactly this, of the facts that it used."""
        push = Quoting(self.tokenizer, text)
        facts = {one.id: one.told() for one in used}
        return Speaking(MEMORY, list(facts.values()), push, None)

    async def _of_statements(
        self, question: str, user: str, lately: Collection[str], told: Collection[str]
    ) -> Speaking | None:
        """What a statement answers, in its words; or that nothing of the kind was told. People ask
        about what they told `lately` in the same chat; what the message itself `told` beside the
        question is no answer to it."""
        try:
            found = likelier(await self.memory.answering(question, user), lately)
            read = await self.memory.read(question, user)
        except NOT_HERE:
            return None
        code = guess(question)
        if states_more(read) or is_task(question):
            return None
        if told:
            return self._said_of([one for one in found if one.id not in told], question)
        knows, mine = self.memory.knows(question, user), speaks_of_oneself(question)
        if speaks_of_everybody(question) and not knows:
            return None
        general = read.asks < ASKS_NOTHING and not knows
        if general and not mine:
            return None
        known, now = self._said_by(user), self.memory.clock()
        changed = found and found[0].changes and found[0].score >= QUOTED
        changed = changed and not goes_on(found[0].fact["answer"])
        sure = sum(one.score for one in found)
        own = mine and (not general or takes_several(question, code))
        own = own or knows or sure >= QUOTED
        if found and (own or sure >= NEAR_PART):
            asked = [] if changed else parts(question)
            each = [await self.memory.answering(part, user) for part in asked]
            own = own or (
                bool(each) and all(any(one.apart >= PART_SURE for one in part) for part in each)
            )
        if found and own:
            if more := composed(question, found, known, code, now, each, bool(changed)):
                return self._saying(*more)
        is_own = asks_for_own(question, read.asks, knows)
        said = chosen(found, question) if found else []
        if not said and is_own and sure >= NEAR_NOTHING and takes_several(question, code):
            said = found[:1]  # a quotation is nearer than what the base would make up
        if not said:
            said = await self._of_another_language(question, user)
        if said:
            return self._saying(answer(said, question, code, now), said)
        if is_own and sure < NEAR_NOTHING and not asks_something_else(question):
            return self._saying(words_of(code)["nothing"])
        return None

    async def states(self, message: str, user: str = "") -> bool:
        """Whether a message states something rather than asks for it."""
        try:
            return states_more(await self.memory.read(message, user))
        except NOT_HERE:
            return False

    async def _since_changed(self, question: str, speaking: Speaking, user: str) -> Speaking | None:
        """What is to be said instead of facts told in a chat, where a statement changed them."""
        ids = [one["id"] for one in speaking.facts]
        if any("message" not in one["source"] for one in speaking.facts):
            return None
        try:
            found = await self.memory.answering(question, user)
        except NOT_HERE:
            return None
        if not found or found[0].id in ids or not any(one.id in ids for one in found):
            return None
        return self._said_of(found, question)

    def _said_of(self, found: list[Found], question: str) -> Speaking | None:
        """What the likeliest of some statements say to a question, where they are likely enough."""
        said = chosen(found, question)
        if not said:
            return None
        return self._saying(answer(said, question, guess(question), self.memory.clock()), said)

    async def notes(self, question: str, user: str = "") -> list[Found]:
        """What was told that a task should use."""
        if len(question) > LONGEST_QUESTION or not is_task(question):
            return []
        try:
            found = await self.memory.answering(question, user)
        except NOT_HERE:
            return []
        return notes_for(question, found, self._said_by(user), guess(question))

    def _said_by(self, user: str) -> list[dict]:
        return [one for one in self.memory.facts.values() if is_said_by(one, user)]

    async def _of_another_language(self, question: str, user: str) -> list[Found]:
        found = await self.memory.in_another_language(question, user)
        return [one for one in found if one.score >= SAID and is_for(one.fact, user)][:1]

    # ---- hearing

    async def hear(
        self, message: str, earlier: Sequence[str] = (), user: str = ""
    ) -> list[Statement]:
        """The statements of a message, which may take back or lean on what was kept of the person's
        messages before it."""
        await self.memory.load()
        if read_what_to_forget(message) or wants_all(message):
            return []
        return await self.listener.hear(message, earlier, user)

    # ---- taking in

    async def remember(self, ids: Iterable[str] = ()) -> dict:
        """Take in records of the queue, or without any all that waits: how that ended."""
        waiting = [await self._record(id) for id in ids] if ids else await self.waiting()
        kept = [await self.keep(record) for record in waiting]
        taken = [id for one in kept for id in one["facts"]]
        reason = next((one["reason"] for one in kept if one["reason"]), "")
        outcome = REFUSED if reason and not taken else REMEMBERED
        return {"outcome": outcome, "reason": reason, "version": None, "facts": taken}

    async def take_in_queued(self) -> None:
        """Take in the newest of what was said in a chat and waits in the queue, so that the next
        question finds it. Where imports wait there too, the rounds take all of it in."""
        await self.memory.load()
        store = self.versions.store
        count = await store.count("queue")
        if count == self._queued:
            return
        self._queued = count
        new = [id for id in await store.keys("queue") if id not in self.memory.facts]
        if len(new) > WAITING:
            return
        known = self.memory.covered() if new else set()
        kept = [await store.get("queue", id) for id in new if id not in known]
        told = [
            record for record in kept
            if record and record["state"] in TO_REMEMBER and record["kind"] != DATA_SET
            and record["source"].get("kind") == "chat"
        ]  # fmt: skip
        for record in sorted(told, key=lambda record: record.get("time") or 0)[-AT_ONCE:]:
            await self.keep(record)

    async def keep(self, record: dict) -> dict:
        """Take one fact in, or say why it cannot be kept in mind."""
        try:
            taken, reason = await self.memory.remember([record]), ""
        except (LessonError, *NOT_HERE) as fault:
            taken, reason = [], f"{record['prompt'][:80]}: {fault}"
        return {"outcome": REMEMBERED if taken else REFUSED, "reason": reason, "facts": taken}

    async def _record(self, id: str) -> dict:
        for store in ("queue", "examples"):
            if record := await self.versions.store.get(store, id):
                return record
        raise KeyError(f"the queue holds no example {id!r} any more")

    async def waiting(self) -> list[dict]:
        """What was told and is not known by heart yet, to this base model; what was told last comes
        first."""
        await self.memory.load()
        queue = [one for _, one in await self.versions.store.all("queue")]
        told = [r for r in queue if r["state"] in TO_REMEMBER and r["kind"] != DATA_SET]
        gone = await self._to_forget()
        learned = [r for r in await self.versions.pool() if r["id"] not in gone]
        told += [r for r in learned if r["kind"] != DATA_SET]
        told += await self.memory.unmade()
        told.sort(key=lambda record: -(record.get("time") or 0))
        known = self.memory.covered()
        fresh = {one["id"]: one for one in told if one["id"] not in known}
        return list(fresh.values())

    async def _to_forget(self) -> set[str]:
        """What versions are still to be trained again without."""
        return set((await self.versions.store.get("state", INTENT) or {"ids": ()})["ids"])

    # ---- letting go

    async def let_go(self, ids: list[str], skipped: bool = False) -> list[str]:
        """Forget these facts at once and return the ids of those that were known. A version that
        learned one is not asked about it until the version has forgotten it too. `skipped` records
        stay in the queue, where nobody learns them."""
        learned: set[str] = set()
        for record in await self.versions.records():
            learned |= await self.learned(record["number"])
        kept = [one for id in ids if (one := await self.versions.store.get("queue", id))]
        gone = [one["id"] for one in kept if not (skipped and one["state"] == "skipped")]
        return await self.memory.forget(ids, learned, gone)

    def forgotten(self) -> None:
        """The versions were replayed or removed: what is known of them and of facts is read
        anew."""
        self._learned.clear()
        self.memory.reload()
