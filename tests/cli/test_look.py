"""`oneseek look` must tell from a file's header what it is, whether it loads and learns, and why
not."""

import ast
import json

import pytest

from builder import ROOT
from oneseek.engine.cli.main import main
from oneseek.engine.compiler.schedule import plan
from oneseek.engine.core.settings import for_model
from oneseek.engine.learning.needs import (
    LESSON_ROWS,
    LESSON_TOKENS,
    POSITIONS,
    judge,
    models_fit,
    step_bytes,
)
from oneseek.engine.model import programs, registry
from oneseek.engine.model.families import configure
from oneseek.engine.model.formats import FileSource
from oneseek.engine.model.formats.source import KINDS
from oneseek.engine.model.llama import Stored
from oneseek.engine.model.trainable import Trained
from tests.support import tiny


def look(capsys, *given):
    ended = main(["look", "--json", *map(str, given)])
    told = json.loads(capsys.readouterr().out)
    assert ended == (0 if told["loads"] else 1)
    return told


def laid(folder, files):
    folder.mkdir(exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


def test_every_form_of_one_model_is_told_alike(tmp_path, capsys):
    whole = laid(tmp_path / "whole", {"tiny.gguf": tiny.gguf("llama", "Q4_1")})
    parts = laid(tmp_path / "parts", tiny.gguf_parts("llama", "Q4_1"))
    folder = laid(tmp_path / "folder", tiny.folder("llama", "F16", shards=2))
    given = [whole / "tiny.gguf", whole, parts, parts / "tiny-00002-of-00003.gguf", folder,
             folder / "model.safetensors.index.json"]  # fmt: skip
    told = [look(capsys, path) for path in given]
    for one in told:
        assert one["loads"] and one["chats"] and one["learns"] and not one["why"]
        assert one["architecture"] == "llama" and one["context"] == 512
        assert one["parameters"] == told[0]["parameters"] > 0
    assert [one["files"] for one in told] == [1, 1, 3, 3, 2, 2]
    assert [one["kind"] for one in told] == ["GGUF"] * 4 + ["safetensors"] * 2
    assert told[0]["types"] == {"Q4_1": 15, "F32": 5} and told[4]["types"] == {"F16": 20}
    assert told[0]["bytes"] == (whole / "tiny.gguf").stat().st_size


@pytest.mark.parametrize(
    ("changes", "what", "why", "kind"),
    [
        ({"general__architecture": "mamba"}, {"title": "tiny llama"}, "mamba", "architecture"),
        ({"tokenizer__ggml__pre": "new"}, {"context": 0}, "pre-tokenizer 'new'", "tokenizer"),
        ({"tokenizer__chat_template": "{% for %}"}, {"context": 512}, "template", "template"),
        ({"general__type": "adapter"}, {"kind": "GGUF"}, "holds a adapter", "no_model"),
    ],
)  # fmt: skip
def test_one_that_does_not_load_is_named_with_the_reason(
    tmp_path, capsys, changes, what, why, kind
):
    (tmp_path / "it.gguf").write_bytes(tiny.gguf("llama", "Q4_1", **changes))
    told = look(capsys, tmp_path / "it.gguf")
    assert not told["loads"] and why in told["why"] and told["bytes"] > 0
    assert told["why_kind"] == kind
    assert told["why_what"] == ("mamba" if kind == "architecture" else "")
    assert what.items() <= told.items()


@pytest.mark.parametrize("language", ["en", "sv"])
def test_the_page_has_words_for_every_reason(language):
    words = json.loads((ROOT / f"web/static/i18n/{language}.json").read_text())
    said = {key.removeprefix("given.why_") for key in words if key.startswith("given.why_")}
    texts = [path.read_text() for path in (ROOT / "engine").rglob("*.py")]
    raised = {
        node.value.value
        for text in texts
        if "FormatError" in text
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.keyword) and node.arg == "kind"
        if isinstance(node.value, ast.Constant)
    }
    assert said == set(KINDS) and raised & said == said - {"damaged", "template"}


def test_what_is_no_model_and_what_is_not_whole_say_so(tmp_path, capsys):
    (tmp_path / "text.gguf").write_text("<!DOCTYPE html>")
    assert "neither GGUF nor safetensors" in look(capsys, tmp_path / "text.gguf")["why"]
    parts = laid(tmp_path / "parts", tiny.gguf_parts("llama", "Q4_1"))
    (parts / "tiny-00001-of-00003.gguf").unlink()
    told = look(capsys, parts)
    assert "tiny-00001-of-00003.gguf of 3 parts is missing" in told["why"] and told["files"] == 2
    folder = laid(tmp_path / "folder", tiny.folder("qwen2", "F16", shards=2))
    (folder / "model-00001-of-00002.safetensors").unlink()
    told = look(capsys, folder)
    assert "is missing; download it" in told["why"] and told["architecture"] == "qwen2"
    assert "no model lies here" in look(capsys, laid(tmp_path / "x", {"a": b"", "b": b""}))["why"]


def test_only_the_header_is_read(tmp_path, capsys, monkeypatch):
    path = tmp_path / "tiny.gguf"
    path.write_bytes(tiny.gguf("llama", "F32"))
    read, plainly = [], FileSource._read
    monkeypatch.setattr(
        FileSource, "_read", lambda self, at, n: read.append((at, n)) or plainly(self, at, n)
    )
    monkeypatch.setattr("oneseek.engine.model.formats.gguf.WINDOW", 1 << 14)
    look(capsys, path)
    assert max(at + n for at, n in read) < 100_000 < path.stat().st_size / 10


def test_people_read_it_in_sentences(tmp_path, capsys):
    (tmp_path / "tiny.gguf").write_bytes(tiny.gguf("llama", "Q4_1"))
    assert main(["look", str(tmp_path / "tiny.gguf"), "--memory", "0.000001"]) == 0
    said = capsys.readouterr().out
    assert "tiny.gguf: GGUF" in said and "cannot answer here: needs about 0.0" in said
    assert "half of the memory here is 0.0 GB" in said


def test_what_it_can_be_packed_to_is_told_with_what_that_takes(tmp_path, capsys):
    (tmp_path / "tiny.gguf").write_bytes(tiny.gguf("llama", "F16"))
    told = look(capsys, tmp_path / "tiny.gguf")
    (packed,) = told["packed"]  # a single way, as the vocabulary is small
    out = tmp_path / "out.gguf"
    assert main(["pack", str(tmp_path / "tiny.gguf"), "--out", str(out)]) == 0
    assert packed["bytes"] == out.stat().st_size and packed["embeddings"] == "Q8_0"
    assert packed["chat_bytes"] == look(capsys_read(capsys), out)["chat_bytes"] < told["chat_bytes"]
    assert look(capsys, out)["packed"] == []


def capsys_read(capsys):
    """The fixture, after discarding the output so far."""
    capsys.readouterr()
    return capsys


def test_a_device_decides_what_fits_and_the_narrower_limit_is_named():
    taken = {"chat_bytes": 3e9, "learn_bytes": 5e9}
    assert judge(taken, "cpu", 0)["limit"] == "reach"
    for back_end, memory, chats, learns, limit in (
        ("cpu", 0, True, False, "reach"),
        ("cpu", 64e9, True, False, "reach"),
        ("cpu", 4e9, False, False, "memory"),
        ("gpu", 0, True, True, ""),
        ("gpu", 8e9, True, False, "memory"),
        ("gpu", 16e9, True, True, "memory"),
    ):
        found = judge(taken, back_end, memory)
        assert (found["chats"], found["learns"], found["limit"]) == (chats, learns, limit)


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("id", ["smollm2-135m", "qwen2.5-1.5b", "tiny"])
def test_what_a_step_needs_is_what_the_whole_model_traced_says(id, keep):
    config = configure(registry.load_models()[id]["config"])
    stored = {n: Stored(s, 4 * (len(s) > 1), 32) for n, s in config.shapes().items()}
    size = LESSON_TOKENS, LESSON_ROWS, POSITIONS
    adapter, kept = (
        Trained.from_training(config, for_model(config.parameters)),
        config.layers * keep,
    )
    whole = plan(programs.learn(config, stored, *size, adapter, keep_blocks=kept)).lower_bound
    assert step_bytes(config, stored, keep) == pytest.approx(whole, rel=0.01)


@pytest.mark.slow
def test_what_learns_of_the_known_models_is_a_matter_of_the_device():
    def learn(back_end, gigabytes):
        fits = models_fit(back_end, gigabytes << 30)
        return {id for id, one in fits.items() if one["learns"]}

    phone, laptop, workstation = learn("cpu", 2), learn("cpu", 6), learn("gpu", 64)
    assert {"tiny", "smollm2-135m"} <= phone < laptop < workstation
    assert "qwen2.5-1.5b" in laptop - phone
    assert "qwen3-1.7b" in workstation
