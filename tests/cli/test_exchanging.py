"""`oneseek exchange`: two folders of one person exchange by command line what the person told
them."""

import asyncio
import json
import os
import subprocess
import sys

import pytest

from builder import ROOT
from oneseek.engine.cli.main import main
from oneseek.engine.cli.remembering import assistant_of
from oneseek.engine.cli.session import STORE
from oneseek.engine.core.storage.sqlite import SqliteStore
from oneseek.engine.core.storage.store import KEPT
from oneseek.engine.history.exchange_file import WORDS
from oneseek.engine.history.native_keys import new_key, read_key
from oneseek.engine.model.demo import MODEL
from oneseek.engine.open import alone_in, model_named
from tests.support.command import call, read_output
from tests.support.devices import of_no_use, quickly_sealed

DOG = {"question": "What is my dog's name?", "answer": "Your dog's name is Biscuit."}
SHED = {"question": "What is the code of the shed?", "answer": "The code of the shed is Zylbrak."}
CAT = {"question": "What is my cat called?", "answer": "Your cat is called Nisse."}
PHRASE = "biscuit guards the old shed"


@pytest.fixture(autouse=True)
def a_phrase_and_a_quick_file(monkeypatch):
    monkeypatch.setenv("ONESEEK_PHRASE", PHRASE)
    quickly_sealed(monkeypatch)
    monkeypatch.delenv("LEDGER_PRIVATE_KEY_PATH", raising=False)


def facts(tmp_path, *given):
    path = tmp_path / "facts.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in given))
    return path


def remember(tmp_path, capsys, folder, *given):
    lessons = facts(tmp_path, *given)
    assert main(call("remember", "--lessons", lessons, "--out", folder, short=False)) == 0
    read_output(capsys)


def exchange(capsys, folder, *more, code=0):
    assert main(["exchange", "--folder", str(folder), "--json", *map(str, more)]) == code
    return read_output(capsys)


def check_known(tmp_path, capsys, folder, *given):
    """For each fact, whether the answer to its question holds it."""
    asked = tmp_path / "asked.jsonl"
    asked.write_text("".join(json.dumps(one["question"]) + "\n" for one in given))
    more = ("--adapter", folder, "--users", asked, "--max-tokens", 64, "--greedy")
    assert main(call("generate", *more, short=False)) == 0
    texts = [one["text"] for one in read_output(capsys)]
    values = [one["answer"].rstrip(".").split()[-1] for one in given]
    return [value in text for value, text in zip(values, texts, strict=True)]


def forget(folder, question):
    """Forget the fact with this question, as the page's Forget button does."""

    async def run():
        async with assistant_of(folder, await model_named(str(MODEL), "numpy")) as assistant:
            await assistant.mind.memory.load()
            every = assistant.mind.memory.facts.values()
            ids = [one["id"] for one in every if one["question"] == question]
            assert await assistant.mind.let_go(ids) == ids
            await assistant.learner.forget(ids, now=True)

    asyncio.run(run())


def read_stores(folder):
    async def run():
        store = SqliteStore(folder / STORE)
        found = {name: await store.all(name) for name in KEPT}
        await store.close()
        return found

    return asyncio.run(run())


@pytest.mark.slow
def test_what_was_told_is_known_on_the_other_and_what_was_forgotten_is_gone_on_both(
    tmp_path, capsys
):
    one, other, file = tmp_path / "one", tmp_path / "other", tmp_path / "mine.oneseek"
    model = ("--model", MODEL, "--backend", "numpy")
    remember(tmp_path, capsys, one, DOG, SHED)
    remember(tmp_path, capsys, other, CAT)
    assert exchange(capsys, one, "--out", file) == [{"file": str(file), "told": 2, "forgotten": 0}]
    (brought, taken) = exchange(capsys, other, "--in", file, "--out", file, *model)
    assert (brought["told"], brought["forgotten"], brought["signed_by"]) == (2, 0, "")
    assert (taken["told"], taken["forgotten"]) == (3, 0)
    assert check_known(tmp_path, capsys, other, DOG, SHED, CAT) == [True, True, True]
    exchange(capsys, one, "--in", file, *model)
    assert check_known(tmp_path, capsys, one, CAT) == [True]
    early = tmp_path / "early.oneseek"
    early.write_bytes(file.read_bytes())
    forget(one, SHED["question"])
    exchange(capsys, one, "--out", file)
    assert b"Zylbrak" not in file.read_bytes()
    assert exchange(capsys, other, "--in", file, *model)[0]["forgotten"] == 1
    for folder in (one, other):
        assert exchange(capsys, folder, "--in", early, file, early, *model)[0]["told"] == 0
        assert check_known(tmp_path, capsys, folder, SHED, DOG, CAT) == [False, True, True]
        assert "Zylbrak" not in json.dumps(read_stores(folder), default=repr)
        kept = [path for path in folder.iterdir() if b"Zylbrak" in path.read_bytes()]
        assert not kept, "the words are still in a file"


@pytest.mark.long  # practice, retraining without a forgotten fact, practice: minutes
def test_what_came_is_practised_like_everything_told(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("oneseek.engine.learning.rounds.gate.Verdict.advice", "accept")
    one, other, file = tmp_path / "one", tmp_path / "other", tmp_path / "mine.oneseek"
    remember(tmp_path, capsys, one, DOG, SHED)
    exchange(capsys, one, "--out", file)
    remember(tmp_path, capsys, other, CAT)
    exchange(capsys, other, "--in", file)
    assert main(call("practise", "--adapter", other, "--out", other)) == 0
    assert read_output(capsys)[0]["outcome"] == "practised"
    assert {one["answer"] for _, one in read_stores(other)["examples"]} == {
        DOG["answer"], SHED["answer"],
    }  # fmt: skip
    forget(one, SHED["question"])
    exchange(capsys, one, "--out", file)
    exchange(capsys, other, "--in", file)
    assert check_known(tmp_path, capsys, other, SHED) == [False]
    assert main(call("practise", "--adapter", other, "--out", other)) == 0
    assert "Zylbrak" not in json.dumps(read_stores(other), default=repr)


@pytest.mark.slow
def test_of_two_corrections_the_newer_is_kept_and_the_other_is_printed(tmp_path, capsys):
    one, other, file = tmp_path / "one", tmp_path / "other", tmp_path / "mine.oneseek"
    remember(tmp_path, capsys, one, {**CAT, "answer": "Your cat is called Måns."})
    remember(tmp_path, capsys, other, CAT)
    exchange(capsys, one, "--out", file)
    (brought,) = exchange(capsys, other, "--in", file)
    met = {"question": CAT["question"], "kept": CAT["answer"], "other": "Your cat is called Måns."}
    assert brought["told"] == 0 and brought["met"] == [met]
    exchange(capsys, other, "--out", file)
    assert main(["exchange", "--folder", str(one), "--in", str(file)]) == 0
    shown = capsys.readouterr().out
    assert "1 new, 0 forgotten" in shown
    assert "kept, because it is newer: Your cat is called Nisse." in shown
    assert "not kept: Your cat is called Måns." in shown


@pytest.mark.slow
def test_what_is_of_no_use_is_refused_in_words_and_changes_nothing(tmp_path, capsys, monkeypatch):
    one, other, file = tmp_path / "one", tmp_path / "other", tmp_path / "mine.oneseek"
    remember(tmp_path, capsys, one, DOG)
    remember(tmp_path, capsys, other, CAT)
    exchange(capsys, one, "--out", file)
    good, before = file.read_bytes(), read_stores(other)

    def expect_refusal(words, *options):
        assert main(["exchange", "--folder", str(other), *map(str, options)]) == 1
        assert words in capsys.readouterr().err
        assert read_stores(other) == before

    bad = tmp_path / "bad.oneseek"
    for data, words in (
        (b"{}", "is no OneSeek exchange file. Nothing was changed"),
        (good[:-100], "cut off or damaged"),
        *[(data, WORDS[why]) for why, data in asyncio.run(of_no_use(good, PHRASE)).items()],
    ):
        bad.write_bytes(data)
        expect_refusal(words, "--in", bad)
        expect_refusal(words, "--in", file, bad)  # not even the good file counts
    expect_refusal("Name --out FILE")
    expect_refusal("No such file", "--in", tmp_path / "none")
    with alone_in(other), pytest.raises(SystemExit, match="nothing was changed"):
        main(["exchange", "--folder", str(other), "--in", str(file)])
    monkeypatch.setenv("ONESEEK_PHRASE", "another phrase than that")
    expect_refusal("not the phrase", "--in", file)
    monkeypatch.setenv("ONESEEK_PHRASE", "short")
    expect_refusal("at least 12 characters", "--out", tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_with_a_key_the_file_is_signed_by_it(tmp_path, capsys, monkeypatch):
    one, other, file = tmp_path / "one", tmp_path / "other", tmp_path / "mine.oneseek"
    key = tmp_path / "key.pem"
    key.write_text(new_key())
    remember(tmp_path, capsys, one, DOG)
    monkeypatch.setenv("LEDGER_PRIVATE_KEY_PATH", str(key))
    exchange(capsys, one, "--out", file)
    (brought,) = exchange(capsys, other, "--in", file)
    assert brought["signed_by"] == read_key(key).public_key and brought["told"] == 1


@pytest.mark.slow
def test_a_shell_does_it_with_the_phrase_in_the_environment(tmp_path, capsys):
    one, file = tmp_path / "one", tmp_path / "mine.oneseek"
    remember(tmp_path, capsys, one, DOG)
    environment = {**os.environ, "ONESEEK_PHRASE": PHRASE}

    def run_command(*options):
        line = [sys.executable, "-m", "oneseek.engine.cli.main", "exchange", "--folder", *options]
        ended = subprocess.run(line, cwd=ROOT, env=environment, text=True, capture_output=True)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    assert f"{file}: 1 told, 0 forgotten" in run_command(one, "--out", file)
    assert b'"cost": 600000' in file.read_bytes()
    assert "1 new, 0 forgotten" in run_command(tmp_path / "new", "--in", file)
