"""LFM2 where it differs from Llama: refused files, convolutions in the cache of a chat that
continues, restarts or is drafted, and adapters.

Its logits, gradients and lesson: test_architectures.py.
"""

import asyncio
import json
from contextlib import closing

import numpy as np
import pytest

from oneseek.engine.backends.reference import Numpy
from oneseek.engine.backends.wasm.executor import Wasm
from oneseek.engine.model.adapters import gguf_lora, load_peft, save_peft
from oneseek.engine.model.choice.sampling import Sampling
from oneseek.engine.model.formats import BytesSource, FormatError, open_model
from oneseek.engine.model.formats.gguf import read_header
from oneseek.engine.model.generate import Generator
from oneseek.engine.model.score import top_tokens
from oneseek.engine.model.trainable import Trained
from tests.support import tiny
from tests.support.architectures import load_variant, open_variant
from tests.support.wasm_host import host

GREEDY = Sampling(max_tokens=12, temperature=0.0)
FIRST = {"role": "user", "content": "Hej, vad heter du?"}
OTHER = {"role": "user", "content": "Hej, vad heter din katt?"}


def wasm():
    return Wasm(host())


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"lfm2__shortconv__l_cache": 0}, "conv_L_cache is 0"),
        ({"lfm2__shortconv__l_cache": None}, "conv_L_cache is None"),
        ({"lfm2__attention__head_count_kv": 2}, "layer_types .* for 4 layers"),
        ({"lfm2__attention__head_count_kv": np.array([0, 2])}, "layer_types .* for 4 layers"),
    ],
)
def test_what_cannot_be_computed_is_refused_by_name(changes, said):
    with pytest.raises(FormatError, match=said):
        open_variant("lfm2", "gguf", **changes)


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"conv_bias": True}, "convolutions with a bias are not supported"),
        ({"layer_types": None, "full_attn_idxs": 7}, "layer_types does not name"),
        ({"layer_types": ["conv"] * 3 + ["sliding_attention"]}, "layer_types does not name"),
        ({"block_auto_adjust_ff_dim": True, "block_multiple_of": 0}, "block_multiple_of is 0"),
    ],
)
def test_what_a_config_json_cannot_say_is_refused_by_name(changes, said):
    files = tiny.folder("lfm2", "F32")
    files["config.json"] = json.dumps(tiny.config("lfm2") | changes).encode()
    with pytest.raises(FormatError, match=said):
        open_model({name: BytesSource(data, name) for name, data in files.items()})


@pytest.mark.parametrize("home", [Numpy, wasm], ids=["numpy", "wasm"])
@pytest.mark.parametrize("variant", ["lfm2", "lfm2-other-parts"])
def test_whatever_the_cache_holds_an_answer_is_what_reading_it_whole_says(home, variant):
    """Token by token: after another chat with the same beginning, after a turn with a different
    reply, and with wrong drafts that are taken back."""
    model = asyncio.run(load_variant(variant, home()))
    generator = Generator(model)

    async def answer_messages(messages, **more):
        answer = generator.ask(messages, GREEDY, **more)
        while not answer.ended:
            await generator.advance()
        return answer

    async def all_of_them():
        first = await answer_messages([FIRST], key="one")
        said = {"role": "assistant", "content": first.text}
        wrong = tuple(first.ids[:5]) + (3, 4)  # forced tokens are drafted
        return [
            first,
            await answer_messages([FIRST, said, OTHER], key="one"),
            await answer_messages([OTHER], key="two"),
            await answer_messages([FIRST, said, FIRST], key="one"),
            await answer_messages([FIRST], key="three", forced=wrong),
            await answer_messages([FIRST], key="four"),
        ], wrong

    answers, forced = asyncio.run(all_of_them())
    assert answers[0].ids == answers[-1].ids and answers[4].ids[: len(forced)] == list(forced)
    assert answers[2].read < len(answers[2].prompt)  # cached tokens are not read again
    for answer in answers:
        ids, _ = asyncio.run(top_tokens(model, answer.prompt + answer.ids))
        said = ids[len(answer.prompt) - 1 : -1, 0].tolist()
        begun = len(forced) if answer is answers[4] else 0
        assert said[begun:] == answer.ids[begun:]


NAMES = {  # the names of PEFT 0.21 for these target modules
    "model.layers.0.conv.in_proj",
    "model.layers.0.conv.out_proj",
    "model.layers.1.self_attn.q_proj",
    "model.layers.1.self_attn.out_proj",
    "model.layers.0.feed_forward.w1",
    "model.layers.1.feed_forward.w2",
}


def test_an_adapter_leaves_and_arrives_under_pefts_names(tmp_path):
    file = open_variant("lfm2")
    config = asyncio.run(load_variant("lfm2", Numpy())).config
    trained = Trained.lora(config, 4, 8)
    flat = np.random.default_rng(0).standard_normal(trained.size).astype(np.float32)
    save_peft(tmp_path, trained, flat, "a model")
    settings = json.loads((tmp_path / "adapter_config.json").read_text())
    modules = "in_proj k_proj out_proj q_proj v_proj w1 w2 w3".split()
    assert settings["target_modules"] == modules
    assert {name + ".lora_A.weight" for name in NAMES} <= set(trained.entries)
    again, values = load_peft(tmp_path, config)
    assert again.entries == trained.entries
    for name in trained.entries:
        assert np.array_equal(again.part(values, name), trained.part(flat, name))

    few = Trained.beside({"model.layers.1.self_attn.q_proj": (64, 64)}, 4, 8)
    save_peft(tmp_path, few, flat[: few.size], "a model")  # without the convolutions
    assert set(load_peft(tmp_path, config)[0].entries) == set(few.entries)

    with closing(BytesSource(gguf_lora(trained, flat, config, "lfm2", "test"), "a.gguf")) as source:
        _, tensors = read_header(source)
    assert {"blk.0.shortconv.in_proj.weight.lora_a", "blk.1.attn_output.weight.lora_b"} <= set(
        tensors
    )
    file.close()
