"""Packing a model must give the bytes of GGUF's own quantiser, the same model, bounded memory, and
the same bytes after any interruption."""

import asyncio
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import closing

import numpy as np
import pytest

from oneseek.engine.backends.reference import Numpy
from oneseek.engine.cli.main import main
from oneseek.engine.model import registry
from oneseek.engine.model.formats import BytesSource, FormatError, Packed, open_model
from oneseek.engine.model.formats.native import FileWriter
from oneseek.engine.model.formats.packed import TYPES, read_packed
from oneseek.engine.model.formats.packing import EMBEDDINGS, PACKED_FROM, pack
from oneseek.engine.model.formats.quantise import encode
from oneseek.engine.model.loaded import Model
from oneseek.engine.model.score import Expecting
from tests.bench.parts.at_hand import as_safetensors
from tests.golden import IDS
from tests.support import tiny

# hashes of `numbers()` as quantised by the package gguf 0.19.0
BY_GGUF = {
    "Q4_0": "df61142245a21d8025f50a6c5f47ec2fb04d5fbff07107886f3b3971c2374301",
    "Q4_1": "3ee82b3c8719b94ed2845996fd4497c74d3a038d582a672cdc4d744652acb589",
    "Q8_0": "104242329dec9772e21d6174605e2099ff64fd41758353d2bb887ac0da70bde5",
}


def numbers():
    """Rows of numbers of many sizes, all zeros, all equal, and with many ties."""
    draw = np.random.default_rng(0)
    parts = [draw.standard_normal((4000, 256)).astype(np.float32) * s for s in (1e-6, 0.02, 1, 300)]
    parts += [np.zeros((3, 256), np.float32), np.full((2, 256), 0.5, np.float32)]
    return np.concatenate([*parts, draw.integers(-3, 4, (500, 256)).astype(np.float32)])


@pytest.mark.parametrize("kind", BY_GGUF)
def test_blocks_are_those_of_gguf_to_the_bit(kind):
    assert hashlib.sha256(encode(numbers(), kind)).hexdigest() == BY_GGUF[kind]


@pytest.mark.parametrize(("kind", "levels"), [("Q4_0", 16), ("Q4_1", 15), ("Q8_0", 254)])
def test_no_number_moves_further_than_its_block_allows(kind, levels):
    """In float64: at most a step of the block, whose scale is rounded to float16."""
    values = numbers()[4000:12000].astype(np.float64)
    rows = len(values)
    again = as_packed(values, kind)
    blocks, found = (one.reshape(rows, -1, 32) for one in (values, again.astype(np.float64)))
    wide = blocks.max(-1) - blocks.min(-1) if kind == "Q4_1" else 2 * np.abs(blocks).max(-1)
    step = wide / levels
    slack = 2e-3 * np.abs(blocks).max(-1)
    limit = (1.0 if kind == "Q4_0" else 0.5) * step + slack
    assert (np.abs(found - blocks).max(-1) <= limit).all()


def pack_file(where, tmp_path, kind="Q4_1", embeddings="Q8_0", name="out.gguf"):
    path = tmp_path / name
    with closing(open_model(where)) as file, closing(FileWriter(path)) as writer:
        asyncio.run(pack(file, writer, kind, embeddings))
    return path


def make_files(variant, kind, container):
    if container == "GGUF":
        return BytesSource(tiny.gguf(variant, kind), "tiny.gguf")
    files = tiny.folder(variant, kind, shards=2).items()
    return {name: BytesSource(data, name) for name, data in files}


def dense(tensor):
    return tensor.dense() if isinstance(tensor, Packed) else tensor.astype(np.float32)


def as_packed(values, kind):
    """The values after packing, through the encoder and the reader alone."""
    if values.ndim != 2:
        return values
    source = BytesSource(encode(values, kind))
    return read_packed(source, 0, TYPES[kind], values.shape).dense()


CASES = [
    ("llama", "F16", "GGUF"),
    ("llama", "Q8_0", "GGUF"),
    ("llama", "BF16", "safetensors"),
    ("llama3", "F16", "safetensors"),
    ("linear", "F32", "safetensors"),
    ("mistral", "F16", "safetensors"),
    ("qwen2", "F16", "safetensors"),
    ("qwen3", "F32", "GGUF"),
    ("qwen3", "BF16", "safetensors"),
    ("gemma3", "F16", "safetensors"),
    ("gemma3", "F16", "GGUF"),
    ("lfm2", "F16", "safetensors"),
    ("lfm2", "F16", "GGUF"),
    ("qwen35-other-parts", "BF16", "safetensors"),
    ("qwen35-other-parts", "F16", "GGUF"),
]


@pytest.mark.parametrize(("variant", "kind", "container"), CASES)
def test_every_weight_is_the_given_one_quantised(tmp_path, variant, kind, container):
    before = open_model(make_files(variant, kind, container))
    after = open_model(pack_file(make_files(variant, kind, container), tmp_path))
    assert after.names() == before.names()
    assert after.chat_template == before.chat_template
    words = [one.tokenizer_data for one in (before, after)]
    assert words[0].merges == words[1].merges and words[0].ends == words[1].ends
    assert words[1].tokens[: len(words[0].tokens)] == words[0].tokens
    for name in before.names():
        wanted = "Q8_0" if name in EMBEDDINGS else "Q4_1"
        values = dense(before.read(name))
        spec = after.spec(name)
        assert spec.kind.name == (wanted if values.ndim == 2 else "F32")
        expected = values if wanted == kind else as_packed(values, wanted)
        if name.endswith(".A_log"):  # GGUF stores -exp of it
            np.testing.assert_allclose(after.read(name), expected, rtol=1e-6)
            continue
        assert np.array_equal(dense(after.read(name)), expected), name
    after.close()


@pytest.mark.parametrize(
    "variant",
    ["llama", "llama3", "linear", "mistral", "qwen2", "gemma3", "lfm2", "qwen35-other-parts"],
)
def test_it_says_nearly_what_the_given_one_says(tmp_path, variant):
    """At 8 bits a misplaced row, scale, window or gain would change the answers completely."""

    async def predict_next(where):
        with closing(open_model(where)) as file:
            model = await Model.load(file, Numpy())
        return await Expecting(model, len(IDS)).after(IDS)

    path = pack_file(make_files(variant, "F16", "safetensors"), tmp_path, "Q8_0")
    p, q = (
        asyncio.run(predict_next(one)) for one in (make_files(variant, "F16", "safetensors"), path)
    )
    kl, far = ((np.exp(p) * (p - other)).sum(-1).mean() for other in (q, p[::-1]))
    assert kl < 1e-2 and kl < far / 50, (kl, far)


@pytest.mark.parametrize("kind", ["Q4_0", "Q5_1", "Q4_K", "Q5_K", "Q6_K"])
def test_what_is_packed_already_stays_as_it_is(tmp_path, kind):
    before = open_model(make_files("llama", kind, "GGUF"))
    after = open_model(pack_file(make_files("llama", kind, "GGUF"), tmp_path, "Q4_1", "Q4_1"))
    for name in before.names():
        assert after.spec(name).kind == before.spec(name).kind
        assert np.array_equal(dense(before.read(name)), dense(after.read(name)))
    after.close()


def test_what_gguf_cannot_say_is_refused(tmp_path):
    where = make_files("gemma3-other-scale", "F16", "safetensors")
    with pytest.raises(FormatError, match=r"GGUF cannot say that its (layer_types|query_pre)"):
        pack_file(where, tmp_path)
    with pytest.raises(ValueError, match="'Q6_K' cannot be written; Q4_0"):
        pack_file(make_files("llama", "F16", "GGUF"), tmp_path, "Q6_K")


def test_it_names_the_file_it_was_made_of_and_anothers_beginning_is_not_gone_on_with(tmp_path):
    first = pack_file(make_files("llama", "F16", "GGUF"), tmp_path)
    with (
        closing(open_model(first)) as file,
        closing(open_model(make_files("llama", "F16", "GGUF"))) as of,
    ):
        assert file.metadata[PACKED_FROM] == of.sha256()
    whole = pack_file(make_files("llama", "BF16", "GGUF"), tmp_path, name="whole.gguf").read_bytes()
    assert pack_file(make_files("llama", "BF16", "GGUF"), tmp_path).read_bytes() == whole


@pytest.mark.slow
def test_cut_anywhere_it_goes_on_to_the_same_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr("oneseek.engine.model.formats.packing.PIECE", 1 << 12)
    path = pack_file(make_files("llama", "F16", "safetensors"), tmp_path)
    whole = path.read_bytes()
    draw = random.Random(1)
    for size in [
        0,
        1,
        100,
        len(whole) - 1,
        len(whole),
        *(draw.randrange(len(whole)) for _ in range(9)),
    ]:
        path.write_bytes(whole[:size])
        pack_file(make_files("llama", "F16", "safetensors"), tmp_path)
        assert path.read_bytes() == whole


def test_a_file_that_is_there_is_judged_only_when_it_is_the_same(tmp_path, capsys):
    (tmp_path / "tiny.gguf").write_bytes(tiny.gguf("llama", "F16"))
    call = ["pack", str(tmp_path / "tiny.gguf"), "--out", str(tmp_path / "out.gguf")]
    assert main(call) == main(call) == 0
    before = (tmp_path / "out.gguf").read_bytes()
    assert main([*call, "--to", "q4_0"]) == 1
    assert "already exists and is another file" in capsys.readouterr().err
    assert (tmp_path / "out.gguf").read_bytes() == before


@pytest.fixture(scope="module", params=["wide", "smollm2-135m"])
def large(request, tmp_path_factory):
    """A folder with 120 MB of random weights, packed in a few seconds; or the default model in
    safetensors."""
    folder = tmp_path_factory.mktemp("large")
    if request.param == "smollm2-135m":
        with closing(open_model(registry.find(request.param))) as file:
            as_safetensors(file, folder)
        return folder
    monkeypatch = pytest.MonkeyPatch()
    sizes = {"hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 4}
    monkeypatch.setitem(tiny.VARIANTS, "wide", sizes | {"tie_word_embeddings": True})
    monkeypatch.setitem(tiny.MODEL_TYPES, "wide", "llama")
    for name, data in tiny.folder("wide", "F16").items():
        (folder / name).write_bytes(data)
    monkeypatch.undo()
    return folder


MEASURED = """
import resource, sys
from oneseek.engine.cli.main import main
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
code = main(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, file=sys.stderr)
sys.exit(code)
"""


@pytest.mark.long
@pytest.mark.slow
def test_the_command_writes_it_in_bounded_memory(large, tmp_path, capsys):
    out = tmp_path / "out.gguf"
    call = ["pack", str(large), "--to", "q4_1", "--out", str(out), "--json"]
    done = subprocess.run([sys.executable, "-c", MEASURED, *call], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["bytes"] == out.stat().st_size < told["given_bytes"] / 2.7
    assert int(done.stderr.split()[-1]) < 200 << 10, done.stderr
    assert not out.with_name("out.gguf.part").exists()


@pytest.mark.long
def test_killed_at_ten_random_points_it_ends_with_the_same_bytes(large, tmp_path):
    whole = tmp_path / "whole.gguf"
    assert main(["pack", str(large), "--to", "q4_0", "--out", str(whole), "--json"]) == 0
    out, part = tmp_path / "out.gguf", tmp_path / "out.gguf.part"
    call = [
        sys.executable,
        "-m",
        "oneseek.engine.cli.main",
        "pack",
        str(large),
        "--to",
        "q4_0",
        "--out",
    ]
    draw, size, kills = random.Random(2), whole.stat().st_size, 0
    for mark in sorted(draw.randrange(size) for _ in range(10)):
        with subprocess.Popen([*call, str(out)], stdout=subprocess.DEVNULL) as process:
            while process.poll() is None and (not part.exists() or part.stat().st_size < mark):
                time.sleep(0.001)
            if process.poll() is None:
                os.kill(process.pid, signal.SIGKILL)
                kills += 1
    assert kills >= 8 and not out.exists()
    assert main(["pack", str(large), "--to", "q4_0", "--out", str(out)]) == 0
    assert out.read_bytes() == whole.read_bytes()


@pytest.mark.slow
def test_what_it_costs_is_told(tmp_path, capsys):
    (tmp_path / "tiny.gguf").write_bytes(tiny.gguf("llama", "F16"))
    out = str(tmp_path / "out.gguf")
    call = ["pack", str(tmp_path / "tiny.gguf"), "--out", out, "--judge", "--json"]
    assert main([*call, "--backend", "cpu"]) == 0
    judged = json.loads(capsys.readouterr().out)["judged"]
    for code in ("en", "sv"):
        assert 0 < judged[f"kl_{code}"] < 1 and judged[f"tokens_{code}"] > 1000
        assert 0 <= judged[f"same_token_{code}"] <= 1
        assert judged[f"perplexity_packed_{code}"] != judged[f"perplexity_given_{code}"] > 1
