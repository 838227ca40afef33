"""Cutting a dispatch: nothing lost, nothing twice, and no piece over what was asked."""

from itertools import product
from math import prod

from hypothesis import given
from hypothesis import strategies as st

from engine.ir import OPS, Program
from engine.pieces import Costs, Dispatch, split

SIDE = st.integers(1, 9)


def dispatch(counts):
    program = Program("sum")
    OPS["add"](program.input("a", (8,)), program.input("b", (8,)))
    return Dispatch(program.steps[0], None, None, counts, ("add", counts))


@given(counts=st.tuples(SIDE, SIDE, SIDE), most=st.floats(0.1, 800))
def test_the_pieces_are_the_dispatch(counts, most):
    pieces = split(dispatch(counts), most)
    groups = [
        tuple(first + i for first, i in zip(piece.first, at, strict=True))
        for piece in pieces
        for at in product(*map(range, piece.counts))
    ]
    assert sorted(groups) == list(product(*map(range, counts)))
    assert all(prod(piece.counts) <= max(1, most) for piece in pieces)
    assert len(split(dispatch(counts))) == 1


@given(counts=st.tuples(SIDE, SIDE, SIDE), ms=st.floats(0.01, 1e4), limit=st.floats(1, 100))
def test_no_piece_is_over_the_limit_unless_it_is_one_workgroup(counts, ms, limit):
    whole, costs = dispatch(counts), Costs(software=True)
    (all_of_it,) = split(whole)
    assert not costs.knows(all_of_it)
    costs.learn(all_of_it, ms)
    for piece in costs.pieces(whole, limit):
        assert costs.of(piece) <= limit * (1 + 1e-9) or prod(piece.counts) == 1


def test_a_cost_rises_at_once_and_falls_slowly():
    costs, (piece,) = Costs(software=True), split(dispatch((4, 1, 1)))
    for spent, expected in ((2, 2), (10, 10), (2, 7.6), (2, 5.92)):
        costs.learn(piece, spent)
        assert abs(costs.of(piece) - expected) < 1e-9
    half, _ = split(piece.dispatch, 2)
    assert costs.of(half) == costs.of(piece) / 2
    costs.learn(half, 20)
    assert costs.of(piece) == 40
