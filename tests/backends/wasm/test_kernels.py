"""Every kernel against numpy in double precision, at odd sizes; natively and in the worker."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oneseek.engine.backends.wasm.executor import Wasm
from oneseek.engine.backends.wasm.kernels import kernel as kernels
from oneseek.engine.backends.wasm.kernels import matmul
from oneseek.engine.compiler.ir import OPS, Program
from oneseek.engine.compiler.schedule import plan
from tests.support.kernels import WITH_KERNEL, check, mark_most, outputs
from tests.support.op_cases import build
from tests.support.wasm_host import host

pytestmark = pytest.mark.in_worker


@pytest.mark.parametrize("op,case", WITH_KERNEL)
def test_a_kernel_agrees_with_numpy(op, case):
    program, _, _, feeds = build(op, case)
    check(program, feeds)


def product(m, n, k, ta, tb, scale, with_base, seed=0):
    rng, program = np.random.default_rng(seed), Program("product")
    a = program.input("a", (k, m) if ta else (m, k))
    b = program.input("b", (n, k) if tb else (k, n))
    base = program.input("base", (m, n)) if with_base else None
    program.output("y", OPS["matmul"](a, b, base, ta=ta, tb=tb, scale=scale))
    return program, {name: rng.normal(size=v.shape) for name, v in program.inputs.items()}


SIZE = st.integers(1, 40)


@settings(max_examples=20)
@given(SIZE, SIZE, SIZE, st.sampled_from(["nn", "nt", "tn"]), st.booleans(), st.booleans())
def test_any_product_agrees_with_numpy(m, n, k, kind, scaled, with_base):
    check(*product(m, n, k, kind[0] == "t", kind[1] == "t", 0.5 if scaled else 1.0, with_base))


@pytest.mark.parametrize("n,k", [(32, 64), (77, 130), (40, 5000)])
@pytest.mark.parametrize("with_base", [False, True])
def test_a_row_alone_has_the_bits_it_has_among_others(n, k, with_base):
    many, feeds = product(7, n, k, False, True, 0.5, with_base)
    feeds = {name: array.astype(np.float32) for name, array in feeds.items()}
    together = outputs(Wasm(host()), many, feeds)["y"]
    one, _ = product(1, n, k, False, True, 0.5, with_base)
    for row in range(7):
        its = {name: x if name == "b" else x[row : row + 1] for name, x in feeds.items()}
        np.testing.assert_array_equal(outputs(Wasm(host()), one, its)["y"][0], together[row])


@pytest.mark.parametrize("kind", ["nn", "nt", "tn"])
def test_the_bits_do_not_depend_on_the_pieces(kind, monkeypatch):
    program, feeds = product(24, 200, 77, kind[0] == "t", kind[1] == "t", 1.0, True)
    feeds = {name: array.astype(np.float32) for name, array in feeds.items()}
    whole = outputs(Wasm(host()), program, feeds)
    monkeypatch.setattr(kernels, "PART", 1e4)
    run = Wasm(host()).prepare(plan(program))
    assert len(run) > 3
    np.testing.assert_array_equal(whole["y"], outputs(Wasm(host()), program, feeds)["y"])


@pytest.mark.parametrize("kind", ["nn", "nt", "tn"])
def test_a_browser_and_wasmtime_come_to_the_same_bits_with_tiles_of_their_own(kind, monkeypatch):
    program, feeds = product(24, 72, 77, kind[0] == "t", kind[1] == "t", 1.0, True)
    feeds = {name: array.astype(np.float32) for name, array in feeds.items()}
    found = []
    for tile in ((2, 4, 1), (5, 5, 2)):
        for name, size in zip(("DOT_ROWS", "OUTER_ROWS", "STEPS"), tile, strict=True):
            monkeypatch.setattr(matmul, name, size)
        found.append(outputs(Wasm(host()), program, feeds)["y"])
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize("op,case", mark_most(WITH_KERNEL, pytest.mark.long))
def test_no_kernel_minds_how_many_parts_it_is_cut_into(op, case, monkeypatch):
    program, _, _, feeds = build(op, case)
    rounded = {k: v.astype(np.float32) if v.dtype == np.float64 else v for k, v in feeds.items()}
    whole = outputs(Wasm(host()), program, rounded)
    monkeypatch.setattr(kernels, "PART", 1e-3)
    monkeypatch.setattr(kernels, "PIECE", 1e-3)
    for name, value in outputs(Wasm(host(2)), program, rounded).items():
        np.testing.assert_array_equal(value, whole[name])


@given(st.integers(1, 10**6), st.integers(1, 64), st.floats(0, 1e11))
def test_pieces_cover_the_work_without_gap_or_overlap(extent, unit, work):
    pieces = kernels.Kernel(lambda: None, extent, unit, work).pieces()
    assert pieces[0][0] == 0 and pieces[-1][1] == extent
    assert all(a[1] == b[0] and a[0] < a[1] for a, b in zip(pieces, pieces[1:], strict=False))
    assert all(lo % unit == 0 for lo, _ in pieces)


def test_equal_logits_are_ranked_by_their_ids_and_a_penalty_counts_once():
    program, _, _, feeds = build(OPS["candidates"], OPS["candidates"].cases[0])
    feeds["logits"] = np.repeat([[3.0, 1.0, 3.0, -1.0]], 25, 0).reshape(1, 100)
    feeds["recent"] = np.full((1, 8), -1)
    feeds["recent"][0, :3] = 2, 2, 3
    feeds["penalty"] = np.array([1.5])
    check(program, feeds)


def test_two_rows_that_like_the_same_token_best_are_told_from_two_that_do_not():
    program, _, _, feeds = build(OPS["divergence"], OPS["divergence"].cases[0])
    feeds["p"] = np.random.default_rng(2).normal(size=(5, 11))
    feeds["q"] = 0.5 * feeds["p"]
    feeds["q"][3, 3:5] = 9  # of two equal ones the first wins
    check(program, feeds)
    rounded = {name: array.astype(np.float32) for name, array in feeds.items()}
    assert outputs(Wasm(host()), program, rounded)["out1"].tolist() == [1, 1, 1, 0, 1]
