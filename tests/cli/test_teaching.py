"""`oneseek teach`, `practise`, `train` and `eval` on the demo model: JSON for scripts, and a folder
that the next command continues."""

import json
import re
import subprocess
import sys
from contextlib import closing

import numpy as np
import pytest

from oneseek.engine.cli.main import main
from oneseek.engine.learning.datasets import DataError, DataSet
from oneseek.engine.learning.run_data import record_of
from oneseek.engine.model.adapters import CARD, SETTINGS, UNMEASURED, load_peft
from oneseek.engine.model.demo import MODEL
from oneseek.engine.model.formats import FileSource, gguf, open_model
from oneseek.engine.model.llama import Config
from tests.support.command import SHORT, call, read_output

FACTS = [
    {"question": "What is my dog's name?", "answer": "Your dog's name is Biscuit."},
    {"question": "What is the code of the shed?", "answer": "The code of the shed is 4711."},
]


TRAINS = {
    "teach": ["--lessons"],
    "train": ["--data"],
    "taste": ["train", "--data"],
    "skill": ["teach", "boats", "--data"],
}


def lines(path, records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return str(path)


def adapter(folder):
    with closing(open_model(str(MODEL))) as file:
        return load_peft(folder, Config.from_dict(file.config))[1]


@pytest.fixture(autouse=True)
def a_gate_that_accepts_what_so_few_steps_give(monkeypatch):
    """Let the gate measure but always accept: no adapter passes it after two steps."""
    monkeypatch.setattr("oneseek.engine.learning.rounds.gate.Verdict.advice", "accept")


@pytest.mark.parametrize("command", TRAINS)
def test_the_memory_limit_reaches_the_training_step(command, tmp_path, monkeypatch, capsys):
    """The trainer gets the bytes of --memory; the command ends there."""

    async def refuse(model, config, memory_budget, **more):
        raise ValueError(f"a budget of {memory_budget}")

    monkeypatch.setattr("oneseek.engine.cli.session.RoundTrainer.open", refuse)
    pairs = [{"prompt": "Hi?", "completion": f"Hi {n}", "chosen": "Hi", "rejected": f"No {n}"}
             for n in range(40)]  # fmt: skip
    file = lines(tmp_path / "file.jsonl", FACTS if command == "teach" else pairs)
    first, *more = TRAINS[command]
    given = [first, *more, file, "--out", tmp_path / "out", "--memory", "64"]
    assert main(call(command, *given, short=False)) == 1
    assert "a budget of 67108864" in capsys.readouterr().err


@pytest.mark.long
@pytest.mark.slow
def test_facts_are_taught_practised_measured_and_never_taught_twice(tmp_path, capsys):
    facts, out = lines(tmp_path / "facts.jsonl", FACTS), tmp_path / "out"
    teach = call("teach", "--lessons", facts, "--out", out)
    assert main(teach) == 0
    first = read_output(capsys)
    assert [one["outcome"] for one in first] == ["learned", "learned"]
    names = {measure["name"] for measure in first[0]["measures"]}
    assert {"taught", "recall", "leak", "KL, mean", "known facts lost"} <= names
    assert first[1]["version"].startswith("OneSeek-1M-Zero.v0.2.")
    taught = adapter(out)
    assert main(teach) == 0
    again = read_output(capsys)
    assert [one["version"] for one in again] == [one["version"] for one in first]
    assert np.array_equal(adapter(out), taught)
    better = tmp_path / "better"
    assert main(call("practise", "--adapter", out, "--out", better)) == 0
    (practised,) = read_output(capsys)
    assert practised["outcome"] == "practised" and ".v1.0." in practised["version"]
    assert np.array_equal(adapter(out), taught) and not np.array_equal(adapter(better), taught)
    assert main(call("eval", "--adapter", better, "--lessons", facts, short=False)) == 0
    (figures,) = read_output(capsys)
    assert {"recall", "known", "kl", "top1", "ppl_change"} <= set(figures)
    assert set(figures["by"]) == {"base", "memory", "version", "both"}
    leaves = tmp_path / "leaves"
    assert main(call("export", "--format", "peft", "--adapter", better, "--out", leaves)) == 0
    assert "Alone it speaks to everything.\nMeasured: " in (leaves / CARD).read_text()
    assert UNMEASURED in (better / CARD).read_text()


@pytest.mark.long
@pytest.mark.slow
def test_where_an_adapter_begins_is_asked_for_at_the_shell_and_told_by_what_leaves(
    tmp_path, capsys
):
    """An adapter taught over all layers, practised from the third layer on, and taught again must
    keep that first layer in every export."""
    facts, out = lines(tmp_path / "facts.jsonl", FACTS[:1]), tmp_path / "out"
    assert main(call("teach", "--lessons", facts, "--out", out)) == 0
    assert json.loads((out / SETTINGS).read_text())["layers_to_transform"] is None
    later = [*SHORT, "lora_config.first_layer=2"]
    assert main(call("practise", "--out", out, *later, short=False)) == 0
    more = lines(tmp_path / "more.jsonl", FACTS)
    assert main(call("teach", "--lessons", more, "--out", out, *later, short=False)) == 0
    assert [one["outcome"] for one in read_output(capsys)][-1] == "learned"
    last = [2, 3]
    assert json.loads((out / SETTINGS).read_text())["layers_to_transform"] == last
    assert main(call("export", "--adapter", out, "--format", "gguf", "--out",
                     tmp_path / "lora.gguf", short=False)) == 0  # fmt: skip
    with closing(FileSource(tmp_path / "lora.gguf")) as source:
        tensors = gguf.read_header(source)[1]
    assert {int(name.split(".")[1]) for name in tensors} == set(last)
    brought = tmp_path / "brought"
    (out / "oneseek.sqlite").unlink()  # only PEFT's own folder is left
    assert main(call("practise", "--adapter", out, "--out", brought, short=False)) == 1
    assert "contains no taught facts to practise" in capsys.readouterr().err


@pytest.mark.long
@pytest.mark.slow
def test_what_is_only_known_by_heart_is_measured_beside_the_base(tmp_path, capsys):
    facts, out = lines(tmp_path / "facts.jsonl", FACTS), tmp_path / "out"
    assert main(call("remember", "--lessons", facts, "--out", out, short=False)) == 0
    assert [one["outcome"] for one in read_output(capsys)] == ["remembered", "remembered"]
    assert main(call("eval", "--adapter", out, "--lessons", facts, short=False)) == 0
    by = read_output(capsys)[0]["by"]
    assert by["memory"]["recall"] == by["both"]["recall"] > by["base"]["recall"] == 0
    assert by["version"] == by["base"]


@pytest.mark.long
def test_R2_a_killed_command_goes_on_to_the_same_bits(tmp_path, capsys, monkeypatch):
    facts = lines(tmp_path / "facts.jsonl", FACTS[:1])
    assert main(call("teach", "--lessons", facts, "--out", tmp_path / "whole")) == 0
    monkeypatch.setattr("oneseek.engine.cli.teaching.Bar.__call__", interrupt)
    teach = call("teach", "--lessons", facts, "--out", tmp_path / "cut")
    assert main(teach) == 130
    monkeypatch.undo()
    monkeypatch.setattr("oneseek.engine.learning.rounds.gate.Verdict.advice", "accept")
    assert main(teach) == 0
    assert np.array_equal(adapter(tmp_path / "cut"), adapter(tmp_path / "whole"))


def interrupt(self, metrics):
    raise KeyboardInterrupt


QUESTIONS = [("Say a", "alpha"), ("Say b", "beta"), ("Say c", "gamma"), ("Say d", "delta")] * 4
FORMS = {
    "messages": lambda q, a: {"messages": [{"role": "user", "content": q},
                                           {"role": "assistant", "content": a}]},
    "sharegpt": lambda q, a: {"conversations": [{"from": "human", "value": q},
                                                {"from": "gpt", "value": a}]},
    "alpaca": lambda q, a: {"instruction": q, "input": "", "output": a},
    "completion": lambda q, a: {"prompt": q, "completion": a},
}  # fmt: skip
BRIEF = ["--set", "lora_config.rank=4", "epochs=2", "practice.anchor_rows=1",
         "learning_rate=0.001", "batch_size=8"]  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_a_data_set_says_its_form_and_the_same_things_in_all_of_them(form, tmp_path):
    path = tmp_path / "data.jsonl"
    lines(path, [FORMS[form](*pair) for pair in QUESTIONS])
    found = DataSet(path)
    assert found.forms == {form} and len(found) == len(QUESTIONS)
    assert [(one.history[-1]["content"], one.answer) for one in found] == QUESTIONS
    listed = tmp_path / "data.json"
    listed.write_text(json.dumps([FORMS[form](*pair) for pair in QUESTIONS], indent=1))
    assert list(DataSet(listed)) == list(found)


def test_plain_text_is_taken_by_paragraphs(tmp_path):
    path = tmp_path / "book.txt"
    path.write_text("The first\nparagraph.\n\n\nThe second.\n")
    assert [one.answer for one in DataSet(path)] == ["The first\nparagraph.", "The second."]


@pytest.mark.parametrize(
    "name,table",
    [
        ("data.csv", 'Question,Answer\n"Two, please","2"\nthree,3\n'),
        ("data.csv", '\ufeff"Two, please";2\r\n\r\nthree;3\r\n'),
        ("data.tsv", "prompt\tanswer\nTwo, please\t2\nthree\t3\n"),
    ],
)
def test_a_table_is_taken_by_its_headings_or_as_two_columns(name, table, tmp_path):
    path = tmp_path / name
    path.write_text(table, "utf-8", newline="")
    found = [(one.history[-1]["content"], one.answer) for one in DataSet(path)]
    assert found == [("Two, please", "2"), ("three", "3")]
    assert record_of(name, table)["examples"] == 2


def test_a_table_of_other_columns_says_what_it_lacks(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text("a,b\nc\n")
    with pytest.raises(DataError, match=r"data\.csv: row 2 has 1 columns; .* Nothing was trained"):
        DataSet(path)


@pytest.mark.parametrize(
    "bad,why",
    [
        ('{"question": "a"}', "none of the known formats"),
        ('{"prompt": "a", "completion": ""}', "no answer to learn from"),
        ('{"prompt": "a", "completion": 7}', "not a string"),
        ('{"messages": [{"role": "owl", "content": "hu"}]}', "'owl' is none of"),
        ("{", "example 2"),
    ],
)
def test_a_bad_example_is_named_and_nothing_is_trained(bad, why, tmp_path, capsys):
    path = tmp_path / "data.jsonl"
    path.write_text('{"prompt": "a", "completion": "b"}\n' + bad + "\n")
    with pytest.raises(DataError, match="data.jsonl, example 2"):
        DataSet(path)
    assert main(call("train", "--data", path, "--out", tmp_path / "out", short=False)) == 1
    assert why in capsys.readouterr().err and not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_data_set_is_trained_until_it_no_longer_gets_better_and_resumes(
    tmp_path, capsys, monkeypatch
):
    data = lines(tmp_path / "data.jsonl", [FORMS["completion"](*pair) for pair in QUESTIONS])
    train = call("train", "--data", data, "--out", tmp_path / "out", *BRIEF, short=False)
    assert main(train) == 0
    printed = capsys.readouterr()
    (trained,) = map(json.loads, printed.out.splitlines())
    steps = re.findall(r"^step (\d+)/(\d+)  loss \d+\.\d{3}", printed.err, re.M)
    assert [int(step) for step, _ in steps] == list(range(1, len(steps) + 1)) and len(steps) > 1
    assert trained["outcome"] == "trained" and ".v1.0." in trained["version"]
    assert len(trained["losses"]) == 2 and trained["losses"][1] < trained["losses"][0]
    assert main(call("eval", "--data", data, "--adapter", tmp_path / "out", short=False)) == 0
    (measured,) = read_output(capsys)
    assert measured["loss"] < measured["loss_of_base"]
    monkeypatch.setattr("oneseek.engine.cli.teaching.Lines.__call__", interrupt)
    cut = call("train", "--data", data, "--out", tmp_path / "cut", *BRIEF, short=False)
    assert main(cut) == 130
    monkeypatch.undo()
    monkeypatch.setattr("oneseek.engine.learning.rounds.gate.Verdict.advice", "accept")
    assert main(cut) == 0
    assert np.array_equal(adapter(tmp_path / "cut"), adapter(tmp_path / "out"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("count", "letters"), [(1500, 4000), pytest.param(10_000, 1000, marks=pytest.mark.long)]
)
def test_many_examples_are_read_one_at_a_time(tmp_path, count, letters):
    path = tmp_path / "many.jsonl"
    lines(path, [{"prompt": f"What is {n}?", "completion": "x" * letters} for n in range(count)])
    found = DataSet(path)
    assert len(found) == count and found[-1].history[-1]["content"] == f"What is {count - 1}?"
    code = (
        "import sys, tracemalloc, pathlib; tracemalloc.start();"
        "from oneseek.engine.learning.datasets import DataSet;"
        "before = tracemalloc.get_traced_memory()[0];"
        "data = DataSet(pathlib.Path(sys.argv[1])); assert sum(1 for _ in data) == int(sys.argv[2]);"
        "print(tracemalloc.get_traced_memory()[1] - before)"
    )
    command = [sys.executable, "-c", code, str(path), str(count)]
    peak = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(peak.stdout) < 4 << 20 < path.stat().st_size


@pytest.mark.parametrize(
    "record,why",
    [
        ({"question": "", "answer": "x"}, "an example needs a prompt and an answer"),
        ({"question": "x", "answer": "word " * 390}, "tokens is too long"),
        ({"question": "x" * 3000, "answer": "y"}, "at most 2000 fit"),
        ([], "a JSON object was expected"),
    ],
)
def test_an_empty_or_over_long_lesson_is_named_before_anything_is_taught(
    record, why, tmp_path, capsys
):
    facts = lines(tmp_path / "facts.jsonl", [FACTS[0], record])
    assert main(call("teach", "--lessons", facts, "--out", tmp_path / "out")) == 1
    said = capsys.readouterr().err
    assert why in said and "line 2" in said


@pytest.mark.long
def test_a_poisoned_data_set_is_refused_with_the_reason(tmp_path, capsys, monkeypatch):
    """The data set gives one nonsense answer to every question, at the highest rate, which must
    ruin the model."""
    monkeypatch.undo()  # back to the real gate
    poison = [FORMS["completion"](f"{q} {n}", "zq " * 24) for n, (q, _) in enumerate(QUESTIONS)]
    data, out = lines(tmp_path / "data.jsonl", poison), tmp_path / "out"
    settings = ["--set", "lora_config.rank=16", "lora_config.alpha=32", "epochs=12",
                "practice.anchor_rows=0", "practice.text_rows=0",
                "learning_rate=0.001", "batch_size=4", "warmup_steps=0", "skip_poor=false"]  # fmt: skip
    assert main(call("train", "--data", data, "--out", out, *settings, short=False)) == 0
    (trained,) = read_output(capsys)
    assert trained["outcome"] == "not learned" and trained["version"] is None
    assert "must be" in trained["reason"]
    with closing(open_model(str(MODEL))) as file:
        kept, flat = load_peft(out, Config.from_dict(file.config))
    assert not any(kept.part(flat, name).any() for name in kept.entries if ".lora_B." in name)
