"""Runs Python in the page's own MicroPython, under Node."""

import json
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from builder import ROOT, fetch, wheels

PACKAGE = "npm/@micropython/micropython-webassembly-pyscript"


@cache
def interpreter() -> Path:
    """The interpreter's two files, in a folder for the whole test session."""
    folder = Path(tempfile.mkdtemp(prefix="micropython-"))
    files = wheels.unpack(fetch.part(PACKAGE), ".")
    for name in ("micropython.mjs", "micropython.wasm"):
        (folder / name).write_bytes(files[name])
    return folder


def run(program: str, *paths: str, **data: str) -> str:
    """The output of a program; `paths` are files of the tree it may import, `data` files it may
    read."""
    node = shutil.which("node")
    assert node, "the page's Python is tested under node: install nodejs"
    files = {wheels.place(ROOT / path): (ROOT / path).read_text() for path in paths} | data
    done = subprocess.run(
        [node, ROOT / "tests/support/page/micropython.mjs", interpreter()],
        input=json.dumps({"files": files, "program": program}),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
