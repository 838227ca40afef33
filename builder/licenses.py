"""THIRD_PARTY_LICENSES.txt: every third-party part of the site, with its licence and its text.

A part's own archive is read first; builder/license_texts/parts.toml adds what an archive does not
state. The build stops at a part without a licence or without a text.
"""

import email
import functools
import json
import re
import tomllib
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from builder import ROOT, Stop, fetch, pyodide, wheels

FILE = "THIRD_PARTY_LICENSES.txt"
TEXTS = ROOT / "builder" / "license_texts"
FOR_TESTS = {"npm/axe-core", "npm/openai"}
LICENSE_FILE = re.compile(r"(licen[cs]es?|copying|notice)([-._].*)?", re.IGNORECASE)
RULE = "=" * 80


@dataclass(frozen=True)
class Entry:
    """One work: its name, its licence as an SPDX expression, and the texts that come with it."""

    name: str
    license: str
    texts: tuple[str, ...]


def document() -> bytes:
    """The whole file: a list of the works, then each text once with the works it belongs to."""
    works = [entry for key in list_shipped() for entry in entries(key)]
    owners: dict[str, list[str]] = {}
    for work in works:
        for text in work.texts:
            named = owners.setdefault(text, [])
            if work.name not in named:
                named.append(work.name)
    lines = [
        "OneSeek is under the MIT licence. This site carries the works listed here, some of them",
        "without files that it does not use. The source of each is published under its name and",
        "version on npm or PyPI, or at the address in its text.",
        "",
        *dict.fromkeys(f"{work.name}: {work.license}" for work in works),
    ]
    for text, names in owners.items():
        lines += ["", RULE, *names, RULE, "", text]
    return ("\n".join(lines) + "\n").encode()


def list_shipped() -> list[str]:
    """The parts of builder/lock.json that the site ships, weights and encoder included."""
    peers = {f"npm/{name}" for name in pyodide.pins()["peers"]}
    kinds = ("npm/", "wheels/", "sources/", "model/", "encoder/")
    found = [key for key in fetch.read_lock() if key.startswith(kinds)]
    return [key for key in found if key not in FOR_TESTS | peers]


def entries(key: str) -> Iterator[Entry]:
    """The work of one part, and the libraries that are compiled into it."""
    table, part = read_table(), fetch.read_lock()[key]
    if key.startswith(("model/", "encoder/")):  # named after the archive they come from
        key = part["sources"][0][0]
        part = fetch.read_lock()[key]
    archive = fetch.part(key)
    known = table.get(key, {})
    name, stated = read_metadata(archive)
    texts = [text_of(where) for where in known.get("texts", [])] or own_texts(archive)
    yield entry(key, {"name": name, "license": stated} | known, texts)
    for inner in known.get("inside", []):
        about = table["inside"][inner]
        inside = about | {"name": f"{about['name']}, compiled into {known.get('name', name)}"}
        yield entry(inner, inside, [text_of(where) for where in about["texts"]])


@functools.cache
def read_table() -> dict[str, dict]:
    """The committed table about the parts and the libraries compiled into them."""
    return tomllib.loads((TEXTS / "parts.toml").read_text())


def entry(key: str, about: dict[str, str], texts: list[str]) -> Entry:
    """The work's entry; raises Stop if its licence or its text is missing."""
    if not about["license"] or not texts:
        raise Stop(
            f"{key} has no {'licence text' if about['license'] else 'licence'}; nothing was built. "
            "Name it in builder/license_texts/parts.toml"
        )
    notice = about.get("copyright", "").strip()
    head = f"{notice}\n\n" if notice else ""
    return Entry(about["name"], about["license"], tuple(head + text for text in texts))


def read_metadata(archive: Path) -> tuple[str, str]:
    """Name with version, and the licence, as the archive's metadata states them."""
    files = dict(members(archive, ("package.json", "METADATA", "PKG-INFO")))
    if data := files.get("package.json"):
        about = json.loads(data)
        return f"{about['name']} {about['version']}", str(about.get("license", ""))
    text = email.message_from_bytes(files.get("METADATA") or files["PKG-INFO"])
    stated = text["License-Expression"] or (text["License"] or "").strip().split("\n")[0]
    if not stated:
        classes = [line for line in text.get_all("Classifier") or [] if line.startswith("License")]
        stated = ", ".join(line.rsplit(" :: ", 1)[-1] for line in classes)
    return f"{text['Name']} {text['Version']}", stated


def own_texts(archive: Path) -> list[str]:
    """The licence files of an archive, each once."""
    found = [data.decode("utf-8", "replace").strip() for _, data in members(archive, None)]
    return list(dict.fromkeys(found))


def members(archive: Path, names: tuple[str, ...] | None) -> Iterator[tuple[str, bytes]]:
    """(file name, bytes) of an archive's files with these names, or else of its licence files; the
    outermost file of each name comes last."""

    def is_wanted(path: PurePosixPath) -> bool:
        return path.name in names if names else bool(LICENSE_FILE.fullmatch(path.name))

    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as wheel:
            inside = {PurePosixPath(name): name for name in wheel.namelist() if name[-1] != "/"}
            for path in sorted(filter(is_wanted, inside), key=lambda path: -len(path.parts)):
                yield path.name, wheel.read(inside[path])
        return
    with wheels.open_tar(archive) as source:
        files = {PurePosixPath(member.name): member for member in source if member.isfile()}
        for path in sorted(filter(is_wanted, files), key=lambda path: -len(path.parts)):
            if file := source.extractfile(files[path]):
                yield path.name, file.read()


def text_of(where: str) -> str:
    """A text of builder/license_texts/, or the file that `part:file` names in another part's
    archive."""
    key, separated, file = where.partition(":")
    if not separated:
        return (TEXTS / where).read_text("utf-8").strip()
    return dict(members(fetch.part(key), (file,)))[file].decode("utf-8", "replace").strip()
