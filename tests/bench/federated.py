"""Measures federated training by five members: the loss against centralised training on the union
of their data, the bytes sent, and the harm of one poisoning member under each aggregation.

`python3 build.py bench federated`, with the demo model: minutes on two cores. `--only` takes some
of the parts union, simulation, deployment and poison.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from oneseek.engine.history.round_plan import TRAINING, make_plan, resolve
from oneseek.engine.learning.datasets import DataSet, data_set_record
from oneseek.engine.learning.rounds.dataset import row_of
from oneseek.engine.learning.trainer import RoundTrainer
from oneseek.engine.model.adapters import convert_layout, load_peft
from oneseek.engine.open import model_named
from oneseek.engine.with_flower.shared import Beginning, mark
from tests.support.group import starting

PARTS = ("union", "simulation", "deployment", "poison")
STRATEGIES = ("average", "median", "trimmed", "krum")


class HeldOut:
    """Measures the loss of an adapter on held-out examples."""

    def __init__(self, trainer: RoundTrainer, held: Path) -> None:
        self.trainer = trainer
        self.rows = [row_of(example, trainer.coder) for example in DataSet(held)]

    async def loss(self, flat: np.ndarray) -> float:
        self.trainer.variants.put("candidate", flat)
        return await self.trainer.variants.loss("candidate", self.rows)

    async def of(self, out: Path) -> float:
        trained, flat = load_peft(out, self.trainer.model.config)
        return await self.loss(convert_layout(trained, flat, self.trainer.trained))


async def in_one_place(model, training, union: Path, held: Path) -> dict:
    """Centralised training: the held-out loss of the last adapter, and of the one with the best
    validation loss, which `train` keeps."""
    trainer = await RoundTrainer.open(model, training)
    asked = HeldOut(trainer, held)
    weights, record = trainer.fresh(), data_set_record(union)
    began = time.monotonic()
    attempt = await resolve(trainer.begin(weights, make_plan(TRAINING, weights, [record], [], {})))
    before = await asked.loss(attempt.before)
    while await attempt.advance(float("inf")) is not None:
        pass
    last, _, _ = await trainer.candidate.look()
    return {
        "steps": attempt.steps,
        "loss_before": before,
        "loss_last": await asked.loss(last),
        "loss_best": await asked.loss(attempt.best),
        "seconds": round(time.monotonic() - began, 1),
    }


def wire(told: dict) -> dict:
    """The bytes, seconds and outcomes of a group's rounds."""
    rounds = told["rounds"]
    return {
        "bytes_down": sum(one["bytes_down"] for one in rounds),
        "bytes_up": sum(one["bytes_up"] for one in rounds),
        "seconds": [one["seconds"] for one in rounds],
        "answered": [one["answered"] for one in rounds],
        "failed": [one["failed"] for one in rounds],
        "late": [one["late"] for one in rounds],
        "refused": [sum(m["refused"] for m in one["members"]) for one in rounds],
    }


class Bench:
    def __init__(self, folder: Path, given: argparse.Namespace) -> None:
        self.folder, self.given = folder, given
        self.parts, self.union, self.held = starting.write_data(folder)
        self.wanted = json.loads(given.training)
        self.begins = Beginning("tiny", self.wanted)
        self.own = {"rounds": given.rounds, "training": given.training}

    async def prepare(self) -> None:
        self.model = await model_named("tiny", "cpu")
        self.asked = HeldOut(await RoundTrainer.open(self.model, self.begins.training), self.held)

    async def measure(self, out: Path, told: dict) -> dict:
        trained, flat = load_peft(out, self.model.config)
        return {
            "loss": await self.asked.of(out),
            "same_a": mark(trained, flat) == self.begins.told["a"],
        } | wire(told)

    async def union_(self) -> dict:
        alike = self.begins.training.replace(epochs=self.given.union_epochs)
        free = alike.replace(lora_config={"frozen_a": False})
        return {
            "frozen_a": await in_one_place(self.model, alike, self.union, self.held),
            "whole_adapter": await in_one_place(self.model, free, self.union, self.held),
        }

    async def simulation_(self) -> dict:
        out = self.folder / "simulated"
        return await self.measure(
            out, starting.simulate(self.folder, out, self.parts, {}, **self.own)
        )

    async def deployment_(self) -> dict:
        out = self.folder / "deployed"
        with starting.deployed(self.folder) as group:
            for number, part in enumerate(self.parts):
                group.member(number, part)
            run = group.begin(starting.APP, out, **self.own)
            told = starting.wait_for_figures(run, group, out)
        return await self.measure(out, told)

    async def poison_(self) -> dict:
        found = {}
        for name in self.given.strategies:
            out = self.folder / f"poisoned-{name}"
            own = self.own | {"rounds": self.given.poisoned_rounds, "strategy": name}
            told = starting.simulate(self.folder, out, self.parts, {4: "poison"}, **own)
            found[name] = await self.measure(out, told)
            print(name, json.dumps(found[name]), file=sys.stderr, flush=True)
        return found


async def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--rounds", type=int, default=18)
    ask.add_argument("--union-epochs", type=int, default=32)
    ask.add_argument("--poisoned-rounds", type=int, default=3)
    ask.add_argument("--training", default="{}")
    ask.add_argument("--only", nargs="*", choices=PARTS, default=PARTS)
    ask.add_argument("--strategies", nargs="*", choices=STRATEGIES, default=STRATEGIES)
    given = ask.parse_args()
    with tempfile.TemporaryDirectory() as name:
        bench, found = Bench(Path(name), given), {"rounds": given.rounds}
        await bench.prepare()
        for part in given.only:
            found[part] = await getattr(bench, f"{part}_")()
            print(part, json.dumps(found[part]), file=sys.stderr, flush=True)
    print(json.dumps(found))


if __name__ == "__main__":
    asyncio.run(main())
