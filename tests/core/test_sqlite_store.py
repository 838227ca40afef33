"""The native store must keep the same promises as IndexedDB: all or nothing, durable, fenced."""

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oneseek.engine.core.storage import backup, sqlite
from oneseek.engine.core.storage.backup import NotABackup
from oneseek.engine.core.storage.sqlite import SqliteStore
from oneseek.engine.core.storage.store import (
    FencedStore,
    StorageFull,
    StoreRetired,
    absent,
    new_epoch,
    plain,
    save_anyway,
)
from oneseek.engine.history.audit import check_store
from oneseek.workers.server.headless import DATABASE, back_up, restore
from tests.support.living import Living

ROOT = Path(__file__).resolve().parents[2]


def run(coroutine):
    return asyncio.run(coroutine)


@pytest.fixture
def store(tmp_path):
    return SqliteStore(tmp_path / "s.db")


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text()
    | st.binary()
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=5).filter(lambda k: k != "$bytes"), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.text(max_size=5).filter(lambda k: k != "$bytes"), JSON, max_size=4))
@settings(max_examples=60, deadline=None)
def test_what_is_stored_comes_back_equal(tmp_path_factory, record):
    store = SqliteStore(tmp_path_factory.mktemp("s") / "s.db")
    run(store.batch([["put", "settings", "k", record]]))
    assert run(store.get("settings", "k")) == record
    run(store.close())


def test_a_number_that_is_none_becomes_null_and_other_objects_are_refused():
    assert plain({"loss": float("nan"), "more": [float("inf"), (1, 2.5)]}) == {
        "loss": None,
        "more": [None, [1, 2.5]],
    }
    with pytest.raises(TypeError, match="Path"):
        plain({"file": Path("x")})
    with pytest.raises(TypeError, match="bytes"):
        plain({"$bytes": 0})


def test_records_come_in_key_order_in_pages_and_backwards(store):
    run(store.batch([["put", "ledger", i, {"i": i}] for i in range(12)]))
    assert [k for k, _ in run(store.all("ledger", 3, 4))] == [4, 5, 6, 7]
    assert [k for k, _ in run(store.all("ledger", limit=2, newest=True))] == [11, 10]
    assert [k for k, _ in run(store.all("ledger", 2, newest=True))] == [1, 0]
    assert run(store.keys("ledger")) == list(range(12)) and run(store.count("ledger")) == 12


def test_old_names_find_what_they_used_to_hold(store):
    run(store.batch([["put", "oqt_ledger", 1, {"kind": "reset"}]]))
    assert run(store.get("ledger", 1)) == {"kind": "reset"}


def test_R3_what_must_last_is_flushed_and_what_may_be_lost_is_not(store, flushed, monkeypatch):
    monkeypatch.setattr(sqlite, "SYNCHRONOUS", flushed)
    seen = []
    store.db.set_trace_callback(seen.append)
    run(store.batch([["put", "queue", "a", {}]]))
    run(store.batch([["put", "drafts", "a", {}]]))
    run(store.batch([["put", "drafts", "a", {}], ["put", "messages", "a", {}]]))
    modes = [line.split("= ")[1] for line in seen if "synchronous" in line]
    assert modes == ["FULL", "NORMAL", "FULL"]


def test_R4_one_logical_change_is_one_transaction(store):
    run(store.batch([["put", "state", "a", {"n": 1}]]))
    with pytest.raises(TypeError, match="a key is"):
        run(store.batch([["put", "state", "a", {"n": 2}], ["put", "state", ["no", "key"], {}]]))
    with pytest.raises(ValueError, match="no store called"):
        run(store.batch([["put", "state", "a", {"n": 3}], ["put", "stat", "b", {}]]))
    held = run(
        store.batch(
            [["put", "state", "a", {"n": 4}]], [["state", "a", "n", 1], absent("state", "a")]
        )
    )
    assert held is False and run(store.get("state", "a")) == {"n": 1}


def test_R16_a_zombie_cannot_write(store):
    zombie = FencedStore(store, run(new_epoch(store, "tab one")))
    trainer = FencedStore(store, run(new_epoch(store, "tab two")))
    assert run(trainer.batch([["put", "state", "a", {"n": 1}]]))
    assert not run(zombie.batch([["put", "state", "a", {"n": 2}]]))
    assert run(trainer.batch([["put", "state", "a", {"n": 3}]], [absent("state", "a")])) is False
    assert run(trainer.get("state", "a")) == {"n": 1}


def fill(store, pages):
    used = store.db.execute("PRAGMA page_count").fetchone()[0]
    store.db.execute(f"PRAGMA max_page_count = {used + pages}")


def test_R6_a_full_disk_harms_nothing_that_is_saved(store):
    run(store.batch([["put", "snapshots", "v1", {"weights": b"1" * 4096}]]))
    fill(store, 8)
    with pytest.raises(StorageFull, match="nothing was stored"):
        run(
            store.batch(
                [
                    ["put", "state", "current", {"version": "v2"}],
                    ["put", "snapshots", "v2", {"weights": bytes(10**6)}],
                ]
            )
        )
    assert run(store.get("state", "current")) is None
    assert run(store.get("snapshots", "v1"))["weights"] == b"1" * 4096


def test_R7_a_message_is_saved_when_the_disk_is_full(store):
    run(store.reserve(100_000))
    fill(store, 0)
    long = {"text": "x" * 50_000}
    with pytest.raises(StorageFull):
        run(store.batch([["put", "messages", "m", long]]))
    assert run(save_anyway(store, [["put", "messages", "m", long]]))
    assert run(store.get("messages", "m")) == long and run(store.get("state", "ballast")) is None


def test_R9_a_lost_database_is_told_apart_from_a_first_visit(tmp_path):
    first = SqliteStore(tmp_path / "s.db")
    assert not first.lost
    run(first.close())
    again = SqliteStore(tmp_path / "s.db")
    assert not again.lost
    run(again.close())
    for file in tmp_path.glob("s.db*"):
        file.unlink()
    assert SqliteStore(tmp_path / "s.db").lost


def test_R13_an_older_store_is_upgraded_step_by_step_and_keeps_its_records(tmp_path):
    old = SqliteStore(tmp_path / "s.db", [["messages"]])
    run(old.batch([["put", "messages", "m", {"text": "hej"}]]))
    run(old.close())
    with pytest.raises(sqlite3.OperationalError):
        SqliteStore(tmp_path / "s.db", [["messages"], ["queue"], ["queue"]])
    half = sqlite3.connect(tmp_path / "s.db")
    assert half.execute("PRAGMA user_version").fetchone() == (2,)
    half.close()
    new = SqliteStore(tmp_path / "s.db", [["messages"], ["queue"], ["ledger"]])
    assert run(new.get("messages", "m")) == {"text": "hej"}
    run(new.batch([["put", "ledger", 1, {}]]))


def test_R14_old_code_writes_nothing_to_a_newer_store(tmp_path):
    old = SqliteStore(tmp_path / "s.db", [["messages"]])
    new = SqliteStore(tmp_path / "s.db", [["messages"], ["queue"]])
    with pytest.raises(StoreRetired, match="start the newer OneSeek"):
        run(old.batch([["put", "messages", "m", {}]]))
    assert run(new.count("messages")) == 0
    with pytest.raises(StoreRetired):
        SqliteStore(tmp_path / "s.db", [["messages"]])


def test_a_backup_takes_the_place_of_everything_or_of_nothing(tmp_path):
    old, new, file = tmp_path / "old", tmp_path / "new", tmp_path / "backup.json"
    rows = {"snapshots": [1, {"weights": bytes(range(256))}], "chats": ["c", {"leaf": None}]}
    for folder, extra in ((old, "kept"), (new, "gone")):
        folder.mkdir()
        store = SqliteStore(folder / DATABASE)
        run(store.batch([["put", "queue", extra, {"prompt": extra}]]))
        if folder == old:
            run(store.batch([["put", name, *row] for name, row in rows.items()]))
        run(store.close())
    run(back_up(old, file))
    wrong = tmp_path / "wrong.json"
    wrong.write_text('{"format": "oneseek-backup", "version": 99, "stores": {}}')
    with pytest.raises(NotABackup, match="newer"):
        run(restore(new, wrong))
    store = SqliteStore(new / DATABASE)
    assert run(store.keys("queue")) == ["gone"]
    run(store.close())
    run(restore(new, file))
    store = SqliteStore(new / DATABASE)
    assert run(store.keys("queue")) == ["kept"] and not store.lost
    assert {name: run(store.all(name))[0] for name in rows} == rows
    run(store.close())


def test_bytes_of_a_backup_in_either_writing_come_back():
    text = '{"format": "oneseek-backup", "version": 2, "stores": {"snapshots": [[1, %s]]}}'
    for written in ('{"$hex": "00ff10"}', '{"$base64": "AP8Q"}'):
        assert backup.read(text % written)["snapshots"] == [[1, b"\x00\xff\x10"]]


def test_a_restored_backup_has_the_same_hashes(tmp_path):
    """Floats, bytes and keys must come back exactly, so that the ledger and every version
    verify."""
    there, back, file = tmp_path / "there", tmp_path / "back", tmp_path / "backup.json"
    for folder in (there, back):
        folder.mkdir()
    living = Living(there)
    for words in ("alpha", "räksmörgås"):
        living.teach(words)
    run(living.store.close())
    (there / "oneseek.db").rename(there / DATABASE)
    run(back_up(there, file))
    before = json.loads(file.read_text())["stores"]
    run(restore(back, file))
    store = SqliteStore(back / DATABASE)
    assert run(check_store(store)) == [] and run(store.count("versions")) == 2
    run(store.close())
    run(back_up(back, file))
    assert json.loads(file.read_text())["stores"] == before


WRITER = """
import asyncio, sys
from oneseek.engine.core.storage.sqlite import SqliteStore
store = SqliteStore(sys.argv[1])
async def main():
    for i in range(10**6):
        blob = bytes([i % 256]) * 200_000
        await store.batch([["put", "snapshots", "s", {"i": i, "blob": blob}],
                           ["put", "state", "current", {"i": i}]])
        print(i, flush=True)
asyncio.run(main())
"""


@pytest.mark.slow
def test_R1_an_acknowledged_change_survives_a_kill_at_a_random_moment(tmp_path):
    path = tmp_path / "s.db"
    for round in range(8):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        acknowledged = int(writer.stdout.readline())
        time.sleep(0.013 * round)
        writer.send_signal(signal.SIGKILL)
        rest = writer.stdout.read().split()
        writer.wait()
        writer.stdout.close()
        acknowledged = int(rest[-1]) if rest else acknowledged
        store = SqliteStore(path)
        snapshot, current = run(store.get("snapshots", "s")), run(store.get("state", "current"))
        assert snapshot["i"] == current["i"] >= acknowledged
        assert snapshot["blob"] == bytes([snapshot["i"] % 256]) * 200_000
        run(store.close())
