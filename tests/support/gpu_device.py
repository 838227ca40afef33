"""One GPU for all tests of a session: the adapter that is here, or an error."""

import asyncio
import sys
from functools import cache

import pytest

from engine.backends.gpu.executor import GPU

# A GPU that the CPU plays inside a tab takes long to compile a whole model and to fill a
# vocabulary.
LONG_IN_A_TAB = [pytest.mark.long] if sys.platform == "emscripten" else []


@cache
def gpu() -> GPU:
    return asyncio.run(GPU.open())
