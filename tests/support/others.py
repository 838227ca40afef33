"""What the encoder reads of the texts that ask for no skill, as a device keeps it that was taught
a skill before.

Reading them takes half a minute of a core. They are read once, by the kernels that the page has,
and kept between runs of the suite beside what the builder fetched.
"""

import asyncio
import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import numpy as np

from builder import CACHE
from oneseek.engine.backends.wasm.executor import Wasm
from oneseek.engine.learning.memory.encoder import Encoder, encoder_here
from oneseek.engine.learning.skills.skills import Skills, digest, others, packed
from oneseek.engine.model import registry
from tests.support.wasm_host import host

KEPT = CACHE / "tests"


def read_before() -> dict[str, Any]:
    """The record of a device's store. Where the encoder is another one by now, the device reads
    the texts anew, and a test that was given this takes longer."""
    texts = "\n".join(others())
    named = hashlib.sha256((texts + registry.encoder()["sha256"]).encode()).hexdigest()[:16]
    file = KEPT / f"others-{named}.npy"
    if not file.exists():
        with ThreadPoolExecutor(1) as pool:  # Playwright has this thread's loop
            found = pool.submit(asyncio.run, directions()).result()
        KEPT.mkdir(parents=True, exist_ok=True)
        beside = file.with_suffix(f".{os.getpid()}.npy")
        np.save(beside, found)
        beside.rename(file)
    return {"of": digest(texts), "directions": packed(np.load(file))}


async def directions() -> np.ndarray:
    skills = Skills(SimpleNamespace(store=None), Encoder(encoder_here, Wasm(host())))
    return (await skills._directions(others())).astype(np.float16)
