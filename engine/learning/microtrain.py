"""After every question a small training in two stages, which the person never waits for.

Stage 1 learns the raw responses, stage 2 what their comparison (engine/learning/responses.py) says is worth
learning.  Samples, counts and the DNA fingerprint are stored; events tell every listener.
"""

import asyncio
import inspect
import uuid
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from engine.core.collecting.language import detect, line_for
from engine.history.dna import EVERY_QUESTIONS, record_dna
from engine.history.versions import Versions
from engine.learning.responses import analyse

KEPT_SAMPLES = 1000
KEPT_EVENTS = 10
NOT_APPROVED: dict[str, Any] = {
    "outcome": "not approved",
    "reason": "what the chat answers is learned only when a person approves it",
    "version": None,
}

Learn = Callable[[list[dict], str], Awaitable[dict]]


class BadQuestion(ValueError):
    """The request says nothing to learn from; nothing was stored."""


class MicroTraining:
    """`learn(examples, line)` trains one stage and answers {"outcome", "reason", "version"}, the
    version a record or None; `emit(event)` hears every event as it happens."""

    def __init__(
        self,
        versions: Versions,
        learn: Learn,
        emit: Callable[[dict], Any] = lambda event: None,
        dna_every: int = EVERY_QUESTIONS,
        detect: Callable[[str], str] = detect,
    ):
        self.versions = versions
        self.store = versions.store
        self.learn = learn
        self.emit = emit
        self.dna_every = dna_every
        self.detect = detect
        self.running = ""
        self.counting = asyncio.Lock()

    async def submit(
        self,
        question: str,
        raw_responses: Sequence[dict],
        language: str = "",
        approved: bool = True,
        source: dict | None = None,
    ) -> dict:
        """Store what came in and answer at once; `process` does the training later. What nobody
        `approved` is compared and counted, and not learned."""
        _check(question, raw_responses)
        language = language or self.detect(question)
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

    async def process(self, run: str) -> dict:
        """Both stages of one question; safe to repeat after a crash."""
        self.running = run
        try:
            sample = await self.store.get("samples", f"stage1_{run}")
            if sample is None:
                raise KeyError(f"there is no question {run} waiting")
            if sample["state"] == "waiting":
                await self._stage(1, sample, sample["responses"], {})
            if await self.store.get("samples", f"stage2_{run}") is None:
                found = analyse(sample["responses"])
                target = [sample["responses"][found.target]]
                await self._stage(2, {**sample, "examples": []}, target, found.to_dict())
                await self._maybe_dna(sample)
            await self._bound()
            return await self.store.get("samples", f"stage2_{run}")
        finally:
            self.running = ""

    async def waiting(self) -> list[str]:
        """Questions whose stages are not both done, oldest first; after a crash, go on with them."""
        keys = set(await self.store.keys("samples"))
        first = sorted(key[7:] for key in keys if key.startswith("stage1_"))
        return [run for run in first if f"stage2_{run}" not in keys]

    async def status(self) -> dict:
        events = [
            event for _, event in await self.store.all("events", newest=True, limit=KEPT_EVENTS)
        ]
        return {"running": self.running, "waiting": len(await self.waiting()), "events": events}

    async def stats(self) -> dict:
        empty = {
            "total_runs": 0,
            "runs_by_language": {},
            "stage_counts": {"stage1": 0, "stage2": 0},
            "last_run_time": None,
            "last_dna_update": None,
            "events": 0,
        }
        return await self.store.get("state", "micro") or empty

    # ---------------------------------------------------------------------------------- inside

    async def _lines(self) -> set[str]:
        return {line for line in ("sv", "en") if await self.versions.number(line)}

    async def _stage(self, stage: int, sample: dict, responses: list[dict], analysed: dict) -> None:
        examples = [self._example(sample, one["response"]) for one in _distinct(responses)]
        approved = sample["approved"]
        result = await self.learn(examples, sample["line"]) if approved else NOT_APPROVED
        version = result["version"] and result["version"]["name"]
        done = {
            **sample,
            **({"analysis": analysed, "target": responses[0]["response"]} if analysed else {}),
            "state": "done",
            "outcome": result["outcome"],
            "reason": result["reason"],
            "version": version,
            "examples": result.get("examples", []),
        }
        key = f"stage{stage}_{sample['run']}"
        event = {"type": f"stage{stage}_complete", "run": sample["run"], "version": version}
        event.update(language=sample["language"], outcome=result["outcome"])
        await self._tell(event, [["put", "samples", key, done]])

    def _example(self, sample: dict, response: str) -> dict:
        return {
            "kind": "exchange",
            "prompt": sample["question"],
            "answer": response,
            "language": sample["language"],
            "priority": "chat",
            "source": sample["source"],
        }

    async def _maybe_dna(self, sample: dict) -> None:
        done = (await self.stats())["stage_counts"]["stage2"]
        if done % self.dna_every == 0:
            update = await record_dna(self.versions, sample["line"], done)
            await self._tell({"type": "dna_updated", **update}, [])

    async def _tell(self, event: dict, ops: list) -> None:
        """Store the event with what it tells of, then tell; who was away finds it in the store."""
        async with self.counting:
            stats = await self.stats()
            stats["events"] += 1
            event = {**event, "seq": stats["events"], "timestamp": self.versions.clock()}
            if event["type"] == "dna_updated":
                stats["last_dna_update"] = event
            else:
                stats["stage_counts"][event["type"].removesuffix("_complete")] += 1
            ops = [*ops, ["put", "events", event["seq"], event], ["put", "state", "micro", stats]]
            if event["seq"] > KEPT_EVENTS:
                ops.append(["delete", "events", event["seq"] - KEPT_EVENTS])
            await self.store.batch(ops)
        told = self.emit(event)
        if inspect.isawaitable(told):
            await told

    async def _bound(self) -> None:
        """Old samples go: their examples and versions say what was learned."""
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


def _distinct(responses: Sequence[dict]) -> list[dict]:
    return list({one["response"].strip(): one for one in responses}.values())
