"""The build must fetch exactly what the lock names, however the network behaves; and two builds
must be equal."""

import errno
import hashlib
import http.server
import io
import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from builder import ROOT, Stop, bytecode, fetch, heap, lab, licenses, pyodide, site, wheels
from tests.support.answering import run_server

BYTES = bytes(range(256)) * 4096


class Registry(http.server.BaseHTTPRequestHandler):
    """A registry of one file that answers ranges and records the requests."""

    asked: list[str] = []
    content = BYTES

    def do_GET(self):
        span = self.headers["Range"] or "bytes=0-"
        self.asked.append(span)
        start = int(span.removeprefix("bytes=").split("-")[0])
        self.send_response(206)
        self.end_headers()
        self.wfile.write(self.content[start:])

    def log_message(self, format, *args):
        """Log nothing."""


@pytest.fixture
def registry(tmp_path, monkeypatch):
    """The address of a registry whose file the lock names as `npm/thing`, with an empty cache."""
    monkeypatch.setattr(fetch, "PARTS", tmp_path / "parts")
    monkeypatch.setattr(fetch, "silent_hosts", set())
    monkeypatch.setattr(Registry, "asked", [])
    with run_server(http.server.HTTPServer(("127.0.0.1", 0), Registry)) as server:
        yield f"http://127.0.0.1:{server.server_port}/thing.tgz"


def lock(monkeypatch, *sources: str):
    part = {
        "file": "thing.tgz",
        "size": len(BYTES),
        "sha256": hashlib.sha256(BYTES).hexdigest(),
        "sources": list(sources),
    }
    monkeypatch.setattr(fetch, "read_lock", lambda: {"npm/thing": part})


def test_a_part_is_fetched_once_and_then_taken_from_the_cache(registry, monkeypatch):
    lock(monkeypatch, registry)
    assert fetch.part("npm/thing").read_bytes() == BYTES
    assert fetch.part("npm/thing").read_bytes() == BYTES
    assert len(Registry.asked) == 1


def test_a_broken_download_goes_on_where_it_stopped(registry, monkeypatch):
    lock(monkeypatch, registry)
    file = fetch.part("npm/thing")
    file.rename(file.with_name("thing.tgz.part"))
    (file.parent / "thing.tgz.part").write_bytes(BYTES[:1000])
    assert fetch.part("npm/thing").read_bytes() == BYTES
    assert Registry.asked == ["bytes=0-", "bytes=1000-"]


def test_the_first_source_that_answers_is_taken(registry, monkeypatch):
    lock(monkeypatch, "http://127.0.0.1:9/thing.tgz", registry)
    assert fetch.part("npm/thing").read_bytes() == BYTES


def test_a_registry_that_does_not_answer_is_one_clear_sentence(registry, monkeypatch):
    lock(monkeypatch, "http://127.0.0.1:9/thing.tgz")
    with pytest.raises(
        Stop, match="npm/thing could not be downloaded .*127.0.0.1:9.*Nothing was built"
    ):
        fetch.part("npm/thing")


def test_R37_one_changed_byte_from_the_registry_stops_the_build_and_names_it(registry, monkeypatch):
    lock(monkeypatch, registry)
    monkeypatch.setattr(Registry, "content", BYTES[:-1] + b"\0")
    with pytest.raises(Stop, match="npm/thing: thing.tgz is not what builder/lock.json names"):
        fetch.part("npm/thing")


def test_R37_one_changed_byte_in_the_cache_stops_the_build_and_names_it(registry, monkeypatch):
    lock(monkeypatch, registry)
    file = fetch.part("npm/thing")
    file.write_bytes(b"\1" + BYTES[1:])
    with pytest.raises(Stop, match="npm/thing: thing.tgz is not what builder/lock.json names"):
        fetch.part("npm/thing")
    assert fetch.part("npm/thing").read_bytes() == BYTES, "the next run fetches it anew"


def test_a_full_disk_is_one_clear_sentence(registry, monkeypatch):
    lock(monkeypatch, registry)

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(fetch, "download", full)
    with pytest.raises(Stop, match="npm/thing cannot be written to .*: No space left on device"):
        fetch.part("npm/thing")


@pytest.mark.long
@pytest.mark.slow
def test_a_disk_that_fills_up_leaves_the_site_as_it_was(tmp_path, monkeypatch):
    monkeypatch.setattr(site, "DIST", tmp_path / "dist")
    first = site.build()
    before = (first / "build.json").read_bytes()

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    change_page(monkeypatch)
    monkeypatch.setattr(site.shutil, "copyfile", full)
    with pytest.raises(Stop, match="No space left on device"):
        site.build()
    assert (first / "build.json").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dist"]


def change_page(monkeypatch) -> None:
    """Change the style sheet, as an edit would."""
    real = site.page_files
    monkeypatch.setattr(site, "page_files", lambda: {**real(), "style.css": b"/* another */"})


@pytest.mark.long
@pytest.mark.slow
def test_R37_two_builds_of_one_tree_are_equal(tmp_path, monkeypatch):
    contents = []
    for name in "one", "two":
        monkeypatch.setattr(site, "DIST", tmp_path / name)
        contents.append(hash_files(site.build()))
    assert contents[0] == contents[1]


@pytest.mark.long
def test_R37_compiling_the_same_python_twice_gives_the_same_bytes(tmp_path, monkeypatch):
    source = {"oneseek.whl": wheels.own()[1]}
    found = []
    for name in "one", "two":
        monkeypatch.setattr(bytecode, "MADE", tmp_path / name)
        found.append(bytecode.compile_archives(source, keep_source=True))
    assert found[0] == found[1]
    with zipfile.ZipFile(io.BytesIO(found[0]["oneseek.whl"])) as opened:
        names = set(opened.namelist())
    assert "oneseek/engine/compiler/grad.py" in names
    assert any(
        name.startswith("oneseek/engine/compiler/__pycache__/grad.cpython-") for name in names
    )


@pytest.mark.long
def test_R37_making_pythons_heap_twice_gives_the_same_bytes(tmp_path, monkeypatch):
    package = wheels.unpack(fetch.part("npm/pyodide"), ".")
    core = {name: package[name] for name in (*pyodide.CORE, pyodide.LIBRARY, "pyodide-lock.json")}
    small = wheels.wheel("small", "1", {"small.py": b"seen = {name for name in 'abcdef'}\n"})[1]
    found = []
    for name in "one", "two":
        monkeypatch.setattr(heap, "MADE", tmp_path / name)
        found.append(heap.files(core, [small], {}, ["json", "random", "small", "uuid"]))
    assert found[0] == found[1]


def test_the_heap_holds_the_patterns_by_which_what_is_told_is_understood():
    asked = """import oneseek.workers.made_ahead
from oneseek.engine.learning.lessons.language import codes, language
assert language.cache_info().currsize == len(codes()) > 1"""
    assert "oneseek.workers.made_ahead" in pyodide.pins()["heap"]["imports"]
    subprocess.run([sys.executable, "-c", asked], cwd=ROOT, check=True)


def test_what_a_build_needs_is_kept_however_long_ago_it_was_made(tmp_path, monkeypatch):
    def run(archives, places, keep_source):
        for name, data in archives.items():
            places[name].write_bytes(data)

    for name, value in (("MADE", tmp_path), ("KEPT", 2), ("run", run)):
        monkeypatch.setattr(bytecode, name, value)
    old, other, new = ({name: name.encode()} for name in ("old", "other", "new"))
    bytecode.compile_archives(old)
    for place in tmp_path.iterdir():
        os.utime(place, (0, 0))
    bytecode.compile_archives(other)
    assert bytecode.compile_archives(old | new) == old | new
    assert {place.read_bytes() for place in tmp_path.iterdir()} == {b"old", b"new"}


def hash_files(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): fetch.sha256(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.slow
def test_the_list_of_the_build_is_what_lies_there(dist):
    listed = json.loads((dist / "build.json").read_text())["files"]
    found = hash_files(dist)
    assert {path: found[path] for path in listed} == listed
    assert set(found) - set(listed) == {
        "index.html",
        "guide.html",
        "guide-sv.html",
        "hand-over.html",
        "oqt-dashboard.html",
        "lab.html",
        "manifest.webmanifest",
        "sw.js",
        "build.json",
        "THIRD_PARTY_LICENSES.txt",
    }


def test_each_part_of_the_site_is_listed_with_its_licence_and_its_text(dist):
    text = (dist / "THIRD_PARTY_LICENSES.txt").read_text("utf-8")
    listed = text.split(licenses.RULE)[0]
    used = {
        package for table in (site.VENDOR, site.FONT, site.OCR) for package, _ in table.values()
    }
    used |= {*lab.EDITOR}
    used |= {"pyodide", "@pyscript/core", "@micropython/micropython-webassembly-pyscript"}
    assert {f"npm/{package}" for package in used} <= set(licenses.list_shipped())
    python = {entry["name"] for entry in json.loads(pyodide_lock(dist))["packages"].values()}
    python |= {pyodide.normal(name) for name in pyodide.pins()["heap"]["packages"]}
    for name in used | python | {"CPython", "SmolLM2", "multilingual-e5-small", "FreeType"}:
        pattern = "[-_.]".join(map(re.escape, re.split("[-_.]", name)))
        assert re.search(rf"^{pattern}\b.*: \S", listed, re.I | re.M), name
    for phrase in ("Mozilla Public License", "SIL OPEN FONT LICENSE", "tld 0.13.2: MPL-1.1"):
        assert phrase in text


def pyodide_lock(dist: Path) -> str:
    return next(dist.glob("pyodide-*/pyodide-lock.json")).read_text()


@pytest.mark.parametrize(("about", "files"), [
    ("License-Expression: MIT\n", {}),
    pytest.param(
        "", {"thing-1.0.dist-info/licenses/LICENSE": "Do as you like."}, marks=pytest.mark.long,
    ),
])  # fmt: skip
def test_a_part_without_a_licence_or_its_text_stops_the_build_by_name(
    tmp_path, monkeypatch, about, files
):
    archive = tmp_path / "thing-1.0-py3-none-any.whl"
    with zipfile.ZipFile(archive, "w") as wheel:
        metadata = f"Metadata-Version: 2.1\nName: thing\nVersion: 1.0\n{about}"
        for name, text in ({"thing-1.0.dist-info/METADATA": metadata} | files).items():
            wheel.writestr(name, text)
    lock = fetch.read_lock() | {"wheels/thing": {"file": archive.name, "sources": []}}
    real = fetch.part
    monkeypatch.setattr(fetch, "read_lock", lambda: lock)
    monkeypatch.setattr(fetch, "part", lambda key: archive if key == "wheels/thing" else real(key))
    with pytest.raises(Stop, match="wheels/thing has no licence.*nothing was built"):
        licenses.document()
