"""The gate against one that asks everything to its end: the same verdicts, and what it saves.

`python3 build.py bench gate` teaches facts one after another and has each lesson judged by both:
by the gate as it is, and by one that lets every reply be finished, reads each row alone and from
the first layer on, asks the base again each time and refuses only when all is known.  Lessons are
short, so that some are refused.  Seconds are those of the processor.  Interrupted, it goes on when
called again.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from builder import CACHE
from engine.backends.select import BACK_ENDS, executor_named
from engine.cli.session import record_of
from engine.core.settings import for_model
from engine.history.round_plan import LESSON, Plan
from engine.learning.batch import extent, pack
from engine.learning.memory.samples import samples
from engine.learning.rounds.gate import Gate
from engine.learning.rounds.lesson import LessonAttempt, found_lost
from engine.learning.rounds.verdict import MORE, SCALE
from engine.learning.rounds.voices import Voices
from engine.learning.trainer import EngineTrainer
from engine.model import registry
from engine.model.formats import open_model
from engine.model.loaded import Model
from tests.bench.learn import records
from tests.bench.parts import report

TOLD = ("accepted", "outcome", "scale", "steps")


class PatientVoices(Voices):
    async def replies(
        self, who: str, questions: Sequence[str], tokens: int, begins: Sequence[str] = (),
        enough: Sequence = (),
    ) -> list[str]:  # fmt: skip
        prompts = [self.coder.prompt(question) for question in questions]
        forced = [self.coder.begin(begin) for begin in begins]
        return [answer.text for answer in await self._answers(who, prompts, tokens, forced)]

    async def loss(self, who: str, rows) -> float:
        self._take_the_floor(who)
        rows = list(rows)
        needs = [extent([row]) for row in rows]
        shape = max(t for t, _ in needs), max(r for _, r in needs)
        nats = 0.0
        for row in rows:
            run = await self._run("score", pack([row], shape=shape))
            nats += float((await run.read("losses")).sum()) * len(row.target)
        return nats / sum(len(row.target) for row in rows)

    async def _run(self, program: str, batch, **more: np.ndarray) -> Any:
        shape = len(batch.arrays["ids"]), len(batch.arrays["take"])
        names = ["ids", "positions", "spans", "take"]
        if program == "score":
            names += ["target_ids", "target_probs", "target_rest", "weight"]
        arrays = {name: batch.arrays[name] for name in names} | more
        return await self._ran(program, shape, arrays, trained=self.trained)


class PatientGate(Gate):
    def ask_anew(self) -> None:
        self.said.clear()
        self.remembered.pop("said", None)

    async def unharmed(self) -> list:
        return [await self.probes(), *await self.drift(SCALE), await self.perplexity()]


class PatientAttempt(LessonAttempt):
    async def _judge_lesson(self, gate: Gate):
        learned = await gate.learned()
        if gate.verdict(learned, []).advice in (MORE, SCALE):
            self.lost = found_lost(learned, "earlier facts lost")
            await self._more(leaks=any(m.name == "leak" and not m.ok for m in learned))
            learned = await gate.learned()
        return await self._mended(gate.verdict(learned, await gate.unharmed()), gate.lesson)


class Judge(EngineTrainer):
    """One of the two; they share the shadow."""

    asks: type[Gate] = Gate

    def gate(self, recipe, voices=None, silent=None) -> Gate:
        heard = voices or self.voices
        return self.asks(heard, recipe, self.coder, self.remembered, self.kept.said, silent)


class Timed(LessonAttempt):
    """Knows how long it trained while it was judged."""

    spent = 0.0

    async def _more(self, leaks: bool, times: int = 1) -> None:
        began = time.process_time()
        await super()._more(leaks, times)
        self.spent += time.process_time() - began


class New(Timed, LessonAttempt):
    pass


class Old(Timed, PatientAttempt):
    pass


async def judged(judge: Judge, kind: type[Timed], before, plan: Plan, captured: dict) -> tuple:
    attempt = kind(judge, before, plan)
    attempt.restore({name: array.copy() for name, array in captured.items()})
    began = time.process_time()
    decision = await attempt.judge()
    seconds = time.process_time() - began - attempt.spent
    return decision, seconds, (await attempt.weights())[judge.called]


async def run(options) -> tuple[dict, list]:
    path = options.model or registry.find("smollm2-135m")
    with closing(open_model(str(path))) as file:
        model = await Model.load(file, await executor_named(options.backend))
    config = for_model(model.config.parameters)
    first = config.lora_config.first_layer if options.first_layer is None else options.first_layer
    config = config.replace(lesson={"max_steps": options.steps}, lora_config={"first_layer": first})
    facts = records("facts_eval.jsonl", "en") + records("facts_dev.jsonl", "en")
    if options.made_up:
        made = samples("en", options.lessons, "gate")
        facts = [{"question": x.question, "answer": x.answer, "id": x.question} for x in made]
    told = [record_of(fact) | {"id": fact["id"]} for fact in facts[: options.lessons]]
    new, old = [await Judge.open(model, config) for _ in range(2)]
    old.asks, old.kept, old.shadow = PatientGate, new.kept, new.shadow
    old.voices = PatientVoices(model, new.trained, new.coder)
    for who, flat in new.voices.flats.items():
        old.voices.put(who, flat)
    weights, pool, rows = new.fresh()[new.called], (), []
    options.folder.mkdir(parents=True, exist_ok=True)
    for i, record in enumerate(told):
        kept = options.folder / f"{first}-{options.steps}-{i}.npz"
        if kept.exists():
            with np.load(kept) as arrays:
                weights, row = arrays["weights"], json.loads(str(arrays["row"]))
        else:
            plan = Plan(LESSON, (record,), pool, i)
            weights, row = await one(new, old, plan, weights)
            np.savez(kept, weights=weights, row=json.dumps(row))
        rows.append(row)
        pool += (record,) if row["new"]["accepted"] else ()
        report.say({name: value for name, value in row.items() if name != "measures"})
    later = rows[1:]  # the first has its programs made
    seconds = {who: sum(row[f"{who}_seconds"] for row in later) for who in ("old", "new")}
    figures = {
        "lessons": len(rows),
        "first_layer": first,
        "accepted": sum(row["old"]["accepted"] for row in rows),
        "same_verdict": sum(row["same"] for row in rows),
        "old_seconds": seconds["old"],
        "new_seconds": seconds["new"],
        "new_to_old": seconds["new"] / max(1e-9, seconds["old"]),
    }
    return figures, rows


async def one(new: Judge, old: Judge, plan: Plan, before: np.ndarray) -> tuple[np.ndarray, dict]:
    """A lesson and both verdicts; who is asked first takes turns."""
    attempt = LessonAttempt(new, before, plan)
    new.shadow.begin(attempt.start)
    while await attempt.advance(math.inf) is not None:
        pass
    captured = await attempt.capture()
    captured = {name: array.copy() for name, array in captured.items()}
    sides = [("new", new, New), ("old", old, Old)]
    found, row = {}, {"question": plan.lessons[0]["prompt"]}
    for name, judge, kind in sides if plan.seed % 2 else sides[::-1]:
        decision, seconds, found[name] = await judged(judge, kind, before, plan, captured)
        row[name] = {fact: decision[fact] for fact in TOLD}
        row[f"{name}_seconds"] = seconds
        row.setdefault("measures", {})[name] = decision["measures"]
    row["same"] = row["new"] == row["old"]
    return (found["new"] if row["new"]["accepted"] else before), row


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--model", type=Path)
    ask.add_argument("--backend", choices=BACK_ENDS, default="auto")
    ask.add_argument("--lessons", type=int, default=24)
    ask.add_argument("--steps", type=int, default=8, help="of a lesson, at most")
    ask.add_argument("--first-layer", type=int)
    ask.add_argument("--made-up", action="store_true", help="facts a tiny model can learn too")
    ask.add_argument("--folder", type=Path, default=CACHE / "bench-gate", help="to go on from")
    figures, rows = asyncio.run(run(ask.parse_args()))
    report.write("gate", figures, rows)


if __name__ == "__main__":
    main()
