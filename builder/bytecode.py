"""Python archives with their bytecode inside, so that no visitor's browser compiles at start.

The interpreter that will run them makes the bytecode: Pyodide, under Node. The result is cached
under a hash of everything that went into it.
"""

import hashlib
import json
import shutil
import subprocess
import tempfile
from pathlib import Path

from builder import CACHE, ROOT, Stop, fetch, wheels

MADE = CACHE / "bytecode"
KEPT = 100
COMPILER = ROOT / "builder/bytecode.mjs"


def compile_archives(archives: dict[str, bytes], keep_source: bool = False) -> dict[str, bytes]:
    """The compiled archives, by the same names; with `keep_source` a traceback can quote the
    source."""
    places = {name: MADE / key(name, data, keep_source) for name, data in archives.items()}
    wanted = {name: archives[name] for name, place in places.items() if not place.exists()}
    for name in places.keys() - wanted.keys():
        places[name].touch()  # marks it as recently used, for forget_oldest
    if wanted:
        make(wanted, places, keep_source)
    return {name: place.read_bytes() for name, place in places.items()}


def key(name: str, data: bytes, keep_source: bool) -> str:
    compiler = fetch.read_lock()["npm/pyodide"]["sha256"]
    parts = [name, hashlib.sha256(data).hexdigest(), compiler, keep_source, COMPILER.read_text()]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:24]


def make(archives: dict[str, bytes], places: dict[str, Path], keep_source: bool) -> None:
    needs_node()
    try:
        MADE.mkdir(parents=True, exist_ok=True)
        run(archives, places, keep_source)
    except OSError as error:
        raise Stop(f"compiled Python cannot be written to {MADE}: {error.strerror}") from error
    forget_oldest(MADE, KEPT)


def needs_node() -> None:
    if not shutil.which("node"):
        raise Stop("node is needed to build the site; on Debian: apt-get install nodejs")


def forget_oldest(folder: Path, kept: int) -> None:
    oldest_first = sorted(folder.iterdir(), key=lambda place: place.stat().st_mtime)
    for place in oldest_first[:-kept]:
        if place.is_dir():
            shutil.rmtree(place, ignore_errors=True)  # another build may be removing it as well
        else:
            place.unlink(missing_ok=True)


def run(archives: dict[str, bytes], places: dict[str, Path], keep_source: bool) -> None:
    with tempfile.TemporaryDirectory(dir=MADE) as folder:
        write(Path(folder, "pyodide"), wheels.unpack(fetch.part("npm/pyodide"), "."))
        write(Path(folder, "from"), archives)
        Path(folder, "to").mkdir()
        command = ["node", str(COMPILER), folder, "with source" if keep_source else "alone"]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise Stop(f"Pyodide could not compile {', '.join(archives)}: {done.stderr.strip()}")
        for name in archives:
            Path(folder, "to", name).rename(places[name])


def write(folder: Path, files: dict[str, bytes]) -> None:
    folder.mkdir()
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
