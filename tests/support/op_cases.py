"""Makes a runnable program and sample values for an op and one of its cases.

A case that needs more than random numbers names a sampler instead of a dtype: `spans` are ranges
within the keys, `probs` leave a rest, and so on.
"""

import numpy as np
import pytest

import oneseek.engine.compiler.ops  # noqa: F401  every op registers itself
from oneseek.engine.compiler.ir import OPS, Op, Program, Spec

CASES = [
    pytest.param(op, case, id=f"{op.name}-{i}")
    for op in OPS.values()
    for i, case in enumerate(op.cases)
]


def spans(rng, shape, specs):
    """Spans: even rows see one range, odd ones a prefix and a range of their own."""
    keys = specs[-2].shape[0]
    out = np.zeros(shape, np.int32)
    for t in range(len(out)):
        prefix = int(rng.integers(0, keys // 2 + 1)) if t % 2 else 0
        begin = int(rng.integers(prefix, keys))
        out[t, :4] = (0, prefix, begin, int(rng.integers(begin + 1, keys + 1)))
    return out


def windows(rng, shape, specs):
    """Spans of a prefix, which may be empty, and a later range."""
    sizes = np.cumsum(rng.integers(0, 7, shape), -1)
    sizes[:, 0] = 0
    return sizes


def paths(rng, shape, specs):
    """Causal spans of several texts that share their beginning."""
    out = np.zeros(shape, np.int32)
    shared, begin = len(out) // 4, len(out) // 4
    for t in range(len(out)):
        begin = t if t > shared and rng.random() < 0.2 else begin
        out[t, :4] = (0, shared, begin, t + 1) if t >= shared else (0, 0, 0, t + 1)
    return out


def laid(rng, shape, specs):
    """Rows of two texts by turns, after cached rows; the second text begins with the start of the
    first. The last row sees nothing."""
    out, half = np.zeros(shape, np.int32), specs[-1].shape[0] // 2
    places = [(0, 0, 0), (0, 4, half)]
    ends = [int(rng.integers(4, 12)), half + int(rng.integers(0, 8))]
    for t in range(len(out) - 1):
        ends[t % 2] += 1
        out[t, :4] = (*places[t % 2], ends[t % 2])
    return out


SAMPLERS = {
    "i32": lambda rng, shape, specs: rng.integers(0, specs[0].shape[0], shape),
    "u32": lambda rng, shape, specs: rng.integers(0, 2**32, shape, dtype=np.uint32),
    "slots": lambda rng, shape, specs: rng.permutation(specs[0].shape[0])[: shape[0]],
    "distinct": lambda rng, shape, specs: np.array(
        [rng.permutation(specs[0].cols)[: shape[1]] for _ in range(shape[0])]
    ),
    "probs": lambda rng, shape, specs: rng.dirichlet(np.ones(shape[1]), shape[0]) * 0.75,
    "zeros": lambda rng, shape, specs: np.zeros(shape),
    "certain": lambda rng, shape, specs: np.eye(1, shape[1]).repeat(shape[0], 0),
    "none": lambda rng, shape, specs: np.zeros(shape),
    "rest": lambda rng, shape, specs: np.full(shape, 0.25),
    "ones": lambda rng, shape, specs: np.full(shape, 1.1),
    "spans": spans,
    "windows": windows,
    "paths": paths,
    "laid": laid,
    "hyper": lambda rng, shape, specs: np.array([0.01, 0.9, 0.99, 1e-8, 0.01, 0.1, 0.01, 1.0]),
    "logprobs": lambda rng, shape, specs: -np.sort(rng.exponential(2, shape), -1),
    "knobs": lambda rng, shape, specs: np.tile([0.8, 40, 0.95], (shape[0], 1)),
    "signed": lambda rng, shape, specs: rng.uniform(-1, 1, shape),
    "mask": lambda rng, shape, specs: rng.integers(0, 2, shape).astype(float),
    "f32": lambda rng, shape, specs: rng.uniform(0.1, 1, shape),
}
DTYPE = {
    "i32": "i32",
    "slots": "i32",
    "distinct": "i32",
    "zeros": "i32",
    "spans": "i32",
    "windows": "i32",
    "paths": "i32",
    "laid": "i32",
    "u32": "u32",
}


def build(op: Op, case: tuple, seed: int = 0):
    """Build the program; returns it, its inputs by order, the op's outputs as a tuple, and feeds by
    name."""
    given = [part for part in case if part is None or isinstance(part, Spec)]
    specs = [spec for spec in given if spec is not None]
    attrs = next((part for part in case if isinstance(part, dict)), {})
    rng = np.random.default_rng(seed)
    program, feeds = Program(op.name), {}
    names = choose_params(op, given)
    for name, spec in zip(names, given, strict=True):
        if spec is None:
            continue
        feeds[name] = SAMPLERS[spec.dtype](rng, spec.shape, specs)
        program.input(name, spec.shape, DTYPE.get(spec.dtype, "f32"))
    ins = [program.inputs.get(name) for name in op.params]
    outs = op(*ins, **attrs)
    outs = outs if isinstance(outs, tuple) else (outs,)
    for i, out in enumerate(outs):
        program.output(f"out{i}", out)
    return program, ins, outs, feeds


def choose_params(op: Op, specs: list[Spec | None]) -> list[str]:
    """The parameters that a case fills: the required ones, then a base or the first optional
    ones."""
    names = op.params[: op.required]
    extra = len(specs) - len(names)
    optional = op.params[op.required :]
    if extra == 1 and "base" in optional:
        return [*names, "base"]
    return [*names, *optional[:extra]]
