"""The engine worker: one device, one resident model, chat and training on it, one request a method.

engine/assistant.py does the work; here are the requests of chat and training, and the list of all
who answer requests (`serve`).
"""

from __future__ import annotations

import asyncio
import random
import time
from typing import Any

from oneseek.engine.backends.executor import DeviceLost
from oneseek.engine.core.collecting.language import UNKNOWN, detect
from oneseek.engine.core.messages import (
    Answered,
    Ask,
    Done,
    Drop,
    Failed,
    Grant,
    Hear,
    Introduce,
    Learn,
    Opened,
    Question,
    ReadAhead,
    Slice,
    Statements,
    Stop,
)
from oneseek.engine.core.next_work import MEMORY
from oneseek.engine.core.queue.saved import SavedQueue
from oneseek.engine.core.queue.training_queue import TrainingQueue
from oneseek.engine.core.storage.store import FencedStore
from oneseek.engine.history import loss_curve
from oneseek.engine.history.versions import label
from oneseek.engine.learner import ExampleGone, NothingLeft, Round
from oneseek.engine.learning.run_data import identity_examples
from oneseek.engine.model.generate import TooLong
from oneseek.engine.open import clock
from oneseek.workers.answer_stream import AnswerStream, language_of
from oneseek.workers.fault_injection import FaultInjection
from oneseek.workers.post import Emit
from oneseek.workers.server_requests import ServerRequests
from oneseek.workers.tab.model_requests import ModelRequests
from oneseek.workers.tab.move_in import MoveInRequests
from oneseek.workers.tab.pictures import Pictures
from oneseek.workers.tab.resident import Resident
from oneseek.workers.tab.skill_requests import SkillRequests
from oneseek.workers.version_requests import VersionRequests


class Engine:
    """The requests that answer and that teach: `on_<name>` for each."""

    def __init__(self, resident: Resident, server: ServerRequests) -> None:
        self.resident, self.server = resident, server
        self.learning: Learn | None = None  # the request for the open round
        self.learns = ""  # the model that it was opened on
        self.opening = asyncio.Lock()  # one round at a time
        self.pictures = Pictures()

    async def on_ask(self, request: Ask) -> Answered | Failed:
        """Answer a conversation; Token events carry the answer while it comes."""
        options = request.options
        seed = options.get("seed", -1)
        steers = options.get("steer", False)
        asked = {
            "max_tokens": options.get("max_tokens", 512),
            "seed": random.getrandbits(31) if seed < 0 else seed,
            "steer": steers,
            "stop_repeats": steers,
        }
        prefix = options.get("prefix", "")
        stream = AnswerStream(self.resident.emit, request.id)
        messages = await self.pictures.in_tiles(
            request.messages, self.resident.require_assistant().model
        )
        while True:
            await self.resident.recovery.wait_for_end()
            try:
                assistant = self.resident.require_assistant()
                temperature, top_p = options.get("temperature"), options.get("top_p")
                answer, number = await assistant.answer(
                    messages,
                    assistant.model.manner.make_sampling(temperature, top_p, **asked),
                    request.id,
                    options.get("version"),
                    keeps=options.get("keeps", False) and not prefix,
                    source=options.get("source", ""),
                    prefix=prefix,
                    think=options.get("think", False) and not prefix,
                    on_text=stream.restart(),
                )
                break
            except DeviceLost as lost:
                self.resident.recovery.begin(str(lost))
            except TooLong as error:
                return Failed(where="Ask", reason=str(error), detail="too-long")
            except LookupError as error:  # the source that is asked is gone
                return Failed(where="Ask", reason=str(error), detail="no-source")
        ended = "stop" if answer.ended == "cancelled" else answer.ended
        return Answered(
            text=prefix + answer.text,
            tokens=len(answer.ids),
            tokens_per_second=answer.tokens_per_second,
            first_token_ms=1e3 * max(0.0, answer.first_token - answer.began),
            context_used=len(answer.prompt) + len(answer.ids),
            context_size=assistant.base.context,
            dropped=answer.dropped,
            version=label(await self.resident.versions.record(number) if number else None),
            asked_in=language_of(request.messages, options.get("language", UNKNOWN)),
            language=detect(answer.text),
            ended=ended,
            **assistant.whose(answer, number),
        )

    def on_stop(self, request: Stop) -> Done:
        """End an answer within a token."""
        if self.resident.assistant:
            self.resident.assistant.stop(request.id)
        return Done()

    async def on_read_ahead(self, request: ReadAhead) -> Done:
        """Have the memory read a question that may come."""
        if self.resident.assistant:
            await self.resident.assistant.read_ahead(request.text)
        return Done()

    async def on_hear(self, request: Hear) -> Statements:
        """Find what a person states in a message."""
        found = await self.resident.require_assistant().mind.hear(request.text, request.earlier)
        return Statements(items=[one.to_dict() for one in found])

    async def on_learn(self, request: Learn) -> Opened | Failed:
        """Open a round, or go on with the one that a closed tab left. A told fact is taken in at
        once, also beside an open round."""
        if (
            request.kind == MEMORY
            and self.resident.assistant
            and self.resident.assistant.learner.round
        ):
            return await self.take_in(request.examples)
        async with self.opening:
            self.learning = request
            began = time.monotonic()
            opened = await self.begin_round()
        used = 1e3 * (time.monotonic() - began)
        if opened is None:
            return Opened(run="", kind="", steps=0, used_ms=used)
        self.resident.announce("round_started", runId=opened.run, kind=request.kind)
        return Opened(run=opened.run, kind=opened.kind, steps=opened.steps, used_ms=used)

    async def take_in(self, ids: list[str]) -> Opened | Failed:
        ended = await self.resident.require_assistant().mind.remember(ids)
        if ended["reason"]:
            return Failed(where="Learn", reason=ended["reason"], detail="")
        self.resident.emit_changed("facts")
        return Opened(run="", kind=MEMORY, steps=0, used_ms=0.0)

    async def begin_round(self) -> Round | None:
        """Open the requested round, also when the device is lost meanwhile; None when nothing is
        left of it."""
        while True:
            await self.resident.recovery.wait_for_end()
            try:
                opened = await self.open_round()
                break
            except DeviceLost as lost:
                self.resident.recovery.begin(str(lost))
            except (NothingLeft, ExampleGone):
                opened = None
                break
            except Exception:
                self.learning = None
                raise
        self.learning = self.learning if opened else None
        return opened

    async def on_question(self, request: Question) -> Done:
        """Take a question of the chat through its two stages."""
        self.resident.require_assistant()
        await self.resident.questions.ask(request)
        return Done()

    async def on_introduce(self, request: Introduce) -> Done:
        """Queue fifty lessons about who OneSeek is."""
        queue = SavedQueue(TrainingQueue(clock), self.resident.store)
        await queue.load()
        await queue.change(lambda q: [q.add(example) for example in identity_examples()])
        self.resident.emit_changed("queue")
        return Done()

    async def open_round(self) -> Round | None:
        asked = self.learning
        assert asked, "`learn` sets it"
        self.resident.require_assistant()
        self.learns = self.resident.loaded.model
        fenced = FencedStore(self.resident.store, asked.epoch)
        if asked.kind == "question":
            opened = await self.resident.questions.open(asked.config, fenced)
            return opened or await self.server.open_run(fenced)
        return await self.resident.require_assistant().learner.learn(
            asked.kind,
            asked.examples,
            asked.line,
            self.resident.tell_step,
            asked.config,
            fenced,
        )

    async def on_grant(self, request: Grant) -> Slice:
        """Work on the open round for about this long."""
        await self.resident.recovery.wait_for_end()
        try:
            async with self.opening:
                round = self.resident.require_assistant().learner.round
                if self.learns != self.resident.loaded.model:  # another model took over
                    self.learning = None
                if round is None and self.learning:  # it made way: go on from the checkpoint
                    round = await self.begin_round()
            if round is None:  # dropped, or its examples were taken back
                return Slice(used_ms=0.0, finished=True, outcome="", version="", reason="")
            learner = self.resident.require_assistant().learner
            used, ended = await learner.grant(request.milliseconds, request.sparing)
        except DeviceLost as lost:
            self.resident.recovery.begin(str(lost))
            return Slice(used_ms=0.0, finished=False, outcome="", version="", reason="")
        if ended is None:
            return Slice(used_ms=used, finished=False, outcome="", version="", reason="")
        self.learning = None
        if round.kind not in ("question", MEMORY):  # both report themselves
            await loss_curve.close(self.resident.store, round.run, ended["version"])
        self.resident.emit_changed(
            "versions", "examples", "queue", "ledger", "state", "metrics", "facts"
        )
        version = label(ended["version"]) if ended["version"] else ""
        result = {"outcome": ended["outcome"], "reason": ended["reason"], "version": version}
        self.resident.announce("round_ended", runId=request.run, **result)
        return Slice(
            used_ms=used,
            finished=True,
            outcome=ended["outcome"],
            version=version,
            reason=ended["reason"] or "",
        )

    async def on_drop(self, request: Drop) -> Done:
        """Throw the open round away."""
        self.learning = None
        await self.server.cancel_run()
        self.resident.require_assistant().learner.drop()
        return Done()


def serve(emit: Emit, settings: dict, modules: dict[str, Any]) -> tuple[Any, ...]:
    """The objects that answer this worker's requests; each request is a method of one of them."""
    resident = Resident(emit, settings, modules)
    server = ServerRequests(resident)
    looking = ModelRequests(resident)
    moving = MoveInRequests(resident)
    engine, versions = Engine(resident, server), VersionRequests(resident)
    skills, faults = SkillRequests(server), FaultInjection(resident)
    return resident, engine, versions, server, skills, looking, moving, faults
