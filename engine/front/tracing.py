"""Turns functions of arrays into programs: traced for the shapes they are called with, run again
for the same ones.

Their arguments and results are arrays, or dictionaries, lists, tuples and dataclasses of them.
Arrays and floats are data; integers, strings, None and truth values are part of the shape.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from oneseek.engine.backends.executor import Executor, Run
from oneseek.engine.compiler.grad import grad
from oneseek.engine.compiler.schedule import Plan, fuse, plan
from oneseek.engine.front.devices import get_executor, now
from oneseek.engine.front.tensor import Tensor, Trace, tensor, tracing, under_way, view
from oneseek.engine.turns import urgent

Tree = Any
Leaf = Callable[[str, Any], Any]


def map_tree(function: Leaf, tree: Tree, name: str = "") -> Tree:
    """Return the same tree with function(name, leaf) for each of its leaves."""

    def inner(key: Any, part: Any) -> Any:
        return map_tree(function, part, f"{name}.{key}" if name else str(key))

    if isinstance(tree, dict):
        return {key: inner(key, part) for key, part in tree.items()}
    if isinstance(tree, list | tuple):
        return type(tree)([inner(i, part) for i, part in enumerate(tree)])
    if dataclasses.is_dataclass(tree) and not isinstance(tree, type):
        parts = {f.name: getattr(tree, f.name) for f in dataclasses.fields(tree)}
        return dataclasses.replace(tree, **{k: inner(k, part) for k, part in parts.items()})
    return function(name, tree)


def is_data(leaf: Any) -> bool:
    return isinstance(leaf, Tensor | np.ndarray | float | np.generic)


def leaves(tree: Tree) -> dict[str, Any]:
    """Return its data by name."""
    found: dict[str, Any] = {}

    def keep(name: str, leaf: Any) -> None:
        if is_data(leaf):
            found[name] = leaf if isinstance(leaf, Tensor) else np.asarray(leaf)

    map_tree(keep, tree)
    return found


def form(tree: Tree) -> str:
    """Return all that a program depends on: the tree without the numbers in its arrays."""

    def describe(name: str, leaf: Any) -> Any:
        array = np.asarray(leaf) if is_data(leaf) else None
        return f"{array.dtype.kind}{array.shape}" if array is not None else leaf

    return repr(map_tree(describe, tree))


class Watch:
    """Observes programs and training steps while it is entered; a visitor overrides what it wants
    to know."""

    def __enter__(self) -> Watch:
        watches.append(self)
        return self

    def __exit__(self, *_: object) -> None:
        watches.remove(self)

    def observe_program(self, traced: Traced) -> None:
        """A function became a program."""

    async def observe_step(self, loss: float, ms: float) -> None:
        """A step of training is over, computed in so many milliseconds; training continues once
        this returns."""


watches: list[Watch] = []


class Traced:
    """A function as a program, and what it returns in place of its results."""

    def __init__(self, function: Callable, arguments: tuple) -> None:
        self.trace = Trace(getattr(function, "__name__", "function"))
        self.results: dict[str, Tensor] = {}
        with tracing(self.trace):
            given = map_tree(self._input, arguments, "in")
            self.tree = map_tree(self._output, function(*given))
        for name, result in self.results.items():
            self.trace.program.output(name, result.value)
        self.plan: Plan = plan(fuse(self.trace.program))
        for watch in watches:
            watch.observe_program(self)

    def _input(self, name: str, leaf: Any) -> Any:
        return self.trace.input(name, np.asarray(leaf)) if is_data(leaf) else leaf

    def _output(self, name: str, leaf: Any) -> Any:
        if not is_data(leaf):
            return leaf
        self.results[f"out.{name}"] = tensor(leaf)
        return self.results[f"out.{name}"]

    def prepare(self, executor: Executor, tensors: dict[str, Any] | None = None) -> Run:
        run = executor.prepare(self.plan, tensors or {})
        for name, array in self.trace.constants.items():
            run.write(name, array.reshape(array.shape or (1,)))
        return run

    async def read_results(self, run: Run) -> Tree:
        found = {
            name: (await run.read(name)).reshape(result.shape)
            for name, result in self.results.items()
        }
        return map_tree(lambda name, leaf: found.get(f"out.{name}", leaf), self.tree)


class jit:
    """Compiles a function of arrays: traced once for each combination of shapes and each back end,
    then only run."""

    def __init__(self, function: Callable) -> None:
        self.function = function
        self.__name__ = getattr(function, "__name__", "function")
        self.traced: dict[str, Traced] = {}
        self.runs: dict[tuple[str, Executor], Run] = {}

    def trace(self, *arguments: Any) -> Traced:
        """The program for arguments of these shapes; `print(f.trace(x).plan.program)` lists it."""
        shape = form(arguments)
        if shape not in self.traced:
            self.traced[shape] = Traced(self.function, arguments)
        return self.traced[shape]

    def __call__(self, *arguments: Any) -> Tree:
        if under_way():
            return self.function(*arguments)
        traced, key = self.trace(*arguments), (form(arguments), get_executor())
        if key not in self.runs:
            self.runs[key] = traced.prepare(get_executor())
        return now(self.run(traced, self.runs[key], arguments))

    async def run(self, traced: Traced, run: Run, arguments: tuple) -> Tree:
        for name, array in leaves(arguments).items():
            run.write(f"in.{name}", array.reshape(array.shape or (1,)))
        with urgent():
            await run.advance()
            return await traced.read_results(run)


def value_and_grad(function: Callable) -> jit:
    """Return a function of the same arguments that returns the value of `function`, one number, and
    its gradient with respect to every array in the first argument."""

    def both(wanted: Tree, *rest: Any) -> tuple[Tensor, Tree]:
        value = function(wanted, *rest)
        if not isinstance(value, Tensor) or value.size != 1:
            raise TypeError(f"{both.__name__} has to return one number, not {value}")
        inputs = leaves(wanted)
        seed = tensor(np.ones(value.value.shape, np.float32)).value
        made = grad({value.value: seed}, [x.value for x in inputs.values()])
        slopes = {
            name: Tensor(slope, x.shape)
            for (name, x), slope in zip(inputs.items(), made, strict=True)
        }
        return value, map_tree(lambda name, leaf: slopes.get(name, leaf), wanted)

    both.__name__ = getattr(function, "__name__", "function")
    return jit(both)


def flat(x: Tensor) -> Any:
    """Return its value as one row."""
    return view(x, (x.size,))
