"""A small training in two stages after every question; the person does not wait for it.

The responses are compared first (engine/learning/questions/responses.py). Stage 1 learns those that
agree, stage 2 the answer of the comparison itself, if that differs. If the responses disagree, a
person chooses. Samples, counts and the DNA fingerprint are stored; events report the outcome of
each stage.
"""

from __future__ import annotations

import asyncio
import inspect
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from oneseek.engine.core.collecting.content import prompt_hash
from oneseek.engine.core.collecting.language import detect, line_for
from oneseek.engine.core.queue.saved import SavedQueue
from oneseek.engine.core.queue.training_queue import DISAGREEMENT
from oneseek.engine.history.certificate import EVERY_QUESTIONS, record_dna
from oneseek.engine.history.versions import Versions
from oneseek.engine.learning.lessons import LessonError, fold
from oneseek.engine.learning.questions.responses import (
    COMPARED,
    DISAGREE,
    NOTHING,
    Analysis,
    analyse,
    similarity,
)
from oneseek.engine.learning.trainer import check
from oneseek.engine.turns import beside

STAGES = (1, 2)
KEPT_SAMPLES = 1000
KEPT_EVENTS = 10
SHOWN = 120  # characters of a question in an event


def make_outcome(outcome: str, reason: str) -> dict:
    """Return the outcome of a stage that trained nothing."""
    return {"outcome": outcome, "reason": reason, "version": None}


NOT_APPROVED = make_outcome("not approved", "an answer is learned only after a person approves it")
NOTHING_SAID = make_outcome("nothing said", "no response gives an answer")
SAME = make_outcome("same", "the comparison gives the same answer as the first stage")
ASKED = make_outcome(
    "asked", "the responses disagree; a person decides in the queue which is right"
)

UNDECIDED = [one["outcome"] for one in (NOT_APPROVED, NOTHING_SAID, ASKED)]

Learn = Callable[[list[dict], str], Awaitable[dict]]
Ask = Callable[[list[dict]], Awaitable[list[str]]]


async def ask_nobody(examples: list[dict]) -> list[str]:
    """Drop answers that disagree, because there is no queue to ask a person in."""
    return []


class BadQuestion(ValueError):
    """The request says nothing to learn from; nothing was stored."""


class MicroTraining:
    """`learn(examples, line)` trains one stage and returns {"outcome", "reason", "version"}, the
    version a record or None; `ask(examples)` puts answers of which one at most is right before a
    person and returns their ids; `emit(event)` receives every event."""

    def __init__(
        self,
        versions: Versions,
        learn: Learn,
        emit: Callable[[dict], Any] = lambda event: None,
        dna_every: int = EVERY_QUESTIONS,
        detect: Callable[[str], str] = detect,
        ask: Ask = ask_nobody,
    ) -> None:
        self.versions = versions
        self.store = versions.store
        self.learn, self.ask = learn, ask
        self.listeners = [emit]
        self.dna_every = dna_every
        self.detect = detect
        self.running = ""
        self.counting = asyncio.Lock()

    def listen(self, emit: Callable[[dict], Any]) -> None:
        """Add a listener for every event."""
        self.listeners.append(emit)

    async def submit(
        self,
        question: str,
        raw_responses: Sequence[dict],
        language: str = "",
        approved: bool = True,
        source: dict | None = None,
        analyzed: Mapping | None = None,
    ) -> dict:
        """Store a question with its responses and return at once; `process` trains later. Without
        `approved` the responses are compared and counted, and not learned; `analyzed` is the
        caller's own analysis (engine/learning/questions/responses.py, analyse)."""
        _check(question, raw_responses)
        language = language or self.detect(question[:COMPARED])
        line = line_for(language, await self._lines())
        async with self.counting:
            stats = await self.stats()
            count = stats["total_runs"] + 1
            run = f"{count:08d}-{uuid.uuid4().hex[:8]}"
            sample = {
                "run": run,
                "question": question,
                "responses": [
                    {"model": r["model"], "response": r["response"]} for r in raw_responses
                ],
                "language": language,
                "line": line,
                "approved": approved,
                "analyzed": dict(analyzed or {}),
                "source": {**(source or {"kind": "api"}), "run": run},
                "state": "waiting",
                "time": self.versions.clock(),
                "examples": [],
            }
            by_language = stats["runs_by_language"]
            by_language[language] = by_language.get(language, 0) + 1
            stats.update(total_runs=count, last_run_time=sample["time"])
            ops = [["put", "samples", f"stage1_{run}", sample], ["put", "state", "micro", stats]]
            await self.store.batch(ops)
        return {"run": run, "language": language, "line": line, "question_number": count}

    async def process(self, run: str, stages: Sequence[int] = STAGES) -> dict | None:
        """Run both stages of one question, or the given ones; safe to repeat after a crash. Return
        the stored sample of the last of them."""
        self.running = run
        try:
            sample = await self.store.get("samples", f"stage1_{run}")
            if sample is None:
                raise KeyError(f"there is no question {run} waiting")
            found = await beside(self._compare, sample)
            if 1 in stages and sample["state"] == "waiting":
                await self._first(sample, found)
            if 2 in stages and await self.store.get("samples", f"stage2_{run}") is None:
                await self._second(sample, found)
                await self._maybe_dna(sample)
            await self._drop_old_samples()
            return await self.store.get("samples", f"stage{max(stages)}_{run}")
        finally:
            self.running = ""

    async def list_waiting(self) -> list[str]:
        """The questions whose stages are not both done, oldest first, to resume after a crash."""
        keys = set(await self.store.keys("samples"))
        first = sorted(key[7:] for key in keys if key.startswith("stage1_"))
        return [run for run in first if f"stage2_{run}" not in keys]

    async def status(self) -> dict:
        events = [
            event for _, event in await self.store.all("events", newest=True, limit=KEPT_EVENTS)
        ]
        return {
            "running": self.running,
            "waiting": len(await self.list_waiting()),
            "events": events,
        }

    async def stats(self) -> dict:
        empty = {
            "total_runs": 0,
            "runs_by_language": {},
            "stage_counts": {"stage1": 0, "stage2": 0},
            "outcomes": {},
            "last_run_time": None,
            "last_dna_update": None,
            "events": 0,
        }
        return {**empty, **(await self.store.get("state", "micro") or {})}

    # ---------------------------------------------------------------------------------- inside

    async def _lines(self) -> set[str]:
        return {line for line in ("sv", "en") if await self.versions.number(line)}

    def _compare(self, sample: dict) -> Analysis:
        given = sample.get("analyzed") or {}
        question, language = sample["question"], sample["language"]
        return analyse(sample["responses"], question, language, self.detect, given)

    async def _first(self, sample: dict, found: Analysis) -> None:
        """Learn the responses that agree, as they are; ask about those that disagree."""
        if result := await self._decide(sample, found):
            await self._end(1, sample, found, result)
            return
        texts = [sample["responses"][i]["response"] for i in found.learn]
        await self._end(1, sample, found, await self._taught(sample, texts))

    async def _second(self, sample: dict, found: Analysis) -> None:
        """Learn the comparison's answer, where it differs from the responses that were learned."""
        first = await self.store.get("samples", f"stage1_{sample['run']}")
        result = make_outcome(first["outcome"], first["reason"])
        if first["outcome"] not in UNDECIDED:
            had = {fold(sample["responses"][i]["response"]) for i in found.learn}
            new = fold(found.answer) not in had
            result = await self._taught(sample, [found.answer]) if new else SAME
        await self._end(2, {**sample, "examples": []}, found, result)

    async def _decide(self, sample: dict, found: Analysis) -> dict | None:
        """Return the outcome where there is nothing to train, else None."""
        if not sample["approved"]:
            return NOT_APPROVED
        if found.verdict == NOTHING:
            return NOTHING_SAID
        rivals = await self._rivals(sample, found)
        if not rivals:
            return None
        return {**ASKED, "examples": await self.ask(rivals)}

    async def _rivals(self, sample: dict, found: Analysis) -> list[dict]:
        """Return the answers that a person has to decide on: one of each camp, or the agreed one
        where an answer learned before contradicts it."""
        best = [max(camp, key=lambda i: (found.weights[i], -i)) for camp in found.camps]
        answers = [sample["responses"][i]["response"] for i in best]
        if found.verdict == DISAGREE:
            return [self._example(sample, one, DISAGREEMENT) for one in answers]
        about, question = prompt_hash(sample["question"]), sample["question"]
        learned = await self.versions.pool(sample["line"])
        known = [one for one in learned if one.get("about") == about]
        said = [sample["responses"][i]["response"] for i in found.learn]
        against = [
            one for one in known if not any(similarity(one["answer"], s, question) for s in said)
        ]
        return [self._example(sample, answers[0], DISAGREEMENT)] if against else []

    async def _taught(self, sample: dict, texts: Sequence[str]) -> dict:
        distinct = list({fold(text): text.strip() for text in texts}.values())
        return await self.learn([self._example(sample, one) for one in distinct], sample["line"])

    async def _end(self, stage: int, sample: dict, found: Analysis, result: dict) -> None:
        """Store the outcome of a stage and emit its event."""
        version = result["version"] and result["version"]["name"]
        target = sample["responses"][found.target]["response"] if stage == 1 else found.answer
        told = {"outcome": result["outcome"], "examples": result.get("examples", [])}
        done = {
            **sample,
            **told,
            "analysis": found.to_dict(),
            "target": target,
            "state": "done",
            "reason": result["reason"],
            "version": version,
        }
        event = {"type": f"stage{stage}_complete", "run": sample["run"], "version": version}
        event.update(told, language=sample["language"], question=sample["question"][:SHOWN])
        event["reason"] = result["reason"]
        await self._tell(event, [["put", "samples", f"stage{stage}_{sample['run']}", done]])

    def _example(self, sample: dict, response: str, why: str = "") -> dict:
        return {
            "kind": "exchange",
            "prompt": sample["question"],
            "answer": response.strip(),
            "language": sample["language"],
            "priority": "chat",
            "source": sample["source"],
            "why": why,
        }

    async def _maybe_dna(self, sample: dict) -> None:
        done = (await self.stats())["stage_counts"]["stage2"]
        if done % self.dna_every == 0:
            update = await record_dna(self.versions, sample["line"], done)
            await self._tell({"type": "dna_updated", **update}, [])

    async def _tell(self, event: dict, ops: list) -> None:
        """Store the event together with `ops`, then emit it; a listener that was away finds it in
        the store."""
        async with self.counting:
            stats = await self.stats()
            stats["events"] += 1
            event = {**event, "seq": stats["events"], "timestamp": self.versions.clock()}
            if event["type"] == "dna_updated":
                stats["last_dna_update"] = event
            else:
                stage = event["type"].removesuffix("_complete")
                stats["stage_counts"][stage] += 1
                counts = stats["outcomes"].setdefault(stage, {})
                counts[event["outcome"]] = counts.get(event["outcome"], 0) + 1
            ops = [*ops, ["put", "events", event["seq"], event], ["put", "state", "micro", stats]]
            if event["seq"] > KEPT_EVENTS:
                ops.append(["delete", "events", event["seq"] - KEPT_EVENTS])
            await self.store.batch(ops)
        for emit in self.listeners:
            told = emit(event)
            if inspect.isawaitable(told):
                await told

    async def _drop_old_samples(self) -> None:
        """Delete old samples; their examples and versions record what was learned."""
        keys = sorted(await self.store.keys("samples"), key=lambda key: (key[7:], key))
        if old := keys[: max(0, len(keys) - KEPT_SAMPLES)]:
            await self.store.batch([["delete", "samples", key] for key in old])


def _check(question: str, raw_responses: Sequence[dict]) -> None:
    if not isinstance(question, str) or not question.strip():
        raise BadQuestion("question is required and must not be empty")
    if not isinstance(raw_responses, list) or not raw_responses:
        raise BadQuestion("raw_responses must be a list of {model, response} with at least one")
    for one in raw_responses:
        if not (isinstance(one, dict) and isinstance(one.get("model"), str)):
            raise BadQuestion("each of raw_responses needs a model and a response, both text")
        if not isinstance(one.get("response"), str) or not one["response"].strip():
            raise BadQuestion("each of raw_responses needs a model and a response, both text")


async def offer_examples(
    queue: SavedQueue, coder: Any, examples: list[dict]
) -> tuple[list[str], dict[str, Any]]:
    """Offer examples to the queue; return the ids of those ready to learn, and the outcome if none
    is."""
    ids, unfit, before = [], "", ""
    for example in examples:
        try:
            check(coder, example)
        except LessonError as fault:
            unfit = str(fault)
            continue
        record = await queue.change(lambda q, one=example: q.add(one))
        if record and record["state"] == "ready":
            ids.append(record["id"])
        elif record:
            before = "the answer was put aside or refused before"
    nothing = make_outcome("known", "learned before")
    if unfit or before:
        nothing = make_outcome("not learned", unfit or before)
    return ids, {**nothing, "examples": []}


async def hold(queue: SavedQueue, examples: list[dict]) -> list[str]:
    """Put answers into the queue for a person to choose one of; return their ids."""
    records = [await queue.change(lambda q, one=one: q.add(one, "held")) for one in examples]
    return [record["id"] for record in records if record]
