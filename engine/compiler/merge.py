"""Merges consecutive steps into fewer, larger ones, for a device on which each step costs time.

`merge` runs after `fuse`. It changes a program only for a back end whose kernels may bind as many
arrays as a merged step has; numpy and the CPU kernels run programs unmerged.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from oneseek.engine.compiler.graph import Graph
from oneseek.engine.compiler.ir import OPS, Program, Spec, Step, Value
from oneseek.engine.compiler.ops.merged import FEW, NONE, Sides
from oneseek.engine.compiler.way_back import Back
from oneseek.engine.turns import pause

GATES = ("swiglu", "geglu")


def merge(program: Program, bindings: int) -> Program:
    """Merge products of the same values, if their weights are adjacent, with the steps before and
    after them, as far as a kernel may bind `bindings` arrays. Changes the program."""
    if bindings:
        join_gradients(program)
        graph = Graph(program, bindings)
        for products in stacks_of(program):
            pause()
            Stack(graph, products).merge()
        graph.rewrite()
    return program


def join_gradients(program: Program) -> None:
    """Put the gradients of all layers into one flat array, so that their norm is one step and so is
    the update (or the accumulation) of them all."""
    sums, last = ([s for s in program.steps if s.op.name == n] for n in ("square_sums", "adamw"))
    last = last or [step for step in program.steps if step.op.name == "accumulate"]
    at = {"adamw": 3, "accumulate": 1}
    gradients = [step.ins[at[step.op.name]] for step in last]
    inputs = {*program.inputs.values()}
    if len(gradients) < 2 or any(g.base or g in inputs for g in gradients):
        return
    flat, first = program.buffer((sum(value.spec.size for value in gradients),)), 0
    for gradient in gradients:
        program.place(gradient, flat, first)
        first += gradient.spec.size
    join(program, last, flat)
    if len(sums) == len(gradients) and [step.ins[0] for step in sums] == gradients:
        parts = sum(step.attrs["parts"] for step in sums)
        whole = sums[0].outs[0].base
        if whole and whole.shape == (parts,):
            step = Step(sums[0].op, (flat,), (program.value(whole.spec),), {"parts": parts})
            for other in program.steps:
                other.ins = tuple(step.outs[0] if v is whole else v for v in other.ins)
            put(program, sums, step)


def join(program: Program, steps: list[Step], flat: Value) -> None:
    """Replace steps over consecutive stretches of the same arrays by one step over the whole
    arrays."""
    first = steps[0]
    ins = list(first.ins)
    for i, value in enumerate(first.ins):
        if any(step.ins[i] is not value for step in steps):
            ins[i] = whole_of([step.ins[i] for step in steps])
            if ins[i] is None or ins[i].shape != flat.shape:
                return
    outs = tuple(Value(ins[i].spec, program, f"{first.outs[j].name}", ins[i])
                 for j, i in enumerate(first.op.updates))  # fmt: skip
    put(program, steps, Step(first.op, tuple(ins), outs, first.attrs))


def whole_of(values: list[Value]) -> Value | None:
    """The value that consists of exactly these values in order; None if there is none."""
    root, end = values[0].root, 0
    for value in values:
        if value.root is not root or value.start != end:
            return None
        end += value.spec.size
    return root if root.spec.size == end else None


def put(program: Program, gone: list[Step], step: Step) -> None:
    """Put one step at the place of the last of `gone`; drop the others."""
    at = program.steps.index(gone[-1])
    program.steps[at] = step
    others = {*gone[:-1]}
    program.steps = [one for one in program.steps if one not in others]


def stacks_of(program: Program) -> list[list[Step]]:
    """The products of the same values whose weights together fill one input, in their order there;
    a product by itself if its weight alone does."""
    found: dict[tuple, list[Step]] = defaultdict(list)
    for step in program.steps:
        if step.op.name == "packed_linear" and (step.ins[5] is None or not step.ins[1].base):
            found[step.ins[0], step.ins[1].root].append(step)
    return [
        sorted(steps, key=lambda step: step.ins[1].offset)
        for (_, weights), steps in found.items()
        if sum(step.ins[1].spec.size for step in steps) == weights.spec.size
    ]


@dataclass(eq=False)
class Stack:
    """Products of the same values with adjacent weights, or a single product."""

    graph: Graph
    products: list[Step]

    def __post_init__(self) -> None:
        first = self.products[0]
        self.x: Value = first.ins[0]
        self.bits = first.attrs["bits"]
        alone = len(self.products) == 1
        self.weights = [first.ins[i] if alone else first.ins[i].base for i in (1, 2)]
        self.gone: set[Step] = {*self.products}  # the forward steps that the merged step replaces
        self.adapter: Value | None = None  # the stretch of the flat array with all its adapters
        self.sides: Sides | None = None
        self.back: Back | None = None
        self.is_plain = self.find_adapters()

    def find_adapters(self) -> bool:
        """Find the adapters in the flat array. Returns False if they differ in kind, or if a step
        that cannot be merged reads their results."""
        found: list[tuple[Value, Value] | None] = []
        kinds, read = set(), False
        for product in self.products:
            h, b = product.ins[3:5]
            if h is None or b is None:
                found.append(None)
                continue
            step = self.graph.maker.get(h)
            if step is None or step.op.name != "matmul" or step.ins[0] is not self.x:
                return False
            a, base = step.ins[1:]
            straight = step.attrs.get("tb") and not step.attrs.get("ta") and base is None
            if not straight or a.root is not b.root or a.base is None:
                return False
            read |= self.graph.readers(h) != {product}
            self.gone.add(step)
            found.append((a, b))
            kinds.add((a.root, a.spec.rows, step.attrs.get("scale", 1.0)))
        if not kinds:
            return True
        if len(kinds) > 1:
            return False
        ((flat, rank, scale),) = kinds
        both = [value for pair in found if pair for value in pair]
        first = min(value.start for value in both)
        size = max(value.start + value.spec.size for value in both) - first
        self.adapter = flat.view(first, (size,))
        rows = tuple(product.outs[0].spec.cols for product in self.products)
        a_at, b_at = (
            tuple(pair[i].start - first if pair else NONE for pair in found) for i in (0, 1)
        )
        self.sides = Sides(rows, a_at, b_at, rank, scale)
        if read:
            self.back = Back.of(self, self.adapter)
        return self.back is not None or not read

    def inputs(self) -> tuple[list[Step], tuple, dict] | None:
        """The steps before the merged one, its first inputs and its attributes; None if it cannot
        be merged."""
        norm = self.graph.maker.get(self.x)
        if norm is None or norm.op.name != "rmsnorm":
            norm = None
        told: dict[str, Any] = dict(bits=self.bits, eps=norm.attrs["eps"] if norm else 0.0)
        if self.sides:
            if norm is None:
                return None
            attrs = dict(eps=told["eps"], sides=self.sides)
            specs = OPS["sides"].output_specs((*norm.ins, self.adapter), attrs)
            outs = norm.outs[0], self.graph.program.value(specs[1])
            before = self.graph.step("sides", (*norm.ins, self.adapter), attrs, outs)
            self.gone.add(norm)
            return (
                [before],
                (self.x, *self.weights, outs[1], self.adapter),
                told | dict(sides=self.sides),
            )
        if norm and self.x.spec.rows <= FEW and self.graph.readers(self.x) <= self.gone:
            self.gone.add(norm)
            return [], (norm.ins[0], *self.weights, norm.ins[1], None), told
        return [], (self.x, *self.weights, None, None), told

    def merge(self) -> None:
        """Merge as much of the stack as possible."""
        if self.is_plain and (len(self.products) == 1 or self.merge_heads() or self.merge_gate()):
            if len(self.products) == 1 and self.back:
                self.back.merge(self.back.dys[0], self.products[0].ins[3])

    def merge_heads(self) -> bool:
        """Merge the norm, q, k and v, the rotation of q and k, and their cache writes."""
        graph = self.graph
        if len(self.products) != 3 or len(OPS["heads"].params) + 1 > graph.bindings:
            return False
        q, k, v = (product.outs[0] for product in self.products)
        turn_q, turn_k = (graph.reader(value, "rotary") for value in (q, k))
        if turn_q is None or turn_k is None or turn_q.ins[1:] != turn_k.ins[1:]:
            return False
        positions, table = turn_q.ins[1:]
        width, odd = turn_q.attrs["width"], ("interleaved", "inverse")
        if any(turn_q.attrs.get(name) for name in odd) or width % 8 or positions.base or table.base:
            return False
        found = self.inputs()
        if found is None:
            return False
        before, ins, told = found
        self.gone |= {turn_q, turn_k}
        write_k, write_v = (graph.reader(one, "cache_write") for one in (turn_k.outs[0], v))
        if write_k and write_v and write_k.ins[2] is write_v.ins[2]:
            self.gone |= {write_k, write_v}
            where, slots = [write_k.ins[0], write_v.ins[0]], write_k.ins[2]
            kept = [write_k.outs[0], write_v.outs[0]]
        else:
            kept, slots = [turn_k.outs[0], v], None
            if any(value.base for value in kept):
                return False
            where = [graph.program.buffer(value.shape) for value in kept]
        turns = graph.turns(positions, table)
        attrs = told | {"width": width}
        step = graph.step("heads", (*ins, turns, *where, slots), attrs, (*kept, turn_q.outs[0]))
        if not graph.fits(self.gone, [*before, step]):
            return False
        if self.back and not self.back.merge_heads(turns, before[0].outs[1]):
            return False
        graph.replace(self.gone, [*before, step])
        for value, memory in zip(kept, where, strict=True):
            value.base = memory
        return True

    def merge_gate(self) -> bool:
        """Merge the norm, the gate and up projections, and the product of both."""
        if len(self.products) != 2:
            return False
        graph = self.graph
        gate, up = (product.outs[0] for product in self.products)
        readers = graph.readers(gate)
        through = sorted((r for r in readers if r and r.op.name in GATES), key=graph.at.__getitem__)
        if None in readers or not through or gate.spec.cols % 4:
            return False
        name = through[0].op.name
        if any(step.op.name != name or step.ins != (gate, up) for step in through):
            return False
        others = (readers | graph.readers(up)) - {*through}
        behind = self.back.gate_steps(name, gate, up) if self.back and others else None
        if others and others != behind:
            return False
        found = self.inputs()
        if found is None:
            return False
        before, ins, told = found
        self.gone.add(through[0])
        told |= {"gate": name}
        outs = through[0].outs
        if others or len(through) > 1:
            told["keep"] = True
            outs = (*outs, graph.program.value(Spec((gate.spec.rows, 2 * gate.spec.cols))))
        step = graph.step("gated", ins, told, outs)
        if not graph.fits(self.gone, [*before, step]):
            return False
        if self.back and not self.back.merge_gate(name, outs[-1], behind, before[0].outs[1]):
            return False
        graph.replace(self.gone, [*before, step])
        for again in through[1:]:
            graph.replace(
                {again}, [graph.step("gate_again", (outs[1],), {"gate": name}, again.outs)]
            )
        return True
