"""`--engine torch`: a round's steps in PyTorch + PEFT, in this process or in many.

The first process asks the base, opens the round and judges the result; all of them train. Whatever
needs the extra `torch` is imported when somebody asks for it.
"""

from __future__ import annotations

import contextlib
import shutil
import sys
import time
from pathlib import Path
from typing import Any

from oneseek.engine.cli.options import Bar, log, need, show
from oneseek.engine.learning.rounds import exported_round
from oneseek.engine.learning.rounds.dataset import DataSetAttempt
from oneseek.engine.learning.rounds.lesson import RoundAttempt
from oneseek.engine.model import registry
from oneseek.engine.model.adapters import save_peft

EXTRA = ("torch", "transformers", "peft")
EVERY = 10  # seconds between two lines of a log


def of(options: Any) -> ByTorch | None:
    """What takes a round's steps, or None for the engine here."""
    if options.engine != "torch":
        return None
    need("--engine torch", EXTRA, "torch")
    return ByTorch(options)


class Progress:
    """A line every few seconds, where a bar would fill a log."""

    def __init__(self) -> None:
        self.last = 0.0

    def __call__(self, metrics: dict) -> None:
        done = metrics["step"] == metrics["steps"]
        if done or time.monotonic() - self.last > EVERY:
            self.last = time.monotonic()
            log(
                f"step {metrics['step']} of {metrics['steps']}  loss {metrics['loss']:.3f}  "
                f"{metrics['tokens_per_second']:.0f} tokens/s"
            )


class ByTorch:
    """Takes the steps of a round that lies in a folder, with the other processes that were
    started."""

    def __init__(self, options: Any) -> None:
        from oneseek.engine.with_torch.processes import Processes

        self.options, self.out = options, options.out
        self.processes = Processes()
        self.folder = self.out / "round"

    async def __call__(self, attempt: RoundAttempt) -> None:
        """Take the round's steps; the gate goes on with the result."""
        if not self._same(attempt):
            shutil.rmtree(self.folder, ignore_errors=True)
            await exported_round.write(attempt, self.folder)
        self.processes.agree(True)
        result = self._train(self.folder)
        attempt.adopt_steps(result["flat"], result["moments"], result["steps"])
        if isinstance(attempt, DataSetAttempt):
            attempt.adopt_validation(result["losses"], result["best"])

    def over(self, trained: bool) -> None:
        """Clean up after the gate, or when there was nothing to train: nobody goes on from here."""
        if not trained:
            self.processes.agree(False)
        shutil.rmtree(self.folder, ignore_errors=True)
        (self.out / exported_round.CHECKPOINT).unlink(missing_ok=True)

    def take_share(self) -> bool:
        """Take a share of the steps, and do no more, in every process but the first; whether it was
        one."""
        if self.processes.first:
            return False
        if self.processes.agree(False):
            self._train(self.folder)
        return True

    def alone(self) -> bool:
        """Take the steps of a written round in --data, which is all there is to do; whether it is
        one."""
        if not exported_round.is_round(self.options.data):
            return False
        result = self._train(self.options.data)
        if self.processes.first:
            flat = result["flat"] if result["best"] is None else result["best"]
            save_peft(self.out, result["trained"], flat, result["base"])
            self.over(trained=True)
            show(self.options, {"path": str(self.out), "steps": result["steps"],
                                "loss": result["curve"][-1]},
                 f"wrote {self.out}. It is not evaluated yet: run `oneseek adopt {self.out}`")  # fmt: skip
        return True

    # ---- inside

    def _same(self, attempt: RoundAttempt) -> bool:
        """Whether this very round is in its folder, left by a kill."""
        if not exported_round.is_round(self.folder):
            return False
        told = exported_round.read_header(self.folder)
        mine = attempt.plan.identity(), attempt.trainer.model.fingerprint, attempt.steps
        return (told["plan"], told["fingerprint"], len(told["steps"])) == mine

    def _train(self, folder: Path) -> dict:
        from oneseek.engine.with_torch.training import TorchRound

        self.out.mkdir(parents=True, exist_ok=True)
        with contextlib.closing(registry.open_named(registry.one(self.options.model))) as file:
            here = TorchRound(exported_round.read(folder), file, self.out, self.processes)
            if here.resume() and self.processes.first:
                log(f"continuing after step {here.step} of {here.steps}")
            here.train(Bar("torch") if sys.stderr.isatty() else Progress())
            result = here.result()
            self.processes.part()
            if self.processes.first:
                here.write_curve()
            return result | {"trained": here.model.trained, "base": file.name}
