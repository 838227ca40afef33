"""The processes that share a round: those that `torchrun` or `accelerate launch` started, or this
one."""

from __future__ import annotations

import datetime
import os

import torch
from torch import distributed

LONGEST = datetime.timedelta(hours=24)  # one asks the base or evaluates while the others wait


class Processes:
    """The number of this process, how many there are, and the device it computes on."""

    def __init__(self) -> None:
        self.count = int(os.environ.get("WORLD_SIZE", "1"))
        self.number = int(os.environ.get("RANK", "0"))
        graphics = torch.cuda.is_available()
        here = int(os.environ.get("LOCAL_RANK", "0"))
        self.device = torch.device(f"cuda:{here}" if graphics else "cpu")
        if self.count > 1 and not distributed.is_initialized():
            distributed.init_process_group("nccl" if graphics else "gloo", timeout=LONGEST)

    @property
    def first(self) -> bool:
        return self.number == 0

    def share(self, things: list) -> list:
        """Return the items of a list that this process does."""
        return things[self.number :: self.count]

    def sum(self, values: torch.Tensor) -> torch.Tensor:
        """Return the sum over all processes, the same bits in each."""
        if self.count > 1:
            distributed.all_reduce(values)
        return values

    def agree(self, go: bool) -> bool:
        """Whether the first process says that there is something to do; the others wait for it."""
        said = torch.tensor([float(self.first and go)], device=self.device)
        return bool(self.sum(said).item())

    def part(self) -> None:
        """End the sharing between processes."""
        if self.count > 1:
            distributed.destroy_process_group()
