"""Trains the steps of an exported round: each process has its share of the rows, the gradients are
summed, and every process takes the same AdamW step.

After a kill, the same call resumes from the last checkpoint; the curve is the same on one process
and on several, up to the order in which numbers are added.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from oneseek.engine.core.settings import StopConfig
from oneseek.engine.learning.adaptive import ConfidenceAutoStop
from oneseek.engine.learning.batch import Row, extent, find_shared_prefix, own_tokens, pack
from oneseek.engine.learning.rounds.exported_round import CHECKPOINT, START, ExportedRound
from oneseek.engine.model.adapters import load_peft
from oneseek.engine.model.families import configure
from oneseek.engine.model.formats import ModelFile
from oneseek.engine.model.trainable import number_of
from oneseek.engine.with_torch.model import Dropped, TorchModel
from oneseek.engine.with_torch.processes import Processes

CURVE = "curve.json"
SHARE = 0.1  # of the time may be spent on checkpoints
READ = 2048  # tokens of one run over held-out rows
Heard = Callable[[dict], None]


class TorchRound:
    """One exported round on this process's share of its rows."""

    def __init__(
        self, written: ExportedRound, file: ModelFile, out: Path, processes: Processes
    ) -> None:
        self.round, self.header, self.out, self.processes = written, written.header, out, processes
        trained, flat = load_peft(written.folder / START, configure(file.config))
        self.model = TorchModel(file, trained, flat, self.header["dropout"], processes.device)
        if self.model.fingerprint != self.header["fingerprint"]:
            raise ValueError(
                f"this round was written for {self.header['model']}, and {file.name} is another "
                "model; nothing was trained. Name the first one with --model"
            )
        beta1, beta2, eps = self.header["adam"]
        upper, lower = self._split_parameters()
        groups = [
            {"params": upper, "weight_decay": self.header["weight_decay"]},
            {"params": lower, "weight_decay": 0.0},  # without a gradient either: they stay
        ]
        self.optimiser = torch.optim.AdamW(groups, 1.0, (beta1, beta2), eps)
        self.step = 0
        self.curve: list[float] = []  # the loss of every step
        self.losses: list[float] = []  # of the held-out rows, after each epoch
        self.best: np.ndarray | None = None
        self.stop = ConfidenceAutoStop(StopConfig(**self.header.get("stop", {})))
        self.steps = len(self.header["steps"])
        self.tokens = 0

    def _split_parameters(self) -> tuple[list[torch.nn.Parameter], list[torch.nn.Parameter]]:
        """Return the parameters from the round's first layer on, and those below, which need no
        gradient."""
        upper: list[torch.nn.Parameter] = []
        lower: list[torch.nn.Parameter] = []
        for name, parameter in self.model.parameters.items():
            trains = number_of(name) >= self.header["first_layer"]
            parameter.requires_grad_(trains)
            (upper if trains else lower).append(parameter)
        return upper, lower

    # ---- going on

    def resume(self) -> bool:
        """Resume from a checkpoint; return False if there is none, or it is of another round."""
        path = self.out / CHECKPOINT
        if not path.exists():
            return False
        kept = torch.load(path, map_location=self.processes.device, weights_only=True)
        if kept["round"] != self._round():
            return False
        self.model.load(kept["adapter"].numpy())
        if kept["step"]:
            self.optimiser.load_state_dict(kept["optimiser"])
        self.step, self.curve = kept["step"], kept["curve"]
        self.best = kept["best"].numpy() if "best" in kept else None
        for loss in kept["losses"]:
            self._record_validation(loss, None)
        return True

    def save(self) -> None:
        best = {} if self.best is None else {"best": torch.from_numpy(self.best)}
        kept = {
            "round": self._round(),
            "step": self.step,
            "curve": self.curve,
            "losses": self.losses,
            "adapter": torch.from_numpy(self.model.flat()),
            "optimiser": self.optimiser.state_dict(),
        }
        part = self.out / (CHECKPOINT + ".tmp")
        torch.save(kept | best, part)
        part.replace(self.out / CHECKPOINT)

    def _round(self) -> str:
        """Return what identifies the round of a checkpoint."""
        return f"{self.header['fingerprint']} {self.header['plan']} {len(self.header['steps'])}"

    # ---- training

    def train(self, heard: Heard) -> None:
        """Train to the end, or until the held-out loss no longer falls."""
        began = saved = time.monotonic()
        cost, first = 0.0, self.step
        while self.step < self.steps:
            metrics = self._one()
            if self.step - 1 in self.header["checks"]:
                self._record_validation(self.measure_held_out(), self.model.flat())
            passed = time.monotonic()
            metrics["tokens_per_second"] = self.tokens / max(passed - began, 1e-6)
            metrics["validation"] = self.losses[-1] if self.losses else None
            if self.processes.first:
                heard(metrics)
                if self.step == first + 1 or cost <= SHARE * (passed - saved + cost):
                    self.save()
                    saved = time.monotonic()
                    cost = saved - passed

    def _one(self) -> dict:
        """Take a step: this process's rows, all processes' gradients, the same update in each."""
        rate = self.header["rates"][self.step]
        whole = self.round.of(self.step)
        parameters = list(self.model.parameters.values())
        self.optimiser.zero_grad()
        loss = self._loss(whole)
        sizes = [parameter.numel() for parameter in parameters]
        together = torch.cat(
            [(p.grad if p.grad is not None else torch.zeros_like(p)).flatten() for p in parameters]
            + [loss.detach().reshape(1)]
        )
        self.processes.sum(together)
        *grads, total = together.split([*sizes, 1])
        norm = float(together[:-1].norm())
        if math.isfinite(norm):
            less = min(self.header["max_grad_norm"] / max(norm, 1e-12), 1.0)
            for parameter, grad in zip(parameters, grads, strict=True):
                parameter.grad = (grad * less).view_as(parameter)
            for group in self.optimiser.param_groups:
                group["lr"] = rate
            self.optimiser.step()
        self.step += 1
        self.curve.append(float(total))
        self.tokens += extent(whole)[0]
        return {
            "step": self.step,
            "steps": self.steps,
            "loss": float(total),
            "grad_norm": norm,
            "learning_rate": rate,
        }

    def _loss(self, whole: list[Row]) -> torch.Tensor:
        """Return the loss of this process's share of a step's rows, after the backward pass."""
        chosen = self.processes.share(list(range(len(whole))))
        rows = [whole[number] for number in chosen]
        if not rows:
            return torch.zeros((), device=self.processes.device)
        arrays = pack(rows, self.header["kl_weight"], of=whole).arrays
        if self.header["dropout"]:
            mine = torch.from_numpy(places(chosen, whole, len(arrays["ids"])))
            Dropped.begin_step(mine, extent(whole)[0], self.header["seed"] % 2**31 + self.step)
        loss = self.model.losses(arrays).sum()
        loss.backward()
        return loss

    # ---- held-out examples

    @torch.no_grad()
    def measure_held_out(self) -> float:
        """Return the held-out loss in nats a token."""
        self.model.model.eval()
        nats = torch.zeros(2, device=self.processes.device, dtype=torch.float64)
        for row in self.processes.share(self.round.held):
            losses = self.model.losses(pack([row]).arrays)
            nats += torch.tensor([float(losses.sum()) * len(row.target), len(row.target)])
        total, tokens = self.processes.sum(nats).tolist()
        self.model.model.train()
        return total / tokens

    def _record_validation(self, loss: float, flat: np.ndarray | None) -> None:
        self.losses.append(loss)
        if flat is not None and loss <= min(self.losses):
            self.best = flat
        if self.stop.update(loss):
            self.steps = self.step

    # ---- what comes of it

    def result(self) -> dict[str, Any]:
        """Return the adapter and the optimiser's state, as our flat arrays."""
        known = {
            which: self.model.flat(
                {n: self.optimiser.state[p][which] for n, p in self.model.parameters.items()}
            )
            for which in ("exp_avg", "exp_avg_sq")
        }
        return {
            "flat": self.model.flat(),
            "best": self.best,
            "moments": (known["exp_avg"], known["exp_avg_sq"]),
            "steps": self.step,
            "losses": self.losses,
            "curve": self.curve,
        }

    def write_curve(self) -> None:
        told = {"loss": self.curve, "held_out": self.losses, "processes": self.processes.count}
        (self.out / CURVE).write_text(json.dumps(told) + "\n", "utf-8")


def places(chosen: list[int], whole: list[Row], size: int) -> np.ndarray:
    """Return where a share's packed tokens lie in the whole step; padding, which counts for
    nothing, is put at 0."""
    head = len(find_shared_prefix(whole))
    sizes = [own_tokens(row, head) for row in whole]
    found = [*range(head)]
    for number in chosen:
        begin = head + sum(sizes[:number])
        found += range(begin, begin + sizes[number])
    return np.pad(np.array(found, np.int64), (0, size - len(found)))
