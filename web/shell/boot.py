"""The page's first code, which web/static/page.js runs: starts the page.

What is stored and the words come while the page's modules are imported.
"""

import asyncio
import io
import sys

from pyscript import js_import, window

from engine.core.storage.store import open_browser_store
from web.lib import site
from web.lib.words import t, wished


async def begin():
    """What goes wrong before there is a page is said by start.js, which hears errors."""
    try:
        t.ahead(wished())
        (module,) = await js_import(site.path("store.js"))
        opening = asyncio.create_task(open_browser_store(module))
        await asyncio.sleep(0)
        from web.shell import app

        await app.start(opening)
    except Exception as fault:
        said = io.StringIO()
        sys.print_exception(fault, said)
        window.reportError(window.Error.new(said.getvalue()))


asyncio.create_task(begin())
