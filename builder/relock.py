"""`build.py lock`: turns the versions pinned in pyproject.toml into hashes in lock.json."""

import json
import re
import subprocess
import tempfile
import tomllib
import urllib.parse
import urllib.request
from pathlib import Path

from builder import LOCK, ROOT, Stop, environment

INDEX = "https://pypi.org/simple"
# Sources, and wheels for the CPythons the project runs on.
USABLE = re.compile(r"\.(tar\.gz|zip)$|-(py3|py2\.py3|cp31[1-4]|cp3\d+-abi3)-")


def run() -> int:
    lock = json.loads(LOCK.read_text()) if LOCK.exists() else {}
    lock["python"] = {name: pin(name, version) for name, version in sorted(closure().items())}
    LOCK.write_text(json.dumps(lock, indent=1) + "\n")
    print(f"{LOCK.relative_to(ROOT)}: {len(lock['python'])} Python packages")
    return 0


def closure() -> dict[str, str]:
    """What pip would install for the project and its tests."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = project["dependencies"] + project["optional-dependencies"]["test"]
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command: list[str | Path] = [environment.PYTHON, "-m", "pip", "install", "-qq", "--dry-run"]
        command += ["--ignore-installed", "--report", report, *wanted]
        if subprocess.run(command).returncode:
            raise Stop("pip cannot resolve the versions pinned in pyproject.toml")
        found = json.loads(report.read_text())["install"]
    return {p["metadata"]["name"].lower(): p["metadata"]["version"] for p in found}


def pin(name: str, version: str) -> dict:
    """Every file of one release, so that the lock serves each platform and Python."""
    with urllib.request.urlopen(f"{INDEX}/{re.sub('[-_.]+', '-', name)}/") as answer:
        page = answer.read().decode()
    hashes = set()
    for link, sha256 in re.findall(r'href="([^"#]+)#sha256=([0-9a-f]{64})"', page):
        file = urllib.parse.unquote(link.rsplit("/", 1)[-1])
        if release(file) == version and USABLE.search(file):
            hashes.add(sha256)
    if not hashes:
        raise Stop(f"PyPI lists no files of {name} {version}")
    return {"version": version, "sha256": sorted(hashes)}


def release(file: str) -> str:
    """The version in a file name of the index, for wheels and sdists alike."""
    if file.endswith(".whl"):
        return file.split("-")[1]
    return file.removesuffix(".tar.gz").removesuffix(".zip").rsplit("-", 1)[-1]
