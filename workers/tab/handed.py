"""Files of the person's that the page hands over on a channel of their own: read where they lie."""

from __future__ import annotations

import asyncio
from typing import Any

import js
from pyodide.ffi import create_proxy

from oneseek.engine.model.formats import Source
from oneseek.engine.model.formats.browser import BlobSource

HAND_OVER_SECONDS = 30
AGAIN_SECONDS = 0.2  # the page's end of the channel may not stand yet when it is first asked


async def receive_files(channel: str) -> dict[str, Source]:
    """A browser's files can be read in every thread that was given them."""
    line = js.BroadcastChannel.new(channel)
    came: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def on_message(event: Any) -> None:
        if not came.done():
            came.set_result(event.data)

    hear = create_proxy(on_message)
    line.onmessage = hear
    try:
        async with asyncio.timeout(HAND_OVER_SECONDS):
            while not came.done():
                line.postMessage("ready")
                await asyncio.wait([came], timeout=AGAIN_SECONDS)
    finally:
        line.close()
        hear.destroy()
    return {file.name: BlobSource(file) for file in came.result()}
