"""`.venv`: the locked Python packages, installed once and kept until the lock changes."""

import hashlib
import json
import os
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

from builder import CACHE, LOCK, ROOT, Stop

VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
WHEELS = CACHE / "python"


def requirements() -> str:
    """The lock's Python part as a requirements file, with every file's hash."""
    pinned = json.loads(LOCK.read_text())["python"]
    return "\n".join(
        f"{name}=={part['version']} " + " ".join(f"--hash=sha256:{h}" for h in part["sha256"])
        for name, part in pinned.items()
    )


def stamp() -> str:
    """A hash that changes whenever the wanted contents of .venv change."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    parts = [sys.version, requirements(), json.dumps(project["project"])]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def extra(name: str) -> Path:
    """The folder of programs of a Python that has .venv's packages and those of an extra; made once
    and kept."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    pinned = project["project"]["optional-dependencies"] | project["tool"]["oneseek"]["tested"]
    wanted = pinned[name]
    key = hashlib.sha256("\0".join([stamp(), str(ROOT), *wanted]).encode()).hexdigest()[:12]
    home = CACHE / f"extra-{name}-{key}"
    programs = home / ("Scripts" if os.name == "nt" else "bin")
    if (home / "whole").exists():
        return programs
    ensure()
    venv.create(home, clear=True, with_pip=True)
    install: list[str | Path] = [
        programs / "python",
        "-m",
        "pip",
        "--disable-pip-version-check",
        "install",
        "-q",
    ]
    if subprocess.run([*install, *wanted], cwd=home).returncode:
        raise Stop(f"the extra {name} could not be installed. The message of pip above says why")
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    ours, theirs = (
        subprocess.run([python, "-c", ask], capture_output=True, text=True).stdout.strip()
        for python in (PYTHON, programs / "python")
    )
    Path(theirs, "oneseek.pth").write_text(f"{ROOT}\n{ours}\n")
    (home / "whole").touch()
    return programs


def pip(*arguments: str | Path, quiet: bool = False) -> bool:
    command = [PYTHON, "-m", "pip", "--disable-pip-version-check", *arguments]
    return subprocess.run(command, capture_output=quiet).returncode == 0


def ensure() -> Path:
    """Make .venv match the lock and return its Python; takes milliseconds when it matches
    already."""
    mark = VENV / "oneseek.stamp"
    if PYTHON.exists() and mark.exists() and mark.read_text() == stamp():
        return PYTHON
    print("Making .venv", file=sys.stderr)
    if VENV.is_symlink():
        VENV.unlink()  # the target of the link is another tree's environment, which must stay
    try:
        venv.create(VENV, clear=True, with_pip=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise Stop(f"cannot make .venv ({error}); on Debian install python3-venv") from error
    install()
    mark.write_text(stamp())
    return PYTHON


def install() -> None:
    """Install from the cache if it has everything; otherwise download into the cache first."""
    WHEELS.mkdir(parents=True, exist_ok=True)
    wanted = VENV / "requirements.txt"
    wanted.write_text(requirements())
    pinned = json.loads(LOCK.read_text())["python"]["setuptools"]["version"]
    # setuptools first: two packages come as source, and building them offline needs it.
    for what in ["setuptools==" + pinned], ["--require-hashes", "-r", wanted]:
        what = ["-qq", "--no-deps", "--no-build-isolation", *what]
        from_cache = ["install", "--no-index", "--find-links", WHEELS, *what]
        if pip(*from_cache, quiet=True):
            continue
        if not pip("download", "--dest", WHEELS, *what) or not pip(*from_cache):
            raise Stop("Python packages could not be installed. The message of pip above says why")
    if not pip("install", "-qq", "--no-deps", "--no-build-isolation", "--editable", ROOT):
        raise Stop("the project itself could not be installed into .venv")


def run(module: str, *arguments: str) -> int:
    """Run a module of the tree in .venv; returns its exit status."""
    return subprocess.run([ensure(), "-m", module, *arguments], cwd=ROOT).returncode
