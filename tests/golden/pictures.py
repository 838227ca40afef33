"""What is asked of transformers about pictures (make_pictures.py), and of us: the same things."""

import numpy as np

from oneseek.engine.model.trainable import Trained

QUESTION = "Hej, vad heter du? the 12"
RANK = 4
REAL = (2048, 1536, 512, 2048)  # a photograph, as SmolVLM takes it
# Width, height, pixels of a tile, of the longest edge.
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
    """An adapter that changes something: random on both sides."""
    return np.random.RandomState(11).standard_normal(trained.size).astype(np.float32) * 0.1


def subsample(pixels: np.ndarray) -> np.ndarray:
    """What of tiles is kept: all of small ones, some of large ones."""
    step = max(1, pixels.shape[1] // 32)
    return pixels[:, ::step, ::step].astype(np.float32)
