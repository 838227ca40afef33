"""Files of the person's are handed to a worker, which reads them where they lie: nothing is
copied."""

import js
from pyscript.ffi import to_js

from oneseek.web.shell.page import new_id


async def hand_over(group, request, ask):
    """The answer of `ask` to `request(channel)`, while the files can be had on that channel."""
    channel = "oneseek-given-" + new_id("g")
    line = js.BroadcastChannel.new(channel)
    line.onmessage = lambda event: line.postMessage(to_js(group))
    try:
        return await ask(request(channel))
    finally:
        line.close()
