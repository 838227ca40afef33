"""Fewer, larger steps for a device that pays for each: what stands one after the other becomes one.

`merge` reads like `fuse` and comes behind it. It changes programs only for a back end whose kernels
may see as many arrays as a merged step has; numpy and the processor's kernels run them as they are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from oneseek.engine.compiler.ir import OPS, Program, Step, Value
from oneseek.engine.compiler.ops.merged import FEW, NONE, Sides
from oneseek.engine.core.turns import pause

GATES = ("swiglu", "geglu")


def merge(program: Program, bindings: int) -> Program:
    """Products of the same values with weights that lie together become one step with what is done
    before and behind them, where a kernel may see `bindings` arrays. Changes the program."""
    if bindings:
        graph = Graph(program, bindings)
        for products in stacks_of(program):
            pause()
            stack = Stack(graph, products)
            stack.merge_heads() or stack.merge_gate()
        graph.rewrite()
    return program


def stacks_of(program: Program) -> list[list[Step]]:
    """Products of the same values whose weights make up one input, in their order there."""
    found: dict[tuple, list[Step]] = defaultdict(list)
    for step in program.steps:
        if step.op.name == "packed_linear" and step.ins[1].base and step.ins[5] is None:
            found[step.ins[0], step.ins[1].base].append(step)
    return [
        sorted(steps, key=lambda step: step.ins[1].offset)
        for (_, weights), steps in found.items()
        if sum(step.ins[1].spec.size for step in steps) == weights.spec.size
    ]


class Graph:
    """Who makes and who reads each value of a program, and what is to become of its steps."""

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
        self._first: list[Step] = []  # what is put before all
        self._turns: dict[tuple[Value, Value], Value] = {}
        self._instead: dict[Step, list[Step]] = {}
        self._gone: set[Step] = set()

    def _note(self, value: Value | None, step: Step | None) -> None:
        while value:
            self._readers[value].append(step)
            value = value.base

    def readers(self, value: Value) -> set[Step | None]:
        """The steps that read it or a part of it; None is somebody outside."""
        return set(self._readers[value])

    def reader(self, value: Value, *names: str) -> Step | None:
        """The only step that reads it, if its op is one of these."""
        found = self._readers[value]
        if len(found) == 1 and found[0] is not None and found[0].op.name in names:
            return found[0]
        return None

    def step(
        self, name: str, ins: tuple, attrs: dict, outs: tuple[Value, ...] | None = None
    ) -> Step:
        """A step that is not in the program yet."""
        program, op = self.program, OPS[name]
        specs = op.output_specs(ins, attrs)
        made = outs or tuple(program.value(spec) for spec in specs)
        for out, spec in zip(made, specs, strict=True):
            assert out.spec == spec, f"{name} makes {spec}, not {out.spec}"
        return Step(op, ins, made, attrs)

    def replace(self, gone: Iterable[Step], steps: list[Step]) -> bool:
        """Put `steps` where the last of `gone` stands, unless a kernel would see too much."""
        gone = set(gone)
        seen = [len(s.ins) + len(s.outs) - len(s.op.updates) for s in steps]
        if max(seen) > self.bindings:
            return False
        self._instead[max(gone, key=self.at.__getitem__)] = steps
        self._gone |= gone
        return True

    def turns(self, positions: Value, table: Value) -> Value:
        """The angles of every row, looked up once for all layers."""
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


@dataclass(eq=False)
class Stack:
    """Products of the same values with weights that lie one after the other."""

    graph: Graph
    products: list[Step]
    gone: set[Step] = field(default_factory=set)  # what is merged into one step

    def __post_init__(self) -> None:
        self.x: Value = self.products[0].ins[0]  # type: ignore[assignment]
        self.bits = self.products[0].attrs["bits"]
        self.weights = [self.products[0].ins[i].base for i in (1, 2)]  # type: ignore[union-attr]

    def inputs(self) -> tuple[list[Step], tuple, dict] | None:
        """The step before the product, the first inputs of the merged one and its attributes."""
        self.gone = {*self.products}
        found = self.adapters()
        if found is None:
            return None
        adapter, sides = found
        norm = self.norm()
        told: dict[str, Any] = dict(bits=self.bits, eps=norm.attrs["eps"] if norm else 0.0)
        if sides:
            if norm is None:
                return None
            self.gone.add(norm)
            attrs = dict(eps=norm.attrs["eps"], sides=sides)
            before = self.graph.step("sides", (*norm.ins, adapter), attrs)
            return [before], (before.outs[0], *self.weights, None, adapter), told | {"sides": sides}
        if norm and self.x.spec.rows <= FEW:
            self.gone.add(norm)
            return [], (norm.ins[0], *self.weights, norm.ins[1], None), told
        return [], (self.x, *self.weights, None, None), told

    def norm(self) -> Step | None:
        """The norm of which nobody else reads."""
        step = self.graph.maker.get(self.x)
        alone = self.graph.readers(self.x) <= self.gone
        return step if step and step.op.name == "rmsnorm" and alone else None

    def adapters(self) -> tuple[Value | None, Sides | None] | None:
        """The stretch of the flat array with all adapters of the stack, and where they lie there;
        None where they are not of one kind."""
        a_at, b_at, kinds, ends, flat = [], [], set(), [], None
        for product in self.products:
            h, b = product.ins[3:5]
            if h is None or b is None:
                a_at.append(NONE)
                b_at.append(NONE)
                continue
            step = self.graph.maker.get(h)
            if step is None or step.op.name != "matmul" or step.ins[0] is not self.x:
                return None
            a = step.ins[1]
            straight = step.attrs.get("tb") and not step.attrs.get("ta") and step.ins[2] is None
            if not straight or a is None or a.root is not b.root or a.root is a:
                return None
            if self.graph.readers(h) != {product}:
                return None
            self.gone.add(step)
            flat = a.root
            a_at.append(a.start)
            b_at.append(b.start)
            ends += [a.start + a.spec.size, b.start + b.spec.size]
            kinds.add((flat, a.spec.rows, step.attrs.get("scale", 1.0)))
        if flat is None:
            return None, None
        if len(kinds) > 1:
            return None
        ((_, rank, scale),) = kinds
        first = min(at for at in a_at + b_at if at != NONE)
        adapter = flat.view(first, (max(ends) - first,))
        rows = tuple(product.outs[0].spec.cols for product in self.products)
        places = [tuple(at if at == NONE else at - first for at in all_) for all_ in (a_at, b_at)]
        return adapter, Sides(rows, *places, rank, scale)

    def merge_heads(self) -> bool:
        """Norm, q, k, v, the rotation of q and k, and their way into the cache."""
        if len(self.products) != 3 or len(OPS["heads"].params) + 1 > self.graph.bindings:
            return False
        graph = self.graph
        q, k, v = (product.outs[0] for product in self.products)
        turned = [graph.reader(value, "rotary") for value in (q, k)]
        if None in turned or turned[0].ins[1:] != turned[1].ins[1:]:  # type: ignore[union-attr]
            return False
        turn_q, turn_k = turned
        if turn_q.attrs.get("interleaved") or turn_q.attrs.get("inverse"):
            return False
        found = self.inputs()
        if found is None:
            return False
        before, ins, told = found
        self.gone |= {turn_q, turn_k}
        positions, table = turn_q.ins[1:]
        written = [graph.reader(value, "cache_write") for value in (turn_k.outs[0], v)]
        width = turn_q.attrs["width"]
        if None not in written and written[0].ins[2] is written[1].ins[2]:
            self.gone |= {*written}
            where, slots = [step.ins[0] for step in written], written[0].ins[2]
            kept = [step.outs[0] for step in written]
        else:
            kept, slots = [turn_k.outs[0], v], None
            if any(value.base for value in kept):
                return False
            where = [graph.program.buffer(value.shape) for value in kept]
        if width % 8 or positions.root is not positions or table.root is not table:
            return False
        ins = (*ins, graph.turns(positions, table), *where, slots)
        step = graph.step("heads", ins, told | {"width": width}, (*kept, turn_q.outs[0]))
        if not graph.replace(self.gone, [*before, step]):
            return False
        for value, memory in zip(kept, where, strict=True):
            value.base = memory
        return True

    def merge_gate(self) -> bool:
        """Norm, the gate, what it gates, and both of them through it."""
        if len(self.products) != 2:
            return False
        gate, up = (product.outs[0] for product in self.products)
        through = self.graph.reader(gate, *GATES)
        if through is None or through.ins != (gate, up) or self.graph.readers(up) != {through}:
            return False
        found = self.inputs()
        if found is None or gate.spec.cols % 4:
            return False
        before, ins, told = found
        self.gone.add(through)
        told |= {"gate": through.op.name}
        return self.graph.replace(
            self.gone, [*before, self.graph.step("gated", ins, told, through.outs)]
        )
