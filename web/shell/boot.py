"""The page's first code, which web/static/page.js runs: starts the page.

What is stored (web/static/page.js opens it) and the words come while the page's modules are
imported.
"""

import asyncio
import io
import sys

from pyscript import window

from oneseek.web.lib.words import choose_language, t


async def begin():
    """What goes wrong before there is a page is said by start.js, which hears errors."""
    try:
        t.ahead(choose_language())
        from oneseek.web.shell import app

        await app.start(window.opening)
    except Exception as fault:
        said = io.StringIO()
        sys.print_exception(fault, said)
        window.reportError(window.Error.new(said.getvalue()))


asyncio.create_task(begin())
