"""Fetches the parts of the site: each once, always checked, kept outside the tree.

A part is one file of lock.json: its name, size, sha256 and sources. A source is an address or a
member of another part's archive. The first source that answers is taken; the hash, not the source,
decides whether the file is accepted.
"""

import hashlib
import json
import shutil
import sys
import urllib.error
import urllib.request
import zipfile
from pathlib import Path

from builder import CACHE, LOCK, Stop

PARTS = CACHE / "parts"
CHUNK = 1 << 20
silent_hosts: set[str] = set()


def read_lock() -> dict[str, dict]:
    return json.loads(LOCK.read_text())["parts"]


def part(key: str) -> Path:
    """The part's file on disk, fetched if need be; raises Stop unless it is what the lock says."""
    try:
        wanted = read_lock()[key]
    except KeyError:
        raise Stop(f"builder/lock.json has no part {key}: run python3 build.py lock") from None
    file = PARTS / wanted["sha256"][:16] / wanted["file"]
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        obtain(key, wanted, file)
    verify(key, wanted, file)
    return file


def verify(key: str, wanted: dict, file: Path) -> None:
    found = sha256(file)
    if found != wanted["sha256"]:
        file.unlink()
        raise Stop(
            f"{key}: {wanted['file']} is not what builder/lock.json names (sha256 {found[:16]}... "
            f"instead of {wanted['sha256'][:16]}...). It was deleted, and nothing was built. "
            "Run the command again to download it again"
        )


def sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def obtain(key: str, wanted: dict, file: Path) -> None:
    """Try the sources in turn; skip hosts that failed to answer before."""
    reasons = []
    for source in wanted["sources"]:
        try:
            if isinstance(source, str):
                download(source, file, wanted["size"])
            else:
                unpack(part(source[0]), source[1], file)
            return
        except urllib.error.HTTPError as error:
            reasons.append(f"{source}: {error.code} {error.reason}")
        except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
            silent_hosts.add(host(source))
            reasons.append(f"{host(source)}: {getattr(error, 'reason', error)}")
        except OSError as error:
            raise Stop(f"{key} cannot be written to {PARTS}: {error.strerror}") from error
    raise Stop(f"{key} could not be downloaded ({'; '.join(reasons)}). Nothing was built")


def host(address: str) -> str:
    return address.split("/")[2]


def download(address: str, file: Path, size: int) -> None:
    """Download into a file beside it, resuming an earlier attempt; rename it when it is
    complete."""
    if host(address) in silent_hosts:
        raise ConnectionError("did not answer before")
    beside = file.with_name(file.name + ".part")
    done = beside.stat().st_size if beside.exists() else 0
    if done < size:
        request = urllib.request.Request(address, headers={"Range": f"bytes={done}-"})
        with urllib.request.urlopen(request, timeout=20) as answer:
            mode = "ab" if answer.status == 206 else "wb"
            with beside.open(mode) as out:
                while chunk := answer.read(CHUNK):
                    out.write(chunk)
                    progress(file.name, out.tell(), size)
        progress(file.name, size, size, end=True)
    beside.rename(file)


def progress(name: str, done: int, size: int, end: bool = False) -> None:
    """Print one line for each file; a terminal shows the progress in place."""
    if sys.stderr.isatty() or end:
        tail = "\n" if end else "\r"
        print(f"  {name}: {done / 1e6:.1f} of {size / 1e6:.1f} MB", end=tail, file=sys.stderr)


def unpack(archive: Path, member: str, file: Path) -> None:
    beside = file.with_name(file.name + ".part")
    with zipfile.ZipFile(archive) as opened, opened.open(member) as source:
        with beside.open("wb") as out:
            shutil.copyfileobj(source, out, CHUNK)
    beside.rename(file)
