"""The base models beside the one that answers: at most one of them is loaded at a time, for its
turn in a run or in a comparison.

The model that answers always stays loaded, because somebody may ask at any moment.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import math
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from oneseek.engine.assistant import Assistant
from oneseek.engine.backends.room import memory_here
from oneseek.engine.learner import Busy
from oneseek.engine.model import registry
from oneseek.engine.model.families import configure
from oneseek.engine.model.formats import open_model
from oneseek.engine.model.look import eyes_bytes
from oneseek.engine.open import assistant_over, keep_bits, model_named
from oneseek.engine.turns import Turns


class NoRoom(ValueError):
    """A model does not fit into the memory that is free."""

    def __init__(self, name: str, wanted: float, free: float) -> None:
        super().__init__(
            f"{name} needs {wanted / 1e6:.0f} MB beside the model that answers, and "
            f"{free / 1e6:.0f} MB are free; nothing was changed"
        )


class Guest(NamedTuple):
    base: str  # the key of its versions
    bytes: int  # of its weights
    parameters: int
    load: Callable[[Turns], Awaitable[Assistant]]


def free_bytes() -> float:
    """The free memory of this machine in bytes; infinite when it does not tell."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return 1024.0 * int(line.split()[1])
    return math.inf


def guest_named(name: str, backend: str, store: Any, base: str, signer: Any = None) -> Guest:
    """A model of this machine by id or path: it must exist now, and is loaded later."""
    with contextlib.closing(open_model(registry.find(name))) as file:
        size = sum(file.spec(part).nbytes for part in file.names())
        size += eyes_bytes(file.eyes) if file.eyes else 0
        parameters = configure(file.config).parameters

    async def load(turns: Turns) -> Assistant:
        model = await model_named(name, backend)
        model.executor.share(turns)
        await keep_bits(model, store)
        more: dict[str, Any] = {"device_memory": memory_here(), "leads": False}
        return assistant_over(model, store, base, signer=signer, **more)

    return Guest(base, size, parameters, load)


def must_be_here(first: str, others: list[str]) -> None:
    """Check that the models beside the first are here, each with a name of its own."""
    ids = [registry.id_of(first)]
    for name in others:
        registry.find(name)
        if registry.id_of(name) in ids:
            raise registry.ModelMissing(
                f"two of the base models are called {registry.id_of(name)}; rename one of the files"
            )
        ids.append(registry.id_of(name))


class Guests:
    def __init__(self, known: Mapping[str, Guest], free: Callable[[], float] = free_bytes) -> None:
        self.known, self.free = dict(known), free
        self.name = ""
        self.here: Assistant | None = None
        self.pinned_by = ""  # the run whose models take turns
        self._loading = asyncio.Lock()

    @property
    def answering(self) -> bool:
        return bool(self.here and self.here.answering)

    async def get(self, name: str, turns: Turns, run: str = "") -> Assistant:
        """The model, loaded in place of the one before; only for the run that has pinned the
        models, if one has."""
        async with self._loading:
            if self.here is None or name != self.name:
                if self.pinned_by not in ("", run):
                    raise Busy(
                        f"{name} cannot be loaded before {self.pinned_by} is over; try again then"
                    )
                self.leave()
                self.must_fit(name, self.known[name].bytes)
                self.here, self.name = await self.known[name].load(turns), name
            return self.here

    def must_fit(self, name: str, wanted: float) -> None:
        if wanted > (free := self.free()):
            raise NoRoom(name, wanted, free)

    def pin(self, run: str) -> None:
        """Let only this run load models, until `unpin`."""
        self.pinned_by = run

    def unpin(self) -> None:
        self.pinned_by = ""
        self.leave()

    def leave(self) -> None:
        """Unload the model, so that nothing of it stays in memory."""
        self.name, self.here = "", None
        gc.collect()
