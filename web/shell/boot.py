"""The page's first code: unpacks the page's Python into the interpreter and starts it.

The modules come compiled and in one piece, which is one request instead of a hundred.
"""

import asyncio
import io
import json
import os
import sys

from pyscript import window


async def unpack():
    answer = await window.fetch(window.document.querySelector("#page-files").href)
    for name, code in json.loads(await answer.text()).items():
        folder = ""
        for part in name.split("/")[:-1]:
            folder += part
            if folder not in made:
                made.add(folder)
                os.mkdir(folder)
            folder += "/"
        with open(name, "wb") as out:
            out.write(bytes.fromhex(code))


async def start():
    await unpack()
    kept = window.Error.stackTraceLimit
    window.Error.stackTraceLimit = 0  # each place where a module is not is an Error, dear with it
    from web.shell import app

    window.Error.stackTraceLimit = kept
    await app.start()


async def begin():
    """What goes wrong before there is a page is said by start.js, which hears errors."""
    try:
        await start()
    except Exception as fault:
        said = io.StringIO()
        sys.print_exception(fault, said)
        window.reportError(window.Error.new(said.getvalue()))


made = set()
asyncio.create_task(begin())
