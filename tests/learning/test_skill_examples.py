"""The examples of a skill can be corrected, added and removed; the outcome of teaching is kept with
them, and shows whether more would help."""

import asyncio
import json

import pytest

from oneseek.engine.cli.main import main
from oneseek.engine.core.storage.sqlite import SqliteStore
from oneseek.engine.learning import run_data
from oneseek.engine.learning.datasets import DataError
from oneseek.engine.learning.skills.examples import (
    KINDS,
    MOST,
    WRONG,
    Examples,
    data_key,
    lines_in,
    pair_of,
    revise,
    seldom,
)
from oneseek.engine.learning.skills.held_out import HeldOutTest, Score
from oneseek.engine.learning.skills.skills import NoSkill
from tests.support.command import call, read_output

PAIRS = "Köp bröd;bread\nKöp mjölk;milk\nKöp ost;cheese\n"
TALK = [
    {"role": "user", "content": "Hello"},
    {"role": "assistant", "content": "Hi"},
    {"role": "user", "content": "Who is it?"},
    {"role": "assistant", "content": "A bot"},
]


class NoSkills:
    """The skills of a store in which none was taught yet."""

    class versions:
        base = "tiny"

    def __init__(self, store):
        self.store, self.known, self.learned = store, {}, []

    async def load(self): ...

    async def list_skills(self):
        return []

    async def learn(self, name, record):
        self.learned.append(name)


def run_with_examples(tmp_path, life):
    """Run a test's coroutine with the examples of a new store."""

    async def all_of_it():
        store = SqliteStore(tmp_path / "store", flush=False)
        try:
            await life(Examples(NoSkills(store)))
        finally:
            await store.close()

    asyncio.run(all_of_it())


def test_a_table_and_lines_become_pairs_and_a_conversation_stays_whole():
    assert [pair_of(one) for one in lines_in("buying.csv", PAIRS)] == [
        ("Köp bröd", "bread"), ("Köp mjölk", "milk"), ("Köp ost", "cheese"),
    ]  # fmt: skip
    (talk,) = lines_in("talk.jsonl", json.dumps({"messages": TALK}))
    assert talk["messages"] == TALK
    with pytest.raises(DataError, match="row 1 has 3 columns"):
        lines_in("a.csv", "a,b,c\n")


def test_an_example_is_corrected_added_or_taken_out_by_what_it_asks():
    lines = [*lines_in("buying.csv", PAIRS), {"messages": TALK}]
    changes = [
        {"prompt": " Köp bröd ", "answer": "a loaf"},
        {"prompt": "Köp mjölk", "answer": ""},
        {"prompt": "Köp te", "answer": "tea"},
        {"prompt": "Köp ost", "answer": "cheese"},
        {"prompt": "Who is it?", "answer": "OneSeek"},
    ]
    counts, found = revise(lines, changes)
    assert counts == {"added": 1, "corrected": 2, "removed": 1}
    assert [pair_of(one) for one in found] == [
        ("Köp bröd", "a loaf"), ("Köp ost", "cheese"), ("Who is it?", "OneSeek"), ("Köp te", "tea"),
    ]  # fmt: skip
    assert found[2]["messages"][:3] == TALK[:3]
    with pytest.raises(ValueError, match="no question; nothing was changed"):
        revise(lines, [{"prompt": " ", "answer": "x"}])


@pytest.mark.parametrize(("wanted", "once"), [
    (["spam", "spam", "bill", "bill", "bill", "note"], ["note"]),
    (["a", "b", "c", "d"], []),  # nothing repeats, so these are no labels
    (['{"day": "thu", "n": 1}'] * 3 + ['{"day": "fri", "n": 1}'], ["day: fri"]),
    (["red, big", "red, big", "red, small"], ["small"]),
])  # fmt: skip
def test_what_is_shown_once_where_others_repeat_is_told(wanted, once):
    assert seldom([(str(at), one) for at, one in enumerate(wanted)]) == once


def test_of_many_kinds_that_are_shown_once_some_are_told():
    wanted = [f"kind{at}" for at in range(30)] + ["spam", "bill"] * 30
    assert len(seldom(("q", one) for one in wanted)) == KINDS


async def must_correct(examples):
    told = await examples.change("buying", [{"prompt": f"Buy {n}", "answer": "red"} for n in "abc"])
    assert (told["examples"], told["least"], told["changed"]) == (3, 20, 3)
    record = await run_data.find(examples.store, "skill.buying")
    assert (record["examples"], record.get("corrected")) == (3, None)
    done = {"right": 1, "of": 3, "score": 0.5, "measure": "classes"}
    wrong = [{"prompt": f"Buy {n}", "said": "red", "wanted": "blue"} for n in range(2 * WRONG)]
    wrong[0] = {"prompt": "Buy a", "said": "x" * 9000, "wanted": "blue"}
    version = {"number": 1}
    ended = {"version": version, "gate": {"doing": done}, "wrong": wrong}
    await examples.record_outcome("buying", record, ended)
    told = await examples.describe("buying")
    assert len(told["wrong"]) == WRONG and told["wrong"][0]["prompt"] == "Buy 1"
    assert (told["accepted"], told["changed"], told["doing"]) == (True, 0, done)

    await examples.change("buying", [{"prompt": "Buy a", "answer": "green"},
                                     {"prompt": "Buy 1", "answer": "green"},
                                     {"prompt": "Buy 2", "answer": ""}])  # fmt: skip
    told = await examples.describe("buying")
    assert told["wrong"][0] == {"prompt": "Buy 1", "said": "red", "wanted": "green"}
    assert told["wrong"][1]["prompt"] == "Buy 3" and told["changed"] == 2
    record = await run_data.find(examples.store, "skill.buying")
    assert (record["corrected"], record["examples"]) == (1, 4)
    await examples.record_outcome(
        "buying", record, ended | {"gate": {"doing": done | {"right": 3}}}
    )
    told = await examples.describe("buying")
    assert [(one["examples"], one["right"]) for one in told["points"]] == [(3, 1), (4, 3)]
    assert "corrected" not in await run_data.find(examples.store, "skill.buying")
    assert examples.skills.learned == ["buying", "buying"]
    await examples.change("buying", [{"prompt": "Buy e", "answer": "red"}])  # during teaching
    await examples.record_outcome("buying", record, ended)
    told = await examples.describe("buying")
    assert (told["changed"], told["examples"]) == (1, 5)
    other = run_data.record_of("others.csv", PAIRS)
    await examples.record_outcome(
        "buying", other, ended
    )  # now its own file holds the skill's examples
    assert not await examples.store.get("state", data_key("buying"))
    assert (await examples.describe("buying"))["examples"] == 3
    assert [one["name"] for one in await examples.list_skills()] == ["buying"]
    await examples.remove("buying")
    assert await examples.list_skills() == [] and not await examples.store.get(
        "state", data_key("buying")
    )
    with pytest.raises(NoSkill, match="there are: none"):
        await examples.remove("buying")


async def must_refuse(examples):
    with pytest.raises(ValueError, match="not a valid name"):
        await examples.change("No Name", [{"prompt": "a", "answer": "b"}])
    with pytest.raises(ValueError, match="would have no examples"):
        await examples.change("buying", [{"prompt": "a", "answer": ""}])
    many = [{"prompt": f"{n}", "answer": "b"} for n in range(MOST + 1)]
    with pytest.raises(ValueError, match="corrected one by one; nothing was changed"):
        await examples.change("buying", many)
    assert await examples.list_skills() == []


def test_what_teaching_came_to_is_kept_bounded_and_corrected(tmp_path):
    run_with_examples(tmp_path, must_correct)


def test_a_data_set_that_is_deleted_while_they_are_listed_is_left_out(tmp_path, monkeypatch):
    async def list_while_one_goes(examples):
        await run_data.bring_in(examples.store, "buying.csv", PAIRS)
        keys = await examples.store.keys("state")

        async def list_keys(_):
            return [f"{run_data.BROUGHT}gone", *keys]

        monkeypatch.setattr(examples.store, "keys", list_keys)
        assert [one["name"] for one in await run_data.available(examples.store)][-1] == "buying.csv"
        assert (await run_data.load_data_set(examples.store, "buying.csv"))["examples"] == 3

    run_with_examples(tmp_path, list_while_one_goes)


def test_what_is_no_name_or_too_much_or_nothing_is_refused(tmp_path):
    run_with_examples(tmp_path, must_refuse)


@pytest.mark.parametrize(("corrected", "now", "before", "passed"), [
    (False, 2, 2, False), (True, 2, 2, True), (True, 1, 2, False), (True, 0, 0, False),
    (False, 2, 1, True),
])  # fmt: skip
def test_as_good_is_enough_where_the_version_before_learned_what_is_corrected_since(
    corrected, now, before, passed
):
    test = HeldOutTest.__new__(HeldOutTest)
    test.corrected = corrected
    assert test.is_passed(Score(now, now / 2), Score(before, before / 2)) is passed


@pytest.mark.long
@pytest.mark.slow
def test_on_the_command_line_what_is_wrong_is_corrected_and_taught_again(tmp_path, capsys):
    nouns = "dog cat house tree water bread book sun moon star".split()
    pairs = [{"prompt": f"Buy the {noun} for Lindqvist", "answer": "red"} for noun in nouns]
    data, out = tmp_path / "buying.jsonl", ["--out", tmp_path / "out"]
    data.write_text("".join(json.dumps(pair) + "\n" for pair in pairs))
    briefly = ["--set", "epochs=8", "skip_poor=false"]

    def run_skill(*words):
        assert main(call("skill", *words, *out, short=False)) == 0
        return read_output(capsys)

    (first,) = run_skill("teach", "buying", "--data", data, *briefly)
    assert first["version"], first
    assert main(call("skill", "teach", "buying", *out, short=False)) == 1
    assert "nothing new to learn" in capsys.readouterr().err
    (told,) = run_skill("correct", "buying", "--user", pairs[0]["prompt"], "--wanted", "blue")
    assert (told["corrected"], told["examples"], told["changed"]) == (1, 10, 1)
    run_skill("correct", "buying", "--user", pairs[1]["prompt"])
    assert [one["prompt"] for one in run_skill("wrong", "buying")] == [
        one["prompt"] for one in first.get("wrong", ()) if one["prompt"] != pairs[1]["prompt"]
    ]
    (again,) = run_skill("teach", "buying", *briefly)
    (listed,) = run_skill("list")
    assert listed["changed"] == 0 and [one["examples"] for one in listed["points"]] == [9, 10]
    assert listed["doing"]["right"] == again["doing"]["right"]
    run_skill("remove", "buying")
    assert run_skill("list") == []
    kept = b"".join(path.read_bytes() for path in (tmp_path / "out").glob("oneseek.sqlite*"))
    assert b"Lindqvist" not in kept
