"""The smoothed curve of a loss must not lag behind the loss."""

import numpy as np
import pytest

from oneseek.web.lib.smooth import KEEP, smooth


def direct(values: np.ndarray) -> np.ndarray:
    """Each point's weighted mean over all points, written out."""
    at = np.arange(len(values))
    weights = KEEP ** np.abs(at[:, None] - at[None, :])
    return weights @ values / weights.sum(axis=1)


def test_it_is_the_weighted_mean_of_both_sides():
    values = np.random.default_rng(0).normal(size=60)
    assert smooth(values.tolist()) == pytest.approx(direct(values).tolist())


def test_a_falling_line_is_not_followed_late():
    values = [10 - 0.1 * step for step in range(80)]
    assert smooth(values)[40] == pytest.approx(values[40], abs=1e-3)


def test_a_single_step_and_none_are_themselves():
    assert smooth([3.5]) == pytest.approx([3.5]) and smooth([]) == []
