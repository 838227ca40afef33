"""Runs one round of training at a time, in slices, and stores its result.

A round may be killed at any point: it resumes from its checkpoint to the same bits, or without one
starts again from the same plan. Nothing reaches the chat before `finish` has stored all at once.
"""

from __future__ import annotations

import base64
import math
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from oneseek.engine.core.faults import fault
from oneseek.engine.history.ledger import Change, Overtaken
from oneseek.engine.history.round_plan import (
    IMPORT,
    LESSON,
    OUTSIDE_SCOPE,
    PRACTICE,
    TRAINING,
    Attempt,
    Plan,
    RoundEnd,
    Trainer,
    ids_of,
    make_plan,
    resolve,
)
from oneseek.engine.history.snapshot import Arrays, SnapshotDamaged, pack, unpack
from oneseek.engine.history.versions import GENERIC, Versions, round_of

BAD_STEPS_ALLOWED = 3
NEWEST = -1  # in place of a version's number: the version that the line uses
UNSAVED_STEPS = 10
OutOfScope = Callable[[Plan], Awaitable[list[str] | None]]
OVERTAKEN = "a lesson or the version in use was changed meanwhile, or another tab trains now"


class TrainingEngine:
    """`checkpoint_share` is the largest share of the training time that checkpoints may take;
    `monotonic` is a clock that runs while training does; `out_of_scope(plan)` lists the evaluator's
    questions that lie outside the adapter scope of the version to be."""

    def __init__(
        self,
        versions: Versions,
        trainer: Trainer,
        config: dict | None = None,
        checkpoint_share: float = 0.05,
        monotonic: Callable[[], float] = time.monotonic,
        out_of_scope: OutOfScope | None = None,
    ) -> None:
        self.versions = versions
        self.store = versions.store
        self.trainer = trainer
        self.config = config or {}
        self.checkpoint_share = checkpoint_share
        self.monotonic = monotonic
        self.attempt: Attempt | None = None
        self.bad_steps = self.unsaved = 0
        self.broken = ""
        self.saved_at = 0.0
        self.costs = 0.0, 0.0  # of the last two checkpoints; the less counts, as one may pause
        self.out_of_scope = out_of_scope
        self.run_id = ""  # of the round that is open: it keeps its name across tabs
        self.metrics: dict = {}
        self.plan: Plan
        self.began, self.tokens = 0.0, 0  # of the round that is open

    def configure(self, config: dict) -> None:
        self.config = config

    def call(self, run: str) -> None:
        self.run_id = run

    def write_through(self, store: Any) -> None:
        """Send all further writes through this store; a fenced store refuses those of a tab that
        lost the right to train."""
        self.store = store
        self.versions = self.versions.through(store)

    async def open(self, kind: str, lessons: Iterable[dict] = (), line: str = GENERIC) -> Plan:
        """Begin a round on a candidate of the line's current weights."""
        await self.plan_next(kind, lessons, line)
        self.attempt = await resolve(self.trainer.begin(self.before, self.plan))
        return self.plan

    async def plan_next(
        self, kind: str, lessons: Iterable[dict], line: str = GENERIC
    ) -> tuple[Arrays, Plan]:
        """Return the weights before the next round, and its plan; nothing is begun."""
        await self._prepare(kind, list(lessons), line)
        if self.out_of_scope and kind in (LESSON, PRACTICE):
            self._behind(await self.out_of_scope(self.plan))
        return self.before, self.plan

    def _behind(self, outside: list[str] | None) -> None:
        """Put the questions outside the adapter scope into the plan; None means no router limits
        it."""
        if outside is not None:
            self.plan = replace(self.plan, config=self.plan.config | {OUTSIDE_SCOPE: outside})

    async def reopen(self, line: str = GENERIC, kind: str = "") -> bool:
        """Resume the round that a killed tab left; return False when there is none, or when its
        basis has changed, in which case it is deleted. A lesson (`kind`) comes before consolidation
        that was postponed for it; a run over a data set resumes on the version it began with, even
        if lessons were learned on that one meanwhile."""
        key = round_of(self.versions.base, line, kind)
        checkpoint = await self.store.get("snapshots", key)
        if checkpoint is None:
            return False
        try:
            captured, facts = unpack(checkpoint, "the interrupted round")
            if (kind, facts["kind"]) == (LESSON, PRACTICE):
                return False
            if kind and TRAINING in (kind, facts["kind"]) and kind != facts["kind"]:
                return False  # a run in the format of earlier builds
            lessons = [await self.store.get("queue", id) for id in facts["lessons"]]
            if all(lessons):
                began = facts["parent"] if kind == TRAINING else NEWEST
                await self._prepare(facts["kind"], lessons, line, began)
                same = facts["plan"] == self.plan.identity() and facts["parent"] == self._parent()
                self.run_id = facts.get("run", "")
                self._behind(facts.get(OUTSIDE_SCOPE))
                if same and await self._meanwhile() is not None:
                    resume = self.trainer.resume(self.before, self.plan, captured)
                    self.attempt = await resolve(resume)
                    return True
        except SnapshotDamaged:
            pass
        await self.store.batch([["delete", "snapshots", key]])
        return False

    async def find_interrupted(self, line: str = GENERIC) -> str:
        """Return the kind of an interrupted round on this line that can be resumed, or nothing."""
        checkpoint = await self.store.get("snapshots", round_of(self.versions.base, line))
        if checkpoint is None:
            return ""
        try:
            _, facts = unpack(checkpoint, "the interrupted round")
        except SnapshotDamaged:
            return ""
        same = facts["parent"] == (await self.versions.number(line) or None)
        return facts["kind"] if same else ""

    async def advance(self, budget_ms: float) -> dict | None:
        """Run one slice; return metrics, or None when the round is ready to be finished."""
        assert self.attempt, "open a round first"
        if self.broken:
            return None
        fault("slice:before")
        metrics = await resolve(self.attempt.advance(budget_ms))
        fault("slice:after")
        if metrics is None:
            return None
        finite = all(math.isfinite(metrics[key]) for key in ("loss", "grad_norm"))
        self.bad_steps = 0 if finite else self.bad_steps + 1
        if self.bad_steps >= BAD_STEPS_ALLOWED:
            self.broken = f"{self.bad_steps} steps in a row produced NaN or infinity"
            return None
        self.tokens += metrics.get("tokens", 0)
        speed = self.tokens / max(self.monotonic() - self.began, 1e-6)
        self.metrics = {**metrics, "tokens_per_second": speed}
        if self._worth_saving():
            await self._checkpoint()
        return metrics

    async def put_off(self) -> None:
        """Store the open round and release it; `reopen` resumes it."""
        await self._checkpoint()
        self.drop()

    async def finish(self, more: Mapping[str, Any] | None = None) -> RoundEnd:
        """Evaluate the candidate: promote it to a version or reject it. The verdict includes
        `more`."""
        assert self.attempt, "open a round first"
        attempt, self.attempt = self.attempt, None
        reason = self.broken or unusable(await resolve(attempt.weights()))
        gate = {"accepted": False, "outcome": "not learned", "reason": reason}
        if not reason:
            fault("gate:before")
            gate = await resolve(attempt.judge())
            weights = await resolve(attempt.weights())  # the evaluator may have scaled them
            fault("gate:after")
            unfinite = [f"{key} is not a number" for key, value in gate.items() if _is_nan(value)]
            if wrong := unusable(weights) or "".join(unfinite[:1]):
                gate = {**gate, "accepted": False, "reason": wrong}
        gate = {**gate, **(more or {})}
        self.metrics["gate"] = gate
        try:
            done = self._promote(weights, gate) if gate["accepted"] else self._reject(gate)
            return {**await done, "wrong": list(getattr(attempt, "wrong", ()))}
        except Overtaken:
            return RoundEnd(outcome="dropped", reason=OVERTAKEN, version=None, gate=gate, wrong=[])

    async def run(self, kind: str, lessons: Iterable[dict] = (), line: str = GENERIC) -> RoundEnd:
        """Run a whole round without a scheduler, for replay, scripts and tests."""
        await self.open(kind, lessons, line)
        while await self.advance(math.inf) is not None:
            pass
        return await self.finish()

    def get_latest_metrics(self) -> dict:
        """Return the step, loss, learning_rate, grad_norm, examples_processed and tokens_per_second
        of the last step, and `gate` once the round was evaluated."""
        return dict(self.metrics)

    async def save_model(self) -> dict:
        """Return the adapter in use as one record with a checksum, which JSON can hold: {format,
        sha256, bytes, data}, the data in base64."""
        number = await self.versions.number(GENERIC)
        fresh = self.trainer.fresh
        weights = await (self.versions.weights(number) if number else resolve(fresh()))
        saved = pack(weights, {"base": self.versions.base, "version": number})
        return {**saved, "data": base64.b64encode(saved["data"].join()).decode()}

    async def load_model(self, saved: dict) -> dict:
        """Put the adapter of a `save_model`, here or elsewhere, into use; return its version's
        record."""
        try:
            data = base64.b64decode(saved["data"], validate=True)
        except ValueError as error:
            raise SnapshotDamaged("the saved model is damaged: its data is no base64") from error
        weights, facts = unpack({**saved, "data": data}, "the saved model")
        if facts["base"] != self.versions.base:
            raise ValueError(
                f"this adapter belongs to the base model {facts['base'][:8]}, the one in use is "
                f"{self.versions.base[:8]}; nothing was changed"
            )
        return await self.adopt(weights)

    async def adopt(self, weights: Arrays, came_as: str = "") -> dict:
        """Make an adapter from elsewhere the version in use, without evaluation; return its record,
        which keeps the name it came with."""
        await self._must_fit(weights)
        current = await self.versions.current()
        plan = make_plan(IMPORT, weights, [], [], {})
        gate = {"accepted": True, "outcome": "imported", "reason": "", "came_as": came_as}
        return await self.versions.promote(GENERIC, current, plan, weights, gate)

    async def admit(self, weights: Arrays, came_as: str = "") -> RoundEnd:
        """Evaluate an adapter from elsewhere, and promote it if it harms nothing known; return as
        `finish` does. Its version keeps the name `came_as`."""
        await self._must_fit(weights)
        await self._prepare(IMPORT, [], GENERIC)
        self.attempt = await resolve(self.trainer.adopt(self.before, self.plan, weights))
        return await self.finish({"came_as": came_as})

    async def _must_fit(self, weights: Arrays) -> None:
        fresh = await resolve(self.trainer.fresh())
        for name in sorted({*fresh, *weights}):
            mine, given = (getattr(one.get(name), "shape", None) for one in (fresh, weights))
            if mine != given:
                raise ValueError(f"{name} is {given}, this model wants {mine}; nothing was changed")

    def drop(self) -> None:
        """Drop the candidate, because the tab lost the right to train or a person stopped it."""
        self.attempt = None

    # ---------------------------------------------------------------------------------- inside

    async def _prepare(
        self, kind: str, lessons: list[dict], line: str, parent: int | None = NEWEST
    ) -> None:
        """Plan on the newest version of the line, or on `parent`; on the base if that is gone."""
        chain = await self.versions.chain(line)
        if parent != NEWEST:
            numbers = [one["number"] for one in chain]
            chain = chain[: numbers.index(parent) + 1] if parent in numbers else []
        self.line = line
        self.parent = chain[-1] if chain else None
        if self.parent:
            self.before = await self.versions.weights(self.parent["number"])
        else:
            self.before = await resolve(self.trainer.fresh())
        pool = await self.versions.pool(line, chain)
        self.plan = make_plan(kind, self.before, lessons, pool, self.config)
        self.bad_steps = self.unsaved = 0
        self.broken = ""
        self.saved_at = self.began = self.monotonic()
        self.tokens, self.metrics = 0, {}

    def _parent(self) -> int | None:
        return self.parent["number"] if self.parent else None

    def _worth_saving(self) -> bool:
        """Whether to checkpoint after this step: unless checkpoints took more than their share of
        the time since the last one; a tab that is closed loses no more than UNSAVED_STEPS."""
        self.unsaved += 1
        if self.unsaved >= UNSAVED_STEPS:
            return True
        passed = self.monotonic() - self.saved_at
        cost = min(self.costs)
        return cost <= self.checkpoint_share * (passed + cost)

    async def _checkpoint(self) -> None:
        assert self.attempt
        began = self.monotonic()
        captured = await resolve(self.attempt.capture())
        facts = {
            "plan": self.plan.identity(),
            "kind": self.plan.kind,
            "lessons": ids_of(self.plan.lessons),
            "parent": self._parent(),
            "run": self.run_id,
            OUTSIDE_SCOPE: self.plan.config.get(OUTSIDE_SCOPE),
        }
        key = round_of(self.versions.base, self.line, self.plan.kind)
        fault("checkpoint:before")
        if not await self.store.batch([["put", "snapshots", key, pack(captured, facts)]]):
            self.broken = "another tab trains now"
        fault("checkpoint:after")
        self.saved_at, self.unsaved = self.monotonic(), 0
        self.costs = self.costs[1], self.saved_at - began

    async def _promote(self, weights: Arrays, gate: dict) -> RoundEnd:
        meanwhile = await self._meanwhile()
        record = await self.versions.promote(
            self.line, self.parent, self.plan, weights, gate, meanwhile or ()
        )
        outcome, reason = gate.get("outcome", "learned"), gate.get("reason", "")
        return RoundEnd(outcome=outcome, reason=reason, version=record, gate=gate, wrong=[])

    async def _meanwhile(self) -> list[dict] | None:
        """Return the versions after the one that this round began with. Only lessons may come
        between, and only during a run over a data set; None where anything else did."""
        chain = await self.versions.chain(self.line)
        numbers = [None, *(one["number"] for one in chain)]
        if self._parent() not in numbers:
            return None
        newer = chain[numbers.index(self._parent()) :]
        between = self.plan.kind == TRAINING and all(one["kind"] == LESSON for one in newer)
        return newer if between or not newer else None

    async def _reject(self, gate: dict) -> RoundEnd:
        """Reject the candidate. Its examples stay in the queue, marked, for consolidation or for a
        person to look at."""
        change = Change()
        for lesson in self.plan.lessons:
            revision = lesson.get("revision", 0)
            if revision:
                change.require("queue", lesson["id"], "revision", revision)
            marked = {"state": "rejected", "why": gate["reason"], "revision": revision + 1}
            change.put("queue", lesson["id"], {**lesson, **marked})
        if self.plan.kind != IMPORT:  # an import leaves a postponed round's checkpoint alone
            change.delete("snapshots", round_of(self.versions.base, self.line, self.plan.kind))
        change.tell("rejection", rejection(self.line, self._parent(), self.plan, gate))
        fault("reject:before")
        await self.versions.ledger.commit(change)
        outcome = gate["outcome"] if self.plan.kind == IMPORT else "not learned"
        return RoundEnd(outcome=outcome, reason=gate["reason"], version=None, gate=gate, wrong=[])


async def train(
    trainer: Trainer,
    before: Arrays,
    plan: Plan,
    on_progress: Callable[[float], None] = lambda share: None,
) -> tuple[Arrays, dict]:
    """Run a round in one go; return the weights and the evaluator's verdict. `on_progress` receives
    the share that is done."""
    attempt = await resolve(trainer.begin(before, plan))
    while (metrics := await resolve(attempt.advance(math.inf))) is not None:
        on_progress(metrics["step"] / max(metrics.get("steps", 0), metrics["step"] + 1))
    weights = await resolve(attempt.weights())
    if reason := unusable(weights):
        return weights, {"accepted": False, "outcome": "not learned", "reason": reason}
    gate = await resolve(attempt.judge())
    return await resolve(attempt.weights()), gate


def rejection(line: str, parent: int | None, plan: Plan, gate: dict) -> dict:
    """Return the ledger's entry on a round that made no version; replay repeats it from this."""
    return {
        "line": line,
        "parent": parent,
        "kind": plan.kind,
        "lessons": ids_of(plan.lessons),
        "config": plan.config,
        "gate": gate,
    }


def unusable(weights: Arrays) -> str:
    """Return why these weights must not be used (NaN or infinity), or nothing."""
    for name, array in weights.items():
        if not np.isfinite(array).all():
            return f"{name} holds NaN or infinity"
    return ""


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and not math.isfinite(value)
