"""Compares the gate with an exhaustive one: how many verdicts are equal, and CPU seconds of both.

`python3 build.py bench gate` teaches facts one after another and has both judge each lesson: the
gate in use, and one that finishes every reply, computes each row alone and from the first layer on,
asks the base model again each time and refuses only when every measure is known
(tests/bench/parts/patient.py).  Lessons are short, so that some are refused.  An interrupted run
resumes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import time
from contextlib import closing
from pathlib import Path

import numpy as np

from builder import CACHE
from oneseek.engine.backends.select import BACK_ENDS, executor_named
from oneseek.engine.cli.session import record_of
from oneseek.engine.core.settings import for_model
from oneseek.engine.history.round_plan import LESSON, Plan
from oneseek.engine.learning.lessons.samples import samples
from oneseek.engine.learning.rounds.lesson import LessonAttempt
from oneseek.engine.learning.trainer import RoundTrainer
from oneseek.engine.model import registry
from oneseek.engine.model.formats import open_model
from oneseek.engine.model.loaded import Model
from tests.bench.learn import records
from tests.bench.parts import report
from tests.bench.parts.patient import PatientAttempt, PatientTrainer

TOLD = ("accepted", "outcome", "scale", "steps")


class Timed(LessonAttempt):
    """Records the CPU seconds of training that the gate asks for while it judges."""

    spent = 0.0

    async def _more(self, leaks: bool, times: int = 1) -> None:
        began = time.process_time()
        await super()._more(leaks, times)
        self.spent += time.process_time() - began


class New(Timed, LessonAttempt):
    pass


class Old(Timed, PatientAttempt):
    pass


async def judge_attempt(
    judge: RoundTrainer, kind: type[Timed], before, plan: Plan, captured: dict
) -> tuple:
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
    new, old = [await kind.open(model, config) for kind in (RoundTrainer, PatientTrainer)]
    old.kept, old.candidate = new.kept, new.candidate
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
    later = rows[1:]  # the first one compiles the programs
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


async def one(
    new: RoundTrainer, old: RoundTrainer, plan: Plan, before: np.ndarray
) -> tuple[np.ndarray, dict]:
    """Train a lesson and judge it by both gates, which take turns in being first."""
    attempt = LessonAttempt(new, before, plan)
    new.candidate.begin(attempt.start)
    while await attempt.advance(math.inf) is not None:
        pass
    captured = await attempt.capture()
    captured = {name: array.copy() for name, array in captured.items()}
    sides = [("new", new, New), ("old", old, Old)]
    found, row = {}, {"question": plan.lessons[0]["prompt"]}
    for name, judge, kind in sides if plan.seed % 2 else sides[::-1]:
        decision, seconds, found[name] = await judge_attempt(judge, kind, before, plan, captured)
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
    ask.add_argument("--steps", type=int, default=8, help="steps of a lesson, at most")
    ask.add_argument("--first-layer", type=int)
    ask.add_argument("--made-up", action="store_true", help="facts a tiny model can learn too")
    ask.add_argument("--folder", type=Path, default=CACHE / "bench-gate", help="to resume from")
    figures, rows = asyncio.run(run(ask.parse_args()))
    report.write("gate", figures, rows)


if __name__ == "__main__":
    main()
