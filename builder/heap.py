"""The packages that every worker starts with, and Python's heap after it has imported the engine.

Starting the interpreter and importing is half of a visitor's wait. Pyodide does it here once, under
Node; the result is cached under a hash of everything that went into it. workers/python.mjs puts
both into place.
"""

import gzip
import hashlib
import io
import json
import re
import struct
import subprocess
import tempfile
import zipfile
from pathlib import Path

from builder import CACHE, ROOT, Stop, bytecode

MADE = CACHE / "heap"
KEPT = 10
LEVEL = 6  # a higher level takes longer here than it saves a visitor
MAKER = ROOT / "builder/heap.mjs"
STARTER = ROOT / "workers/python.mjs"
FILES = ("packages.bin", "heap.bin")
# Tests, compilers, and files that only compilers read. Of the tests numpy.testing needs `_natype`.
NOT_CARRIED = re.compile(
    r"/tests?/(?!__init__|_natype)|numpy/(f2py|_pyinstaller|_core/include|_core/lib)/"
    r"|_(multiarray|umath|rational|struct_ufunc|operand_flag)_tests\.|\.(pyi|pxd|h|c|a)$"
    r"|\.dist-info/"
)
LATER = re.compile(r"numpy/(random|fft)/|lapack_lite")  # libraries that few messages need


def files(
    core: dict[str, bytes], archives: list[bytes], project: dict[str, bytes], imports: list[str]
) -> dict[str, bytes]:
    """packages.bin, which is served beside the files of Pyodide in `core`, and heap.bin."""
    given = {"packages": archive(collect_files(archives)), "project": archive(project)}
    parts = [*given.values(), MAKER.read_bytes(), STARTER.read_bytes(), *core.values()]
    hashes = [hashlib.sha256(part).hexdigest() for part in parts]
    place = MADE / hashlib.sha256(json.dumps([hashes, imports]).encode()).hexdigest()[:24]
    if not place.exists():
        bytecode.needs_node()
        make(core | given | {"python.mjs": STARTER.read_bytes()}, imports, place)
    place.touch()  # marks it as recently used, for forget_oldest
    return {name: (place / name).read_bytes() for name in FILES}


def collect_files(wheels: list[bytes]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for wheel in wheels:
        found |= {n: d for n, d in unzip(wheel).items() if not NOT_CARRIED.search("/" + n)}
    return found


def unzip(wheel: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(wheel)) as opened:
        return {name: opened.read(name) for name in opened.namelist() if not name.endswith("/")}


def archive(files: dict[str, bytes]) -> bytes:
    """The files behind an index, so that a browser unpacks them without Python."""
    files = dict(sorted(files.items()))
    linked = [name for name in files if name.endswith(".so") and not LATER.search(name)]
    sizes = [[name, len(data)] for name, data in files.items()]
    index = json.dumps({"sizes": sizes, "linked": linked}).encode()
    return b"".join([struct.pack("<I", len(index)), index, *files.values()])


def small(data: bytes) -> bytes:
    """The data gzipped, for the browser to inflate; not named .gz, which some hosts would inflate
    first."""
    return gzip.compress(data, LEVEL, mtime=0)


def make(given: dict[str, bytes], imports: list[str], place: Path) -> None:
    try:
        MADE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=MADE) as name:
            folder = Path(name, "pyodide")
            bytecode.write(folder, given)
            done = subprocess.run(
                ["node", str(MAKER), str(folder), *imports], capture_output=True, text=True
            )
            if done.returncode:
                raise Stop(f"Pyodide could not make its heap: {done.stderr.strip()[-2000:]}")
            ready = Path(name, "ready")
            ready.mkdir()
            for file, made in zip(FILES, ("packages", "heap"), strict=True):
                (ready / file).write_bytes(small((folder / made).read_bytes()))
            try:
                ready.rename(place)
            except OSError:
                if not place.exists():  # another build may have made the same meanwhile
                    raise
    except OSError as error:
        raise Stop(f"Python's heap cannot be written to {MADE}: {error.strerror}") from error
    bytecode.forget_oldest(MADE, KEPT)
