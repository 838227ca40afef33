"""The Pyodide folder of the site: the interpreter, the wheels, and a lock file that names exactly
those wheels."""

import email
import hashlib
import io
import json
import re
import tomllib
import zipfile

from builder import ROOT, bytecode, fetch, heap, wheels

CORE = (
    "pyodide.mjs",
    "pyodide.asm.mjs",
    "pyodide.asm.wasm",
)
LIBRARY = "python_stdlib.zip"
READ_THEIR_SOURCE = ("anyio-",)  # they read their own source file to list their exports


def pins() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["oneseek"]


def folder(tests: bool, project: dict[str, bytes]) -> tuple[dict[str, bytes], bytes]:
    """File name -> bytes, and the heap after `project` was imported."""
    package = wheels.unpack(fetch.part("npm/pyodide"), ".")
    files = {name: package[name] for name in CORE}
    files |= bytecode.compile_archives({LIBRARY: package[LIBRARY]})
    plain = dict(collect_wheels("wheels/"))
    own_readers = {n: plain.pop(n) for n in list(plain) if n.startswith(READ_THEIR_SOURCE)}
    shipped = bytecode.compile_archives(plain) | bytecode.compile_archives(
        own_readers, keep_source=True
    )
    at_start = pins()["heap"]["packages"]
    begun = [shipped.pop(n) for n in sorted(shipped) if normal(n.split("-")[0]) in at_start]
    if tests:
        shipped |= dict(collect_wheels("tests/"))
    lock = json.loads(package["pyodide-lock.json"])
    lock["packages"] = lock_entries(shipped)
    files["pyodide-lock.json"] = json.dumps(lock, indent=1).encode()
    made = heap.files(files, begun, project, pins()["heap"]["imports"])
    begin = made.pop("heap.bin")
    return files | made | shipped, begin


def collect_wheels(kind: str) -> list[tuple[str, bytes]]:
    """The lock's wheels of one kind; for `wheels/` also those built from `sources/`."""
    found = []
    for key, part in fetch.read_lock().items():
        if key.startswith(kind):
            found.append(slim(part["file"], fetch.part(key).read_bytes()))
        elif kind == "wheels/" and key.startswith("sources/"):
            found.append(wheels.from_source(key.removeprefix("sources/")))
    return sorted(found)


def slim(file: str, data: bytes) -> tuple[str, bytes]:
    """The wheel as it is; Babel only with English and Swedish, which saves 10 of its 11 MB."""
    if not file.startswith("babel-"):
        return file, data
    with zipfile.ZipFile(io.BytesIO(data)) as opened:
        files = {name: opened.read(name) for name in opened.namelist()}
    kept = re.compile(r"babel/(?!locale-data/)|babel/locale-data/(root|en|en_US|sv|sv_SE)\.dat$")
    _, version, _ = file.split("-", 2)
    return wheels.wheel("babel", version, {n: d for n, d in files.items() if kept.match(n)})


def lock_entries(shipped: dict[str, bytes]) -> dict[str, dict]:
    """The entries of pyodide-lock.json; a wheel depends only on what is shipped."""
    about = {file: metadata(data) for file, data in shipped.items()}
    names = {normal(text["Name"]) for text, _ in about.values()}
    entries = {}
    for file, (text, imports) in about.items():
        name = normal(text["Name"])
        entries[name] = {
            "name": name,
            "version": text["Version"],
            "file_name": file,
            "sha256": hashlib.sha256(shipped[file]).hexdigest(),
            "depends": sorted(needs(text) & names),
            "imports": imports,
            "install_dir": "site",
            "package_type": "package",
            "unvendored_tests": False,
        }
    return entries


def metadata(data: bytes) -> tuple[email.message.Message, list[str]]:
    """A wheel's METADATA and the names it can be imported under."""
    with zipfile.ZipFile(io.BytesIO(data)) as opened:
        names = opened.namelist()
        about = next(name for name in names if name.endswith(".dist-info/METADATA"))
        text = email.message_from_bytes(opened.read(about))
    python = (name for name in names if name.endswith((".py", ".pyc")))
    tops = {name.split("/")[0].split(".")[0] for name in python}
    return text, sorted(top for top in tops if top.isidentifier())


def needs(text: email.message.Message) -> set[str]:
    """The packages that a wheel requires; `lxml[html_clean]` counts as lxml-html-clean as well."""
    found = set()
    for line in text.get_all("Requires-Dist") or []:
        if "extra ==" in line:
            continue
        named = re.match(r"([\w.-]+)(?:\[([\w, ]+)\])?", line)
        if not named:
            raise ValueError(
                f"a wheel requires {line!r}, which names no package; nothing was built"
            )
        name, extra = named.groups()
        found.add(normal(name))
        if extra == "html_clean":
            found.add("lxml-html-clean")
    return found


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
