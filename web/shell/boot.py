"""The page's first code: unpacks the page's Python into the interpreter and starts it.

The files come in one piece, which is one request instead of thirty.
"""

import asyncio
import io
import json
import os
import sys

from pyscript import window


async def unpack():
    answer = await window.fetch(window.document.querySelector("#page-files").href)
    for name, text in json.loads(await answer.text()).items():
        folder = ""
        for part in name.split("/")[:-1]:
            folder += part
            if folder not in made:
                made.add(folder)
                os.mkdir(folder)
            folder += "/"
        with open(name, "w") as out:
            out.write(text)


async def start():
    await unpack()
    from web.shell import app

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
