"""Random arrays by key: the same key gives the same numbers, on every back end."""

from __future__ import annotations

import numpy as np

from oneseek.engine.compiler.ops.random import noise

SPLITS = 1  # the stream that keys are split by; numbers are drawn from 0


def key(seed: int) -> np.ndarray:
    return np.array([seed], np.uint32)


def split(key: np.ndarray, count: int = 2) -> list[np.ndarray]:
    """So many keys that have nothing to do with each other, nor with this one."""
    halves = noise(key[0], SPLITS, 2 * count).astype(np.float64) * 2**16
    words = halves.astype(np.uint32).reshape(count, 2)
    return [np.array([high << np.uint32(16) | low], np.uint32) for high, low in words]


def uniform(key: np.ndarray, shape: tuple[int, ...], low: float = 0, high: float = 1) -> np.ndarray:
    numbers = noise(key[0], 0, int(np.prod(shape))).reshape(shape)
    return (low + (high - low) * numbers).astype(np.float32)


def normal(key: np.ndarray, shape: tuple[int, ...], scale: float = 1) -> np.ndarray:
    """By Box and Muller."""
    one, other = noise(key[0], 0, 2 * int(np.prod(shape))).astype(np.float64).reshape(2, -1)
    far = np.sqrt(-2 * np.log(1 - one)) * np.cos(2 * np.pi * other)
    return (scale * far).reshape(shape).astype(np.float32)


def integers(key: np.ndarray, shape: tuple[int, ...], stop: int) -> np.ndarray:
    """From 0 on, each below `stop`."""
    return (uniform(key, shape).astype(np.float64) * stop).astype(np.int32)
