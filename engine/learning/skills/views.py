"""Stores the views of texts by which the router tells skills apart (`Reader.view`). Those of texts
that ask for no skill ship with the code, so that the first skill need not wait until thousands of
texts are read.

    python -m oneseek.engine.learning.skills.views      (minutes on one core)
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
from oneseek.engine.learning.skills.sorter import pieces

OTHERS = Path(__file__).with_name("others.json")  # texts that ask for no skill
SHIPPED = Path(__file__).with_name("others.npz")  # and their views
THE_SAME = 0.99  # cosine of two views of a text by the same encoder, at least
T = TypeVar("T")
LEVELS, REACH = 4, 1.5  # of a shipped value; standard deviations between which they lie
STEP = 2 * REACH / (LEVELS - 1)


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
    if one.shape != other.shape:
        return False
    return float(unit(one.astype(np.float32)) @ unit(other.astype(np.float32))) > THE_SAME


def pack(views: np.ndarray) -> Any:
    return {"shape": list(views.shape), "data": views.astype(np.float16).tobytes()}


def unpack(kept: Any) -> np.ndarray:
    return np.frombuffer(kept["data"], np.float16).reshape(kept["shape"])


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


# ---- what asks for no skill


def others() -> list[str]:
    """Texts that ask for no skill, in every language there is."""
    return [text for some in json.loads(OTHERS.read_text("utf-8")).values() for text in some]


def others_kept(stored: dict | None) -> dict:
    """Return the views of `others()`: the stored ones if they are of these texts, else the
    shipped."""
    of = digest("\n".join(others()))
    if stored and stored.get("of") == of and "views" in stored:
        return stored
    with np.load(SHIPPED) as arrays:
        (mean, spread), codes = arrays["usual"], arrays["codes"]
        whole = np.empty(codes.shape, np.float16)
        for part in pieces(len(codes)):
            whole[part] = mean + spread * np.float32(STEP) * (codes[part] + np.float32(0.5))
        whole[0] = arrays["first"]  # by it another encoder is recognised
        return {"of": str(arrays["of"]), "views": pack(whole)}


async def make() -> Path:
    encoder = Encoder(encoder_here, await executor_named("auto"))
    return write_shipped(others(), await Reader(encoder).view(others()))


def write_shipped(texts: Sequence[str], views: np.ndarray) -> Path:
    usual = np.stack([views.mean(0), views.std(0)]).astype(np.float32)
    least, most = -LEVELS // 2, LEVELS // 2 - 1
    codes = np.clip(np.floor((views - usual[0]) / usual[1] / STEP), least, most).astype(np.int8)
    data = io.BytesIO()
    of, first = digest("\n".join(texts)), views[0].astype(np.float16)
    np.savez_compressed(data, of=of, codes=codes, usual=usual, first=first)
    SHIPPED.write_bytes(data.getvalue())
    return SHIPPED


if __name__ == "__main__":
    print(asyncio.run(make()))
