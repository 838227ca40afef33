"""Finds the backward pass of a stack of products among a program's steps, for merge.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from oneseek.engine.compiler.graph import Graph
from oneseek.engine.compiler.ir import Step, Value


@dataclass(eq=False)
class WayBack:
    """The backward steps of one product."""

    dy: Value
    of_x: set[Step]  # steps that compute the gradient of x, or add to it
    dh: Step | None = None  # with an adapter: the steps for the gradients of h, A and B
    of_a: Step | None = None
    of_b: Step | None = None

    @classmethod
    def of(cls, graph: Graph, product: Step) -> WayBack | None:
        codes, _, h, b = product.ins[1:5]
        of_x = {s for s in graph.readers(codes) if s and s.op.name == "packed_linear_dx"}
        if len(of_x) > 1:
            return None
        if h is None:
            return cls(next(iter(of_x)).ins[0], of_x) if of_x else None
        a = graph.maker[h].ins[1]
        of_b = only(graph.readers(h) - {product})
        if of_b is None or not is_product(of_b, ta=True) or of_b.ins[1] is not h:
            return None
        dy = of_b.ins[0]
        dh = only({s for s in graph.readers(dy) if s and is_product(s) and s.ins[1] is b})
        if dh is None or any(step.ins[0] is not dy for step in of_x):
            return None
        of_a = only({s for s in graph.readers(dh.outs[0]) if is_product(s, ta=True)})
        others = graph.readers(dh.outs[0]) - {of_a}
        through_a = {s for s in others if s and is_product(s) and s.ins[1] is a}
        if of_a is None or through_a != others:
            return None
        return cls(dy, of_x | through_a, dh, of_a, of_b)


@dataclass(eq=False)
class Back:
    """The backward steps of a stack: from the gradients of its outputs to the gradient of x and
    those of its adapters."""

    stack: Any  # a `Stack` of merge.py
    dys: list[Value]  # gradient of each product
    dhs: list[Step]
    x: Value  # as read by the backward pass: perhaps recomputed
    total: Value  # the stretch that receives the gradients of the adapters
    dx: Value | None
    gone: set[Step]

    @classmethod
    def of(cls, stack: Any, adapter: Value) -> Back | None:
        graph = stack.graph
        ways = [WayBack.of(graph, product) for product in stack.products]
        parts = [way for way in ways if way]
        if len(parts) < len(ways):
            return None
        chain = {step for way in parts for step in way.of_x}
        dx = end_of(graph, chain, len(parts)) if chain else None
        xs = {way.of_a.ins[1] for way in parts if way.of_a}
        places = {
            (made.outs[0].base, made.outs[0].offset - weight.start)
            for way, product in zip(parts, stack.products, strict=True)
            if way.of_a and way.of_b
            for made, weight in (
                (way.of_a, graph.maker[product.ins[3]].ins[1]),
                (way.of_b, product.ins[4]),
            )
        }
        x, place = only(xs), only(places)
        if x is None or place is None or place[0] is None or (chain and dx is None):
            return None
        total = place[0].view(adapter.start + place[1], adapter.shape)
        gone = chain | {s for way in parts for s in (way.of_a, way.of_b) if s}
        dhs = [way.dh for way in parts if way.dh]
        return cls(stack, [way.dy for way in parts], dhs, x, total, dx, gone)

    def only_here(self, value: Value) -> bool:
        return self.stack.graph.readers(value) <= self.gone | {*self.dhs}

    def steps(self, d: Value, h: Value) -> list[Step]:
        """The merged steps that replace them, given the gradients of all outputs side by side."""
        stack, graph = self.stack, self.stack.graph
        told, steps = dict(sides=stack.sides), []
        if len(self.dys) == 1:
            dh = self.dhs[0].outs[0]
        else:
            steps.append(graph.step("sides_dh", (d, stack.adapter), told))
            dh = steps[0].outs[0]
        if self.dx:
            ins = d, *stack.weights, dh, stack.adapter
            attrs = told | dict(bits=stack.bits)
            steps.append(graph.step("stack_dx", ins, attrs, (self.dx,)))
        steps.append(graph.step("sides_dw", (d, dh, self.x, h, self.total), told))
        steps[-1].outs[0].base = self.total
        return steps

    def merge(self, d: Value, h: Value, before: tuple[set[Step], Step] | None = None) -> bool:
        graph, gone = self.stack.graph, {*self.gone}
        if len(self.dys) > 1:
            gone |= {*self.dhs}
        steps = self.steps(d, h)
        if not graph.fits(gone, steps) or (before and not graph.fits(before[0], [before[1]])):
            return False
        graph.replace(gone, steps)
        if before:
            graph.replace(before[0], [before[1]])
        return True

    def merge_heads(self, turns: Value, h: Value) -> bool:
        """Merge, together with the rotations of the gradients of q and k."""
        graph = self.stack.graph
        back = [graph.maker.get(value) for value in self.dys[:2]]
        fit = all(s and s.op.name == "rotary" and s.attrs.get("inverse") for s in back)
        if not fit or not all(self.only_here(value) for value in self.dys[:2]):
            return False
        ins = (*(step.ins[0] for step in back), self.dys[2], turns)
        d = graph.step("heads_back", ins, {"width": back[0].attrs["width"]})
        return self.merge(d.outs[0], h, ({*back}, d))

    def gate_steps(self, name: str, gate: Value, up: Value) -> set[Step] | None:
        """The steps that compute the gradients of gate and up; None unless they can be merged."""
        makers = [self.stack.graph.maker.get(value) for value in self.dys]
        if None in makers or [s.op.name for s in makers] != [f"{name}_dgate", f"{name}_dup"]:
            return None
        same = makers[0].ins == (makers[1].ins[0], gate, up) and makers[1].ins[1] is gate
        return {*makers} if same and all(map(self.only_here, self.dys)) else None

    def merge_gate(self, name: str, both: Value, steps: set[Step] | None, h: Value) -> bool:
        """Merge, together with the gradients of gate and up."""
        if not steps:
            return False
        dy = next(iter(steps)).ins[0]
        d = self.stack.graph.step("gated_back", (dy, both), {"gate": name})
        return self.merge(d.outs[0], h, (steps, d))


def end_of(graph: Graph, chain: set[Step], products: int) -> Value | None:
    """The final result of a chain in which each step adds to the one before; None unless it covers
    all products."""
    made = {step.outs[0] for step in chain}
    inner = {step.ins[-1] for step in chain if step.ins[-1] in made}
    bases = {step.ins[-1] for step in chain} - inner
    alone = all(graph.readers(value) <= chain for value in inner if value)
    all_of_them = sum(step.op.name == "packed_linear_dx" for step in chain) == products
    starts = sum(step.ins[-1] is None for step in chain) == 1
    return only(made - inner) if bases == {None} and alone and all_of_them and starts else None


def only(some: set) -> Any:
    """The only element of the set; None if there are more, or none."""
    return next(iter(some)) if len(some) == 1 else None


def is_product(step: Step | None, ta: bool = False) -> bool:
    """True for a plain product, with its first side transposed or not, as `ta` says."""
    if step is None or step.op.name != "matmul" or step.attrs.get("tb"):
        return False
    return bool(step.attrs.get("ta")) == ta
