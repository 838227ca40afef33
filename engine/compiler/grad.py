"""Reverse-mode differentiation: walk the steps backwards and let each op's vjp append more steps.

Gradients are computed only for trained values; steps whose results nobody reads are dropped.
"""

from functools import partial

from oneseek.engine.compiler.ir import Origin, Program, Value
from oneseek.engine.turns import pause


def grad(seeds: dict[Value, Value], wrt: list[Value]) -> list[Value]:
    """Append the backward pass; `seeds` maps values to their given cotangents. Returns the
    cotangent of each value in `wrt`."""
    program = wrt[0].program
    cotangents: dict[Value, Value] = {}
    before = program.origin
    needed = find_reached(program, wrt)
    for value, cotangent in seeds.items():
        contribute(cotangents, value, cotangent)
    for step in reversed(list(program.steps)):
        dys = [cotangents.get(out) for out in step.outs]
        if not any(dys) or not needed & set(step.ins):
            continue
        if step.op.pullback is None:
            raise ValueError(f"{step.op.name} has no vjp but leads to a trained weight: {step}")
        program.attribute(partial(Origin, "backward", step.origin.lines))
        dxs = step.op.pullback(*dys, *step.outs, *step.ins, **step.attrs)
        for x, dx in zip(step.ins, dxs, strict=True):
            if dx is not None and x in needed:
                contribute(cotangents, x, dx)
    program.attribute(before)
    missing = [w.name for w in wrt if w not in cotangents]
    if missing:
        raise ValueError(f"the loss does not depend on {', '.join(missing)}")
    return [cotangents[w] for w in wrt]


def contribute(cotangents: dict[Value, Value], x: Value, dx: Value) -> None:
    """Add dx to the cotangent of x; a reshaped value passes it on to the value it reshapes."""
    if dx.spec != x.spec:
        raise ValueError(f"gradient {dx.spec} for {x.name}:{x.spec}")
    cotangents[x] = cotangents[x] + dx if x in cotangents else dx
    if x.base and x.base.spec.size == x.spec.size:
        contribute(cotangents, x.base, dx.reshape(*x.base.shape))


def find_reached(program: Program, sources: list[Value]) -> set[Value]:
    """The sources and every value computed from them, reshaped forms included."""
    reached = set(sources)
    for step in program.steps:
        pause()
        for value in step.reads:
            if value.base in reached and value.base.spec.size == value.spec.size:
                reached.add(value)
        if reached & set(step.reads):
            reached |= set(step.outs)
    return reached


def prune(program: Program) -> None:
    """Drop steps whose results are neither read, nor outputs, nor written into an input."""
    live = {v.root for v in program.outputs.values()} | set(program.inputs.values())
    kept = []
    for step in reversed(program.steps):
        pause()
        if {out.root for out in step.outs} & live:
            live |= {v.root for v in step.reads}
            kept.append(step)
    program.steps = kept[::-1]
