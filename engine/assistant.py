"""Answers conversations on one base model: by the base itself, the memory, a version or a skill.

The page's worker and the server both drive this; neither knows about the other's messages, and
nothing here knows about either.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np

from oneseek.engine.backends.executor import Tensor
from oneseek.engine.core.collecting.collector import (
    EARLIER,
    DataCollector,
    allows_secret,
    find_allowed,
)
from oneseek.engine.core.conversation import SOURCE
from oneseek.engine.core.exchange.arriving import put_intent
from oneseek.engine.core.queue.saved import SavedQueue
from oneseek.engine.core.settings import TrainingConfig
from oneseek.engine.history.snapshot import Arrays
from oneseek.engine.history.updater import WeightUpdater
from oneseek.engine.history.versions import GENERIC, Versions, label, skill_of
from oneseek.engine.learner import BASE, Learner
from oneseek.engine.learning import lessons
from oneseek.engine.learning.composing.tasks import (
    PARAPHRASED,
    find_unused,
    with_notes,
    without_notes,
)
from oneseek.engine.learning.composing.tasks import beside as beside_answer
from oneseek.engine.learning.lessons import guess
from oneseek.engine.learning.memory.encoder import Encoder, OpensFile, encoder_here
from oneseek.engine.learning.memory.mind import Mind
from oneseek.engine.learning.memory.oneself import ONESELF
from oneseek.engine.learning.memory.recogniser import SURE
from oneseek.engine.learning.memory.speaking import BASE as BASE_ALONE
from oneseek.engine.learning.memory.speaking import (
    SKILL,
    TASTE,
    VERSION,
    Recalled,
    Speaking,
    drop_quotations,
)
from oneseek.engine.learning.memory.statements.quoting import Quoting
from oneseek.engine.learning.memory.statements.statement import Found
from oneseek.engine.learning.skills.skills import Skills
from oneseek.engine.learning.taste.taste import Taste
from oneseek.engine.learning.trainer import check
from oneseek.engine.model.choice.form import Form
from oneseek.engine.model.choice.sampling import Sampling
from oneseek.engine.model.generate import Answer, Generator
from oneseek.engine.model.kv_cache import ANSWER_BYTES, Pool
from oneseek.engine.model.loaded import Model
from oneseek.engine.model.trainable import Trained
from oneseek.engine.turns import beside, urgent

CACHE_ROWS = 2048
FIRST_PROGRAMS = ((64, 1), (1, 1), (16, 1), (256, 1))  # tokens read or decoded at once
BY_HEART = ((4, 4), (64, 4), (16, 4))  # those of an answer from the memory


Source = str | Sequence[str]  # the ids of documents; an empty one means all


class Library(Protocol):
    """The documents that answer questions."""

    async def find_documents(self, source: Source, user: str) -> Sequence[Any]:
        """Return the documents that a user may ask: those that are named, or all."""

    async def answer(
        self, question: str, source: Source, user: str
    ) -> tuple[str, list[dict]] | None:
        """Return what they say about a question, and its places; None where they say nothing."""


class Assistant:
    """One loaded model, the version in use, and the answers under way. Only for an assistant that
    `leads` does other work wait while it answers."""

    def __init__(
        self,
        model: Model,
        versions: Versions,
        config: TrainingConfig,
        rows: int = CACHE_ROWS,
        memory_budget: int | None = None,
        device_memory: int = 0,
        encoder_file: OpensFile = encoder_here,
        leads: bool = True,
    ) -> None:
        self.model, self.versions = model, versions
        self.mind = Mind(model, Encoder(encoder_file, model.executor), versions)
        self.skills = Skills(versions, self.mind.memory.encoder)
        self.taste = Taste(versions)
        self.recalled = Recalled()
        self.library: Library | None = None  # documents that answer questions as well
        learning = (
            versions,
            config,
            self.mind,
            self.skills,
            self.reread,
            memory_budget,
            device_memory,
        )
        self.learner = Learner(model, *learning)
        self.turns = model.executor.turns
        if leads:
            self.turns.yield_to(lambda: self.answering)
        self.trained = self.learner.trainer.trained
        room = model.executor.room(ANSWER_BYTES)
        self.pool = Pool(model.executor, model.config, min(rows, model.positions), room)
        self.base = Generator(model, pool=self.pool, name="base")
        self.tensors: dict[str, Tensor] = {}
        self.adapted: Generator | None = None
        self.guarded: Generator | None = None
        self.updater = WeightUpdater(versions, self._load, self._put, self._quiet)
        self.answers: dict[str, Answer] = {}
        self._preparing = 0  # answers
        self._pump: asyncio.Task[Exception | None] | None = None
        self._settled = asyncio.Condition()

    # ---- answering

    @property
    def answering(self) -> bool:
        """Whether someone waits for an answer; training pauses meanwhile."""
        return self._preparing > 0 or self.speaking

    @property
    def speaking(self) -> bool:
        """Whether a prompt is being read or an answer decoded."""
        return any(generator.busy for generator in self.generators)

    @property
    def with_weights(self) -> list[Generator]:
        """The generators that use a version's weights."""
        return [one for one in (self.adapted, self.guarded) if one]

    @property
    def generators(self) -> list[Generator]:
        return [self.base, *self.with_weights]

    async def answer(
        self,
        messages: list[dict],
        sampling: Sampling,
        key: str,
        version: int | None = None,
        line: str = GENERIC,
        user: str = "",
        keeps: bool = False,
        source: Source | None = "",
        **hooks: Any,
    ) -> tuple[Answer, int]:
        """Answer a conversation; returns the answer and the number of the version that gave it.
        `version` None is the version in use, or that of the skill that is asked for. `source` names
        the documents to answer from; None allows none. What one `user` told is known to nobody
        else. With `keeps`, a message that only states something is acknowledged by small models. A
        message with `pictures` (tiles) is answered by the model without the memory."""
        number = await self.versions.number(line) if version is None else version
        with self._go_first():
            messages = await self.model.see(messages)
        looks = bool(messages[-1].get("pictures"))
        filled = isinstance(hooks.get("form"), Form)
        skill = "" if source or looks else await self.skill_for(version, messages)
        notes: list[Found] = []
        if skill:
            messages = messages[-1:]  # as it was taught: each question by itself
        elif version != BASE and not (source or looks or filled):
            notes = await self.notes(messages, user)
        shown = self.build_conversation(messages, notes)
        written = hooks.get("prefix", ""), hooks.get("think", False), hooks.pop("tools", None)
        with self._go_first():
            prompt = await beside(self.base.prompt, shown, sampling, *written)
        more: dict[str, Any]
        if skill:
            number = await self.skills.number(skill) if version is None else version
            question = "" if filled else messages[-1]["content"]
            generator, more = await self.begin_skill(skill, number, question)
        elif looks:  # the memory knows nothing about pictures
            number, more = version or BASE, {}
            generator = await self.generator(number)
        else:
            asked = version, messages, user
            read = None if filled else await self.read_sources(*asked, source)
            generator, more = read or await self.speaker(number or BASE, *asked, keeps)
        if generator is not self.base or (more and more["speaking"].by != BASE_ALONE):
            sampling = sampling.greedy()  # what was learned, or is in the memory
        elif version is None and not filled and (liked := await self.taste.number()):
            number, generator = liked, await self.generator(liked)
            more = {"speaking": Speaking(TASTE, [], None, None)}
        answer = generator.ask(shown, sampling, key, prompt=prompt, **(hooks | more))
        self.answers[key] = answer
        try:
            await self.wait_for_answer(answer)
        finally:
            if self.answers.get(key) is answer:
                del self.answers[key]
        self.recalled.keep(answer.text, answer.speaking)
        if notes and not answer.push:
            self.add_unused(answer, messages[-1]["content"], notes)
        return answer, number or BASE

    def build_conversation(self, messages: list[dict], notes: list[Found]) -> list[dict]:
        """Return the conversation as the model gets it."""
        if not self.mind.converses:
            messages = drop_quotations(self.recalled.mark(messages))
            messages = [
                {**one, "content": without_notes(one["content"])}
                if one["role"] == "assistant"
                else one
                for one in messages
            ]
        return add_notes(messages, notes)

    async def begin_skill(
        self, skill: str, number: int | None, question: str
    ) -> tuple[Generator, dict]:
        """The generator of a skill, and the options of the answer: its grammar, if there is one."""
        more: dict[str, Any] = {"speaking": Speaking(SKILL, [], None, None, skill)}
        grammar = await self.skills.grammar(skill, question) if number and question else None
        if grammar:
            more["form"] = Form(grammar, self.model.tokenizer)
        return await self.generator(number or BASE), more

    async def notes(self, messages: list[dict], user: str) -> list[Found]:
        """Return the stored statements that a task should use."""
        with self._go_first():
            return await self.mind.notes(messages[-1]["content"], user)

    def add_unused(self, answer: Answer, task: str, notes: list[Found]) -> None:
        """Quote under an answer the notes that it did not use, unless it was stopped. The text of a
        small model may have all words of a note but one, and make no sense."""
        code = guess(task)
        share = PARAPHRASED if self.mind.converses else 0.0
        if answer.ended != "cancelled" and (
            left := find_unused(answer.text, task, notes, code, share)
        ):
            answer.add_text(beside_answer(left, code))

    async def read_ahead(self, question: str) -> None:
        """Read a question while it is being typed, so that its sender does not wait for that."""
        await self.mind.memory.read_ahead(question)
        await self.skills.read_ahead(question)

    async def skill_for(self, version: int | None, messages: list[dict]) -> str:
        """Return the skill that answers: that of the version asked for; without one the skill that
        the question asks for, unless the memory answers it."""
        if version:
            return skill_of((await self.versions.record(version))["line"])
        await self.skills.load()
        if version == BASE or not self.skills.known:
            return ""
        question = messages[-1]["content"]
        with urgent():
            skill = await self.skills.find_skill(question)
            facts = await self.mind.memory.find_facts(question) if skill else []
        return "" if any(one.score >= SURE and not one.gone for one in facts) else skill

    async def speaker(
        self,
        number: int,
        asked: int | None,
        messages: list[dict],
        user: str = "",
        keeps: bool = False,
    ) -> tuple[Generator, dict]:
        """Return the generator that begins the answer, and the options of the answer: the push of
        the memory, and the version that continues within its adapter scope. Version 0 is the plain
        base."""
        await self.mind.memory.load()
        guarded = asked != BASE and await self.mind.guards(number)
        question = messages[-1]["content"]
        own = ONESELF.search(question) or allows_secret(question)
        concerns = guarded or self.mind.memory.facts or own or keeps
        if asked == BASE or not concerns:
            return await self.generator(number), {}
        if number:
            await self.updater.update(number)
        behind = self.guarded if guarded else None
        always = bool(number) and not guarded
        said = [one["content"] for one in messages if one["role"] == "user"]
        told = user, keeps, said[-1 - EARLIER : -1]
        speaking = await self.decide_answer(number, question, behind, not asked, always, *told)
        more = {"speaking": speaking, "push": speaking.push, "then": speaking.version}
        return self.with_adapter() if always else self.base, more

    async def read_sources(
        self, asked: int | None, messages: list[dict], user: str, source: Source | None
    ) -> tuple[Generator, dict] | None:
        """Return who says what a document answers, where the memory answers nothing; documents that
        are named as `source` also answer that they say nothing."""
        question = messages[-1]["content"]
        if self.library is None or asked == BASE or source is None:
            return None
        if not await self.library.find_documents(source, user):
            return None
        if not source and await self.keeps_to_memory(question, user):
            return None
        with self._go_first():
            said = await self.library.answer(question, source, user)
        if said is None:
            return None
        text, places = said
        push = Quoting(self.model.tokenizer, text)
        speaking = Speaking(SOURCE, [], push, None, places=places)
        return self.base, {"speaking": speaking, "push": push, "then": None}

    def read_from(self, library: Library) -> Library:
        """Let these documents answer questions as well."""
        self.library = library
        return library

    async def keeps_to_memory(self, message: str, user: str) -> bool:
        """Whether a message states something, or something stored answers it."""
        with self._go_first():
            if await self.mind.states(message, user):
                return True
        speaking = await self.decide_answer(0, message, None, True, False, user)
        return bool(speaking.facts) and speaking.sure

    @contextmanager
    def _go_first(self) -> Iterator[None]:
        """Count the work inside as answering: it is urgent, and training waits."""
        self._preparing += 1
        try:
            with urgent():
                yield
        finally:
            self._preparing -= 1
            self.turns.wake()

    async def decide_answer(self, *asked: Any) -> Speaking:
        """Let the mind decide about a question, once it has stored what is queued; training waits
        for it as for an answer."""
        with self._go_first():
            await self.mind.take_in_queued()
            return await self.mind.decide_answer(*asked)

    def whose(self, answer: Answer, number: int) -> dict:
        """Return who answered (base, memory, version, skill, taste or source), the facts used, the
        name of the skill, the places quoted, and the ids of what the answer says to forget."""
        said = answer.speaking or Speaking(VERSION if number else BASE_ALONE, [], None, None)
        told = {"by": said.by, "facts": said.facts, "skill": said.skill, "places": said.places}
        return told | {"forgets": said.forgets}

    async def describe(self, answer: Answer, number: int) -> dict:
        """Return the API's description of an answer: its author, its version, its facts."""
        whose = self.whose(answer, number)
        spoke = whose["by"] in (VERSION, SKILL, TASTE) and number
        version = label(await self.versions.record(number)) if spoke else None
        told = {"by": whose["by"], "version": version, "facts": whose["facts"]}
        told |= {"sources": whose["places"]} if whose["places"] else {}
        told |= {"forgot": whose["forgets"]} if whose["forgets"] else {}
        return told | ({"skill": whose["skill"]} if whose["skill"] else {})

    async def hear(self, messages: list[dict], queue: SavedQueue, user: str = "") -> list[dict]:
        """Store what a user's last message states, in their words: it is known at once, and to
        nobody else. No lesson is made of it. Return what was stored."""
        chat, said = "", [one["content"] for one in messages if one["role"] == "user"]
        if not said:
            return []

        async def understand(text: str, earlier: list[str]) -> list[dict]:
            found = await self.mind.hear(text, earlier, user)
            return [one.to_dict() for one in found if not one.unsure]

        collector = DataCollector(
            queue, auto_collect=False, understand=understand, user=user, pairs=False
        )
        *earlier, last = said
        allowed = []
        if (at := find_allowed(last, earlier)) >= 0:
            earlier, allowed = earlier[:at], [earlier[at]]
        if earlier := earlier[-EARLIER:]:
            before = {"prompt": earlier[-1], "earlier": earlier[:-1]}
            collector.turns[chat] = {**before, "id": "", "chat": chat}
        with urgent():
            for text in [*allowed, last]:
                message = {"id": "", "role": "user", "content": text, "chat": chat}
                found = await collector.log_message(message)
            kept = [one for one in found if (await self.mind.keep(one))["facts"]]
        return [{"id": one["id"], "said": one["answer"]} for one in kept]

    async def forget(self, ids: list[str]) -> None:
        """Forget these from the next question on; the versions that learned them are to be
        retrained without them."""
        store, base = self.versions.store, self.versions.base
        await store.batch([await put_intent(store, ids, base)])
        await self.mind.let_go(ids)

    def stop(self, key: str) -> None:
        """End an answer within a token; what it said so far stays."""
        if key in self.answers:
            self.answers[key].cancel()

    def abandon(self) -> None:
        """The device is lost: let everyone who waits for a turn on it go on, and meet its error."""
        self.turns.yield_to(lambda: False)
        self.turns.free()

    async def leave(self) -> None:
        """Finish the answers under way and drop an open round, because another model takes over;
        the round's examples stay in the queue."""
        async with self._settled:
            await self._settled.wait_for(lambda: not self.answering)
        await self.learner.make_room()

    async def wait_for_answer(self, answer: Answer) -> None:
        """Wait until it has ended, or raise the failure of the task that works on the answers. That
        task may be at its end when the answer comes: then another one begins."""
        while not answer.ended:
            if self._pump is None or self._pump.done():
                with urgent():
                    self._pump = asyncio.ensure_future(self._work())
            failure = await self._wait_while_worked_on(answer, self._pump)
            if not answer.ended and failure:
                answer.cancel()
                raise failure

    async def _wait_while_worked_on(
        self, answer: Answer, pump: asyncio.Task[Exception | None]
    ) -> Exception | None:
        async with self._settled:
            await self._settled.wait_for(lambda: answer.ended or pump.done())
        return pump.result() if pump.done() else None

    async def _work(self) -> Exception | None:
        """Advance all answers by a chunk or token at a time while anybody waits; return what
        failed."""
        try:
            while self.speaking:
                for generator in self.generators:
                    if generator.busy:
                        await generator.advance()
                async with self._settled:
                    self._settled.notify_all()
            return None
        except Exception as failure:  # told to everyone who waits, see `wait_for_answer`
            return failure
        finally:
            self.turns.wake()
            async with self._settled:
                self._settled.notify_all()

    async def recall(self, id: str) -> tuple[str, bool, int]:
        """Ask for one learned example without a chat: reply, whether it has the value, and the
        version."""
        for name in ("examples", "queue"):
            if example := await self.versions.store.get(name, id):
                break
        else:
            raise KeyError(f"there is no learned example {id!r}")
        lesson = check(self.learner.trainer.coder, example)
        asked = [{"role": "user", "content": lesson.question}]
        answer, number = await self.answer(asked, Sampling(max_tokens=32), f"recall {id}")
        return answer.text, lessons.has_value(answer.text, lesson.value), number

    async def warm(self) -> None:
        """Prepare the programs of a first answer before anybody asks."""
        learned = await self.versions.number(GENERIC)
        generator = self.with_adapter() if learned else self.base
        await self.mind.memory.load()
        for size in FIRST_PROGRAMS + BY_HEART * bool(self.mind.memory.facts):
            generator.prepare(*size)
            await asyncio.sleep(0)
        if self.mind.memory.facts:
            await self.mind.memory.encoder.warm()

    # ---- versions

    def reread(self) -> None:
        """Mark what is kept here of versions and facts as outdated, because the store has
        changed."""
        self.updater.forget()
        self.mind.reload()
        self.skills.reload()

    def layout_of(self, weights: Arrays) -> Trained:
        """Return which parameters a version's weights change, and where each lies."""
        return self.learner.trainer.layout_of(weights)

    def with_adapter(self) -> Generator:
        """Return the generator that answers with the version's weights that are in place."""
        if self.adapted is None:
            adapter = self.model.executor.empty(self.trained.spec)
            self.tensors = {self.trained.name: adapter}
            self.adapted, self.guarded = (
                Generator(self.model, self.trained, self.tensors, self.pool, name)
                for name in (
                    "adapted",
                    "base",
                )  # within the adapter scope it continues the base's cache
            )
        return self.adapted

    async def generator(self, number: int) -> Generator:
        """The generator of this version; its weights are put in place between two answers."""
        if number == BASE:
            return self.base
        await self.updater.update(number)
        return self.with_adapter()

    async def _quiet(self) -> None:
        """Wait until no answer uses the version's weights or waits to use them."""
        async with self._settled:
            await self._settled.wait_for(
                lambda: not (self.base.waiting or any(one.busy for one in self.with_weights))
            )

    async def _load(self, number: int) -> Arrays:
        """A version's weights from the first layer on that they change."""
        weights = await self.learner.rebuilder.weights(number)
        layout, ((name, kept),) = self.layout_of(weights), weights.items()
        flat = np.zeros(layout.size, np.float32)
        flat[: len(kept)] = kept  # a version of an early build ends before the layout does
        return {name: flat[layout.begin_of_change(flat) :].copy()}

    def _put(self, weights: Arrays) -> None:
        if (layout := self.layout_of(weights)) != self.trained:
            self.trained, self.adapted = layout, None
        adapted, changed = self.with_adapter(), flat_weights(weights)
        flat = np.zeros(layout.size, np.float32)
        flat[layout.size - len(changed) :] = changed
        self.tensors[layout.name].write(flat)
        self.pool.forget(adapted.name)


def add_notes(messages: list[dict], notes: list[Found]) -> list[dict]:
    """Return a conversation with notes before its last message."""
    if not notes:
        return messages
    task = messages[-1]["content"]
    return [*messages[:-1], {**messages[-1], "content": with_notes(task, notes, guess(task))}]


def flat_weights(weights: Arrays) -> np.ndarray:
    """Return the one array that a version consists of."""
    (array,) = weights.values()
    return array
