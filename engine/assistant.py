"""The living whole behind one base model: its versions answer, and learn, and are looked after.

The page's worker and the server both drive this; neither knows about the other's messages, and
nothing here knows about either.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from oneseek.engine.backends.executor import Tensor
from oneseek.engine.core.collecting.collector import DataCollector
from oneseek.engine.core.exchange import INTENT
from oneseek.engine.core.next_work import MEMORY
from oneseek.engine.core.queue.saved import SavedQueue
from oneseek.engine.core.settings import TrainingConfig
from oneseek.engine.core.turns import background, beside, urgent
from oneseek.engine.history.round_plan import DATA_SET, LESSON, TRAINING
from oneseek.engine.history.snapshot import Arrays, SnapshotDamaged
from oneseek.engine.history.updater import WeightUpdater
from oneseek.engine.history.versions import GENERIC, Versions, label, skill_of
from oneseek.engine.learning import lessons, shape
from oneseek.engine.learning.composing.tasks import beside as beside_answer
from oneseek.engine.learning.composing.tasks import unused, with_notes
from oneseek.engine.learning.lessons import guess
from oneseek.engine.learning.memory.encoder import Encoder, OpensFile, encoder_here
from oneseek.engine.learning.memory.memory import Found
from oneseek.engine.learning.memory.mind import ONESELF, Mind
from oneseek.engine.learning.memory.recogniser import SURE
from oneseek.engine.learning.memory.speaking import BASE as BASE_ALONE
from oneseek.engine.learning.memory.speaking import SKILL, SOURCE, VERSION, Speaking
from oneseek.engine.learning.memory.statements.quoting import Quoting
from oneseek.engine.learning.needs import judged, model_takes
from oneseek.engine.learning.replay import History, must_be_reset, reset
from oneseek.engine.learning.rounds.silence import Silence
from oneseek.engine.learning.runs import generate_run_id
from oneseek.engine.learning.skills.skills import Skills
from oneseek.engine.learning.trainer import EngineTrainer, check
from oneseek.engine.learning.training_engine import TrainingEngine
from oneseek.engine.learning.whole import Whole
from oneseek.engine.model.choice.form import Form
from oneseek.engine.model.choice.sampling import Sampling
from oneseek.engine.model.generate import Answer, Generator
from oneseek.engine.model.kv_cache import ANSWER_BYTES, Pool
from oneseek.engine.model.loaded import Model
from oneseek.engine.model.trainable import Trained

BASE = 0  # the number of the version that has learned nothing
CACHE_ROWS = 2048
FIRST_PROGRAMS = ((64, 1), (1, 1), (16, 1), (256, 1))  # tokens read or decoded at once
BY_HEART = ((4, 4), (64, 4), (16, 4))  # those of an answer whose words are known
Work = Callable[[], Awaitable[Any]]


class Busy(RuntimeError):
    """A round is open already."""


class NothingLeft(LookupError):
    """The lesson to go on with is gone, or what it stood on has changed; its examples wait
    again."""


class ExampleGone(KeyError):
    """An example was taken out of the queue while its lesson was about to begin."""


class OnlyChats(ValueError):
    """The model is too large to be trained."""


@dataclass
class Round:
    """A round under way: the work goes on in its task whenever the turns allow."""

    run: str
    kind: str
    steps: int
    task: asyncio.Task
    metrics: dict = field(default_factory=dict)


OnStep = Callable[[Round], Awaitable[None]]


class Library(Protocol):
    """The documents that questions are put to."""

    async def asked(self, source: str, user: str) -> Sequence[Any]:
        """Those that somebody may ask: the one that is named, or all."""

    async def said(self, question: str, source: str, user: str) -> tuple[str, list[dict]] | None:
        """What they say of a question, with its places; None where they say nothing."""


async def _unwatched(round: Round) -> None:
    """Nobody follows the steps of this round."""


class Assistant:
    """One loaded model, the version in use, and everyone who is being answered."""

    def __init__(
        self,
        model: Model,
        versions: Versions,
        config: TrainingConfig,
        rows: int = CACHE_ROWS,
        memory_budget: int | None = None,
        device_memory: int = 0,
        encoder_file: OpensFile = encoder_here,
    ) -> None:
        self.model, self.versions, self.config = model, versions, config
        self.device_memory = device_memory  # as the device says it; 0 where it does not
        opened = shape.over_all_layers(config)
        self.trained = Trained.chosen(model.config, opened)
        self.turns = model.executor.turns
        self.turns.answering = lambda: self.answering
        self.trainer = EngineTrainer(model, self.trained, opened, memory_budget=memory_budget)
        self.training = TrainingEngine(
            versions, self.trainer, {}, monotonic=lambda: self.turns.worked
        )
        self.history = History(versions, self.trainer)
        self.round: Round | None = None
        room = model.executor.room(ANSWER_BYTES)
        self.pool = Pool(model.executor, model.config, min(rows, model.positions), room)
        self.base = Generator(model, pool=self.pool, name="base")
        self.tensors: dict[str, Tensor] = {}
        self.adapted: Generator | None = None
        self.guarded: Generator | None = None
        self.mind = Mind(model, Encoder(encoder_file, model.executor), versions)
        self.skills = Skills(versions, self.mind.memory.encoder)
        self.library: Library | None = None  # the documents that questions are put to as well
        self.training.silence = Silence(self.mind.memory).of
        self.whole = Whole(versions, self.history, self.make_room)
        self.updater = WeightUpdater(versions, self.whole.weights, self._put, self._quiet)
        self.answers: dict[str, Answer] = {}
        self._preparing = 0  # answers
        self._pump: asyncio.Task | None = None
        self._failure: Exception = RuntimeError("nothing has failed")
        self._settled = asyncio.Condition()

    # ---- answering

    @property
    def answering(self) -> bool:
        """Someone waits for an answer: training does nothing meanwhile."""
        return self._preparing > 0 or self.speaking

    @property
    def speaking(self) -> bool:
        """Some answer is being read or said."""
        return any(generator.busy for generator in self.generators)

    @property
    def generators(self) -> list[Generator]:
        return [one for one in (self.base, self.adapted, self.guarded) if one]

    async def answer(
        self,
        messages: list[dict],
        sampling: Sampling,
        key: str,
        version: int | None = None,
        line: str = GENERIC,
        user: str = "",
        keeps: bool = False,
        source: str | None = "",
        **hooks: Any,
    ) -> tuple[Answer, int]:
        """Answer a conversation with a version (unless told the one in use, or that of the skill it
        asks for), or from the one document that is named as `source`, or with None from none of
        them; which version it was. What
        one `user` told is known to nobody else. A message that only states what the caller `keeps`
        is told so, where the model has no reply of its own."""
        number = await self.versions.number(line) if version is None else version
        skill = "" if source else await self.skill_for(version, messages)
        notes: list[Found] = []
        if skill:
            messages = messages[-1:]  # as it was taught: each question by itself
        elif version != BASE and not source and "form" not in hooks:
            notes = await self.notes(messages, user)
        shown = noted(messages, notes)
        written = hooks.get("prefix", ""), hooks.get("think", False)
        with self._go_first():
            prompt = await beside(self.base.prompt, shown, sampling, *written)
        if skill:
            number = await self.skills.number(skill) if version is None else version
            generator = await self.generator(number or BASE)
            more: dict[str, Any] = {"speaking": Speaking(SKILL, [], None, None, skill)}
            grammar = await self.skills.grammar(skill, messages[-1]["content"])
            if grammar and number and "form" not in hooks:
                more["form"] = Form(grammar, self.model.tokenizer)
        else:
            asked = version, messages, user
            read = None if "form" in hooks else await self.read_sources(*asked, source)
            generator, more = read or await self.speaker(number or BASE, *asked, keeps)
        if generator is not self.base or (more and more["speaking"].by != BASE_ALONE):
            sampling = sampling.greedy()  # what was learned, or is known by heart
        answer = generator.ask(shown, sampling, key, prompt=prompt, **more, **hooks)
        self.answers[key] = answer
        try:
            await self.finished(answer)
        finally:
            if self.answers.get(key) is answer:
                del self.answers[key]
        if notes and not answer.push:
            self.add_unused(answer, messages[-1]["content"], notes)
        return answer, number or BASE

    async def notes(self, messages: list[dict], user: str) -> list[Found]:
        """What was told that a task should use."""
        with self._go_first():
            return await self.mind.notes(messages[-1]["content"], user)

    def add_unused(self, answer: Answer, task: str, notes: list[Found]) -> None:
        """Quote under an answer what it made no use of, where it was not stopped."""
        code = guess(task)
        if answer.ended != "cancelled" and (left := unused(answer.text, task, notes, code)):
            words = beside_answer(left, code)
            answer.text += words
            answer.on_text(words)

    async def skill_for(self, version: int | None, messages: list[dict]) -> str:
        """The skill that answers: that of the version asked for; without one that which the
        question asks for, unless it asks for something known by heart."""
        if version:
            return skill_of((await self.versions.record(version))["line"])
        await self.skills.load()
        if version == BASE or not self.skills.known:
            return ""
        question = messages[-1]["content"]
        with urgent():
            skill = await self.skills.asked_for(question)
            facts = await self.mind.memory.asked_for(question) if skill else []
        return "" if any(one.score >= SURE and not one.gone for one in facts) else skill

    async def speaker(
        self,
        number: int,
        asked: int | None,
        messages: list[dict],
        user: str = "",
        keeps: bool = False,
    ) -> tuple[Generator, dict]:
        """Who begins to answer, and what the answer brings along: what is known by heart, and the
        version behind the guard that goes on from the question. Version 0 is the base and no
        more."""
        await self.mind.memory.load()
        guarded = asked != BASE and await self.mind.guards(number)
        question = messages[-1]["content"]
        concerns = guarded or self.mind.memory.facts or ONESELF.search(question)
        if asked == BASE or not concerns:
            return await self.generator(number), {}
        if number:
            await self.updater.update(number)
        behind = self.guarded if guarded else None
        always = bool(number) and not guarded
        said = [one["content"] for one in messages if one["role"] == "user"]
        told = user, keeps, (said[-2] if len(said) > 1 else "")
        speaking = await self.recognised(number, question, behind, not asked, always, *told)
        more = {"speaking": speaking, "push": speaking.push, "then": speaking.version}
        return self.adapted if always else self.base, more

    async def read_sources(
        self, asked: int | None, messages: list[dict], user: str, source: str | None
    ) -> tuple[Generator, dict] | None:
        """What a document says of a question that nothing by heart answers; of one that is named as
        `source`, also that it says nothing."""
        question = messages[-1]["content"]
        if self.library is None or asked == BASE or source is None:
            return None
        if not await self.library.asked(source, user):
            return None
        if not source and await self.knows(question, user):
            return None
        with self._go_first():
            said = await self.library.said(question, source, user)
        if said is None:
            return None
        text, places = said
        push = Quoting(self.model.tokenizer, text)
        speaking = Speaking(SOURCE, [], push, None, places=places)
        return self.base, {"speaking": speaking, "push": push, "then": None}

    async def knows(self, question: str, user: str) -> bool:
        """Whether something that was told answers a question."""
        return bool((await self.recognised(0, question, None, True, False, user)).facts)

    @contextmanager
    def _go_first(self) -> Iterator[None]:
        """Work inside is a part of answering: training waits."""
        self._preparing += 1
        try:
            with urgent():
                yield
        finally:
            self._preparing -= 1
            self.turns.wake()

    async def recognised(self, *asked: Any) -> Speaking:
        """What the mind decides about a question: already a part of answering it."""
        with self._go_first():
            return await self.mind.speaking(*asked)

    def whose(self, answer: Answer, number: int) -> dict:
        """By whom an answer is (base, memory, version, skill or source), the facts it used, the
        name of the skill, and the places that it quotes."""
        said = answer.speaking or Speaking(VERSION if number else BASE_ALONE, [], None, None)
        return {"by": said.by, "facts": said.facts, "skill": said.skill, "places": said.places}

    async def told(self, answer: Answer, number: int) -> dict:
        """What the API says of an answer: whose words, by which version, from which facts."""
        whose = self.whose(answer, number)
        spoke = whose["by"] in (VERSION, SKILL) and number
        version = label(await self.versions.record(number)) if spoke else None
        told = {"by": whose["by"], "version": version, "facts": whose["facts"]}
        told |= {"sources": whose["places"]} if whose["places"] else {}
        return told | ({"skill": whose["skill"]} if whose["skill"] else {})

    async def hear(self, messages: list[dict], queue: SavedQueue, user: str = "") -> list[dict]:
        """Keep what the last thing that somebody said states, in their words: known at once, and to
        nobody else. No lesson is made of it."""
        chat, said = "", [one["content"] for one in messages if one["role"] == "user"]
        if not said:
            return []

        async def understand(text: str, before: str) -> list[dict]:
            found = await self.mind.hear(text, before, user)
            return [one.told() for one in found if not one.unsure]

        collector = DataCollector(
            queue, auto_collect=False, understand=understand, user=user, pairs=False
        )
        if len(said) > 1:
            collector.turns[chat] = {"prompt": said[-2], "id": "", "chat": chat}
        message = {"id": "", "role": "user", "content": said[-1], "chat": chat}
        with urgent():
            found = await collector.log_message(message)
            kept = [one for one in found if (await self.mind.keep(one))["facts"]]
        return [{"id": one["id"], "said": one["answer"]} for one in kept]

    def stop(self, key: str) -> None:
        """End an answer within a token; what it said so far stays."""
        if key in self.answers:
            self.answers[key].cancel()

    def abandon(self) -> None:
        """The device is lost: whoever waits for a turn on it goes on, and meets its error."""
        self.turns.answering = lambda: False
        self.turns.free()

    async def finished(self, answer: Answer) -> None:
        if self._pump is None or self._pump.done():
            with urgent():
                self._pump = asyncio.ensure_future(self._work())
        async with self._settled:
            await self._settled.wait_for(lambda: answer.ended or self._pump.done())
        if not answer.ended:
            answer.cancel()
            raise self._failure

    async def _work(self) -> None:
        """One chunk or token after another, for as long as anybody waits."""
        try:
            while self.speaking:
                for generator in self.generators:
                    if generator.busy:
                        await generator.advance()
                async with self._settled:
                    self._settled.notify_all()
        except Exception as failure:  # told to everyone who waits, see `finished`
            self._failure = failure
        finally:
            self.turns.wake()
            async with self._settled:
                self._settled.notify_all()

    # ---- learning

    @cached_property
    def fits(self) -> dict:
        """What the model takes here, what there is, and whether it can learn."""
        name = self.model.executor.name
        return judged(model_takes(self.model, self.trainer.memory_budget), name, self.device_memory)

    @property
    def trainable(self) -> bool:
        return self.fits["learns"]

    def must_learn(self) -> None:
        if not self.trainable:
            needed, room = (f"{self.fits[key] / 1e9:.1f} GB" for key in ("learn_bytes", "room"))
            raise OnlyChats(
                f"{self.model.name} only chats here: to learn it needs about {needed} of memory, "
                f"and {room} can be used; nothing was changed"
            )

    async def learn(
        self,
        kind: str,
        ids: list[str],
        line: str,
        on_step: OnStep = _unwatched,
        config: dict | None = None,
        store: Any = None,
    ) -> Round:
        """Open a round on queued examples, or go on with the one that was interrupted. Its work is
        done in the time `grant` gives; what it stores goes through `store`, when there is one. A
        round of kind `memory` only remembers them, or without any all that waits to be."""
        self._no_other_round()
        if kind == MEMORY:
            return self.look_into(lambda: self.mind.remember(ids), kind)
        await self._open(kind, ids, line, config, store)
        steps = self.training.attempt.steps
        return self._begin(self.training.run_id, kind, steps, lambda: self._train(on_step))

    def look_into(self, work: Work, kind: str = "question", run: str = "") -> Round:
        """Anything else that learns, as a round of its own: done in the time `grant` gives."""
        self._no_other_round()
        run = run or generate_run_id(self.versions.clock())
        return self._begin(run, kind, 0, work)

    async def lesson(
        self,
        ids: list[str],
        line: str,
        on_step: OnStep,
        config: dict | None = None,
        store: Any = None,
        kind: str = "lesson",
    ) -> dict:
        """A whole lesson, or practice, within other work: its outcome."""
        await self._open(kind, ids, line, config, store)
        return await self._train(on_step)

    async def data_set_round(
        self, record: dict, run: str, config: dict, store: Any, line: str = GENERIC
    ) -> None:
        """Within other work: a run over a data set is open, begun or gone on with."""
        await self._open(TRAINING, [record["id"]], line, config, store, run)

    def _no_other_round(self) -> None:
        self.must_learn()
        if self.round and not self.round.task.done():
            raise Busy(f"{self.round.run} is still open; finish it or throw it away first")

    async def _open(
        self, kind: str, ids: list[str], line: str, config: dict | None, store: Any, run: str = ""
    ) -> None:
        """While nothing else has the shadow; the version in use is made whole first if it is
        not."""
        try:
            async with self.whole.alone:
                await self._open_alone(kind, ids, line, config, store, run)
        except SnapshotDamaged:
            await self.whole.weights(await self.versions.number(line) or BASE)
            async with self.whole.alone:
                await self._open_alone(kind, ids, line, config, store, run)

    async def _open_alone(
        self, kind: str, ids: list[str], line: str, config: dict | None, store: Any, run: str
    ) -> None:
        if await self.versions.store.get("state", INTENT):  # a closed tab was forgetting something
            with urgent():
                await self.history.resume()
        self.training.config = config or shape.new(self.config)
        self.training.write_through(store or self.versions.store)
        reopened = await self.training.reopen(line, kind)
        if run or not (reopened and self.training.run_id):
            self.training.run_id = run or generate_run_id(self.versions.clock())
        if not reopened and kind == LESSON and not ids:
            raise NothingLeft("there is no interrupted lesson to go on with; nothing was changed")
        if not reopened:
            records = [await self.versions.store.get("queue", id) for id in ids]
            missing = [id for id, record in zip(ids, records, strict=True) if record is None]
            if missing:
                raise ExampleGone(f"the queue holds no example {missing[0]!r} any more")
            for record in records:
                if record["kind"] != DATA_SET:
                    check(self.trainer.coder, record)
            await self.training.open(kind, records, line)

    def _begin(self, run: str, kind: str, steps: int, work: Work) -> Round:
        self.turns.grant(0)
        self.round = Round(run, kind, steps, asyncio.ensure_future(self._granted(work)))
        return self.round

    async def _granted(self, work: Work) -> Any:
        with background():
            await self.turns.breathe()
            return await work()

    async def _train(self, on_step: OnStep) -> dict:
        """The steps and the gate, slice by slice as the turns allow: the outcome. What is taught is
        remembered first."""
        await self.mind.remember()
        while await self.training.advance(math.inf) is not None:
            self.round.metrics = self.training.get_latest_metrics()
            await on_step(self.round)
            await self.turns.breathe()
        ended = await self.training.finish()
        if ended["version"]:
            await self.updater.clear_old_snapshots()
        return ended

    async def grant(self, milliseconds: float) -> tuple[float, dict | None]:
        """Let the open round work for about this long, or wait for what is stored; what it used,
        and its outcome if it ended."""
        round = self.round
        if round is None:
            raise LookupError("no round is open")
        if self.answering:
            return 0.0, None
        began = self.turns.clock()
        self.turns.held.clear()
        self.turns.grant(milliseconds)
        held = asyncio.ensure_future(self.turns.held.wait())
        either = {round.task, held}
        await asyncio.wait(either, timeout=milliseconds / 1e3, return_when=asyncio.FIRST_COMPLETED)
        held.cancel()
        used = (self.turns.clock() - began) * 1e3
        if not round.task.done() or round.task.cancelled():  # thrown away meanwhile
            return used, None
        self.round = None
        return used, round.task.result()

    def drop(self) -> None:
        """Throw the open round away; the chat keeps the version it has. A task that waits for a
        turn in the midst of plain Python hears of its end only once it has one."""
        if self.round:
            self.round.task.cancel()
            self.round = None
            self.turns.free()
        self.training.drop()

    async def make_room(self) -> None:
        """Take the one shadow from the open round, once that has let go of everything; the round
        goes on from its checkpoint."""
        task = self.round.task if self.round else None
        if task is not None and task is not asyncio.current_task():
            self.drop()
            await asyncio.wait({task})

    async def recall(self, id: str) -> tuple[str, bool, int]:
        """Ask one learned example with no chat around it: reply, whether it has the value, by
        whom."""
        for name in ("examples", "queue"):
            if example := await self.versions.store.get(name, id):
                break
        else:
            raise KeyError(f"there is no learned example {id!r}")
        lesson = check(self.trainer.coder, example)
        asked = [{"role": "user", "content": lesson.question}]
        answer, number = await self.answer(asked, Sampling(max_tokens=32), f"recall {id}")
        return answer.text, lessons.has_value(answer.text, lesson.value), number

    async def forget(self, ids: list[str], now: bool) -> tuple[list[dict], dict | None]:
        """The versions that learned from these examples, and the one before them; with `now` they
        are removed and everything after is trained again without them."""
        touched = await self.history.learned_from(ids)
        parents = [one["parent"] for one in touched]
        mine = {one["number"] for one in touched}
        before = next((n for n in parents if n and n not in mine), None)
        record = await self.versions.record(before) if before else None
        if now:
            await self.beneath(self.history.forget(ids))
        return touched, record

    async def finish_forgetting(self) -> bool:
        """Go on with what was begun, here or by another device; whether there was anything."""
        if not await self.versions.store.get("state", INTENT):
            return False
        return await self.beneath(self.history.resume()) is not None

    async def beneath(self, change: Awaitable[Any]) -> Any:
        """What changes facts or versions in the store itself: a round under way makes room and goes
        on from its checkpoint, and all that is known of them is read anew."""
        async with self.whole.alone:
            await self.make_room()
            done = await change
        self.updater.forget()
        self.mind.forgotten()
        self.skills.forgotten()
        return done

    async def reset(self, word: str) -> None:
        """Remove every version, example and snapshot; the base model stays. Another word than RESET
        changes nothing."""
        must_be_reset(word)
        self.drop()
        await reset(self.versions, word)
        self.updater.forget()
        self.mind.forgotten()
        self.skills.forgotten()

    async def warm(self) -> None:
        """Have the programs of a first answer ready before anybody asks."""
        learned = await self.versions.number(GENERIC)
        generator = self.with_adapter() if learned else self.base
        await self.mind.memory.load()
        for size in FIRST_PROGRAMS + BY_HEART * bool(self.mind.memory.facts):
            generator.prepared(*size)
            await asyncio.sleep(0)
        if self.mind.memory.facts:
            await self.mind.memory.encoder.warm()

    # ---- versions

    def layout_of(self, weights: Arrays) -> Trained:
        """What a version's weights change of the model, and where they say it."""
        return self.trainer.layout_of(weights)

    def with_adapter(self) -> Generator:
        """Who answers with whatever version's weights are in place."""
        if self.adapted is None:
            adapter = self.model.executor.empty(self.trained.spec)
            self.tensors = {self.trained.name: adapter}
            self.adapted, self.guarded = (
                Generator(self.model, self.trained, self.tensors, self.pool, name)
                for name in (
                    "adapted",
                    "base",
                )  # behind the guard, it goes on from the base's cache
            )
        return self.adapted

    async def generator(self, number: int) -> Generator:
        """Who answers as this version; its weights are put in place between two answers."""
        if number == BASE:
            return self.base
        await self.updater.update(number)
        return self.with_adapter()

    async def _quiet(self) -> None:
        """Until no answer under way has the weights in place, or may come to need them."""
        adapted = self.with_adapter()
        async with self._settled:
            await self._settled.wait_for(
                lambda: not (adapted.busy or self.guarded.busy or self.base.waiting)
            )

    def _put(self, weights: Arrays) -> None:
        if (layout := self.layout_of(weights)) != self.trained:
            self.trained, self.adapted = layout, None
        adapted = self.with_adapter()
        self.tensors[self.trained.name].write(flat_weights(weights))
        self.pool.forget(adapted.name)


def noted(messages: list[dict], notes: list[Found]) -> list[dict]:
    """A conversation with notes before its last message."""
    if not notes:
        return messages
    task = messages[-1]["content"]
    return [*messages[:-1], {**messages[-1], "content": with_notes(task, notes, guess(task))}]


def flat_weights(weights: Arrays) -> np.ndarray:
    """The one array a version consists of."""
    (array,) = weights.values()
    return array
