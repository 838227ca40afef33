"""Files of the person's that the page hands over on a channel of their own: read where they lie."""

from __future__ import annotations

import asyncio
from typing import Any

import js
from pyodide.ffi import create_proxy

from engine.model.formats import Source
from engine.model.formats.browser import BlobSource

HAND_OVER_SECONDS = 30


async def handed(channel: str) -> dict[str, Source]:
    """A browser's files can be read in every thread that was given them."""
    line = js.BroadcastChannel.new(channel)
    came: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    hear = create_proxy(lambda event: came.set_result(event.data))
    line.onmessage = hear
    line.postMessage("ready")
    try:
        files = await asyncio.wait_for(came, HAND_OVER_SECONDS)
    finally:
        line.close()
        hear.destroy()
    return {file.name: BlobSource(file) for file in files}
