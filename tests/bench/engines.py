"""Compares training by our engine with PyTorch on the same round of practice.

`python3 build.py bench engines` exports one round over facts of `bench learn`, trains the exported
steps with both engines, and has `oneseek eval` ask both adapters the same questions. An interrupted
run resumes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import os
import shutil
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

from builder import CACHE, ROOT, environment
from oneseek.engine.backends.reference import Numpy
from oneseek.engine.cli.session import Session, record_of
from oneseek.engine.cli.teaching import make_config
from oneseek.engine.core.settings import for_model
from oneseek.engine.learning.batch import Row
from oneseek.engine.learning.rounds import exported_round
from oneseek.engine.model import registry
from oneseek.engine.model.adapters import save_peft
from oneseek.engine.model.formats import open_model
from oneseek.engine.model.loaded import Model
from tests.bench.learn import FIGURES, HERE
from tests.bench.parts import report

OURS, TORCH = "own", "torch"
ONE_CORE = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


class Comparison:
    """One exported round in a folder, trained by both engines."""

    def __init__(self, folder: Path, model: Path, facts: list[str], set_: list[str]) -> None:
        self.folder, self.model, self.set = folder, model, set_
        self.round, self.facts = folder / "round", folder / "facts.jsonl"
        folder.mkdir(parents=True, exist_ok=True)
        self.facts.write_text("\n".join(facts) + "\n", "utf-8")

    def run(self) -> dict[str, dict]:
        if not exported_round.is_round(self.round):
            shutil.rmtree(self.round, ignore_errors=True)
            more = ("--lessons", self.facts, "--format", "dataset", "--set", *self.set)
            self.run_command(sys.executable, "export", "--out", self.round, *more)
        takers = {OURS: lambda: asyncio.run(self.here()), TORCH: self.there}
        return {who: self.one(who, take) for who, take in takers.items()}

    def one(self, who: str, take) -> dict:
        """The losses, seconds and figures of an engine, from its file if it was done before."""
        path = self.folder / f"{who}.json"
        if not path.exists():
            began = time.monotonic()
            losses = take()
            seconds = time.monotonic() - began
            ask = ("--adapter", self.folder / who, "--lessons", self.facts)
            figures = self.run_command(sys.executable, "eval", *ask)
            found = {"losses": losses, "seconds": seconds, "figures": figures}
            path.write_text(json.dumps(found, ensure_ascii=False), "utf-8")
        return json.loads(path.read_text("utf-8"))

    async def here(self) -> list[float]:
        """Train the exported round's steps with our engine, without its gate; return the losses."""
        with closing(open_model(str(self.model))) as file:
            model = await Model.load(file, Numpy())
        exported = exported_round.read(self.round)
        facts = [json.loads(line) for line in self.facts.read_text("utf-8").splitlines()]
        shutil.rmtree(self.folder / OURS, ignore_errors=True)
        session = await Session.open(self.folder / OURS, model, self.config(model))
        attempt = await session.open_round(also=[record_of(fact) for fact in facts])
        plan = attempt.plan.identity()
        assert plan == exported.header["plan"], "this is another round than was exported"

        async def rows(step: int) -> list[Row]:
            return exported.of(step)  # the base model's answers are in the export

        attempt.rows = rows
        losses = []
        while (metrics := await attempt.advance(math.inf)) is not None:
            losses.append(metrics["loss"])
            if metrics["step"] % 12 == 0:
                report.say(f"  step {metrics['step']} of {metrics['steps']} {losses[-1]:.4f}")
        flat = (await attempt.weights())[session.trainer.called]
        await session.close()
        shutil.rmtree(self.folder / OURS)  # keep only an adapter, as PyTorch does
        save_peft(self.folder / OURS, session.trainer.trained, flat, model.name)
        return losses

    def config(self, model: Model):
        changes = argparse.Namespace(config=None, set=self.set)
        return make_config(changes, for_model(model.config.parameters))

    def there(self) -> list[float]:
        out = self.folder / TORCH
        programs = environment.extra("torch")
        more = ("--engine", "torch", "--data", self.round, "--out", out)
        self.run_command(programs / "python", "train", *more)
        return json.loads((out / "curve.json").read_text("utf-8"))["loss"]

    def run_command(self, python: str | Path, name: str, *more: object) -> dict:
        """Run a command of `oneseek` with --json; return what it prints."""
        line = [python, "-m", "oneseek.engine.cli.main", name, "--model", self.model, "--json"]
        done = subprocess.run(
            [*map(str, line), *map(str, more)], cwd=ROOT, stdout=subprocess.PIPE, text=True,
            check=True, env=os.environ | ONE_CORE,
        )  # fmt: skip
        return json.loads(done.stdout.splitlines()[-1])


def apart(one: list[float], other: list[float]) -> float:
    return max(abs(a - b) / abs(b) for a, b in zip(one, other, strict=True))


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--model", type=Path)
    ask.add_argument("--facts", type=int, default=8)
    ask.add_argument("--steps-per-fact", type=int, default=24)
    ask.add_argument("--folder", type=Path, default=CACHE / "bench-engines", help="to resume from")
    options = ask.parse_args()
    lines = (HERE / "facts_eval.jsonl").read_text("utf-8").splitlines()
    facts = [one for one in lines if json.loads(one)["language"] == "en"][: options.facts]
    model = options.model or registry.find("smollm2-135m")
    name = f"{Path(model).stem}-{len(facts)}-{options.steps_per_fact}"
    set_ = [f"practice.steps_per_fact={options.steps_per_fact}"]
    found = Comparison(options.folder / name, Path(model), facts, set_).run()
    figures = {
        f"{who}_{name}": one["figures"][name] for who, one in found.items() for name in FIGURES
    }
    figures |= {f"{who}_seconds": one["seconds"] for who, one in found.items()}
    figures["curves_apart"] = apart(found[TORCH]["losses"], found[OURS]["losses"])
    report.write("engines", figures, [{"engine": who, **one} for who, one in found.items()])


if __name__ == "__main__":
    main()
