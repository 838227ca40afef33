"""Builds an assistant from a store, a model, an executor and an id; page, server and command line
all begin here."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from oneseek.engine.assistant import Assistant
from oneseek.engine.backends.executor import Executor
from oneseek.engine.backends.quick_check import measure_once
from oneseek.engine.backends.select import executor_named
from oneseek.engine.core.settings import TrainingConfig, for_model
from oneseek.engine.core.storage.sqlite import make_folder
from oneseek.engine.history.ledger import Ledger
from oneseek.engine.history.naming import family
from oneseek.engine.history.versions import Versions
from oneseek.engine.model import registry
from oneseek.engine.model.formats import ModelFile
from oneseek.engine.model.loaded import Model

Heard = Callable[[str, int, int], None]
LEARNS_WITH = "learns with"  # in `state`: what numpy and the kernels took when they were measured


def clock() -> int:
    """Milliseconds since 1970; order never depends on it."""
    return int(time.time() * 1000)


async def model_named(name: str | None, backend: str, heard: Heard | None = None) -> Model:
    """Load a model of this machine by id or path (without either the environment's), on a back end;
    with `heard(phase, done, total)` a known one that is missing is downloaded."""
    name = registry.one(name)
    if heard and name in registry.load_models():
        await registry.obtain(name, heard)
    with contextlib.closing(registry.open_named(name)) as file:
        return await Model.load(file, await executor_named(backend))


async def keep_bits(model: Model, store: Any) -> None:
    """Choose what computes training once per store, where there is a choice, so that its bits
    stay."""
    executor: Any = model.executor
    if hasattr(executor, "measured"):
        executor.choose_by(await measure_once(store, LEARNS_WITH, executor.measured))


def versions_of(model: Model, store: Any, base: str, signer: Any = None) -> Versions:
    """Return what a store holds of one base model: its versions and their ledger."""
    ledger = Ledger(store, clock, signer)
    return Versions(store, ledger, base, family(model.config.parameters), clock)


def assistant_over(
    model: Model,
    store: Any,
    base: str,
    config: TrainingConfig | None = None,
    signer: Any = None,
    **more: Any,
) -> Assistant:
    """Return an assistant over a loaded model and a store; by default it trains as measured for its
    size."""
    config = config or for_model(model.config.parameters)
    return Assistant(model, versions_of(model, store, base, signer), config, **more)


async def assistant_of(
    file: ModelFile,
    executor: Executor,
    store: Any,
    base: str,
    progress: Callable[[int, int], None] = lambda done, total: None,
    **more: Any,
) -> Assistant:
    """Return the same from a model's file, for a host that opens files its own way."""
    return assistant_over(await Model.load(file, executor, progress=progress), store, base, **more)


@contextlib.contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Lock a folder. A second process would train against the first, so it is refused."""
    make_folder(folder)
    with open(folder / "server.lock", "w") as lock:
        import fcntl  # the page has none

        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise SystemExit(
                f"another OneSeek already runs on {folder}; nothing was changed. "
                "Stop it, or choose another --folder"
            ) from error
        yield
