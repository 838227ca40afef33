"""Embeddings ("directions") of texts by the encoder and the reader of statements, and their
storage. Those of texts that ask for no skill ship with the code, so that the first skill need not
wait until thousands of texts are read.

    python -m oneseek.engine.learning.skills.directions      (minutes on one core)
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np

from oneseek.engine.backends.select import executor_named
from oneseek.engine.learning.memory.encoder import Encoder, encoder_here, unit
from oneseek.engine.learning.memory.statements.reader import Reader

OTHERS = Path(__file__).with_name("others.json")  # texts that ask for no skill
SHIPPED = Path(__file__).with_name("others.npz")  # and their embeddings
THE_SAME = 0.99  # cosine of two embeddings of a text by the same encoder, at least
T = TypeVar("T")
STEPS = 127  # quantisation steps up to the largest value of a shipped embedding


async def read_directions(encoder: Encoder, reader: Reader, texts: Sequence[str]) -> np.ndarray:
    """Return the embeddings [texts, 2 x width]: the encoder's beside those of the reader."""
    meant = [one.whole for one in await encoder.of(list(texts))]
    stated = [one.whole for one in await reader.alone(list(texts))]
    return np.hstack([np.stack(meant), np.stack(stated)])


class Newest(Generic[T]):
    """Caches what `read` returns for texts, for the `most` texts requested last."""

    def __init__(self, read: Callable[[list[str]], Awaitable[Sequence[T]]], most: int) -> None:
        self.read, self.most = read, most
        self.kept: dict[str, T] = {}

    async def of(self, texts: Sequence[str]) -> list[T]:
        known = {text: self.kept[text] for text in texts if text in self.kept}
        new = [text for text in dict.fromkeys(texts) if text not in known]
        if new:
            known |= dict(zip(new, await self.read(new), strict=True))
        older = [text for text in self.kept if text not in known]
        kept = {text: self.kept[text] for text in older} | known
        self.kept = dict(list(kept.items())[-self.most :])
        return [known[text] for text in texts]


def alike(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether the same text was read by the same encoder."""
    return one.shape == other.shape and float(unit(one) @ unit(other)) > THE_SAME


def pack(directions: np.ndarray) -> Any:
    return {"shape": list(directions.shape), "data": directions.astype(np.float16).tobytes()}


def unpack(kept: Any) -> np.ndarray:
    flat = np.frombuffer(kept["data"], np.float16).astype(np.float64)
    return flat.reshape(kept["shape"])


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


# ---- what asks for no skill


def others() -> list[str]:
    """Texts that ask for no skill, in every language there is."""
    return [text for some in json.loads(OTHERS.read_text("utf-8")).values() for text in some]


def others_kept(stored: dict | None) -> dict:
    """Return the embeddings of `others()`: the stored ones if they are of these texts, else the
    shipped."""
    of = digest("\n".join(others()))
    if stored and stored.get("of") == of:
        return stored
    with np.load(SHIPPED) as arrays:
        whole = arrays["codes"] * arrays["scales"][:, None]
        return {"of": str(arrays["of"]), "directions": pack(whole)}


async def make() -> Path:
    encoder, texts = Encoder(encoder_here, await executor_named("auto")), others()
    return write_shipped(texts, await read_directions(encoder, Reader(encoder), texts))


def write_shipped(texts: Sequence[str], found: np.ndarray) -> Path:
    scales = (np.abs(found).max(1) / STEPS).astype(np.float32)
    codes = np.rint(found / scales[:, None]).astype(np.int8)
    data = io.BytesIO()
    np.savez_compressed(data, of=digest("\n".join(texts)), codes=codes, scales=scales)
    SHIPPED.write_bytes(data.getvalue())
    return SHIPPED


if __name__ == "__main__":
    print(asyncio.run(make()))
