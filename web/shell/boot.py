"""Starts the page: its first code, run by web/static/page.js.

The store (opened by web/static/page.js) and the words load while the page's modules are imported.
"""

import asyncio
import io
import sys

from pyscript import window

from oneseek.web.lib.words import choose_language, t


async def begin():
    """Start the page; web/static/start.js hears an error and shows it if there is no page yet."""
    try:
        t.ahead(choose_language())
        from oneseek.web.shell import app

        await app.start(window.opening)
    except Exception as fault:
        said = io.StringIO()
        sys.print_exception(fault, said)
        window.reportError(window.Error.new(said.getvalue()))


asyncio.create_task(begin())
