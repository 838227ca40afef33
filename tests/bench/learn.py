"""Measures what lessons and practice do to a real model: recall, recall in unseen wordings, answers
to hard negatives (`leak`), drift from the base model, and seconds.

`python3 build.py bench learn` tells eight facts and evaluates the memory alone; then it teaches
them one after another, practises, and evaluates the version after the first lesson, after the last
and after practice, and finally memory, router and version together.  It also runs four facts in
Swedish; forty facts, since practice grows with their number; and thirty facts that nothing was
tuned on, with the memory alone.  The questions are those of facts_eval.jsonl, facts_dev.jsonl,
facts_loft.jsonl and known.jsonl, written by hand; no lesson and no gate sees them.  An interrupted
run resumes.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import statistics
from contextlib import closing
from pathlib import Path

from builder import CACHE, ROOT
from oneseek.engine.assistant import Assistant
from oneseek.engine.backends.select import BACK_ENDS, executor_named
from oneseek.engine.cli.judging import BOTH, Asked
from oneseek.engine.cli.remembering import assistant_of
from oneseek.engine.cli.session import Session, record_of
from oneseek.engine.core.conversation import MEMORY
from oneseek.engine.core.settings import TrainingConfig, for_model
from oneseek.engine.core.storage.sqlite import SqliteStore
from oneseek.engine.learning.lessons import load_held_out_anchors
from oneseek.engine.learning.memory.speaking import BASE
from oneseek.engine.learning.probe import REPLY_TOKENS, CandidateModel, measure, score_answers
from oneseek.engine.model import registry
from oneseek.engine.model.formats import open_model
from oneseek.engine.model.loaded import Model
from tests.bench.parts import report
from tests.bench.parts.told import Told

HERE = Path(__file__).parent
FIGURES = ("recall", "unseen", "leak", "kl", "top1", "ppl_change", "known")
RECIPE = (
    "core/settings learning/recipe learning/batch learning/base_answers learning/lessons/**/* "
    "learning/rounds/rate_schedule learning/rounds/lesson learning/rounds/gate learning/memory/* "
    "learning/rounds/gate_questions"
).split()
GATE = ("taught", "recall", "leak", "perplexity change")
HIGHER_IS_WORSE = ("leak", "kl", "ppl_change")
ENGLISH, SWEDISH, MANY = 8, 4, 40
NAMES = {
    "memory": "memory_",
    "first": "first_",
    "lesson": "lesson_",
    "practice": "",
    "whole": "whole_",
}  # stage: prefix of its figures
STAGES = ("memory", "lessons", "first", "practice", "whole")


def records(name: str, language: str) -> list[dict]:
    """Facts of a file in one language as records of the queue, with their test questions."""
    lines = (HERE / name).read_text("utf-8").splitlines()
    facts = [fact for fact in map(json.loads, lines) if fact["language"] == language]
    return [{**f, "id": f["question"], "prompt": f["question"]} for f in facts]


def load_known(language: str) -> list[tuple[str, list[str]]]:
    """Common-knowledge questions, each with its right words, that no lesson and no gate uses. The
    English ones are always among them, as a small model may know nothing in another language."""
    lines = map(json.loads, (HERE / "known.jsonl").read_text("utf-8").splitlines())
    return [(one["question"], one["words"]) for one in lines if one["language"] in (language, "en")]


def recipe_id(model: Model, facts: list[dict]) -> str:
    """A hash of all that decides the result, so that a changed recipe does not resume old work."""
    digest = hashlib.sha256(json.dumps([model.fingerprint, facts]).encode())
    for name in RECIPE:
        for path in sorted((ROOT / "engine").glob(f"{name}.py")):
            digest.update(path.read_bytes())
    for path in sorted((ROOT / "engine/learning").rglob("*.json")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


class Study:
    """Lessons one after another, then practice, in a folder from which an interrupted run
    resumes."""

    def __init__(self, folder: Path, model: Model, facts: list[dict], config: TrainingConfig):
        self.folder, self.facts, self.code = folder, facts, facts[0]["language"]
        self.model, self.config = model, config

    async def run(self, stages: tuple[str, ...]) -> dict:
        self.session = await Session.open(self.folder, self.model, self.config)
        lessons, practised = [], {}
        if "memory" in stages:
            await self.once("memory", self.by_heart)
        if "lessons" in stages:
            for i, fact in enumerate(self.facts):
                lessons.append(await self.once(f"lesson-{i}", self.lesson, fact))
                if i == 0 and "first" in stages:
                    await self.once("first", self.judge, self.facts[:1])
            await self.once("lesson", self.judge, self.facts)
        if "practice" in stages:
            practised = await self.once("practising", self.practise, not lessons)
            await self.once("practice", self.judge, self.facts)
        await self.session.close()
        if "whole" in stages:
            await self.once("whole", self.whole)
        found = {name: self.read_result(name) for name in NAMES}
        found = {name: figures for name, figures in found.items() if figures}
        return {"stages": found, "lessons": lessons, "practised": practised}

    def read_result(self, name: str) -> dict:
        path = self.folder / f"{name}.json"
        return json.loads(path.read_text("utf-8")) if path.exists() else {}

    async def once(self, name: str, work, *args) -> dict:
        """Return the result of a piece of work; read it from its file if it was done before."""
        if not self.read_result(name):
            result = json.dumps(await work(*args), ensure_ascii=False)
            (self.folder / f"{name}.json").write_text(result, "utf-8")
        return self.read_result(name)

    async def lesson(self, fact: dict) -> dict:
        return self.report_outcome(
            fact["question"], await self.session.teach([record_of(fact)], make_reporter(1))
        )

    async def practise(self, untaught: bool) -> dict:
        """Practise all facts. Practice starts from the base, so it needs no lessons before it."""
        also = map(record_of, self.facts) if untaught else ()
        return self.report_outcome("practice", await self.session.practise(make_reporter(12), also))

    def report_outcome(self, what: str, ended: dict) -> dict:
        gate = ended["gate"]
        report.say(f"  {what} {ended['outcome']} {gate.get('steps')} steps, "
                   f"{ended['seconds']:.0f} s {ended['reason']}")  # fmt: skip
        kept = {name: ended[name] for name in ("outcome", "reason", "seconds")}
        return {"question": what, **kept, "steps": gate.get("steps", 0), "gate": gate}

    async def judge(self, facts: list[dict]) -> dict:
        trainer, flat = self.session.trainer, await self.session.weights()
        candidate, code = CandidateModel(trainer.variants, flat), self.code
        figures = await measure(candidate, trainer.coder, facts, code, load_known(code))
        report.say("  ", {name: figures[name] for name in FIGURES if name in figures})
        return figures

    async def by_heart(self) -> dict:
        """The figures of the memory alone."""
        store = SqliteStore(self.folder / "memory.sqlite")
        told = Told(self.model, store)
        for fact in self.facts:
            await told.tell(fact)
        figures = await self.judge_answers(told.assistant, MEMORY)
        await store.close()
        return figures

    async def whole(self) -> dict:
        async with assistant_of(self.folder, self.model) as assistant:
            return await self.judge_answers(assistant, BOTH)

    async def judge_answers(self, assistant: Assistant, who: str) -> dict:
        """The figures of the answers that a person gets; `same` is the share of other questions
        that get exactly the base's answer."""
        trainer = self.session.trainer
        asked, base = (Asked(assistant, one, trainer.variants) for one in (who, BASE))
        figures, wrong = await score_answers(
            asked, trainer.coder, self.facts, load_known(self.code)
        )
        others = [question for question, _ in load_known(self.code)]
        for code in dict.fromkeys(fact["language"] for fact in self.facts):
            others += load_held_out_anchors(code)
        pairs = zip(
            *[await one.replies(others, REPLY_TOKENS) for one in (asked, base)], strict=True
        )
        figures["same"] = statistics.mean(said == alone for said, alone in pairs)
        report.say(f"  {who}", figures)
        return {**figures, "wrong": wrong}


def make_reporter(every: int):
    """A callback that reports the losses of a round every few steps."""

    def say(metrics: dict) -> None:
        if metrics["step"] % every == 0:
            parts = {name: round(value, 3) for name, value in metrics["parts"].items()}
            hardest = f"hardest tokens {[round(cost, 2) for cost in metrics['hardest']]}"
            report.say(f"    step {metrics['step']} of {metrics['steps']}", parts, hardest)

    return say


def summary(runs: list[dict], stage: str, prefix: str) -> dict[str, float]:
    """The mean and the worst of each figure over the seeds."""
    figures = {}
    for name in (*FIGURES, "same"):
        stages = [run["stages"].get(stage, {}) for run in runs]
        values = [found[name] for found in stages if name in found]
        if not values:
            continue
        figures[prefix + name] = statistics.mean(values)
        worst = max(values) if name in HIGHER_IS_WORSE else min(values)
        figures[prefix + name + "_worst"] = worst
    return figures


def verdicts(runs: list[dict], prefix: str) -> dict[str, float]:
    """The share of seeds whose practice the gate accepted, and the means of its measures. Where it
    refused, the figures after practice are those of the version before."""
    practised = [run["practised"]["gate"] for run in runs if run["practised"]]
    if not practised:
        return {}
    figures = {"accepted": statistics.mean(gate["accepted"] for gate in practised)}
    measures = [one for gate in practised for one in gate.get("measures", ())]
    for name in GATE:
        if values := [one["value"] for one in measures if one["name"] == name]:
            figures["gate_" + "_".join(name.split())] = statistics.mean(values)
    return {prefix + name: value for name, value in figures.items()}


def times(runs: list[dict], prefix: str = "") -> dict[str, float]:
    lessons = [lesson for run in runs for lesson in run["lessons"]]
    if not lessons:
        return {}
    practised = [run["practised"]["seconds"] for run in runs if run["practised"]]
    return {
        f"{prefix}max_steps": max(lesson["steps"] for lesson in lessons),
        f"{prefix}seconds_per_fact": statistics.mean(lesson["seconds"] for lesson in lessons),
        **({f"{prefix}seconds_practice": statistics.mean(practised)} if practised else {}),
    }


async def run(options) -> tuple[dict, list]:
    path = options.model or registry.find("smollm2-135m")
    with closing(open_model(str(path))) as file:
        model = await Model.load(file, await executor_named(options.backend))
    figures: dict[str, float] = {}
    rows = []
    many = records("facts_dev.jsonl", "en") + records("facts_dev.jsonl", "sv")
    new = records("facts_loft.jsonl", "en") + records("facts_loft.jsonl", "sv")
    usual = for_model(model.config.parameters)
    parts = {
        "": (records("facts_eval.jsonl", "en")[:ENGLISH], options.seeds, STAGES),
        "sv_": (records("facts_eval.jsonl", "sv")[:SWEDISH], 1, STAGES),
        "forty_": (many[:MANY], 1, ("memory", "practice", "whole")),
        "new_": (new, 1, ("memory",)),
    }
    for prefix, (facts, seeds, stages) in parts.items():
        facts = facts[: options.facts]
        stages = tuple(stage for stage in stages if stage in options.stages)
        if prefix.rstrip("_") not in options.parts:
            continue
        runs = []
        for seed in range(seeds):
            report.say(f"{len(facts)} facts, seed {seed}")
            folder = options.folder / recipe_id(model, facts) / "-".join([str(seed), *stages])
            study = Study(folder, model, facts, usual.replace(seed=seed))
            runs.append(await study.run(stages))
            rows.append({"part": prefix or "en", "seed": seed, **runs[-1]})
        for stage, name in NAMES.items():
            figures |= summary(runs, stage, prefix + name)
        figures |= verdicts(runs, prefix) | times(runs, prefix)
    return figures, rows


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--model", type=Path)
    ask.add_argument("--backend", choices=BACK_ENDS, default="auto")
    ask.add_argument("--seeds", type=int, default=3)
    ask.add_argument("--facts", type=int, help="at most so many of each part")
    ask.add_argument("--parts", nargs="*", default=["", "sv", "forty", "new"])
    ask.add_argument("--stages", nargs="*", default=STAGES)
    ask.add_argument("--folder", type=Path, default=CACHE / "bench-learn", help="to resume from")
    options = ask.parse_args()
    options.parts = ["" if part == "en" else part for part in options.parts]
    figures, rows = asyncio.run(run(options))
    report.write("learn", figures, rows)


if __name__ == "__main__":
    main()
