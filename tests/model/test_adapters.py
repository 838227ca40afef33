"""Adapters must be exported in other programs' formats, and come back the same."""

import io
import json

import numpy as np
import pytest

from oneseek.engine.core.settings import TrainingConfig
from oneseek.engine.model import registry
from oneseek.engine.model.adapters import (
    SETTINGS,
    WEIGHTS,
    AdapterError,
    convert_layout,
    gguf_lora,
    load_peft,
    merge_weight,
    peft_files,
    save_peft,
)
from oneseek.engine.model.formats import BytesSource, open_model
from oneseek.engine.model.formats import gguf as gguf_reader
from oneseek.engine.model.formats.architecture import half_split_rows
from oneseek.engine.model.llama import Config
from oneseek.engine.model.trainable import Trained, number_of
from tests.support import tiny


@pytest.fixture(scope="module")
def file():
    return open_model(BytesSource(tiny.gguf("llama", "Q4_1"), "tiny.gguf"))


@pytest.fixture(scope="module")
def config(file):
    return Config.from_dict(file.config)


def an_adapter(config, rank=4, **more):
    trained = Trained.lora(config, rank, 2 * rank, **more)
    flat = trained.initial(3)
    for name in trained.entries:
        part = trained.part(flat, name)
        part[...] = np.random.default_rng(len(name)).normal(size=part.shape) * 0.05
    return trained, flat


def test_a_peft_folder_comes_back_as_it_left(tmp_path, config):
    trained, flat = an_adapter(config)
    save_peft(tmp_path / "a", trained, flat, "HuggingFaceTB/SmolLM2-135M-Instruct")
    again, values = load_peft(tmp_path / "a", config)
    assert again == trained
    np.testing.assert_array_equal(values, flat)


def test_pefts_files_have_the_names_and_settings_peft_expects(config):
    trained, flat = an_adapter(config, targets=("attention.q", "ffn.down"))
    files = peft_files(trained, flat, "base")
    settings = json.loads(files[SETTINGS])
    assert settings["target_modules"] == ["down_proj", "q_proj"]
    assert (settings["r"], settings["lora_alpha"], settings["bias"]) == (4, 8, "none")
    header = json.loads(files[WEIGHTS][8 : 8 + int.from_bytes(files[WEIGHTS][:8], "little")])
    assert header["__metadata__"] == {"format": "pt"}
    key = "base_model.model.model.layers.1.self_attn.q_proj.lora_B.weight"
    assert header[key]["shape"] == [256, 4] and header[key]["dtype"] == "F32"
    assert b"base_model: base" in files["README.md"]


def test_an_adapter_of_the_last_layers_says_which_they_are(tmp_path, config):
    last = config.layers - 1
    trained, flat = an_adapter(config, layers=[last])
    assert trained.first_layer == last and trained.size < an_adapter(config)[0].size
    save_peft(tmp_path, trained, flat, "base")
    settings = json.loads((tmp_path / SETTINGS).read_bytes())
    assert settings["layers_to_transform"] == [last]
    again, values = load_peft(tmp_path, config)
    assert again == trained
    np.testing.assert_array_equal(values, flat)
    (tmp_path / SETTINGS).write_text(json.dumps(settings | {"layers_to_transform": last}))
    assert load_peft(tmp_path, config)[0] == trained, "PEFT takes a single number too"
    for odd in ([last + 1], [], "all", [True]):
        (tmp_path / SETTINGS).write_text(json.dumps(settings | {"layers_to_transform": odd}))
        with pytest.raises(AdapterError, match=f"this model has {config.layers}"):
            load_peft(tmp_path, config)
    data = gguf_lora(trained, flat, config, "llama", "an adapter")
    _, tensors = gguf_reader.read_header(BytesSource(data, "adapter.gguf"))[:2]
    assert {name.split(".")[1] for name in tensors} == {str(last)}


def test_an_adapter_of_the_last_layers_has_a_place_among_all(config):
    """In the layers below it must change nothing: A as in any new adapter, B zero."""
    trained, flat = an_adapter(config, layers=[config.layers - 1])
    whole = Trained.lora(config, 4, 8)
    result = convert_layout(trained, flat, whole)
    for name in whole.entries:
        if name in trained.entries:
            np.testing.assert_array_equal(whole.part(result, name), trained.part(flat, name))
        elif ".lora_B." in name:
            assert not whole.part(result, name).any()
    with pytest.raises(AdapterError, match="which is not trained here"):
        convert_layout(whole, result, trained)


@pytest.mark.parametrize(
    "change,words",
    [
        ({"peft_type": "IA3"}, "only LORA"),
        ({"use_dora": True}, "use_dora"),
        ({"r": 0}, "rank"),
        ({"bias": "all"}, "biases"),
        ({"target_modules": ["q_proj"]}, "does not fit this model"),
    ],
)
def test_an_adapter_that_does_not_fit_is_refused_in_words(tmp_path, config, change, words):
    trained, flat = an_adapter(config)
    save_peft(tmp_path, trained, flat, "base")
    settings = json.loads((tmp_path / SETTINGS).read_text()) | change
    (tmp_path / SETTINGS).write_text(json.dumps(settings))
    with pytest.raises(AdapterError, match=words):
        load_peft(tmp_path, config)


def test_a_folder_without_an_adapter_is_told_so(tmp_path, config):
    with pytest.raises(AdapterError, match="adapter_config.json is missing"):
        load_peft(tmp_path, config)


def test_the_gguf_adapter_holds_q_and_k_in_llamas_interleaved_order(config):
    trained, flat = an_adapter(config)
    source = BytesSource(gguf_lora(trained, flat, config, "llama", "test"), "lora.gguf")
    metadata, tensors = gguf_reader.read_header(source)
    assert metadata["adapter.lora.alpha"] == 8 and metadata["general.type"] == "adapter"
    ours = trained.part(flat, "model.layers.0.self_attn.k_proj.lora_B.weight")
    theirs = tensors["blk.0.attn_k.weight.lora_b"]
    stored = np.frombuffer(source.read(theirs.offset, ours.nbytes), np.float32).reshape(ours.shape)
    order = half_split_rows(config.kv_heads, len(ours))
    np.testing.assert_array_equal(stored[order], ours)
    plain = tensors["blk.0.ffn_up.weight.lora_a"]
    assert plain.shape == (4, 256)


def test_merging_adds_the_product_to_the_weight(file, config):
    trained, flat = an_adapter(config)
    name = "model.layers.0.mlp.down_proj"
    a, b = (trained.part(flat, f"{name}.lora_{side}.weight") for side in "AB")
    expected = file.read(name + ".weight").dense() + 2 * b @ a
    np.testing.assert_allclose(
        merge_weight(file, trained, flat, name + ".weight"), expected, rtol=1e-6
    )
    norm = "model.layers.0.input_layernorm.weight"
    np.testing.assert_array_equal(merge_weight(file, trained, flat, norm), file.read(norm))


def test_a_merged_model_reads_back_and_speaks(tmp_path, file, config):
    from oneseek.engine.model.adapters import save_merged

    trained, flat = an_adapter(config)
    save_merged(tmp_path / "model.safetensors", file, trained, flat)
    (tmp_path / "config.json").write_text(json.dumps({**file.config}))
    read = io.BytesIO((tmp_path / "model.safetensors").read_bytes())
    size = int.from_bytes(read.read(8), "little")
    header = json.loads(read.read(size))
    assert set(header) - {"__metadata__"} == set(file.names())


def test_a_smaller_adapter_fits_into_a_larger_layout_and_says_the_same(config):
    small, flat = an_adapter(config, rank=4, targets=("attention.q", "ffn.down"))
    large = Trained.lora(config, 8, 8)
    result = convert_layout(small, flat, large)
    module = "model.layers.1.mlp.down_proj"
    for trained, array in ((small, flat), (large, result)):
        a, b = (trained.part(array, f"{module}.lora_{side}.weight") for side in "AB")
        product = trained.scale * b @ a
        if trained is small:
            expected = product
    np.testing.assert_allclose(product, expected, rtol=1e-5, atol=1e-7)
    untouched = large.part(result, "model.layers.0.mlp.up_proj.lora_B.weight")
    assert not untouched.any()
    with pytest.raises(AdapterError, match="rank"):
        convert_layout(Trained.lora(config, 16, 16), np.zeros(1), large)


@pytest.mark.parametrize(
    "targets, megabytes",
    [
        (("attention.q", "attention.k", "attention.v", "attention.o"), 3.7),
        (TrainingConfig().lora_config.target_modules, 5.9),
    ],
)
def test_an_adapter_of_rank_8_of_the_default_model_takes_about_four_megabytes(targets, megabytes):
    config = Config.from_dict(registry.load_models()["smollm2-135m"]["config"])
    trained = Trained.lora(config, 8, 16, targets)
    files = peft_files(trained, trained.initial(0), "smollm2-135m")
    assert len(files[WEIGHTS]) / 1e6 == pytest.approx(megabytes, abs=0.1)


@pytest.mark.parametrize("first", range(3))
def test_an_adapter_changes_the_model_from_the_first_layer_on_whose_b_is_not_zero(config, first):
    trained, flat = an_adapter(config)
    assert trained.begin_of_change(flat) == 0
    for name in trained.entries:
        if number_of(name) < first and name.endswith("lora_B.weight"):
            trained.part(flat, name)[...] = 0
    begin = trained.begin_of_change(flat)
    if first < config.layers:
        assert begin == trained.entries[f"model.layers.{first}.self_attn.q_proj.lora_A.weight"][0]
    else:
        assert begin == 0 == trained.begin_of_change(trained.initial(1))  # it is the base
