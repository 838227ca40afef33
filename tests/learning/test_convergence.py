"""A run must reach most of what a few hundred examples can give."""

import argparse
import asyncio

import pytest

from tests.bench.convergence import find_convergence, measure


def test_a_curve_has_converged_where_nearly_all_is_gained():
    assert find_convergence([(0, 5.0), (100, 2.0), (200, 1.1), (300, 1.0), (400, 1.02)]) == 200
    assert find_convergence([(0, 5.0), (100, 1.0), (200, 2.0), (300, 1.0)]) == 300


@pytest.mark.long
@pytest.mark.slow
def test_the_demo_model_learns_a_style_within_what_is_promised():
    given = argparse.Namespace(
        model="tiny", backend="auto", set="style", examples=480, every=240, batch=4, seeds=1
    )
    told = asyncio.run(measure(given))
    (curve,) = told["curves"]
    (_, first), (_, middle), (_, last) = curve
    assert last < middle < first and middle - last < 0.05 * (first - last)
    assert told["kept"]
