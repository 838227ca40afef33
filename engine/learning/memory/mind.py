"""The two memories of one assistant: facts known by heart, and what its versions learned.

A fact is remembered before any lesson about it, and forgotten before a version is trained without
it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial

from oneseek.engine.core.collecting.collector import find_allowed
from oneseek.engine.core.collecting.secrets import secrets_in
from oneseek.engine.core.exchange import INTENT
from oneseek.engine.core.exchange.entries import KEPT
from oneseek.engine.history.round_plan import DATA_SET
from oneseek.engine.history.versions import GUARDED, Versions, ancestors, behind
from oneseek.engine.learning.composing.asked import Asked
from oneseek.engine.learning.composing.selecting import widen
from oneseek.engine.learning.composing.tasks import is_task, notes_for, questions_of
from oneseek.engine.learning.lessons import LessonError, guess, language
from oneseek.engine.learning.lessons.forms import LONGEST as LONGEST_QUESTION
from oneseek.engine.learning.memory.encoder import NOT_HERE, Encoder
from oneseek.engine.learning.memory.listening import Listener
from oneseek.engine.learning.memory.memory import Memory
from oneseek.engine.learning.memory.replies import Replies, states_more
from oneseek.engine.learning.memory.speaking import Speaking, decide_from_facts
from oneseek.engine.learning.memory.statements.following import in_full
from oneseek.engine.learning.memory.statements.hearing import (
    Statement,
)
from oneseek.engine.learning.memory.statements.introducing import with_capitals
from oneseek.engine.learning.memory.statements.quoting import (
    CONVERSES,
    acknowledgement,
    states_all,
    words_of,
)
from oneseek.engine.learning.memory.statements.statement import (
    Found,
    is_for,
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

TO_REMEMBER = ("ready", "rejected", KEPT)  # a fact stays in memory if its lesson is rejected
ALONE = re.compile(r"[^?]*\?\W*\w*\W*")  # one question, and at most one word after it (thanks)
WAITING, AT_ONCE = 100, 8  # new records that a question looks at, and takes in, at most
REMEMBERED, REFUSED = "remembered", "not remembered"


class Mind:
    def __init__(self, model: Model, encoder: Encoder, versions: Versions) -> None:
        self.versions, self.tokenizer = versions, model.tokenizer
        self.converses = model.config.parameters >= CONVERSES
        self.memory = Memory(versions.store, versions.base, encoder, versions.clock)
        self.listener = Listener(self.memory)
        self.replies = Replies(self.memory, model.tokenizer)
        self._learned: dict[int, frozenset[str]] = {}
        self._queued = 0  # size of the queue when it was last looked at

    # ---- who answers

    async def list_learned(self, number: int | None) -> frozenset[str]:
        """The ids of the examples that a version and its ancestors learned, without superseded
        ones."""
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
        known = self.memory.list_covered() | await self._to_forget()
        return behind(record) or await self.list_learned(number) <= known

    async def decide_answer(
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
        await self.memory.load()
        question = with_capitals(question, partial(self.memory.introduces, user=user))
        found = await self.memory.find_facts(question, user=user)
        *before, kept = self.listener.find_kept([*earlier, message], user)
        told = self.listener.find_told_beside(message, kept)
        found = [one for one in found if one.id not in told]
        learned = await self.list_learned(number)
        languages = {one.fact["language"] for one in found}
        briefly = any(language(code).briefly.search(question) for code in languages)
        alone = ALONE.fullmatch(question) is not None
        speaking = decide_from_facts(
            found, self.tokenizer, version, learned, pushes, always, briefly, alone
        )
        if speaking.version or not pushes or len(question) > LONGEST_QUESTION:
            return speaking
        if wished := await self._answer_wish(message, user, keeps):
            return wished
        if speaking.push:
            return await self.replies.find_change(question, speaking, user) or speaking
        lately = {id for ids in before for id in ids}
        unkept = [one for one, ids in zip(earlier, before, strict=True) if not ids]
        answering = await self.replies.find(question, user, lately, told, unkept)
        if answering is None and keeps and not self.converses:
            answering = await self._acknowledge(message, earlier, user)
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
            return self.replies.say(listed, [Found(one, 1.0) for one in told])
        if not what:
            return self.replies.say(
                list_told(told, guess(message)), [Found(one, 1.0) for one in told]
            )
        gone = find_concerned(what, told)
        reply = self.replies.say(reply_to_forget(what, gone, guess(message)))
        return replace(reply, forgets=[one["id"] for one in gone])

    async def _acknowledge(
        self, message: str, earlier: Sequence[str], user: str
    ) -> Speaking | None:
        """The reply to a message that is nothing but statements: that they are kept, or that a
        secret is not. None for other messages. A message that allows an earlier secret ("keep it")
        is answered as that earlier message."""
        if allowed := (at := find_allowed(message, earlier)) >= 0:
            message, earlier = earlier[at], earlier[:at]
        if message.rstrip().endswith("?"):
            return None
        found = await self.hear(message, earlier, user)
        if not states_all(message, found):
            return None
        if not allowed and secrets_in(message):
            return self.replies.say(words_of(guess(message))["secret"])
        return self.replies.say(acknowledgement(message, found))

    async def states(self, message: str, user: str = "") -> bool:
        """Whether a message states something rather than asks for it."""
        try:
            return states_more(await self.memory.read(message, user))
        except NOT_HERE:
            return False

    async def notes(self, question: str, user: str = "") -> list[Found]:
        """The statements that a task should use; none if the question is no task."""
        if len(question) > LONGEST_QUESTION or not is_task(question):
            return []
        code = guess(question)
        try:
            found = await self.memory.find_statements(question, user)
            asked = questions_of(question, code) if found else []
            wider = await widen(self.memory, Asked(question, code), found, user)
            each = [await self.memory.find_statements(one, user) for one in asked]
        except NOT_HERE:
            return []
        return notes_for(question, found, self.memory.person(user).rows, code, each, wider)

    # ---- hearing

    async def hear(
        self, message: str, earlier: Sequence[str] = (), user: str = ""
    ) -> list[Statement]:
        """The statements of a message, which may correct what was kept of the person's `earlier`
        messages, or need it as context. None in a request to forget or to list everything."""
        await self.memory.load()
        if read_what_to_forget(message) or wants_all(message):
            return []
        return await self.listener.hear(message, earlier, user)

    # ---- taking in

    async def remember(self, ids: Iterable[str] = ()) -> dict:
        """Take in these records of the queue, or all that wait, and return the outcome."""
        waiting = [await self._record(id) for id in ids] if ids else await self.list_waiting()
        kept = [await self.keep(record) for record in waiting]
        taken = [id for one in kept for id in one["facts"]]
        reason = next((one["reason"] for one in kept if one["reason"]), "")
        outcome = REFUSED if reason and not taken else REMEMBERED
        return {"outcome": outcome, "reason": reason, "version": None, "facts": taken}

    async def take_in_queued(self) -> None:
        """Take in the newest chat records of the queue, so that the next question finds them. If
        more than WAITING are new, as after an import, none is taken in: the rounds take in all of
        them."""
        await self.memory.load()
        store = self.versions.store
        count = await store.count("queue")
        if count == self._queued:
            return
        self._queued = count
        new = [id for id in await store.keys("queue") if id not in self.memory.facts]
        if len(new) > WAITING:
            return
        known = self.memory.list_covered() if new else set()
        kept = [await store.get("queue", id) for id in new if id not in known]
        told = [
            record for record in kept
            if record and record["state"] in TO_REMEMBER and record["kind"] != DATA_SET
            and record["source"].get("kind") == "chat"
        ]  # fmt: skip
        for record in sorted(told, key=lambda record: record.get("time") or 0)[-AT_ONCE:]:
            await self.keep(record)

    async def keep(self, record: dict) -> dict:
        """Take in one fact and return the outcome, with the reason for a refusal."""
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

    async def list_waiting(self) -> list[dict]:
        """The records that this base model does not know by heart yet, the newest first."""
        await self.memory.load()
        queue = [one for _, one in await self.versions.store.all("queue")]
        told = [r for r in queue if r["state"] in TO_REMEMBER and r["kind"] != DATA_SET]
        gone = await self._to_forget()
        learned = [r for r in await self.versions.pool() if r["id"] not in gone]
        told += [r for r in learned if r["kind"] != DATA_SET]
        told += await self.memory.unmade()
        told.sort(key=lambda record: -(record.get("time") or 0))
        known = self.memory.list_covered()
        fresh = {one["id"]: one for one in told if one["id"] not in known}
        return list(fresh.values())

    async def _to_forget(self) -> set[str]:
        """The ids of the facts that versions still have to be retrained without."""
        return set((await self.versions.store.get("state", INTENT) or {"ids": ()})["ids"])

    # ---- letting go

    async def let_go(self, ids: list[str], skipped: bool = False) -> list[str]:
        """Forget these facts at once and return the ids of those that were known. A version that
        learned one is not asked about it until the version has forgotten it too. `skipped` records
        stay in the queue, where nobody learns them."""
        learned: set[str] = set()
        for record in await self.versions.records():
            learned |= await self.list_learned(record["number"])
        kept = [one for id in ids if (one := await self.versions.store.get("queue", id))]
        gone = [one["id"] for one in kept if not (skipped and one["state"] == "skipped")]
        return await self.memory.forget(ids, learned, gone)

    def reload(self) -> None:
        """Drop what is cached of versions and facts, after versions were replayed or removed."""
        self._learned.clear()
        self.memory.reload()
