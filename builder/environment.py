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
    """The lock's Python part as pip reads it, every file named by its hash."""
    pinned = json.loads(LOCK.read_text())["python"]
    return "\n".join(
        f"{name}=={part['version']} " + " ".join(f"--hash=sha256:{h}" for h in part["sha256"])
        for name, part in pinned.items()
    )


def stamp() -> str:
    """Changes whenever what .venv should hold does."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    parts = [sys.version, requirements(), json.dumps(project["project"])]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def extra(name: str) -> Path:
    """A Python that has .venv's packages and those of an extra, made once and kept; its folder of
    programs."""
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
        raise Stop(f"the extra {name} could not be installed; pip says above which and why")
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
    """Make .venv what the lock says and return its Python; nothing to do costs milliseconds."""
    mark = VENV / "oneseek.stamp"
    if PYTHON.exists() and mark.exists() and mark.read_text() == stamp():
        return PYTHON
    print("Making .venv", file=sys.stderr)
    if VENV.is_symlink():
        VENV.unlink()  # where it leads belongs to another tree, which would be left without one
    try:
        venv.create(VENV, clear=True, with_pip=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise Stop(f"cannot make .venv ({error}); on Debian install python3-venv") from error
    install()
    mark.write_text(stamp())
    return PYTHON


def install() -> None:
    """From the cache when it has everything, else through the network and into the cache."""
    WHEELS.mkdir(parents=True, exist_ok=True)
    wanted = VENV / "requirements.txt"
    wanted.write_text(requirements())
    pinned = json.loads(LOCK.read_text())["python"]["setuptools"]["version"]
    # Two packages come as source: setuptools has to be there before, to build them offline too.
    for what in ["setuptools==" + pinned], ["--require-hashes", "-r", wanted]:
        what = ["-qq", "--no-deps", "--no-build-isolation", *what]
        from_cache = ["install", "--no-index", "--find-links", WHEELS, *what]
        if pip(*from_cache, quiet=True):
            continue
        if not pip("download", "--dest", WHEELS, *what) or not pip(*from_cache):
            raise Stop("Python packages could not be installed; pip says above which and why")
    if not pip("install", "-qq", "--no-deps", "--no-build-isolation", "--editable", ROOT):
        raise Stop("the project itself could not be installed into .venv")


def run(module: str, *arguments: str) -> int:
    """Run a module of the tree in .venv, as if it were this program."""
    return subprocess.run([ensure(), "-m", module, *arguments], cwd=ROOT).returncode
