"""Random arrays by key: the same key gives the same numbers, on every back end."""

from __future__ import annotations

import numpy as np

from oneseek.engine.compiler.ops.random import noise

SPLITS = 1  # the stream that keys are split by; numbers are drawn from 0


def key(seed: int) -> np.ndarray:
    """The key of a seed: an array of one u32."""
    return np.array([seed], np.uint32)


def split(key: np.ndarray, count: int = 2) -> list[np.ndarray]:
    """`count` keys whose numbers are independent of each other and of this one's."""
    halves = noise(key[0], SPLITS, 2 * count).astype(np.float64) * 2**16
    words = halves.astype(np.uint32).reshape(count, 2)
    return [np.array([high << np.uint32(16) | low], np.uint32) for high, low in words]


def uniform(key: np.ndarray, shape: tuple[int, ...], low: float = 0, high: float = 1) -> np.ndarray:
    """Numbers spread evenly from `low` on, each below `high`."""
    numbers = noise(key[0], 0, int(np.prod(shape))).reshape(shape)
    return (low + (high - low) * numbers).astype(np.float32)


def normal(key: np.ndarray, shape: tuple[int, ...], scale: float = 1) -> np.ndarray:
    """Numbers of a normal distribution of mean 0 and standard deviation `scale` (Box-Muller)."""
    one, other = noise(key[0], 0, 2 * int(np.prod(shape))).astype(np.float64).reshape(2, -1)
    far = np.sqrt(-2 * np.log(1 - one)) * np.cos(2 * np.pi * other)
    return (scale * far).reshape(shape).astype(np.float32)


def integers(key: np.ndarray, shape: tuple[int, ...], stop: int) -> np.ndarray:
    """Whole numbers from 0 on, each below `stop`."""
    return (uniform(key, shape).astype(np.float64) * stop).astype(np.int32)
