"""What lessons and practice do to a real model: recall, other words, leaks, drift, and what it takes.

`python3 build.py bench learn` teaches eight facts one after another, practises, and judges after the
first lesson, the last and practice; then four facts in Swedish and forty facts.  The questions are
those of facts_eval.jsonl and facts_dev.jsonl, written by hand; no lesson sees them.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import statistics
import time
from contextlib import closing
from pathlib import Path

from engine import registry
from engine.config import TrainingConfig
from engine.formats import open_model
from engine.reference import Numpy
from engine.rounds import LESSON, PRACTICE, make_plan
from engine.trained import Trained
from engine.trainer import EngineTrainer
from engine.weights import Model
from tests.bench import report
from tests.bench.judge import measure

HERE = Path(__file__).parent
FIGURES = ("recall", "unseen", "leak", "kl", "top1", "ppl_change", "known")
HIGHER_IS_WORSE = ("leak", "kl", "ppl_change")
ENGLISH, SWEDISH, MANY = 8, 4, 40


class Judged:
    """The shadow of a trainer's voices, as `measure` asks it."""

    def __init__(self, trainer: EngineTrainer, flat):
        self.voices = trainer.voices
        self.voices.put("shadow", flat)

    async def go_on(self, prompts, tokens):
        return await self.voices.go_on("base", prompts, tokens)

    async def replies(self, questions, tokens):
        return await self.voices.replies("shadow", questions, tokens)

    async def drift(self, rows):
        return await self.voices.drift("shadow", rows)

    async def text_loss(self, ids, base):
        return await self.voices.text_loss("base" if base else "shadow", ids)


def records(name: str, language: str) -> list[dict]:
    """Facts of a file, as the queue would hold them, with their questions for the judge."""
    lines = (HERE / name).read_text("utf-8").splitlines()
    facts = [fact for fact in map(json.loads, lines) if fact["language"] == language]
    return [{**f, "id": f["question"], "prompt": f["question"]} for f in facts]


async def executor(backend: str):
    """The GPU where there is one that is real, else numpy."""
    if backend != "numpy":
        from engine.gpu import GPU

        return await GPU.open()
    return Numpy()


async def attempt(trainer: EngineTrainer, kind: str, weights, lessons, pool):
    """One round and its verdict: (weights to go on with, verdict, seconds)."""
    began = time.monotonic()
    round_ = trainer.begin(weights, make_plan(kind, weights, lessons, pool, {}))
    while (metrics := await round_.advance(math.inf)) is not None:
        if metrics["step"] % (24 if kind == PRACTICE else 4) == 0:
            report.say(f"  {kind} step {metrics['step']} of {metrics['steps']}", metrics["parts"])
    verdict = await round_.judge()
    after = await round_.weights() if verdict["accepted"] else weights
    return after, verdict, time.monotonic() - began


async def study(model: Model, facts: list[dict], seed: int, stages: tuple[str, ...]) -> dict:
    """Lessons one after another, then practice; the figures of every stage that is asked for."""
    config = TrainingConfig.preset("micro").replace(seed=seed)
    lora = config.lora_config
    trained = Trained.lora(model.config, lora.rank, lora.alpha, lora.target_modules)
    trainer = EngineTrainer(model, trained, config)
    weights, found, lessons = trainer.fresh(), {}, []
    code = facts[0]["language"]
    if "lessons" in stages:
        for i, fact in enumerate(facts):
            weights, verdict, seconds = await attempt(trainer, LESSON, weights, [fact], facts[:i])
            lessons.append({**verdict, "question": fact["question"], "seconds": seconds})
            told = f"{verdict['outcome']} in {verdict['steps']} steps, {seconds:.0f} s"
            report.say(f"  {fact['question']} {told} {verdict['reason']}")
            if i == 0 and "first" in stages:
                found["first"] = await judged(trainer, weights, facts[:1], code)
        found["lesson"] = await judged(trainer, weights, facts, code)
    began = time.monotonic()
    if "practice" in stages:
        after, verdict, seconds = await attempt(trainer, PRACTICE, weights, [], facts)
        report.say(f"  {verdict['outcome']} {verdict['reason']} {seconds:.0f} s")
        found["practice"] = await judged(trainer, after, facts, code)
        found["practice"]["verdict"] = verdict
    return {"stages": found, "lessons": lessons, "practice_seconds": time.monotonic() - began}


async def judged(trainer: EngineTrainer, weights, facts, code: str) -> dict:
    flat = weights[trainer.trained.name]
    figures = await measure(Judged(trainer, flat), trainer.coder, facts, code)
    report.say("  ", {name: figures[name] for name in FIGURES})
    return figures


def summary(runs: list[dict], stage: str, prefix: str) -> dict[str, float]:
    """Mean and worst over the seeds."""
    figures = {}
    for name in FIGURES:
        values = [run["stages"][stage][name] for run in runs if stage in run["stages"]]
        if not values:
            continue
        figures[prefix + name] = statistics.mean(values)
        worst = max(values) if name in HIGHER_IS_WORSE else min(values)
        figures[prefix + name + "_worst"] = worst
    return figures


def times(runs: list[dict], prefix: str = "") -> dict[str, float]:
    lessons = [lesson for run in runs for lesson in run["lessons"]]
    if not lessons:
        return {}
    return {
        f"{prefix}max_steps": max(lesson["steps"] for lesson in lessons),
        f"{prefix}seconds_per_fact": statistics.mean(lesson["seconds"] for lesson in lessons),
        f"{prefix}seconds_practice": statistics.mean(run["practice_seconds"] for run in runs),
    }


async def run(options) -> tuple[dict, list]:
    path = options.model or registry.find("smollm2-135m")
    with closing(open_model(str(path))) as file:
        model = await Model.load(file, await executor(options.backend))
    figures: dict[str, float] = {}
    rows = []
    parts = {
        "": (records("facts_eval.jsonl", "en")[:ENGLISH], options.seeds),
        "sv_": (records("facts_eval.jsonl", "sv")[:SWEDISH], 1),
        "forty_": (
            (records("facts_dev.jsonl", "en") + records("facts_dev.jsonl", "sv"))[:MANY],
            1,
        ),
    }
    for prefix, (facts, seeds) in parts.items():
        facts = facts[: options.facts]
        if prefix.rstrip("_") not in options.parts:
            continue
        runs = []
        for seed in range(seeds):
            report.say(f"{len(facts)} facts, seed {seed}")
            runs.append(await study(model, facts, seed, tuple(options.stages)))
            rows.append({"part": prefix or "en", "seed": seed, **runs[-1]})
        for stage, name in (("practice", ""), ("lesson", "lesson_"), ("first", "first_")):
            figures |= summary(runs, stage, prefix + name)
        figures |= times(runs, prefix)
    return figures, rows


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--model", type=Path)
    ask.add_argument("--backend", choices=("gpu", "numpy"), default="numpy")
    ask.add_argument("--seeds", type=int, default=3)
    ask.add_argument("--facts", type=int, help="only so many of each part's")
    ask.add_argument("--parts", nargs="*", default=["", "sv", "forty"])
    ask.add_argument("--stages", nargs="*", default=["lessons", "first", "practice"])
    options = ask.parse_args()
    options.parts = ["" if part == "en" else part for part in options.parts]
    figures, rows = asyncio.run(run(options))
    report.write("learn", figures, rows)


if __name__ == "__main__":
    main()
