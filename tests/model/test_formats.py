"""Reading models: every stored type, every architecture, both containers."""

import hashlib
import io
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oneseek.engine.model.formats import (
    BytesSource,
    FormatError,
    Packed,
    architecture,
    gguf,
    gguf_writer,
    inverse_frequencies,
    open_model,
    safetensors,
)
from oneseek.engine.model.formats.packed import TYPES, read_packed, read_plain
from tests.golden import FOLDER, WEIGHT
from tests.support import tiny

pytestmark = pytest.mark.in_worker

GOLDEN = np.load(FOLDER / "logits.npz")


def open_bytes(data, name="tiny.gguf"):
    return open_model(BytesSource(data, name))


def open_folder(files):
    return open_model({name: BytesSource(data, name) for name, data in files.items()})


def dense(tensor):
    return tensor.dense() if isinstance(tensor, Packed) else tensor.astype(np.float32)


@pytest.mark.parametrize("kind", TYPES)
def test_every_stored_type_has_the_values_gguf_gives_it(kind):
    data = BytesSource(tiny.make_tensor(WEIGHT, (512, 256), kind))
    read = read_packed if TYPES[kind].bits else read_plain
    values = dense(read(data, 0, TYPES[kind], (512, 256)))
    digest = hashlib.sha256((values.astype("<f4") + 0.0).tobytes()).digest()
    assert digest == GOLDEN[f"weights/{kind}"].tobytes()


def test_packed_codes_lie_as_the_kernels_expect():
    packed = read_packed(
        BytesSource(tiny.make_tensor(WEIGHT, (512, 256), "Q4_1")), 0, TYPES["Q4_1"], (512, 256)
    )
    i, row = 77, 300
    code = int(packed.codes[row, i * 4 // 32]) >> (i * 4) % 32 & 15
    scale, minimum = packed.scales[row, i // 32]
    assert packed.dense()[row, i] == code * scale + minimum
    assert packed.codes.shape == (512, 256 * 4 // 32) and packed.scales.shape == (512, 8, 2)


# GGUF has no keys for the layers of this Gemma variant.
@pytest.mark.parametrize("variant", [v for v in tiny.VARIANTS if v != "gemma3-other-scale"])
def test_gguf_and_config_json_describe_the_same_model(variant):
    ours = open_bytes(tiny.gguf(variant, "Q8_0")).config
    theirs = open_folder(tiny.folder(variant, "F16")).config
    np.testing.assert_allclose(inverse_frequencies(ours), inverse_frequencies(theirs), rtol=1e-6)
    if variant != "mistral":  # in GGUF files Mistral is named llama
        for key in set(theirs) - {"rope_scaling", "sliding_window"}:
            assert ours[key] == pytest.approx(theirs[key]), key


@given(st.integers(1, 8), st.integers(1, 16))
def test_rotary_rows_go_to_halves_and_back(heads, pairs):
    rows = heads * pairs * 2
    there = architecture.half_split_rows(heads, rows)
    back = architecture.interleave_rows(heads, rows)
    assert (there[back] == np.arange(rows)).all()
    assert list(there[: pairs * 2]) == [*range(0, pairs * 2, 2), *range(1, pairs * 2, 2)]


def test_only_llamas_queries_and_keys_change_their_rows():
    for variant, turned in (("llama", {"q_proj", "k_proj"}), ("qwen2", set())):
        model = open_bytes(tiny.gguf(variant, "Q4_0"))
        for name in model.names():
            entry = model.spec(name)
            read = read_packed if entry.bits else read_plain
            as_stored = dense(read(entry.source, entry.offset, entry.kind, entry.shape))
            same = np.array_equal(as_stored, dense(model.read(name)))
            assert same == (name.split(".")[-2] not in turned), name


def test_every_name_maps_to_gguf_and_back():
    model = open_folder(tiny.folder("qwen3"))
    for name in model.names():
        assert architecture.from_gguf_name(architecture.to_gguf_name(name)) == name


def test_a_model_in_several_files_is_the_same_model():
    whole, parts = (open_folder(tiny.folder("qwen2", "F16", shards)) for shards in (1, 3))
    assert whole.names() == parts.names() and len(parts.sources) == 3
    for name in whole.names():
        assert np.array_equal(whole.read(name), parts.read(name))


@pytest.mark.parametrize("bare_first", [False, True])
def test_a_gguf_in_several_parts_is_the_same_model(tmp_path, bare_first):
    whole = open_bytes(tiny.gguf("llama", "Q4_1"))
    files = tiny.gguf_parts("llama", "Q4_1", 4, bare_first)
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    given = [open_folder(dict(reversed(files.items()))), open_model(tmp_path)]
    given += [open_model(tmp_path / name) for name in files]
    for parts in given:
        assert (
            parts.name == "tiny.gguf" and parts.config == whole.config and len(parts.sources) == 4
        )
        for name in whole.names():
            assert np.array_equal(dense(whole.read(name)), dense(parts.read(name)))
        parts.close()


def test_a_file_of_weights_by_its_path_opens_with_the_others_of_its_index(tmp_path):
    for name, data in tiny.folder("qwen2", "F16", 3).items():
        (tmp_path / name).write_bytes(data)
    for name in ("model-00002-of-00003.safetensors", "model.safetensors.index.json"):
        model = open_model(tmp_path / name)
        assert len(model.sources) == 3
        model.close()


def test_a_folder_with_one_gguf_is_that_model_and_with_two_is_asked_about(tmp_path):
    (tmp_path / "one.gguf").write_bytes(tiny.gguf("llama", "Q4_0"))
    (tmp_path / "README.md").write_text("read me")
    open_model(tmp_path).close()
    (tmp_path / "two.gguf").write_bytes(tiny.gguf("llama", "Q4_0"))
    with pytest.raises(FormatError, match=r"2 models lie here \(one.gguf, two.gguf\); choose one"):
        open_model(tmp_path)


def test_a_folder_on_disk_and_one_safetensors_file_in_it_open(tmp_path):
    for name, data in tiny.folder("llama", "BF16").items():
        (tmp_path / name).write_bytes(data)
    for path in (tmp_path, tmp_path / "model.safetensors"):
        model = open_model(path)
        assert model.architecture == "llama" and model.chat_template == tiny.TEMPLATE
        assert model.special_tokens["eos_token"] == "<|im_end|>"
        model.close()


@given(
    st.dictionaries(
        st.text(min_size=1, max_size=20),
        st.one_of(
            st.text(),
            st.booleans(),
            st.integers(-(2**31), 2**32 - 1),
            st.floats(width=32, allow_nan=False),
            st.lists(st.text(), max_size=5),
        ),
        max_size=8,
    ).filter(lambda keys: "general.alignment" not in keys)
)
def test_gguf_metadata_survives_writing_and_reading(metadata):
    file = io.BytesIO()
    tensors = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.ones(3, np.float16)}
    gguf_writer.write(file, metadata, tensors)
    source = BytesSource(file.getvalue())
    read, directory = gguf.read_header(source)
    assert read == metadata
    for name, array in tensors.items():
        found = directory[name]
        assert np.array_equal(read_plain(source, found.offset, found.kind, found.shape), array)


def test_safetensors_are_written_the_same_whatever_the_order():
    tensors = {"b": np.ones((2, 3), np.float32), "a": np.zeros(5, np.float16)}
    files = []
    for order in (tensors, dict(reversed(tensors.items()))):
        files.append(io.BytesIO())
        safetensors.write(files[-1], order, {"format": "pt"})
    assert files[0].getvalue() == files[1].getvalue()
    metadata, found = safetensors.read_header(BytesSource(files[0].getvalue()))
    assert metadata == {"format": "pt"} and found["b"].shape == (2, 3)


def test_reading_one_tensor_needs_little_more_memory_than_the_tensor():
    rows, width = 4096, 2048
    data = BytesSource(bytes(TYPES["Q4_1"].nbytes(rows * width)))
    tracemalloc.start()
    packed = read_packed(data, 0, TYPES["Q4_1"], (rows, width))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < packed.codes.nbytes + packed.scales.nbytes + (32 << 20)
