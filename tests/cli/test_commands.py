"""The command line with a small real model: the JSON and the exit codes that scripts act on."""

import json

import pytest

from oneseek.engine.cli.main import main
from tests.support import tiny


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "tiny.gguf"
    path.write_bytes(tiny.gguf("llama", "Q4_1"))
    return str(path)


def read_output(capsys):
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_generate_answers_as_json_and_repeats_itself_when_greedy(model, capsys):
    call = ["generate", "--model", model, "--backend", "numpy", "--user", "Hej!", "--greedy",
            "--max-tokens", "5", "--json"]  # fmt: skip
    assert main(call) == main(call) == 0
    first, second = read_output(capsys)
    assert first["text"] == second["text"] and first["tokens"] <= 5
    assert set(first) == {"text", "tokens", "tokens_per_second"}


def test_many_users_give_one_line_each(model, tmp_path, capsys):
    users = tmp_path / "users.jsonl"
    users.write_text('"Hej!"\n"Hello"\n\n')
    call = ["generate", "--model", model, "--backend", "numpy", "--users", str(users), "--json"]
    assert main([*call, "--greedy", "--max-tokens", "3"]) == 0
    assert len(read_output(capsys)) == 2


def test_logits_show_the_ten_likeliest_tokens_at_every_position(model, capsys):
    call = ["logits", "--model", model, "--backend", "numpy", "--text", "Hej på dig", "--json"]
    assert main(call) == 0
    (result,) = read_output(capsys)
    assert len(result["top"]) == len(result["tokens"]) > 0
    for row in result["top"]:
        logprobs = [logprob for _, logprob in row]
        assert len(row) == 10 and logprobs == sorted(logprobs, reverse=True) and logprobs[0] <= 0


def test_no_model_is_its_own_exit_code(capsys, monkeypatch):
    monkeypatch.delenv("BASE_MODELS", raising=False)
    assert main(["generate", "--user", "hi"]) == 3
    assert "No base models selected" in capsys.readouterr().err


def test_a_line_that_is_no_string_is_named(model, tmp_path, capsys):
    users = tmp_path / "users.jsonl"
    users.write_text('"Hej!"\n{"not": "a string"}\n')
    call = ["generate", "--model", model, "--backend", "numpy", "--users", str(users)]
    assert main(call) == 1
    assert "line 2" in capsys.readouterr().err
