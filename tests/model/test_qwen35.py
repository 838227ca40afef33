"""Qwen 3.5 where it differs from Llama: refused files, its delta nets over long texts and in the
cache of a chat that continues, restarts or is drafted, its files, and adapters.

Its logits, gradients and lesson: test_architectures.py.
"""

import asyncio
import json
from contextlib import closing

import numpy as np
import pytest

from oneseek.engine.backends.reference import Numpy
from oneseek.engine.backends.wasm.executor import Wasm
from oneseek.engine.compiler.ir import OPS, Program
from oneseek.engine.compiler.schedule import plan
from oneseek.engine.learning.training_engine import TrainingEngine
from oneseek.engine.model.adapters import gguf_lora, load_peft, save_peft
from oneseek.engine.model.choice.sampling import Sampling
from oneseek.engine.model.formats import BytesSource, FormatError, open_model
from oneseek.engine.model.formats.gguf import read_header
from oneseek.engine.model.formats.packed import TYPES, read_packed, read_plain
from oneseek.engine.model.generate import Generator
from oneseek.engine.model.kv_cache import Pool
from oneseek.engine.model.score import Expecting, top_tokens
from oneseek.engine.model.trainable import Trained
from tests.golden import EVERY, LONG
from tests.support import tiny
from tests.support.architectures import apart, golden, load_variant, open_variant
from tests.support.gpu_device import gpu
from tests.support.living import Living
from tests.support.rounds import DOG, SHORT, AcceptingTrainer
from tests.support.wasm_host import host

GREEDY = Sampling(max_tokens=12, temperature=0.0)
FIRST = {"role": "user", "content": "Hej, vad heter du?"}
OTHER = {"role": "user", "content": "Hej, vad heter din katt?"}
VARIANTS = "qwen35", "qwen35-other-parts"


def wasm():
    return Wasm(host())


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"qwen35__ssm__conv_kernel": 0}, "linear_conv_kernel_dim is 0"),
        ({"qwen35__ssm__state_size": None}, "linear_key_head_dim is None"),
        ({"qwen35__ssm__group_count": 3}, "4 heads for values of 16 with 3 of 16 do not divide"),
        ({"qwen35__ssm__inner_size": 40}, "4 heads for values of 10"),
        ({"qwen35__full_attention_interval": 0}, "layer_types .* for 4 layers"),
        ({"qwen35__rope__dimension_count": 64}, "partial_rotary_factor is 2"),
        ({"qwen35__rope__dimension_count": None}, "partial_rotary_factor is None"),
        ({"qwen35__nextn_predict_layers": 4}, "num_hidden_layers .* is 0"),
    ],
)
def test_what_cannot_be_computed_is_refused_by_name(changes, said):
    with pytest.raises(FormatError, match=said):
        open_variant("qwen35", "gguf", **changes)


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"attention_bias": True}, "attention with biases is not supported"),
        ({"layer_types": ["linear_attention"] * 3 + ["sliding_attention"]}, "layer_types does not"),
        ({"linear_value_head_dim": 512}, "linear_value_head_dim is 512; it must be from 1 to 256"),
        ({"head_dim": 8}, "positions cannot turn 2 columns of a head"),
    ],
)
def test_what_a_config_json_cannot_say_is_refused_by_name(changes, said):
    files = tiny.folder("qwen35", "F32")
    files["config.json"] = json.dumps(tiny.config("qwen35") | changes).encode()
    with pytest.raises(FormatError, match=said):
        open_model({name: BytesSource(data, name) for name, data in files.items()})


def as_published(variant):
    """A folder as Qwen publishes it, with the language part of a model with eyes and a part for
    drafting."""
    files = tiny.folder(variant, "F32")
    data = json.loads(files["config.json"])
    whole = {"model_type": "qwen3_5", "text_config": data, "vision_config": {"depth": 1}}
    tensors = {
        name.replace("model.", "model.language_model.", 1): (kind, shape, data)
        for name, (kind, shape, data) in tiny.tensors_of(variant, "F32").items()
    }
    for more in ("mtp.fc.weight", "model.visual.blocks.0.norm1.weight"):
        tensors[more] = "F32", (4,), bytes(16)
    files |= {"config.json": json.dumps(whole).encode()}
    files["model.safetensors"] = tiny.as_safetensors(tensors)
    return files


def test_what_is_published_with_eyes_reads_as_what_has_none():
    given = as_published("qwen35")
    file = open_model({name: BytesSource(data, name) for name, data in given.items()})
    plain = open_variant("qwen35")
    assert file.names() == plain.names() and file.config == plain.config
    for name in file.names():
        np.testing.assert_array_equal(file.read(name), plain.read(name))


def test_layers_of_a_gguf_that_guess_ahead_are_left_out():
    keys, tensors = tiny.contents("qwen35", "F32")
    keys |= {"qwen35.block_count": 5, "qwen35.nextn_predict_layers": 1}
    tensors |= {f"blk.4.nextn.{n}.weight": ("F32", (64,), bytes(256)) for n in ("enorm", "hnorm")}
    file = open_model(BytesSource(tiny.encode_gguf(keys, tensors), "tiny.gguf"))
    assert file.names() == open_variant("qwen35").names()


@pytest.mark.parametrize("kind", ["F16", "Q8_0", "Q4_1"])
def test_heads_for_values_lie_as_hugging_face_has_them_whatever_the_type(kind):
    """GGUF orders value heads by turns of the key heads; this must be undone for plain and packed
    weights, in rows and in columns."""
    variant = "qwen35-other-parts"
    file = open_model(BytesSource(tiny.gguf(variant, kind), "tiny.gguf"))
    for part in ("in_proj_qkv", "in_proj_z", "in_proj_a", "in_proj_b", "out_proj"):
        name = f"model.layers.0.linear_attn.{part}.weight"
        shape, source = (
            tiny.shapes(variant)[name],
            tiny.make_tensor(name, file.spec(name).shape, kind),
        )
        source = BytesSource(source, "given")
        if kind == "F16":
            given, read = read_plain(source, 0, TYPES[kind], shape), file.read(name)
        else:
            given, read = (
                read_packed(source, 0, TYPES[kind], shape).dense(),
                file.read(name).dense(),
            )
        np.testing.assert_array_equal(read, given)


def test_columns_of_which_groups_would_be_torn_apart_are_not_moved():
    source = BytesSource(tiny.make_tensor("any", (2, 96), "Q8_0"), "given")
    packed = read_packed(source, 0, TYPES["Q8_0"], (2, 96))
    with pytest.raises(ValueError, match="torn apart"):
        packed.columns(np.arange(96).reshape(2, 3, 16).swapaxes(0, 1).reshape(-1))


@pytest.mark.parametrize(
    "variant, home",
    [
        *((variant, home) for variant in VARIANTS for home in (Numpy, wasm)),
        pytest.param("qwen35", gpu, marks=pytest.mark.slow),
        pytest.param("qwen35-other-parts", gpu, marks=pytest.mark.long),
    ],
)
def test_over_texts_longer_than_tiles_and_chunks_it_says_what_transformers_says(home, variant):
    model = asyncio.run(load_variant(variant, home()))
    assert asyncio.run(apart(model, f"long/{variant}", LONG, every=EVERY)) <= 1e-9
    at_once = asyncio.run(Expecting(model, len(LONG)).after(LONG))[::EVERY]
    theirs = golden()[f"long/{variant}"].astype(np.float64)
    theirs -= np.log(np.exp(theirs).sum(-1, keepdims=True))
    assert (np.exp(theirs) * (theirs - at_once)).sum(-1).max() <= 1e-9


def recurrence(q, k, v, b, g):
    """The rule by its definition, state by state, for heads of the same width: [T, H, D] each."""
    state, answers = np.zeros((*q.shape[1:], v.shape[-1])), []
    for t in range(len(q)):
        state *= np.exp(g[t])[:, None, None]
        found = np.einsum("hde,hd->he", state, k[t])
        put = (v[t] - found) / (1 + np.exp(-b[t]))[:, None]
        state += k[t][:, :, None] * put[:, None]
        answers.append(np.einsum("hde,hd->he", state, q[t]) * q.shape[-1] ** -0.5)
    return np.array(answers)


@pytest.mark.parametrize("home", [Numpy, wasm], ids=["numpy", "wasm"])
def test_what_a_head_keeps_is_exact_however_much_was_forgotten_before(home):
    """A head forgets nearly everything at most tokens and nothing at some: the decays of 1,000
    tokens add up to numbers whose differences float32 cannot hold."""
    rng, tokens, heads, width = np.random.default_rng(0), 1000, 4, 8
    q, k, v = (rng.standard_normal((tokens, heads, width)) for _ in "qkv")
    k /= np.linalg.norm(k, axis=-1, keepdims=True)
    b = rng.standard_normal((tokens, heads))
    g = -np.array([0.1, 4, 16, 16]) * np.logaddexp(0, 5 * rng.standard_normal(b.shape) + 1)
    given = {"q": q, "k": k, "v": v, "b": b, "g": g}
    given = {n: x.astype(np.float32).reshape(tokens, -1) for n, x in given.items()}
    spans = np.zeros((tokens, 4), np.int32)
    spans[:, 3] = np.arange(tokens) + 1

    program = Program("delta")
    ins = {name: program.input(name, x.shape) for name, x in given.items()}
    seen = program.input("spans", spans.shape, "i32")
    total = OPS["totals"](ins.pop("g"), seen)
    _, y = OPS["delta"](*ins.values(), total, seen, heads=heads, key_heads=heads)
    program.output("y", y)
    run = home().prepare(plan(program))
    for name, array in (given | {"spans": spans}).items():
        run.write(name, array)
    asyncio.run(run.advance())
    exact = [
        x.astype(np.float64).reshape(given_as.shape)
        for x, given_as in zip(given.values(), (q, k, v, b, g), strict=True)
    ]
    wanted = recurrence(*exact)
    made = asyncio.run(run.read("y")).reshape(wanted.shape)
    assert (np.abs(made - wanted).max((0, 2)) / np.abs(wanted).max((0, 2))).max() <= 2e-6


@pytest.mark.parametrize("home", [Numpy, wasm], ids=["numpy", "wasm"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_whatever_the_cache_holds_an_answer_is_what_reading_it_whole_says(home, variant):
    """Token by token: after another chat with the same beginning, after a turn with a different
    reply, with wrong drafts that are taken back, and beside others."""
    model = asyncio.run(load_variant(variant, home()))
    generator = Generator(model)

    async def answer_messages(messages, **more):
        answer = generator.ask(messages, GREEDY, **more)
        await generator.answer_all([answer])
        return answer

    async def all_of_them():
        first = await answer_messages([FIRST], key="one")
        said = {"role": "assistant", "content": first.text}
        wrong = tuple(first.ids[:5]) + (3, 4)  # forced tokens are drafted
        answers = [
            first,
            await answer_messages([FIRST, said, OTHER], key="one"),
            await answer_messages([OTHER], key="two"),
            await answer_messages([FIRST, said, FIRST], key="one"),
            await answer_messages([FIRST], key="three", forced=wrong),
            await answer_messages([FIRST], key="four"),
        ]
        beside = [generator.ask([one], GREEDY) for one in (FIRST, OTHER, said)]
        return await generator.answer_all(beside), answers, wrong

    beside, answers, forced = asyncio.run(all_of_them())
    assert answers[0].ids == answers[5].ids and answers[4].ids[: len(forced)] == list(forced)
    assert answers[2].read < len(answers[2].prompt)  # cached tokens are not read again
    for answer in answers + beside:
        ids, _ = asyncio.run(top_tokens(model, answer.prompt + answer.ids))
        said = ids[len(answer.prompt) - 1 : -1, 0].tolist()
        begun = len(forced) if answer is answers[4] else 0
        assert said[begun:] == answer.ids[begun:]


@pytest.mark.long
@pytest.mark.slow
def test_a_lesson_changes_what_a_version_says_and_is_taken_back(tmp_path):
    """The gate always accepts, because a few steps teach a random model no words."""
    model = asyncio.run(load_variant("qwen35", wasm()))
    settings = SHORT.replace(learning_rate=1e-3, lesson={"max_steps": 12, "more_steps": 0})
    trained, pool = Trained.lora(model.config, 4, 16), Pool(model.executor, model.config, 512)
    living = Living(tmp_path, AcceptingTrainer(model, trained, settings))
    living.training = TrainingEngine(living.versions, living.trainer, {}, checkpoint_share=1)

    def answer_with(weights=None):
        """The answer of a version with these weights, or of the base model; both share a cache."""
        more = (
            (trained, {trained.name: model.executor.upload(weights)}) if weights is not None else ()
        )
        generator = Generator(model, *more, pool=pool, name="version" if more else "")
        answer = generator.ask([{"role": "user", "content": DOG["prompt"]}], GREEDY)
        asyncio.run(generator.answer_all([answer]))
        return answer.ids

    before = answer_with()
    number = living.teach(DOG["prompt"], DOG["answer"])["version"]["number"]
    learned = asyncio.run(living.versions.weights(number))["adapter"]
    assert answer_with(learned) != before and np.abs(learned).max() > 0
    asyncio.run(living.versions.rollback("generic", None))
    assert asyncio.run(living.versions.current()) is None and answer_with() == before


NAMES = {  # the names of PEFT 0.21 for these target modules
    "model.layers.0.linear_attn.in_proj_qkv",
    "model.layers.0.linear_attn.out_proj",
    "model.layers.3.self_attn.q_proj",
    "model.layers.3.self_attn.o_proj",
    "model.layers.0.mlp.gate_proj",
}


def test_an_adapter_leaves_and_arrives_under_pefts_names(tmp_path):
    config = asyncio.run(load_variant("qwen35", Numpy())).config
    trained = Trained.lora(config, 4, 8)
    flat = np.random.default_rng(0).standard_normal(trained.size).astype(np.float32)
    save_peft(tmp_path, trained, flat, "a model")
    assert {name + ".lora_A.weight" for name in NAMES} <= set(trained.entries)
    again, values = load_peft(tmp_path, config)
    assert again.entries == trained.entries
    for name in trained.entries:
        assert np.array_equal(again.part(values, name), trained.part(flat, name))
    with closing(BytesSource(gguf_lora(trained, flat, config, "qwen3_5_text", ""), "a")) as source:
        _, tensors = read_header(source)
    assert {"blk.0.attn_qkv.weight.lora_a", "blk.3.attn_output.weight.lora_b"} <= set(tensors)


def test_an_adapter_for_llama_cpp_has_heads_as_its_models_have_them():
    """Its product must equal what the adapter adds to a weight, in the converted order of the
    heads."""
    config = asyncio.run(load_variant("qwen35-other-parts", Numpy())).config
    trained = Trained.lora(config, 4, 4)
    flat = np.random.default_rng(0).standard_normal(trained.size).astype(np.float32)
    made = gguf_lora(trained, flat, config, "qwen3_5_text", "test")
    with closing(BytesSource(made, "a")) as source:
        keys, tensors = read_header(source)
        assert keys["general.architecture"] == "qwen35"
        for theirs, ours in (("attn_qkv", "in_proj_qkv"), ("ssm_out", "out_proj")):
            name = f"model.layers.0.linear_attn.{ours}"
            a, b = (tensors[f"blk.0.{theirs}.weight.lora_{n}"] for n in "ab")
            a, b = (read_plain(source, one.offset, one.kind, one.shape) for one in (a, b))
            added = [trained.part(flat, f"{name}.lora_{n}.weight") for n in "BA"]
            added = (added[0] @ added[1]).astype(np.float32)
            data = tiny.config("qwen35-other-parts")
            wanted = tiny.as_qwen35(data, name + ".weight", added.shape, added.tobytes())
            wanted = np.frombuffer(wanted, np.float32).reshape(added.shape)
            np.testing.assert_allclose(b @ a, wanted, rtol=1e-5, atol=1e-6)
