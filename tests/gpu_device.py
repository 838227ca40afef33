"""One GPU for all tests of a session: the adapter that is here, or an error."""

import asyncio
from functools import cache

from engine.gpu import GPU


@cache
def gpu() -> GPU:
    return asyncio.run(GPU.open())
