"""Forgetting must give the weights of a history without the example, bit for bit."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oneseek.engine.history.audit import check_store
from oneseek.engine.history.snapshot import SnapshotDamaged
from oneseek.engine.learning.replay import History, reset
from tests.support.living import Living, run
from tests.support.small_trainer import SmallTrainer


def history(living):
    return History(living.versions, living.trainer)


def weights_of(living, line="generic"):
    record = run(living.versions.current(line))
    return record and record["weights_sha256"]


def contents(folder):
    return b"".join(file.read_bytes() for file in folder.glob("oneseek.db*"))


def test_R33_forgetting_B_after_A_B_C_gives_the_weights_of_A_C(tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    living, never = Living(tmp_path / "one"), Living(tmp_path / "two")
    for words in ("alpha", "bravo-secret", "charlie"):
        living.teach(words)
    for words in ("alpha", "charlie"):
        never.teach(words)
    (b,) = [id for id, one in run(living.store.all("examples")) if "bravo" in one["prompt"]]
    assert [one["micro"] for one in run(history(living).find_versions([b]))] == [2, 3]
    assert b"bravo-secret" in contents(tmp_path / "one")
    result = run(history(living).forget([b]))
    assert len(result["retrained"]) == 1
    assert weights_of(living) == weights_of(never)
    assert run(living.versions.current())["parent"] == 1
    assert run(living.store.keys("snapshots")) == [1, 4]
    assert b"bravo-secret" not in contents(tmp_path / "one")
    assert run(check_store(living.store)) == []


WORDS = [f"word {i}" for i in range(6)]
HISTORY = st.lists(st.sampled_from([*WORDS, "practice"]), min_size=1, max_size=7, unique=True)


@given(HISTORY, st.sets(st.sampled_from(WORDS)), st.sampled_from([0.3, 0.7, 9.0]))
@settings(max_examples=8, deadline=None)
def test_R33_forgetting_is_exact_in_every_history(tmp_path_factory, acts, gone, tolerance):
    """Also with practice in between, and with a gate that refuses some lessons."""
    folders = tmp_path_factory.mktemp("one"), tmp_path_factory.mktemp("two")
    living, never = (Living(folder, SmallTrainer(tolerance)) for folder in folders)
    for act in acts:
        for each in (living, never):
            if act == "practice":
                if run(each.versions.pool()):
                    each.learn("practice")
            elif each is living or act not in gone:
                each.teach(act)
    ids = [id for id, one in run(living.store.all("examples")) if one["prompt"] in gone]
    ids += [id for id, one in run(living.store.all("queue")) if one["prompt"] in gone]
    if ids:
        run(history(living).forget(ids))
    assert weights_of(living) == weights_of(never)
    assert run(check_store(living.store)) == []
    kept = lambda each: [one["prompt"] for one in run(each.versions.pool())]  # noqa: E731
    assert kept(living) == kept(never)


def test_forgetting_what_was_never_learned_retrains_nothing(tmp_path):
    living = Living(tmp_path)
    living.teach("one")
    id = living.offer("not yet learned")["id"]
    before = weights_of(living)
    assert run(history(living).forget([id])) == {"versions": [], "retrained": []}
    assert weights_of(living) == before and run(living.store.count("queue")) == 0


def test_forgetting_everything_leaves_the_base_model(tmp_path):
    living = Living(tmp_path)
    living.teach("one")
    living.learn("practice")
    run(history(living).forget(run(living.store.keys("examples"))))
    assert run(living.versions.current()) is None
    assert run(living.store.keys("snapshots")) == [] and run(check_store(living.store)) == []


def test_a_correction_that_is_forgotten_gives_back_what_it_corrected(tmp_path):
    living = Living(tmp_path, SmallTrainer(9))
    living.teach("who?", "Ada")
    living.teach("who?", "Tove", priority="correction")
    assert [one["answer"] for one in run(living.versions.pool())] == ["Tove"]
    (tove,) = [id for id, one in run(living.store.all("examples")) if one["answer"] == "Tove"]
    run(history(living).forget([tove]))
    assert [one["answer"] for one in run(living.versions.pool())] == ["Ada"]


def damage(living, number):
    stored = run(living.store.get("snapshots", number))
    stored["data"] = stored["data"][:-1] + bytes([stored["data"][-1] ^ 1])
    run(living.store.batch([["put", "snapshots", number, stored]]))


def test_a_snapshot_damaged_on_disk_is_retrained_to_the_same_bits(tmp_path):
    living = Living(tmp_path)
    for words in ("one", "two", "three"):
        living.teach(words)
    living.learn("practice")
    before = weights_of(living)
    for number in (2, 4):
        damage(living, number)
    assert len(run(check_store(living.store))) == 2
    run(history(living).repair(4))
    run(history(living).repair(2))
    assert run(check_store(living.store)) == [] and weights_of(living) == before
    run(living.store.batch([["delete", "snapshots", 3]]))
    run(history(living).repair(3))
    assert run(check_store(living.store)) == []


def test_a_version_that_cannot_be_retrained_exactly_is_not_replaced(tmp_path):
    living = Living(tmp_path)
    id = living.teach("one")["version"]["lessons"][0]
    damage(living, 1)
    example = run(living.store.get("examples", id))
    run(living.store.batch([["put", "examples", id, {**example, "answer": "changed"}]]))
    with pytest.raises(SnapshotDamaged, match="cannot be retrained exactly"):
        run(history(living).repair(1))


def test_reset_needs_the_word_and_leaves_only_the_ledger(tmp_path):
    living = Living(tmp_path)
    living.teach("one")
    living.offer("two")
    with pytest.raises(ValueError, match="type RESET"):
        run(reset(living.versions, "reset"))
    assert run(living.versions.current())
    run(reset(living.versions, "RESET"))
    for store in ("versions", "snapshots", "examples", "queue"):
        assert run(living.store.count(store)) == 0
    assert run(living.versions.current()) is None and run(check_store(living.store)) == []
    last = run(living.ledger.entries())[-1]
    assert last["kind"] == "reset" and last["body"] == {"versions": 1, "examples": 1}
    living = Living(tmp_path)
    assert living.teach("three")["version"]["micro"] == 1 and run(check_store(living.store)) == []
