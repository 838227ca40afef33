"""One GPU for all tests of a session: the adapter that is here, or an error."""

import asyncio
import sys
from dataclasses import replace
from functools import cache

import pytest

from oneseek.engine.backends.gpu.executor import GPU

# A GPU that the CPU plays inside a tab takes long to compile a whole model and to fill a
# vocabulary.
LONG_IN_A_TAB = [pytest.mark.long] if sys.platform == "emscripten" else []


@cache
def gpu() -> GPU:
    return asyncio.run(GPU.open())


@cache
def gpu_of_many_threads() -> GPU:
    """One whose kernels are made as for a real card, whatever plays it; in halves of floats an
    adapter of software may be less exact than it says."""
    opened = asyncio.run(GPU.open())
    opened.kernels.tier = replace(opened.tier, software=False, f16=False)
    return opened
