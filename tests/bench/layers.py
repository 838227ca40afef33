"""Compares LoRA adapters by their first layer: what they learn, what they harm, CPU seconds.

`python3 build.py bench layers` teaches a few facts one after another, and practises them, once for
each first layer.  There is no gate, as its repairs would hide the differences.  `--steps` is the
number of practice steps a fact.  Seconds are CPU time, so that other work of the machine does not
matter.  An interrupted run resumes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import time
from contextlib import closing
from pathlib import Path

from builder import CACHE
from oneseek.engine.backends.select import BACK_ENDS, executor_named
from oneseek.engine.cli.session import record_of
from oneseek.engine.core.settings import TrainingConfig, for_model
from oneseek.engine.history.round_plan import LESSON, PRACTICE, Plan
from oneseek.engine.history.snapshot import Arrays
from oneseek.engine.learning.probe import CandidateModel, measure
from oneseek.engine.learning.trainer import RoundTrainer
from oneseek.engine.model import registry
from oneseek.engine.model.formats import open_model
from oneseek.engine.model.loaded import Model
from tests.bench.learn import FIGURES, load_known, recipe_id, records
from tests.bench.parts import report

LAYERS = (0, 8, 12, 15, 20)
STAGES = (LESSON, PRACTICE)


class Taught:
    """The facts taught with one first layer, and the same questions asked afterwards."""

    def __init__(self, model: Model, trainer: RoundTrainer, facts: list[dict]) -> None:
        self.model, self.trainer, self.facts = model, trainer, facts
        self.records = tuple(record_of(fact) for fact in facts)
        self.weights: Arrays = trainer.fresh()
        self.steps, self.spent = 0, 0.0

    async def lessons(self) -> None:
        for i, record in enumerate(self.records):
            await self.round(Plan(LESSON, (record,), self.records[:i], i))

    async def practice(self) -> None:
        await self.round(Plan(PRACTICE, (), self.records, 0))

    async def round(self, plan: Plan) -> None:
        attempt = self.trainer.begin(self.weights, plan)
        began = time.process_time()
        while await attempt.advance(math.inf) is not None:
            pass
        self.steps += self.trainer.candidate.steps
        self.spent += time.process_time() - began
        self.weights = await attempt.weights()

    async def judge(self) -> dict:
        candidate = CandidateModel(self.trainer.variants, self.weights[self.trainer.called])
        code = self.facts[0]["language"]
        figures = await measure(candidate, self.trainer.coder, self.facts, code, load_known(code))
        each = {"steps": self.steps, "seconds_a_step": self.spent / self.steps}
        return figures | each


async def swept(model: Model, facts: list[dict], config: TrainingConfig, stage: str) -> dict:
    trainer = await RoundTrainer.open(model, config)
    taught = Taught(model, trainer, facts)
    await (taught.lessons() if stage == LESSON else taught.practice())
    return await taught.judge()


async def run(options) -> tuple[dict, list]:
    path = options.model or registry.find("smollm2-135m")
    with closing(open_model(str(path))) as file:
        model = await Model.load(file, await executor_named(options.backend))
    facts = records("facts_eval.jsonl", options.language)[: options.facts]
    usual = for_model(model.config.parameters).replace(practice={"steps_per_fact": options.steps})
    folder = options.folder / recipe_id(model, facts)
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for stage in options.stages:
        for first in options.layers:
            path = folder / f"{stage}-{first}-{options.steps}.json"
            if not path.exists():
                config = usual.replace(lora_config={"first_layer": first})
                path.write_text(json.dumps(await swept(model, facts, config, stage)), "utf-8")
            found = json.loads(path.read_text("utf-8"))
            rows.append({"stage": stage, "first_layer": first, **found})
            report.say({name: value for name, value in rows[-1].items() if name != "wrong"})
    names = (*FIGURES, "seconds_a_step")
    figures = {
        f"{row['stage']}_from_{row['first_layer']}_{name}": row[name]
        for row in rows
        for name in names
    }
    return figures, rows


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--model", type=Path)
    ask.add_argument("--backend", choices=BACK_ENDS, default="auto")
    ask.add_argument("--language", choices=("en", "sv"), default="en")
    ask.add_argument("--facts", type=int, default=4)
    ask.add_argument("--layers", type=int, nargs="*", default=LAYERS)
    ask.add_argument("--steps", type=int, default=12, help="practice steps a fact")
    ask.add_argument("--stages", nargs="*", choices=STAGES, default=STAGES)
    ask.add_argument("--folder", type=Path, default=CACHE / "bench-layers", help="to resume from")
    figures, rows = asyncio.run(run(ask.parse_args()))
    report.write("layers", figures, rows)


if __name__ == "__main__":
    main()
