"""Quantises numbers to blocks of codes: the reference quantisers of those GGUF types that are
written here."""

import numpy as np

BLOCK = 32


def _nibbles(codes):
    """Pack the first half of a block into the low halves of the bytes, the second into the high
    ones."""
    return codes[:, : BLOCK // 2] | codes[:, BLOCK // 2 :] << 4


def _halves(*columns):
    return [column.astype("<f2").view(np.uint8) for column in columns]


def _inverse(scale):
    return np.divide(1, scale, out=np.zeros_like(scale), where=scale != 0)


def _q4_0(blocks):
    at = np.abs(blocks).argmax(axis=1)[:, None]
    scale = np.take_along_axis(blocks, at, axis=1) / np.float32(-8)
    codes = np.trunc(blocks * _inverse(scale) + np.float32(8.5)).clip(0, 15).astype(np.uint8)
    return [*_halves(scale), _nibbles(codes)]


def _q4_1(blocks):
    least = blocks.min(axis=1, keepdims=True)
    scale = (blocks.max(axis=1, keepdims=True) - least) / np.float32(15)
    codes = np.trunc((blocks - least) * _inverse(scale) + np.float32(0.5))
    return [*_halves(scale, least), _nibbles(codes.clip(0, 15).astype(np.uint8))]


def _q8_0(blocks):
    scale = np.abs(blocks).max(axis=1, keepdims=True) / np.float32(127)
    codes = blocks * _inverse(scale)
    rounded = np.sign(codes) * np.floor(np.abs(codes) + np.float32(0.5))
    return [*_halves(scale), rounded.astype(np.int8).view(np.uint8)]


QUANTISERS = {"Q4_0": _q4_0, "Q4_1": _q4_1, "Q8_0": _q8_0}


def encode(values, kind):
    """Return rows of float32 as the bytes of a type: one of QUANTISERS, F32 or F16."""
    if kind in QUANTISERS:
        blocks = np.ascontiguousarray(values, np.float32).reshape(-1, BLOCK)
        return np.concatenate(QUANTISERS[kind](blocks), axis=1).tobytes()
    return np.ascontiguousarray(values, {"F32": "<f4", "F16": "<f2"}[kind]).tobytes()
