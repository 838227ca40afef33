"""Inputs for pictures, the same for transformers (make_pictures.py) and for our own code."""

import numpy as np

from oneseek.engine.model.trainable import Trained

QUESTION = "Hej, vad heter du? the 12"
RANK = 4
REAL = (2048, 1536, 512, 2048)  # a photograph, as SmolVLM takes it
# Pixels: width and height of a picture, edge of a tile, longest edge after resizing.
PHOTOS = [
    (60, 45, 16, 32),
    (45, 60, 16, 32),
    (20, 20, 16, 32),
    (90, 17, 16, 48),
    (33, 31, 16, 16),
    (301, 200, 64, 256),
    REAL,
]


def lora(trained: Trained) -> np.ndarray:
    """A flat LoRA whose two matrices are both random, so that it is not the identity."""
    return np.random.RandomState(11).standard_normal(trained.size).astype(np.float32) * 0.1


def subsample(pixels: np.ndarray) -> np.ndarray:
    """Pixels of tiles, thinned to about 32 along an edge; small tiles are kept whole."""
    step = max(1, pixels.shape[1] // 32)
    return pixels[:, ::step, ::step].astype(np.float32)
