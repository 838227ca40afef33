"""Every op's kernel must match its numpy definition, on the adapter of this machine; having none is
an error."""

import asyncio
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oneseek.engine.backends.gpu.kernels import source_of
from oneseek.engine.backends.reference import Numpy
from oneseek.engine.compiler.ir import OPS, Program, Spec
from oneseek.engine.compiler.launch import Tier, product_tile
from oneseek.engine.compiler.ops.merged import Sides
from oneseek.engine.compiler.schedule import is_elementwise, plan
from tests.support.gpu_device import LONG_IN_A_TAB, gpu, gpu_of_many_threads
from tests.support.op_cases import CASES, build

pytestmark = pytest.mark.in_worker


async def outputs(executor, program, feeds):
    run = executor.prepare(plan(program))
    for name, array in feeds.items():
        run.write(name, array)
    await run.advance()
    return {name: await run.read(name) for name in program.outputs}


def check(op, case, rtol=2e-4, atol=2e-5, on=gpu):
    program, _, _, feeds = build(op, case)
    wanted = asyncio.run(outputs(Numpy(), program, feeds))
    made = asyncio.run(outputs(on(), program, feeds))
    for name, array in wanted.items():
        near = atol * max(1, np.abs(array).max())
        np.testing.assert_allclose(made[name], array, rtol=rtol, atol=near, err_msg=name)


# Kernels are compiled for their shapes, which is slow on a GPU emulated by the CPU. So one case of
# each op runs by default; the others are slow, and in a tab they wait for the long tests.
COMPILED = [pytest.mark.slow, *LONG_IN_A_TAB]
ONE_OF_EACH_FIRST = [
    pytest.param(op, case, id=p.id, marks=[] if case is op.cases[0] else COMPILED)
    for p in CASES
    for op, case in [p.values]
]


@pytest.mark.parametrize("op,case", ONE_OF_EACH_FIRST)
def test_the_kernel_agrees_with_numpy(op, case):
    check(op, case)


def make_packed(n, k, bits):
    return Spec((n, k * bits // 32), "u32"), Spec((n, k // 32, 2))


ROWS, ADAPTER = Spec((130, 1536)), Spec((2_442_240,))  # rank 8 on all seven projections
Q, KV, SPANS = Spec((150, 576)), Spec((150, 192)), Spec((150, 4), "spans")
HEADS = dict(heads=9, kv_heads=3)
WIDE, GATE, PATHS = Spec((150, 2048), "signed"), Spec((150, 16), "signed"), Spec((150, 4), "paths")
TOTAL, TOTALS = Spec((150, 32), "signed"), Spec((400, 32), "signed")
KNOWN, LAID, DELTA = (
    Spec((400, 2048), "signed"),
    Spec((150, 4), "laid"),
    dict(heads=16, key_heads=16),
)
X, GAIN, EPS = Spec((512, 576)), Spec((576,)), dict(eps=1e-5)
X130 = Spec((130, 576))
LOGITS, CACHE = Spec((3, 49152)), Spec((2048, 192))
QKV = Sides((576, 192, 192), (0, 9216, 15_360), (4608, 13_824, 19_968), 8, 2.0)  # of rank 8
REAL_SIZES = [
    ("matmul", Spec((130, 576)), Spec((1536, 576)), dict(tb=True)),
    ("matmul", Spec((70, 130)), Spec((70, 576)), dict(ta=True)),
    ("matmul", Spec((512, 8)), Spec((8, 576))),
    ("matmul", Spec((33, 580)), Spec((16, 580)), Spec((33, 16)), dict(tb=True)),
    ("packed_linear", Spec((65, 576)), *make_packed(1536, 576, 4), dict(bits=4)),
    ("packed_linear", Spec((4, 576)), *make_packed(1001, 576, 8), dict(bits=8)),
    ("packed_linear_dx", Spec((65, 1536)), *make_packed(1536, 576, 4), dict(bits=4)),
    ("sides", Spec((130, 576)), GAIN, Spec((29_952,)), dict(eps=1e-5, sides=QKV)),
    ("heads", Spec((1, 576)), *make_packed(960, 576, 4), GAIN, None, Spec((1, 64)), CACHE, CACHE,
     Spec((1,), "slots"), dict(bits=4, eps=1e-5, width=64)),
    ("heads", Spec((130, 576)), *make_packed(960, 576, 4), Spec((130, 24)), Spec((29_952,)), Spec((130, 64)),
     CACHE, CACHE, Spec((130,), "slots"), dict(bits=4, eps=0.0, width=64, sides=QKV)),
    ("gated", Spec((4, 576)), *make_packed(3072, 576, 4), GAIN, None,
     dict(bits=4, eps=1e-5, gate="swiglu")),
    ("gated", Spec((130, 576)), *make_packed(3072, 576, 8), None, None,
     dict(bits=8, eps=0.0, gate="geglu", keep=True)),
    ("gate_again", Spec((130, 3072)), dict(gate="swiglu")),
    ("gated_back", Spec((130, 1536)), Spec((130, 3072)), dict(gate="swiglu")),
    ("heads_back", Spec((130, 576)), Spec((130, 192)), Spec((130, 192)), Spec((130, 64)),
     dict(width=64)),
    ("sides_dh", Spec((130, 960)), Spec((29_952,)), dict(sides=QKV)),
    ("sides_dw", Spec((130, 960)), Spec((130, 24)), X130, Spec((130, 24)), Spec((29_952,)),
     dict(sides=QKV)),
    ("stack_dx", Spec((130, 960)), *make_packed(960, 576, 4), Spec((130, 24)), Spec((29_952,)),
     dict(bits=4, sides=QKV)),
    ("attention", Q, KV, KV, SPANS, HEADS),
    ("attention", Spec((40, 512)), Spec((90, 256)), Spec((90, 256)), Spec((40, 4), "spans"),
     dict(heads=4, kv_heads=2)),
    ("attention_dq", Q, Q, Spec((150, 9)), Q, KV, KV, SPANS, HEADS),
    ("attention_dkv", Q, Q, Spec((150, 9)), Q, KV, KV, SPANS, HEADS),
    ("convolved", Spec((150, 1024)), Spec((3, 1024)), SPANS),
    ("convolved_dx", Spec((150, 1024)), Spec((3, 1024)), SPANS, dict(keys=150)),
    ("convolved_dw", Spec((150, 1024)), Spec((150, 1024)), SPANS, dict(taps=3)),
    ("totals", GATE, PATHS),
    ("totals_kept", GATE, LAID, TOTALS),
    ("totals_dg", TOTAL, PATHS),
    ("delta", WIDE, WIDE, WIDE, GATE, TOTAL, PATHS, DELTA),
    ("delta_kept", WIDE, KNOWN, WIDE, GATE, TOTALS, LAID, KNOWN, DELTA),
    ("delta_du", WIDE, WIDE, WIDE, GATE, TOTAL, PATHS, DELTA),
    ("delta_asking", WIDE, WIDE, WIDE, WIDE, TOTAL, PATHS, DELTA),
    ("delta_asked", WIDE, WIDE, WIDE, WIDE, TOTAL, PATHS, WIDE, DELTA),
    ("rotary", X, Spec((512,), "i32"), Spec((2048, 64)), dict(width=64)),
    ("cache_write", Spec((2048, 192)), Spec((40, 192)), Spec((40,), "slots")),
    ("rmsnorm", Spec((70_000, 8)), Spec((8,)), EPS),
    ("rmsnorm", X, GAIN, EPS),
    ("rmsnorm_dx", X, GAIN, X, EPS),
    ("layernorm", Spec((70_000, 8)), Spec((8,)), Spec((8,)), EPS),
    ("layernorm", X, GAIN, GAIN, EPS),
    ("gelu", Spec((130, 1536))),
    ("rmsnorm_dw", X, GAIN, X, EPS),
    ("soft_cross_entropy", LOGITS, Spec((3, 32), "distinct"), Spec((3, 32), "probs"),
     Spec((3,), "rest"), Spec((3,))),
    ("divergence", LOGITS, LOGITS),
    ("candidates", Spec((2, 49152)), Spec((2, 64), "i32"), Spec((2,), "ones")),
    ("draw", Spec((8, 64), "i32"), Spec((8, 64), "logprobs"), Spec((8, 3), "knobs"),
     Spec((8,), "u32")),
    ("rows", X, Spec((40,), "i32")),
    ("rows_dtable", Spec((40, 576)), Spec((40,), "i32"), dict(count=500)),
    ("packed_rows", *make_packed(49152, 576, 8), Spec((40,), "i32"), dict(bits=8)),
    ("add", ROWS, ROWS),
    ("mul", ROWS, ROWS),
    ("swiglu", ROWS, ROWS),
    ("swiglu_dgate", ROWS, ROWS, ROWS),
    ("swiglu_dup", ROWS, ROWS),
    ("geglu", ROWS, ROWS),
    ("geglu_dgate", ROWS, ROWS, ROWS),
    ("geglu_dup", ROWS, ROWS),
    ("scaled", ROWS, dict(by=25.3)),
    ("window", Spec((700, 4), "windows"), dict(width=5)),
    ("add_bias", ROWS, Spec((1536,))),
    ("column_sums", ROWS),
    ("dropout", X, Spec((1,), "u32"), dict(rate=0.1, stream=3)),
    ("square_sums", ADAPTER, dict(parts=64)),
    ("root", Spec((64,))),
    ("adamw", ADAPTER, ADAPTER, ADAPTER, ADAPTER, Spec((1,)), Spec((8,), "hyper")),
    ("accumulate", ADAPTER, ADAPTER),
    ("clear", ADAPTER),
    *((name, ROWS) for name in ("neg", "exp", "log", "sqrt", "tanh", "relu", "above_zero", "log_sigmoid")),
    *((name, ROWS, ROWS) for name in ("div", "tanh_da", "at_least", "gelu_dx", "log_sigmoid_da")),
    *((name, Spec(ROWS.shape, "mask"), ROWS) for name in ("passed", "stopped")),
    ("swapped", Spec((1, 130, 1536, 1))),
    ("spread", Spec((130, 64)), dict(times=33)),
    ("summed", Spec((3, 70_000, 1))),
    ("summed", Spec((2, 700, 130))),
    ("largest", Spec((3, 70_000, 1))),
    ("largest", Spec((2, 700, 130))),
    ("cut", ROWS, dict(first=1000, count=333)),
    ("padded", ROWS, dict(first=1000, width=4000)),
]  # fmt: skip
REAL_CASES = [
    pytest.param(name, case, id=f"{name}-{i}", marks=COMPILED)
    for i, (name, *case) in enumerate(REAL_SIZES)
]


def test_every_op_is_tried_at_real_sizes():
    assert {name for name, *_ in REAL_SIZES} == set(OPS)


@pytest.mark.long
@pytest.mark.parametrize("name,case", REAL_CASES)
def test_the_kernel_agrees_with_numpy_at_real_sizes(name, case):
    check(OPS[name], case, rtol=1e-3, atol=1e-4)


PRODUCTS = [p for p in REAL_CASES if p.values[0] in ("matmul", "packed_linear", "packed_linear_dx")]


@pytest.mark.parametrize("name,case", PRODUCTS)
def test_products_agree_with_numpy_where_threads_share_an_output(name, case):
    check(OPS[name], case, rtol=1e-3, atol=1e-4, on=gpu_of_many_threads)


def sizes(most):
    return st.integers(1, most)


@given(m=sizes(2000), n=sizes(4000), units=sizes(400), unit=st.sampled_from([4, 16, 32]))
def test_the_threads_of_a_product_reach_all_of_it_and_none_is_idle_for_want_of_terms(
    m, n, units, unit
):
    k = units * unit
    for tier in (Tier(), Tier(software=True)):
        (across, down, _), shape = product_tile(tier, m, n, k, unit)
        wide, tall, slices = shape["WX"], shape["WY"], shape["SLICES"]
        assert across * wide * shape["COLS"] >= n and down * tall * shape["ROWS"] >= m
        assert wide * tall * slices == shape["WG"] <= 64
        assert slices == 1 or (not tier.software and k // slices >= max(unit, 64))


KERNELS = [op for op in OPS.values() if not is_elementwise(op)]


@pytest.mark.parametrize("op", KERNELS, ids=lambda op: op.name)
def test_the_shader_names_the_inputs_of_the_record(op):
    file, entry = op.kernel.split(":")
    line = re.search(rf"^// {entry}: (.*?) ->", source_of(file), re.M)
    assert line, f"{file} has no line that names the bindings of {entry}"
    assert line[1].split() == op.params
    bindings = re.findall(r"@binding\((\d+)\) var<storage, (\w+)>", source_of(file))
    for i in range(len(op.params)):
        access = "read_write" if i in op.updates else "read"
        assert (str(i), access) in bindings, f"{entry}: no binding {i} of the kind {access}"


@pytest.mark.parametrize("steps", [1, 3, 40, 4000, 0])
def test_of_many_likely_tokens_the_same_64_are_found(steps):
    """The same 64 tokens must be found however many are equally likely, whichever of the passes
    separates the 64th from the next."""
    rows, cols = 2, 5000
    logits = np.random.default_rng(steps).standard_normal((rows, cols)).astype(np.float32)
    if steps:
        logits = np.round(logits * steps / 8) / np.float32(steps) + np.float32(0)  # turns -0 into 0
    program = Program("candidates")
    given_inputs = [
        program.input("logits", logits.shape),
        program.input("recent", (rows, 8), "i32"),
        program.input("penalty", (rows,)),
    ]
    program.output("ids", OPS["candidates"](*given_inputs)[0])
    none, plain = np.full((rows, 8), -1, np.int32), np.ones(rows, np.float32)
    feeds = {"logits": logits, "recent": none, "penalty": plain}
    made = asyncio.run(outputs(gpu(), program, feeds))["ids"]
    wanted = np.argsort(-logits, axis=-1, kind="stable")[:, : made.shape[1]]
    np.testing.assert_array_equal(made, wanted)
