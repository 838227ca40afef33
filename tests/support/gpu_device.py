"""One GPU for all tests of a session; a machine without an adapter is an error."""

import asyncio
import sys
from dataclasses import replace
from functools import cache

import pytest

from oneseek.engine.backends.gpu.executor import GPU

# A GPU emulated by the CPU in a tab is slow to compile a whole model and to fill a vocabulary.
LONG_IN_A_TAB = [pytest.mark.long] if sys.platform == "emscripten" else []


@cache
def gpu() -> GPU:
    return asyncio.run(GPU.open())


@cache
def gpu_of_many_threads() -> GPU:
    """A GPU with kernels as for a real card, whatever emulates it; without f16, in which a software
    adapter may be less exact than it claims."""
    opened = asyncio.run(GPU.open())
    opened.kernels.tier = replace(opened.tier, software=False, f16=False)
    return opened
