"""The files that `oneseek export` leaves on a disk with room and on a full one; and the exit codes
of commands that fail."""

import json
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer as Theirs

from builder import ROOT
from oneseek.engine.cli import session
from oneseek.engine.cli.judging import describe_measures
from oneseek.engine.cli.main import main
from oneseek.engine.model import registry
from oneseek.engine.model.adapters import save_peft
from oneseek.engine.model.formats import open_model
from oneseek.engine.model.llama import Config
from oneseek.engine.model.published import beside_weights
from oneseek.engine.model.template import ChatTemplate
from oneseek.engine.model.tokenizer import Tokenizer
from oneseek.engine.model.trainable import Trained
from tests.support import tiny

FULL = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (6000, 6000))
from oneseek.engine.cli.main import main
sys.exit(main(sys.argv[1:]))
"""
TEXTS = [
    "Hej på dig, 12 båtar!",
    "  two  spaces\n\n\nand lines",
    "it's 𝔘nicode 🙂 1234",
    "<|im_end|> x",
]


@pytest.fixture
def given(tmp_path) -> list[str]:
    """--model and --adapter, with an adapter that changes the answers."""
    path = tmp_path / "tiny.gguf"
    path.write_bytes(tiny.gguf("llama", "Q4_1"))
    with closing(open_model(path)) as file:
        config = Config.from_dict(file.config)
    trained = Trained.lora(config, 4, 8)
    flat = np.random.default_rng(1).normal(size=trained.size).astype(np.float32)
    save_peft(tmp_path / "mine", trained, flat, "tiny")
    return ["--model", str(path), "--adapter", str(tmp_path / "mine")]


def on_a_full_disk(*arguments: object) -> subprocess.CompletedProcess:
    command = [sys.executable, "-c", FULL, *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)


def test_an_export_that_finds_no_room_leaves_nothing(tmp_path, given):
    out = tmp_path / "out"
    ended = on_a_full_disk("export", *given, "--format", "gguf", "--out", out / "a.gguf")
    assert ended.returncode == 1 and "Traceback" not in ended.stderr and "oneseek:" in ended.stderr
    assert list(out.iterdir()) == []


def test_a_full_disk_is_told_in_words(tmp_path, given):
    facts = tmp_path / "facts.jsonl"
    facts.write_text(
        '{"question": "What is my dog called?", "answer": "Your dog is called Rufus."}'
    )
    ended = on_a_full_disk("remember", *given[:2], "--lessons", facts, "--out", tmp_path / "kept",
                           "--backend", "numpy")  # fmt: skip
    assert ended.returncode == 1 and "Traceback" not in ended.stderr
    assert "nothing was stored" in ended.stderr


def test_a_merged_model_is_a_folder_and_says_so(tmp_path, given, capsys):
    out = tmp_path / "merged.gguf"
    assert main(["export", *given, "--format", "merged", "--out", str(out)]) == 1
    assert "is a folder" in capsys.readouterr().err and not out.exists()


def test_a_merged_model_brings_its_tokenizer_and_template(tmp_path, given):
    out = tmp_path / "merged"
    assert main(["export", *given, "--format", "merged", "--out", str(out)]) == 0
    with closing(open_model(given[1])) as before, closing(open_model(out)) as after:
        same_words(before, after, out)


@pytest.mark.slow
@pytest.mark.parametrize("model", ["tiny", "smollm2-135m"])
def test_a_merged_tokenizer_cuts_as_the_tokenizers_library_does(tmp_path, model):
    with closing(registry.open_named(model)) as file:
        for name, data in beside_weights(file).items():
            (tmp_path / name).write_bytes(data)
        theirs, ours = (
            Theirs.from_file(str(tmp_path / "tokenizer.json")),
            Tokenizer(file.tokenizer_data),
        )
        for text in TEXTS:
            assert theirs.encode(text).ids == ours.encode(text, special=True)


def same_words(before, after, folder: Path) -> None:
    ours, again = Tokenizer(before.tokenizer_data), Tokenizer(after.tokenizer_data)
    theirs = Theirs.from_file(str(folder / "tokenizer.json"))
    for text in TEXTS:
        ids = ours.encode(text, special=True)
        assert ids == again.encode(text, special=True) == theirs.encode(text).ids
        assert again.decode(ids, special=True) == ours.decode(ids, special=True)
    assert ours.eos_ids == again.eos_ids
    asked = [{"role": "user", "content": "Hello!"}]
    written = [
        ChatTemplate(one.chat_template, one.special_tokens).render(asked) for one in (before, after)
    ]
    assert written[0] == written[1]
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    assert settings["chat_template"] == before.chat_template


def test_what_cannot_be_remembered_ends_in_a_code_of_its_own(tmp_path, given, capsys, monkeypatch):
    async def raise_missing():
        raise registry.ModelMissing("the encoder is not here")

    monkeypatch.setattr(session, "encoder_here", raise_missing)
    facts = tmp_path / "facts.jsonl"
    facts.write_text(
        '{"question": "What is my dog called?", "answer": "Your dog is called Rufus."}'
    )
    call = ["remember", *given[:2], "--lessons", str(facts), "--out", str(tmp_path / "kept")]
    assert main([*call, "--backend", "numpy"]) == 1
    assert "the encoder is not here" in capsys.readouterr().out


@pytest.mark.parametrize("change, words", [(-0.186, "18.6% easier"), (0.021, "2.1% harder")])
def test_a_change_is_told_without_a_sign(change, words):
    assert f"plain text becomes {words} to predict" in describe_measures(
        {
            "KL, mean": 0.1,
            "top-1 agreement": 0.9,
            "perplexity change": change,
            "known facts lost": 0,
        }
    )
