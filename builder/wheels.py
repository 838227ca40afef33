"""Makes wheels: of the project's own Python, and of packages that PyPI has only as source.

They are written file by file with fixed times and order, so that two builds of one tree are equal.
"""

import base64
import functools
import gzip
import hashlib
import io
import tarfile
import zipfile
from pathlib import Path, PurePosixPath

import oneseek
from builder import ROOT, fetch
from oneseek.engine.core.collecting import language

OWN = ("engine", "importers", "shaders", "workers")  # the workers' code; site.py builds the page's
ROOMS = (*OWN, "web")
OWN_SUFFIXES = {".py", ".wgsl", ".json", ".jsonl", ".txt", ".npz"}


def wheel(name: str, version: str, files: dict[str, bytes]) -> tuple[str, bytes]:
    """A pure wheel: its file name and its bytes."""
    info = f"{name}-{version}.dist-info"
    files = dict(sorted(files.items()))
    files[f"{info}/METADATA"] = (
        f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode()
    )
    files[f"{info}/WHEEL"] = (
        b"Wheel-Version: 1.0\nGenerator: oneseek\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    )
    record = "".join(f"{path},sha256={digest(data)},{len(data)}\n" for path, data in files.items())
    files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()
    return f"{name}-{version}-py3-none-any.whl", archive(files)


def digest(data: bytes) -> str:
    """A file's hash in the format of RECORD."""
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def archive(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as opened:
        for path, data in files.items():
            entry = zipfile.ZipInfo(path, date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            opened.writestr(entry, data)
    return out.getvalue()


def own(with_tests: bool = False) -> tuple[str, bytes]:
    """The wheel of the workers' own Python, with the kernels and data beside it."""
    folders = (*OWN, "web", "tests") if with_tests else OWN
    suffixes = OWN_SUFFIXES | {".npz"} if with_tests else OWN_SUFFIXES
    paths = [ROOT / "oneseek/__init__.py"]
    for folder in folders:
        paths += [path for path in (ROOT / folder).rglob("*") if path.suffix in suffixes]
    if with_tests:
        paths.append(ROOT / "pyproject.toml")
    found = {place(path): path.read_bytes() for path in paths if "__pycache__" not in path.parts}
    return wheel("oneseek", oneseek.__version__, found)


def place(path: Path) -> str:
    """The import path of a file of the tree: our rooms lie within `oneseek`."""
    room, *_ = names = path.relative_to(ROOT).parts
    return "/".join(["oneseek", *names] if room in ROOMS else names)


def from_source(name: str) -> tuple[str, bytes]:
    """A pure wheel of a package that PyPI has only as source, or only with compiled code."""
    archive_of, kept = SOURCES[name]
    version = fetch.read_lock()[f"sources/{name}"]["version"]
    files = {
        path: data
        for path, data in unpack(fetch.part(f"sources/{name}"), archive_of).items()
        if kept(PurePosixPath(path))
    }
    return wheel(name, version, files)


def unpack(source: Path, folder: str) -> dict[str, bytes]:
    """The files under `folder` of a source archive, with paths relative to it."""
    found = {}
    with open_tar(source) as opened:
        for member in opened:
            path = PurePosixPath(*PurePosixPath(member.name).parts[1:])
            file = opened.extractfile(member)  # None for a folder
            if file and path.is_relative_to(folder):
                found[path.relative_to(folder).as_posix()] = file.read()
    return found


def open_tar(archive: Path) -> tarfile.TarFile:
    """The archive, decompressed in one go: seeking back in a compressed one would start over."""
    return tarfile.open(fileobj=io.BytesIO(decompress(archive)))


@functools.lru_cache(2)  # consecutive calls ask for several files of one archive
def decompress(archive: Path) -> bytes:
    return gzip.decompress(archive.read_bytes())


def of_wgpu(path: PurePosixPath) -> bool:
    """True for the API of wgpu without its compiled back end, as its own build makes it for no
    architecture."""
    return path.parts[0] == "wgpu" and "wgpu_native" not in path.parts and path.suffix == ".py"


def of_langdetect(path: PurePosixPath) -> bool:
    """True for langdetect without its tests and, of its 55 languages, only those told apart
    here."""
    if path.parts[0] != "langdetect" or "tests" in path.parts:
        return False
    return "profiles" not in path.parts or path.name in language.OWN + language.OTHERS


def of_markupsafe(path: PurePosixPath) -> bool:
    return path.parts[0] == "markupsafe" and path.suffix == ".py"


SOURCES = {
    "wgpu": (".", of_wgpu),
    "langdetect": (".", of_langdetect),
    "markupsafe": ("src", of_markupsafe),
}
