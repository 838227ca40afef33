"""The ledger must show edits, gaps and swaps by itself, and cuts and rewrites against a known
head."""

import asyncio
import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oneseek.engine.core.storage.sqlite import SqliteStore
from oneseek.engine.history.ledger import (
    GENESIS,
    Change,
    Ledger,
    Overtaken,
    canonical,
    chain,
    problems,
)
from oneseek.engine.history.native_keys import Signer
from oneseek.engine.history.verify_integrity import holds


def run(coroutine):
    return asyncio.run(coroutine)


BODIES = st.lists(
    st.dictionaries(st.text(max_size=3), st.integers() | st.text(max_size=5) | st.floats(0, 1)),
    min_size=2,
    max_size=9,
)


def entries_of(bodies):
    return chain(GENESIS, [("dna", body) for body in bodies], 1000)


@given(BODIES)
def test_an_honest_chain_has_no_problems(bodies):
    entries = entries_of(bodies)
    assert problems(entries, entries[-1]) == []


@given(BODIES, st.data())
@settings(max_examples=60)
def test_R38_an_edit_a_gap_and_a_swap_are_found_without_help(bodies, data):
    entries = entries_of(bodies)
    i = data.draw(st.integers(0, len(entries) - 2))
    edited = copy.deepcopy(entries)
    edited[i]["body"]["edited"] = True
    assert problems(edited) == [f"entry {i + 1} (dna) was changed after it was written"]
    dropped = entries[:i] + entries[i + 1 :]
    assert "entries are missing" in problems(dropped)[0]
    swapped = list(entries)
    swapped[i], swapped[i + 1] = swapped[i + 1], swapped[i]
    assert problems(swapped)


@given(BODIES, st.data())
@settings(max_examples=60)
def test_R38_a_cut_tail_and_a_full_rewrite_are_found_only_against_a_kept_head(bodies, data):
    entries = entries_of(bodies)
    head = entries[-1]
    cut = entries[: data.draw(st.integers(0, len(entries) - 1))]
    assert problems(cut) == [] and "are left" in problems(cut, head)[0]
    rewritten = entries_of([{"forged": n} for n in range(len(entries))])
    assert problems(rewritten) == [] and "rewritten" in problems(rewritten, head)[0]


def test_numbers_mean_the_same_before_and_after_javascript():
    assert canonical({"b": 1.0, "a": [0.5, -0.0]}) == canonical({"a": [0.5, 0], "b": 1})
    assert canonical({"kl": float("nan")}) == canonical({"kl": None})


def ledger(path, signer=None):
    return Ledger(SqliteStore(path), lambda: 7, signer)


def change(n, relying_on=None):
    made = Change()
    made.put("state", "thing", {"n": n})
    if relying_on is not None:
        made.require("state", "thing", "n", relying_on)
    made.tell("dna", {"n": n})
    return made


def test_the_event_and_what_it_tells_of_are_stored_together(tmp_path):
    kept = ledger(tmp_path / "s.db")
    run(kept.commit(change(1)))
    with pytest.raises(Overtaken, match="changed meanwhile"):
        run(kept.commit(change(2, relying_on=5)))
    assert run(kept.store.get("state", "thing")) == {"n": 1}
    assert len(run(kept.entries())) == 1 and run(kept.problems()) == []


def test_R15_two_writers_make_one_chain_without_a_fork(tmp_path):
    one, two = ledger(tmp_path / "s.db"), ledger(tmp_path / "s.db")
    head, raced = one.head, []

    async def late_head():
        found = await head()
        if not raced:
            raced.append(True)
            await two.commit(change(2))
        return found

    one.head = late_head
    run(one.commit(change(1)))
    assert [entry["body"]["n"] for entry in run(two.entries())] == [2, 1]
    assert run(two.problems()) == []


def test_each_new_head_is_signed_where_there_is_a_key(tmp_path):
    signer = Signer(bytes(32))
    kept = ledger(tmp_path / "s.db", signer)
    run(kept.commit(change(1)))
    (entry,) = run(kept.entries())
    assert entry["signed_by"] == signer.public_key and run(kept.problems()) == []
    assert holds(signer.public_key, entry["hash"].encode(), entry["signature"])
    assert not holds(signer.public_key, entry["previous"].encode(), entry["signature"])


def test_an_unknown_kind_of_event_is_refused():
    with pytest.raises(ValueError, match="'party'"):
        chain(GENESIS, [("party", {})], 1)
