"""Turns a list of steps into a schedule: fold, fuse, recompute, share buffers.

`fuse` rewrites the list (additions fold into the product before them, elementwise chains become one
step), `recompute` trades time for memory block by block, `plan` gives every value a buffer.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field

import numpy as np

from oneseek.engine.compiler.grad import prune
from oneseek.engine.compiler.ir import Op, Program, Step, Value
from oneseek.engine.turns import pause


def fuse(program: Program) -> Program:
    """Drop steps that nobody reads, fold additions, fuse elementwise chains. Changes the
    program."""
    prune(program)
    fold_additions(program)
    fuse_elementwise(program)
    return program


def read_counts(program: Program) -> Counter:
    """How often each value is read, directly or through a view of it."""
    counts: Counter = Counter()
    for read in [v for step in program.steps for v in step.reads] + [*program.outputs.values()]:
        value: Value | None = read
        while value:
            counts[value] += 1
            value = value.base
    return counts


def fold_additions(program: Program) -> None:
    """add(x, f(...)) becomes f(..., base=x) if f can add to a base and x exists by then."""
    counts = read_counts(program)
    made_by = {out: i for i, step in enumerate(program.steps) for out in step.outs}
    folded = set()
    for step in program.steps:
        pause()
        if step.op.name != "add":
            continue
        later = max(step.reads, key=lambda v: made_by.get(v, -1))
        other = step.reads[0] if later is step.reads[1] else step.reads[1]
        if later not in made_by or counts[later] > 1 or later.base or other is later:
            continue
        maker = program.steps[made_by[later]]
        if "base" not in maker.op.params or other.root in {out.root for out in maker.outs}:
            continue
        slot = maker.op.params.index("base")
        if maker.ins[slot] is not None or made_by.get(other.root, -1) >= made_by[later]:
            continue
        maker.ins = (*maker.ins[:slot], other, *maker.ins[slot + 1 :])
        maker.outs, maker.origin = step.outs, maker.origin | step.origin
        made_by[step.outs[0]] = made_by[later]
        folded.add(step)
    program.steps = [step for step in program.steps if step not in folded]


LETTERS = "abcdefg"


def fuse_elementwise(program: Program) -> None:
    """Merge an elementwise step into another one that is its only reader."""
    counts = read_counts(program)
    made_by = {out: step for step in program.steps for out in step.outs}
    for step in list(program.steps):
        pause()
        if not is_elementwise(step.op):
            continue
        for position, value in enumerate(step.reads):
            maker = made_by.get(value)
            if maker is None or not is_elementwise(maker.op) or counts[value] > 1 or value.base:
                continue
            if len(maker.ins) + len(step.ins) - 1 > len(LETTERS):
                continue
            step.op = fuse_ops(maker.op, step.op, position)
            step.ins = (*step.ins[:position], *maker.ins, *step.ins[position + 1 :])
            step.origin |= maker.origin
            program.steps.remove(maker)
            break


def is_elementwise(op: Op) -> bool:
    return bool(op.kernel) and ".wgsl:" not in op.kernel


def fuse_ops(first: Op, second: Op, position: int) -> Op:
    """The elementwise op second(..., first(...), ...)."""
    width = len(first.params)

    def reference(*ins: np.ndarray) -> np.ndarray:
        inner = first.reference(*ins[position : position + width])
        return second.reference(*ins[:position], inner, *ins[position + width :])

    def rename(kernel: str, names: dict[str, str]) -> str:
        return re.sub(r"\b[a-g]\b", lambda m: names[m[0]], kernel)

    inner = rename(first.kernel, {x: LETTERS[position + i] for i, x in enumerate(LETTERS[:width])})
    names = {}
    for i, letter in enumerate(LETTERS[: len(second.params)]):
        names[letter] = LETTERS[i] if i < position else LETTERS[min(i + width - 1, 6)]
    names[LETTERS[position]] = f"({inner})"
    reference.__name__ = f"{second.name}_of_{position}_{first.name}"
    op = Op(reference, second.shape, rename(second.kernel, names))
    op.params = [f"{LETTERS[i]}" for i in range(width + len(second.params) - 1)]
    op.required, op.reuses = len(op.params), tuple(op.params)
    return op


def recompute(
    program: Program,
    blocks: list[tuple[int, int]],
    backward: int,
    ops: Collection[str] | None = None,
) -> None:
    """Recompute the forward steps of each block (a range of steps) just before the backward steps
    (from index `backward` on) first need their results, so that these need not be kept; with `ops`,
    only the steps of these ops."""
    forward, behind = program.steps[:backward], program.steps[backward:]
    at = {step: i for i, step in enumerate(behind)}
    readers: dict[Value, list[Step]] = defaultdict(list)  # readers of each root, in order
    for step in behind:
        for value in step.reads:
            readers[value.root].append(step)
    last: dict[Value, int] = {}  # the last forward step that reads a value or a view of it
    for i, step in enumerate(forward):
        for value in step.reads:
            last[value] = last[value.root] = i
    directly = {value: i for i, step in enumerate(forward) for value in step.reads}
    before: dict[Step, list[Step]] = defaultdict(list)
    for first, stop in blocks:
        pause()
        again_here = [s for s in forward[first:stop] if ops is None or s.op.name in ops]
        inside = {out for step in again_here for out in step.outs}
        # results that the next block reads are kept
        wanted = {out for out in inside if out in readers and last.get(out, -1) < stop}
        if not wanted:
            continue
        needed = set(wanted)
        for step in reversed(again_here):
            if needed & set(step.outs):
                roots = {v.root for v in step.reads if v.root in inside}
                needed |= {root for root in roots if directly.get(root, -1) < stop}
        again: dict[Value, Value] = {}
        clones = []
        for step in again_here:
            if needed & set(step.outs):
                outs = tuple(Value(o.spec, program, f"{o.name}'") for o in step.outs)
                ins = tuple(v and replace(v, again) for v in step.ins)
                clones.append(Step(step.op, ins, outs, step.attrs, step.origin))
                again.update(zip(step.outs, outs, strict=True))
        place = min((readers[root][0] for root in wanted), key=at.__getitem__)
        for step in {step for root in again for step in readers.get(root, ())}:
            if at[step] >= at[place]:
                step.ins = tuple(v and replace(v, again) for v in step.ins)
        before[place] += clones
    program.steps = forward + [one for step in behind for one in (*before.get(step, ()), step)]


def replace(value: Value, again: dict[Value, Value]) -> Value:
    if value in again:
        return again[value]
    if value.base and value.root in again:
        return Value(value.spec, value.program, value.name, again[value.root], value.start)
    return value


@dataclass(eq=False)
class Plan:
    """A program with a buffer for every value that is not an input."""

    program: Program
    slots: list[int] = field(default_factory=list)  # bytes of each shared buffer
    slot_of: dict[Value, int] = field(default_factory=dict)  # root value -> its buffer
    tenants: dict[Value, tuple[int, int]] = field(default_factory=dict)  # first and last step
    owner_of: dict[Value, Value] = field(default_factory=dict)  # root value -> its tenant
    lower_bound: int = 0  # bytes alive at the peak: no plan can need less

    @property
    def bytes(self) -> int:
        return sum(self.slots)


def plan(program: Program) -> Plan:
    """Assign buffers by liveness, the largest values first (shared objects, greedy by size)."""
    lifetimes, alias = liveness(program)
    tenants: dict[Value, tuple[int, int]] = {}
    for root, (first, last) in lifetimes.items():
        owner = owner_of(root, alias)
        begin, end = tenants.get(owner, (first, last))
        tenants[owner] = (min(begin, first), max(end, last))
    result = Plan(program, tenants=tenants)
    taken: list[int] = []  # for each buffer, bit i is set if it is in use at step i
    for value in sorted(tenants, key=lambda v: -v.spec.nbytes):
        pause()
        first, last = tenants[value]
        life = (2 << last) - (1 << first)
        slot = next((i for i in reversed(range(len(taken))) if not taken[i] & life), None)
        if slot is None:
            slot = len(taken)
            taken.append(0)
            result.slots.append(value.spec.nbytes)
        taken[slot] |= life
        result.slot_of[value] = slot
    for root in lifetimes:
        pause()
        result.owner_of[root] = owner_of(root, alias)
        result.slot_of[root] = result.slot_of[result.owner_of[root]]
    events: Counter = Counter()
    for value, (first, last) in tenants.items():
        events[first] += value.spec.nbytes
        events[last + 1] -= value.spec.nbytes
    alive = 0
    for moment in sorted(events):
        alive += events[moment]
        result.lower_bound = max(result.lower_bound, alive)
    return result


def owner_of(root: Value, alias: dict[Value, Value]) -> Value:
    while root in alias:
        root = alias[root]
    return root


def liveness(program: Program) -> tuple[dict[Value, tuple[int, int]], dict[Value, Value]]:
    """The first and last step at which each root's memory is in use, and the results that may take
    over the memory of an input that dies at their step."""
    inputs = set(program.inputs.values())
    lives: dict[Value, tuple[int, int]] = {}
    for i, step in enumerate(program.steps):
        pause()
        for value in (*step.reads, *step.outs):
            if value.root not in inputs:
                lives[value.root] = (lives.get(value.root, (i, i))[0], i)
    for value in program.outputs.values():
        if value.root in lives:
            lives[value.root] = (lives[value.root][0], len(program.steps))
    alias: dict[Value, Value] = {}
    for i, step in enumerate(program.steps):
        pause()
        out = step.outs[0]
        for name in step.op.reuses:
            given = step.ins[step.op.params.index(name)]
            if given is None or given.root in inputs or out.base or out.root not in lives:
                continue
            dies_here = lives[given.root][1] == i
            whole = given.root.spec.nbytes == out.spec.nbytes == given.spec.nbytes
            others = sum(v is not None and v.root is given.root for v in step.ins) > 1
            if dies_here and whole and not others and lives[out][0] == i:
                alias[out] = given.root
                break
    return lives, alias
