"""Reads untrusted input in a process of its own, which is ended if it takes too much time or
memory; the caller goes on.

    python -m oneseek.importers.sandbox < {"text": ..., "title": ...} or {"url": ...}
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from typing import Any

from oneseek.engine.core.collecting.collector import split_secrets
from oneseek.importers.limits import Limits
from oneseek.importers.text import TextImporter

MEMORY = 2 << 30  # bytes of address space, including that of the libraries
STOPPED = (
    "Reading it took longer than {seconds:.0f} seconds, or more memory than an import may use. "
    "Nothing of it was kept; try a smaller part of it."
)


async def read_in_sandbox(given: dict[str, Any], seconds: float = Limits.seconds) -> dict[str, Any]:
    """The result of importing a text or an address: its `state`, its `problem`, the `lessons` for
    the queue, and the `secret` ones with their `kinds`."""
    reader = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "oneseek.importers.sandbox", str(seconds)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    try:
        told, _ = await asyncio.wait_for(reader.communicate(json.dumps(given).encode()), seconds)
    except TimeoutError:
        told = b""
    finally:
        with contextlib.suppress(ProcessLookupError):
            reader.kill()
    if reader.returncode or not told:
        problem = STOPPED.format(seconds=seconds)
        return {"state": "refused", "problem": problem, "lessons": [], "secret": [], "kinds": []}
    return json.loads(told)


def read_here(given: dict[str, Any]) -> dict[str, Any]:
    """The same in this process, without its limits."""
    if given.get("url"):
        from oneseek.importers.website import WebsiteImporter

        result = WebsiteImporter().import_website(given["url"])
    else:
        result = TextImporter().import_text(given["text"], None, given["title"])
    lessons, secret, kinds = split_secrets(result.lessons)
    found = {"state": result.state, "problem": result.problem, "text": "", "sha256": ""}
    if document := result.document:
        found |= {"title": document.title, "text": document.text, "sha256": document.sha256}
    return found | {"lessons": lessons, "secret": secret, "kinds": kinds}


def main() -> None:
    import resource

    seconds = float(sys.argv[1])
    os.nice(10)
    resource.setrlimit(resource.RLIMIT_CPU, (int(seconds) + 1,) * 2)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY,) * 2)
    json.dump(read_here(json.load(sys.stdin)), sys.stdout)


if __name__ == "__main__":
    main()
