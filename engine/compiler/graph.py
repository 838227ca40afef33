"""Tracks who makes and reads each value of a program, for passes that replace steps by others."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from oneseek.engine.compiler.ir import OPS, Program, Step, Value


class Graph:
    """The maker and the readers of each value of a program, and the pending replacements of its
    steps."""

    def __init__(self, program: Program, bindings: int) -> None:
        self.program, self.bindings = program, bindings
        self.at = {step: i for i, step in enumerate(program.steps)}
        self.maker = {out: step for step in program.steps for out in step.outs}
        self._readers: dict[Value, list[Step | None]] = defaultdict(list)
        for step in program.steps:
            for value in step.reads:
                self._note(value, step)
        for value in program.outputs.values():
            self._note(value, None)
        self._first: list[Step] = []  # steps to put before all others
        self._turns: dict[tuple[Value, Value], Value] = {}
        self._instead: dict[Step, list[Step]] = {}
        self._gone: set[Step] = set()

    def _note(self, value: Value | None, step: Step | None) -> None:
        while value:
            self._readers[value].append(step)
            value = value.base

    def readers(self, value: Value) -> set[Step | None]:
        """The steps that read the value or a part of it; None stands for a reader outside the
        program."""
        return set(self._readers[value])

    def reader(self, value: Value, *names: str) -> Step | None:
        """The only step that reads the value, if its op is one of these; otherwise None."""
        found = self._readers[value]
        if len(found) == 1 and found[0] is not None and found[0].op.name in names:
            return found[0]
        return None

    def step(
        self, name: str, ins: tuple, attrs: dict, outs: tuple[Value, ...] | None = None
    ) -> Step:
        """Make a step that is not in the program yet."""
        program, op = self.program, OPS[name]
        specs = op.output_specs(ins, attrs)
        made = outs or tuple(program.value(spec) for spec in specs)
        for out, spec in zip(made, specs, strict=True):
            assert out.spec == spec, f"{name} makes {spec}, not {out.spec}"
        return Step(op, ins, made, attrs)

    def fits(self, gone: Iterable[Step], steps: list[Step]) -> bool:
        """True if `steps` can stand where the last of `gone` does: each has few enough arrays for a
        kernel, and no remaining step reads their results before that place."""
        gone = set(gone)
        place = max(map(self.at.__getitem__, gone))
        seen = [len(s.ins) + len(s.outs) - len(s.op.updates) for s in steps]
        readers = {r for s in steps for out in s.outs for r in self._readers.get(out, ())} - gone
        return max(seen) <= self.bindings and all(r is None or self.at[r] > place for r in readers)

    def replace(self, gone: Iterable[Step], steps: list[Step]) -> None:
        """Let `steps` replace `gone`, at the place of the last of them."""
        self._instead[max(gone, key=self.at.__getitem__)] = steps
        self._gone |= set(gone)

    def turns(self, positions: Value, table: Value) -> Value:
        """The rotary angles of every row, looked up once for all layers."""
        if (positions, table) not in self._turns:
            step = self.step("rows", (table, positions), {})
            self._first.append(step)
            self._turns[positions, table] = step.outs[0]
        return self._turns[positions, table]

    def rewrite(self) -> None:
        steps = [*self._first]
        for step in self.program.steps:
            steps += self._instead.get(step, [] if step in self._gone else [step])
        self.program.steps = steps
