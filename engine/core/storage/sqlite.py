"""The stores of engine/core/storage/store.py in one SQLite file: the same operations, expectations
and errors.

The native host (headless, tests) keeps everything here; a marker file beside the database turns
"empty" into "storage was lost".
"""

import contextlib
import os
import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgpack

from oneseek.engine.core.storage.store import (
    STEPS,
    Pieces,
    StorageFull,
    StoreRetired,
    durability,
    plain_change,
    store_named,
)

SYNCHRONOUS = {"strict": "FULL", "relaxed": "NORMAL"}
REFUSED = {
    sqlite3.SQLITE_FULL: "the disk is full; nothing was stored. Free some space and try again",
    sqlite3.SQLITE_READONLY: "the folder is read-only; nothing was stored. Make it writable",
    sqlite3.SQLITE_IOERR: "the disk failed to write; nothing was stored. Check the disk",
}


def make_folder(folder: Path) -> None:
    """Make a new folder that only its owner reads; one that was there is left as it is."""
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)


def keep_private(path: Path) -> None:
    """Let only the owner read the database and its log, which SQLite creates like the database."""
    with contextlib.suppress(OSError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        for one in path.parent.glob(path.name + "*"):
            one.chmod(0o600)


def convert_fault(fault: BaseException) -> StorageFull | None:
    """Return the error for a fault of SQLite's that the disk caused, else None."""
    words = REFUSED.get(getattr(fault, "sqlite_errorcode", 0) & 0xFF)  # without its detail
    return StorageFull(words) if words else None


class SqliteStore:
    """`flush` off is for a store that need not outlive a power cut; it does outlive a kill."""

    def __init__(
        self, path: str | Path, steps: Sequence[Sequence[str]] = STEPS, flush: bool = True
    ) -> None:
        self.path = Path(path)
        self.flush = flush
        marker = self.path.with_suffix(".marker")
        new = not self.path.exists()
        self.lost = new and marker.exists()
        keep_private(self.path)
        self.db = sqlite3.connect(self.path, timeout=30, isolation_level=None)
        try:
            self.db.execute("PRAGMA journal_mode = WAL")
            self.db.execute("PRAGMA secure_delete = ON")
            self._migrate(steps)
        except BaseException as fault:
            self.db.close()
            raise convert_fault(fault) or fault from fault
        marker.touch()

    def _migrate(self, steps: Sequence[Sequence[str]]) -> None:
        """Run each step as one transaction that ends by writing its number, so that it happens
        completely or not at all."""
        while True:
            self.db.execute("BEGIN IMMEDIATE")
            (version,) = self.db.execute("PRAGMA user_version").fetchone()
            if version >= len(steps):
                self.db.execute("ROLLBACK")
                break
            for store in steps[version]:
                self.db.execute(f"CREATE TABLE {store} (key PRIMARY KEY, value) WITHOUT ROWID")
            self.db.execute(f"PRAGMA user_version = {version + 1}")
            self.db.execute("COMMIT")
        self.version = len(steps)
        self._refuse_if_newer()

    def _refuse_if_newer(self) -> None:
        (version,) = self.db.execute("PRAGMA user_version").fetchone()
        if version > self.version:
            raise StoreRetired(
                f"a newer OneSeek wrote {self.path.name} (format {version}, this one reads up to "
                f"{self.version}). Nothing was written; start the newer OneSeek"
            )

    async def batch(self, ops: Iterable[Sequence], expect: Iterable[Sequence] = ()) -> bool:
        ops, expect = plain_change(ops, expect)
        if not ops:
            return True
        mode = SYNCHRONOUS[durability([op[1] for op in ops] + [e[0] for e in expect])]
        self.db.execute(f"PRAGMA synchronous = {mode if self.flush else 'OFF'}")
        try:
            self.db.execute("BEGIN IMMEDIATE")
            self._refuse_if_newer()
            stored = all(self._holds(*one) for one in expect)
            if stored:
                for op in ops:
                    self._write(*op)
            self.db.execute("COMMIT" if stored else "ROLLBACK")
            return stored
        except BaseException as fault:
            if self.db.in_transaction:
                self.db.execute("ROLLBACK")
            raise convert_fault(fault) or fault from fault

    def _holds(self, store: str, key: Any, field: str | None, value: Any) -> bool:
        record = self._read(store, key)
        if field is None:
            return (record is not None) == value
        return (record or {}).get(field) == value

    def _write(self, verb: str, store: str, key: Any, value: Any = None) -> None:
        if verb == "put":
            row = (key, msgpack.packb(value, default=Pieces.join))
            self.db.execute(f"INSERT OR REPLACE INTO {store} VALUES (?, ?)", row)
        else:
            self.db.execute(f"DELETE FROM {store} WHERE key = ?", (key,))

    def _read(self, store: str, key: Any) -> Any:
        row = self.db.execute(f"SELECT value FROM {store} WHERE key = ?", (key,)).fetchone()
        return row and msgpack.unpackb(row[0])

    async def get(self, store: str, key: Any) -> Any:
        return self._read(store_named(store), key)

    async def all(
        self, store: str, after: Any = None, limit: int | None = 0, newest: bool = False
    ) -> list[list]:
        sign, order = ("<", "DESC") if newest else (">", "ASC")
        where = f"WHERE key {sign} ?" if after is not None else ""
        rows = self.db.execute(
            f"SELECT key, value FROM {store_named(store)} {where} ORDER BY key {order} LIMIT ?",
            (*([after] if after is not None else []), limit or -1),
        )
        return [[key, msgpack.unpackb(value)] for key, value in rows]

    async def keys(self, store: str) -> list:
        return [
            key for (key,) in self.db.execute(f"SELECT key FROM {store_named(store)} ORDER BY 1")
        ]

    async def count(self, store: str) -> int:
        return self.db.execute(f"SELECT COUNT(*) FROM {store_named(store)}").fetchone()[0]

    async def reserve(self, size: int) -> None:
        """Reserve room that `release` gives back when the disk is full."""
        await self.batch([["put", "state", "ballast", {"bytes": bytes(size)}]])

    async def release(self) -> None:
        await self.batch([["delete", "state", "ballast"]])

    async def scrub(self) -> None:
        """Leave nothing of what was deleted in the file or its log."""
        self.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    async def close(self) -> None:
        self.db.close()
