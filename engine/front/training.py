"""Training that can stop after any millisecond and resumes to the same bits."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import numpy as np

from oneseek.engine.backends.executor import Executor, Run
from oneseek.engine.compiler.ir import Spec
from oneseek.engine.front.devices import get_executor, now
from oneseek.engine.front.optimisers import Optimiser
from oneseek.engine.front.tensor import Tensor, under_way
from oneseek.engine.front.tracing import (
    Traced,
    Tree,
    form,
    leaves,
    map_tree,
    value_and_grad,
    watches,
)
from oneseek.engine.turns import urgent

WEIGHTS, DATA, HYPER = "weights", "data", "hyper"


class Train:
    """Trains the weights of `loss(weights, *batch)` on the back end chosen now. A step can be cut
    into slices of milliseconds; a captured state resumes to the same bits."""

    def __init__(self, loss: Callable, weights: Tree, optimiser: Optimiser) -> None:
        self.loss, self.tree, self.optimiser = loss, weights, optimiser
        self.executor: Executor = get_executor()
        self.steps, self.at = 0, 0  # steps done; how far the one under way is
        self.ms = 0.0  # that the step under way, or the last one, was computed for
        self.tensors: dict[str, Any] = {}
        self.traced: dict[str, Traced] = {}
        self.runs: dict[str, Run] = {}
        self.under_way: tuple[Traced, Run] | None = None
        self.done: float | None = None  # the loss of a step that nobody has asked for yet
        for name, array in leaves(weights).items():
            for place in (WEIGHTS, *optimiser.remembers):
                spec = Spec(array.shape or (1,))
                self.tensors[f"in.{place}.{name}"] = self.executor.empty(spec)
            self.tensors[f"in.{WEIGHTS}.{name}"].write(array)

    def step(self, *batch: Any) -> float:
        """Run a whole step; return the loss of the weights before it."""
        self.begin(*batch)
        loss = self.slice()
        assert loss is not None
        return loss

    def begin(self, *batch: Any) -> None:
        """Prepare a step on this batch for `slice`."""
        if self.under_way:
            raise RuntimeError("a step is under way: call slice() until it returns the loss")
        traced, key = self.trace(*batch), form(batch)
        given = self.arguments(batch)
        if key not in self.runs:
            tensors = {
                name: tensor
                for name, tensor in self.rename_tensors().items()
                if name in traced.trace.program.inputs
            }
            self.runs[key] = traced.prepare(self.executor, tensors)
        run, self.at, self.ms = self.runs[key], 0, 0.0
        for place in (DATA, HYPER):
            for name, array in leaves({place: given[place]}).items():
                run.write(f"in.0.{name}", array.reshape(array.shape or (1,)))
        self.under_way = traced, run

    def trace(self, *batch: Any) -> Traced:
        """Return the program of a step for batches of these shapes."""
        key = form(batch)
        if key not in self.traced:
            self.traced[key] = Traced(self.one_step, (self.arguments(batch),))
        return self.traced[key]

    def arguments(self, batch: tuple) -> dict[str, Any]:
        memory = {place: self.tree for place in self.optimiser.remembers}
        hyper = self.optimiser.hyper(self.steps)
        return {WEIGHTS: self.tree, **memory, DATA: list(batch), HYPER: hyper}

    def rename_tensors(self) -> dict[str, Any]:
        return {name.replace("in.", "in.0.", 1): t for name, t in self.tensors.items()}

    def one_step(self, given: dict[str, Any]) -> Tensor:
        value, slopes = value_and_grad(self.loss)(given[WEIGHTS], *given[DATA])
        memory = {p: [*leaves(given[p]).values()] for p in self.optimiser.remembers}
        weights, down = ([*leaves(tree).values()] for tree in (given[WEIGHTS], slopes))
        trace = under_way()
        assert trace is not None
        with trace.part("update"):
            self.optimiser.update(weights, down, memory, given[HYPER])
        return value

    def slice(self, ms: float | None = None) -> float | None:
        """Compute for about `ms` milliseconds, or to the end of the step without a limit; return
        the loss when the step is over, else None."""
        if self.done is not None:
            loss, self.done = self.done, None
            return loss
        if not self.under_way:
            raise RuntimeError("no step is under way: call begin(*batch) first")
        return now(self._go_on(ms))

    async def _go_on(self, ms: float | None) -> float | None:
        traced, run = self.under_way or (None, None)
        assert traced is not None and run is not None
        began = time.perf_counter()
        with urgent() if ms is None else nullcontext():  # no limit: the caller waits for the end
            self.at = await run.advance(self.at, ms)
        self.ms += 1e3 * (time.perf_counter() - began)
        if self.at < len(run):
            return None
        began = time.perf_counter()
        loss = float(np.asarray(await traced.read_results(run)).reshape(()))
        self.ms += 1e3 * (time.perf_counter() - began)  # a graphics chip takes its time here
        self.under_way, self.steps = None, self.steps + 1
        for watch in watches:
            await watch.observe_step(loss, self.ms)
        return loss

    @property
    def weights(self) -> Tree:
        """A copy of the weights, in the tree they were given in."""
        found = now(self._read())

        def replace_leaf(name: str, leaf: Any) -> Any:
            array = found.get(f"in.{WEIGHTS}.{name}")
            return leaf if array is None else array.reshape(np.shape(leaf))

        return map_tree(replace_leaf, self.tree)

    async def _read(self) -> dict[str, np.ndarray]:
        return {name: await tensor.read() for name, tensor in self.tensors.items()}

    def capture(self) -> dict[str, np.ndarray]:
        """Return the state that the next steps depend on, as arrays that `np.savez` takes. A step
        under way is finished first."""
        if self.under_way:
            self.done = self.slice()
        return now(self._read()) | {"steps": np.array(self.steps)}

    def restore(self, captured: dict[str, np.ndarray]) -> None:
        """Go back to a captured state; training resumes to the same bits."""
        missing = {*self.tensors, "steps"} - {*captured}
        if missing:
            raise ValueError(f"what was captured lacks {', '.join(sorted(missing))}")
        for name, tensor in self.tensors.items():
            tensor.write(np.asarray(captured[name]))
        self.steps, self.under_way, self.done = int(captured["steps"]), None, None
