"""Hostile model files: every class of bug found in other readers, cuts at any byte, and random
damage."""

import io
import json
import random
import re
import struct
import time
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oneseek.engine.model.formats import BytesSource, FormatError, open_model
from oneseek.engine.model.formats.gguf import MAX_ITEMS
from oneseek.engine.model.formats.gguf_writer import write
from oneseek.engine.model.formats.packing import ANY_HASH, Packing
from oneseek.engine.model.formats.source import Source
from oneseek.engine.model.template import ChatTemplate, TemplateError
from oneseek.engine.model.tokenizer import Tokenizer
from tests.support import tiny

WHOLE = tiny.gguf("llama", "Q4_1")
FOLDER = tiny.folder("qwen2", "F16")
GEMMA = tiny.folder("gemma3", "BF16")
GEMMA_WHOLE = {"tiny.gguf": tiny.gguf("gemma3", "F16")}
LFM2 = tiny.folder("lfm2-other-parts", "BF16")
LFM2_WHOLE = {"tiny.gguf": tiny.gguf("lfm2", "F16")}
QWEN35 = tiny.folder("qwen35-other-parts", "BF16")
QWEN35_WHOLE = {"tiny.gguf": tiny.gguf("qwen35-other-parts", "F16")}
GIVEN = FOLDER, GEMMA, GEMMA_WHOLE, LFM2, LFM2_WHOLE, QWEN35, QWEN35_WHOLE


class Holes(Source):
    """A huge file of which only the beginning exists; the rest reads as zeros."""

    def __init__(self, start, size):
        super().__init__("huge.gguf", size)
        self.start = start

    def _read(self, offset, length):
        part = self.start[offset : offset + length]
        return part + bytes(length - len(part))


def must_refuse(where, reason):
    """Assert that opening fails with this reason and the file's name, in under a second, without
    memory growth."""
    if isinstance(where, bytes):
        where = BytesSource(where, "bad.gguf")
    started = time.process_time()
    with pytest.raises(FormatError, match=reason) as error:
        open_model(where)
    assert time.process_time() - started < 1
    assert len(str(error.value)) < 1000
    if isinstance(where, Source):
        assert error.value.name == where.name and str(error.value).startswith(where.name)
    tracemalloc.start()
    with pytest.raises(FormatError):
        open_model(where)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 200 << 20


def head(tensors=0, keys=0, version=3):
    return b"GGUF" + struct.pack("<IQQ", version, tensors, keys)


def text(data):
    return struct.pack("<Q", len(data)) + data


def key(name, kind, data):
    return text(name) + struct.pack("<I", kind) + data


def array(name, kind, count, data=b""):
    return key(name, 9, struct.pack("<IQ", kind, count) + data)


def tensor(name=b"t", shape=(32,), kind=0, offset=0):
    sizes = struct.pack(f"<I{len(shape)}Q", len(shape), *shape)
    return text(name) + sizes + struct.pack("<IQ", kind, offset)


HOSTILE = {
    "empty": (b"", "neither GGUF nor safetensors"),
    "wrong magic": (b"GGML" + WHOLE[4:], "neither GGUF nor safetensors"),
    "a zip": (b"PK\x03\x04" + bytes(99), "zip archive"),
    "text": (b"<!DOCTYPE html><html>404", "neither GGUF nor safetensors"),
    "only the magic": (b"GGUF", "not a GGUF file|cut short"),
    "version 1": (head(version=1) + bytes(64), "version 1 is unknown"),
    "big-endian": (b"GGUF" + struct.pack(">IQQ", 3, 0, 0), "big-endian"),
    "2^63 keys": (head(0, 1 << 63) + bytes(64), "metadata keys are over the limit"),
    "2^63 tensors": (head(1 << 63) + bytes(64), "tensors are over the limit"),
    "key of 2^62 bytes": (head(0, 1) + struct.pack("<Q", 1 << 62), "over the limit"),
    "empty key": (head(0, 1) + key(b"", 4, bytes(4)), "key '' is empty"),
    "double key": (head(0, 2) + 2 * key(b"k", 4, bytes(4)), "'k' is there twice"),
    "key not UTF-8": (head(0, 1) + key(b"\xff\xfe", 4, bytes(4)), "not valid UTF-8"),
    "unknown value type": (head(0, 1) + key(b"k", 99, bytes(99)), "unknown type 99"),
    "array of arrays": (head(0, 1) + array(b"k", 9, 1, bytes(99)), "unknown type 9"),
    "array of 2^63": (head(0, 1) + array(b"k", 4, 1 << 63), "over the limit"),
    "array of 2^63 strings": (head(0, 1) + array(b"k", 8, 1 << 63), "over the limit"),
    "array past the end": (head(0, 1) + array(b"k", 10, 1 << 20), "cut short"),
    "strings past the end": (head(0, 1) + array(b"k", 8, 1 << 20), "does not fit"),
    "alignment 0": (head(0, 1) + key(b"general.alignment", 4, bytes(4)), "alignment 0"),
    "alignment 3": (head(0, 1) + key(b"general.alignment", 4, b"\3\0\0\0"), "alignment 3"),
    "alignment text": (head(0, 1) + key(b"general.alignment", 8, text(b"x")), "alignment 'x'"),
    "no dimensions": (head(1) + tensor(shape=()) + bytes(999), "0 dimensions"),
    "9 dimensions": (head(1) + tensor(shape=(1,) * 9) + bytes(999), "9 dimensions"),
    "2^32 - 1 dimensions": (head(1) + text(b"t") + b"\xff" * 4 + bytes(999), "4294967295 dim"),
    "dimension 0": (head(1) + tensor(shape=(0, 4)) + bytes(999), "has 0 elements"),
    "shape wraps": (head(1) + tensor(shape=(1 << 32, 1 << 32)) + bytes(999), "elements"),
    "shape over u32": (head(1) + tensor(shape=(1 << 16, 1 << 16)) + bytes(999), "elements"),
    "unknown quantisation": (
        head(1) + tensor(kind=19) + bytes(999),
        "quantisation type IQ1_S, which cannot",
    ),
    "half a block": (head(1) + tensor(shape=(33, 2), kind=2) + bytes(999), "whole blocks"),
    "quantised vector": (head(1) + tensor(shape=(32,), kind=2) + bytes(999), "only a matrix"),
    "offset past the end": (head(1) + tensor(offset=1 << 62) + bytes(999), "cut short"),
    "offset unaligned": (head(1) + tensor(offset=7) + bytes(999), "not a multiple of 32"),
    "tensor past the end": (head(1) + tensor(shape=(9999,)) + bytes(99), "cut short"),
    "same name twice": (head(2) + 2 * tensor() + bytes(999), "'t' is there twice"),
    "no name": (head(1) + tensor(name=b"") + bytes(999), "'' is there twice or empty"),
    "long name": (head(1) + tensor(name=b"x" * 999) + bytes(999), "letters"),
    "overlap": (head(2) + tensor(b"a") + tensor(b"b", offset=64) + bytes(999), "overlap"),
    "nothing in it": (head() + bytes(99), "architecture None is not supported"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_R25_hostile_gguf_is_harmless(name):
    must_refuse(*HOSTILE[name])


@pytest.mark.long
@pytest.mark.slow
def test_R25_many_large_arrays_are_harmless():
    count = 600_000
    items = (array(b"k%d" % i, 8, count, bytes(8 * count)) for i in range(2))
    must_refuse(head(0, 2) + b"".join(items), f"over {MAX_ITEMS} strings")
    start = head(0, 4000) + array(b"k", 10, 1 << 20)
    must_refuse(Holes(start, 1 << 40), "header is over the limit of 64 MB|is empty")
    must_refuse(
        Holes(head(0, 1) + array(b"k", 8, 1) + struct.pack("<Q", 1 << 36), 1 << 40), "bytes, over"
    )


@pytest.mark.slow
def test_R25_numbers_no_model_has_are_harmless():
    for name, value, reason in [
        ("llama.block_count", 1 << 31, "num_hidden_layers .* is 2147483648"),
        ("llama.block_count", 3, "the tensor model.layers.2.* is missing"),
        ("llama.block_count", 1, "the tensor model.layers.1.* is not part of llama"),
        ("llama.block_count", -1, "num_hidden_layers .* is -1"),
        ("llama.attention.head_count", 0, "num_attention_heads .* is 0"),
        ("llama.attention.head_count", 3, "do not divide|has shape"),
        ("llama.attention.head_count_kv", [2, 2], "num_key_value_heads .* is"),
        ("llama.attention.key_length", 63, "do not divide"),
        ("llama.embedding_length", 1 << 40, "hidden_size"),
        ("llama.embedding_length", "wide", "hidden_size .* is 'wide'"),
        ("llama.attention.layer_norm_rms_epsilon", float("nan"), "rms_norm_eps is nan"),
        ("llama.rope.freq_base", float("inf"), "rope_theta is inf"),
        ("llama.rope.scaling.type", "yarn", "rope scaling .*yarn.* cannot be used"),
        ("llama.rope.dimension_count", 32, "part of each head"),
        ("llama.expert_count", 8, "mixture of experts"),
        ("general.architecture", "mamba", "architecture 'mamba' is not supported; llama"),
        ("general.type", "adapter", "holds a adapter, not a model"),
        ("split.count", 3, "one of 3 parts, not of 1; choose all"),
        ("tokenizer.ggml.model", None, "the tokenizer is missing"),
        ("tokenizer.ggml.model", "bert", "tokenizer model 'bert'"),
        ("tokenizer.ggml.pre", "new", "pre-tokenizer 'new' is not supported"),
        ("tokenizer.ggml.tokens", [1, 2], "no list of tokens"),
        ("tokenizer.ggml.tokens", ["a"] * 400, "one number for each of 400 tokens"),
        ("tokenizer.ggml.eos_token_id", 1 << 20, "eos_token_id is 1048576"),
        ("tokenizer.ggml.merges", ["a"], "not pairs"),
        ("tokenizer.ggml.merges", [1, 2], "not pairs"),
        ("tokenizer.chat_template", 7, "chat template is not text"),
    ]:
        must_refuse(tiny.gguf("llama", "F32", **{name.replace(".", "__"): value}), reason)


def test_R25_weights_that_are_not_numbers_are_refused_by_name():
    broken = bytearray(tiny.gguf("llama", "F32"))
    broken[-40:-36] = struct.pack("<f", float("nan"))
    model = open_model(BytesSource(broken, "nan.gguf"))
    with pytest.raises(FormatError, match=r"nan.gguf: model.norm.weight holds .* not finite"):
        for name in model.names():
            model.read(name)


@settings(max_examples=150, deadline=1000)
@given(st.integers(0, len(WHOLE) - 1))
def test_R25_a_file_cut_at_any_byte_is_refused(size):
    with pytest.raises(FormatError, match=r"^cut\.gguf: "):
        open_model(BytesSource(WHOLE[:size], "cut.gguf"))


def test_a_model_in_use_goes_on_after_a_bad_file():
    model = open_model(BytesSource(WHOLE, "good.gguf"))
    with pytest.raises(FormatError):
        open_model(BytesSource(WHOLE[:999], "bad.gguf"))
    assert model.read("model.norm.weight").shape == (256,)


def container(header, data=b"", length=None):
    header = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(header) if length is None else length) + header + data


def entry(shape=(2,), span=(0, 8), kind="F32", **more):
    return {"dtype": kind, "shape": list(shape), "data_offsets": list(span)} | more


HOSTILE_SAFETENSORS = {
    "empty": (b"", "too few"),
    "header of 2^63": (container({}, length=1 << 63), "over the limit of 16 MB"),
    "header past the end": (container({}, length=1000), "cut short"),
    "not JSON": (container(b"{'a': 1}"), "not valid JSON"),
    "not UTF-8": (container(b'{"\xff": 1}'), "not valid JSON"),
    "not an object": (container(b"[1, 2]"), "not an object"),
    "nested": (container(b'{"a":' * 100000), "not valid JSON"),
    "nested lists": (container(b'{"a":' + b"[" * 900000), "not valid JSON"),
    "many objects": (container(b'{"a":{}' + b',"b":{}' * 999999 + b"}"), "over 262144 times"),
    "huge number": (container(b'{"a":' + b"9" * 5000 + b"}"), "not valid JSON"),
    "same name twice": (container(b'{"a": {}, "a": {}}'), "twice"),
    "no shape": (container({"a": {"dtype": "F32", "data_offsets": [0, 4]}}), "does not have"),
    "extra key": (container({"a": entry(evil=1)}, bytes(8)), "does not have"),
    "number as entry": (container({"a": 3}), "does not have"),
    "unknown type": (container({"a": entry(kind="I64")}, bytes(8)), "type 'I64'"),
    "quantised type": (container({"a": entry(kind="Q4_0")}, bytes(8)), "type 'Q4_0'"),
    "type a list": (container({"a": entry(kind=["F32"])}, bytes(8)), "type"),
    "negative size": (container({"a": entry((-2, -1))}, bytes(8)), "list of sizes"),
    "size a float": (container({"a": entry((2.0,))}, bytes(8)), "list of sizes"),
    "size true": (container({"a": entry((True, 2))}, bytes(8)), "list of sizes"),
    "5 dimensions": (container({"a": entry((1,) * 5)}, bytes(8)), "has the shape"),
    "shape wraps": (container({"a": entry((1 << 33, 1 << 31))}, bytes(8)), "elements"),
    "range too short": (container({"a": entry((3,))}, bytes(8)), "does not fill its range"),
    "range backwards": (container({"a": entry((2,), (8, 0))}, bytes(8)), "does not fill"),
    "range past the end": (container({"a": entry((2,), (8, 16))}, bytes(8)), "cut short"),
    "overlap": (container({"a": entry(), "b": entry()}, bytes(8)), "overlap"),
    "hole": (container({"a": entry((2,), (4, 12))}, bytes(12)), "belong to no tensor"),
    "tail": (container({"a": entry()}, bytes(9)), "belong to no tensor"),
    "other tensors": (container({"a": entry()}, bytes(8)), "is missing"),
}


def folder_refused(files, reason):
    must_refuse({name: BytesSource(data, name) for name, data in files.items()}, reason)


@pytest.mark.parametrize("name", HOSTILE_SAFETENSORS)
def test_R26_hostile_safetensors_are_harmless(name):
    data, reason = HOSTILE_SAFETENSORS[name]
    folder_refused(FOLDER | {"model.safetensors": data}, reason)


def test_R26_a_hostile_folder_is_harmless():
    config = json.loads(FOLDER["config.json"])
    words = json.loads(FOLDER["tokenizer.json"])
    index = "model.safetensors.index.json"

    def change_file(file, data, **changes):
        return FOLDER | {file: json.dumps(data | changes).encode()}

    for files, reason in (
        ({k: v for k, v in FOLDER.items() if k != "config.json"}, "config.json is missing"),
        ({k: v for k, v in FOLDER.items() if k != "tokenizer.json"}, "tokenizer.json is missing"),
        (
            {k: v for k, v in FOLDER.items() if "safe" not in k},
            "one .safetensors file or an index .* is needed",
        ),
        (FOLDER | {"b.safetensors": b""}, "is needed, not 2 files"),
        (FOLDER | {"config.json": b"[]"}, "config.json: is not an object"),
        (FOLDER | {index: b'{"weight_map": []}'}, "does not say which tensor"),
        (change_file("config.json", config, num_hidden_layers=10**9), "num_hidden_layers"),
        (change_file("config.json", config, vocab_size="x"), "vocab_size"),
        (change_file("config.json", config, hidden_act="gelu"), "activation 'gelu'"),
        (change_file("config.json", config, rope_scaling=[1]), "not an object"),
        (change_file("config.json", config, rope_scaling={"type": "dynamic"}), "cannot be used"),
        (change_file("config.json", config, model_type=["llama"]), "is not supported"),
        (change_file("tokenizer.json", words, model=[]), "cannot be understood"),
        (change_file("tokenizer.json", words, model={"type": "Unigram"}), "'Unigram'"),
        (change_file("tokenizer.json", words, normalizer={"type": "Lowercase"}), "'Lowercase'"),
        (change_file("tokenizer.json", words, pre_tokenizer={"type": "Whitespace"}), "Whitespace"),
        (
            change_file("tokenizer.json", words, added_tokens=[{"id": 1 << 40, "content": "x"}]),
            "over the limit",
        ),
    ):
        folder_refused(files, reason)


INDEX = "model.safetensors.index.json"
SHARDS = tiny.folder("qwen2", "F16", shards=3)
PLACED = json.loads(SHARDS[INDEX])["weight_map"]
SECOND = "model-00002-of-00003.safetensors"


def replace_index(weight_map, **files):
    return SHARDS | {INDEX: json.dumps({"weight_map": weight_map}).encode()}


def drop_tensor(file):
    """A safetensors file without its last tensor."""
    (length,) = struct.unpack("<Q", file[:8])
    header = json.loads(file[8 : 8 + length])
    last = max(header, key=lambda name: header[name]["data_offsets"][1])
    first, end = header.pop(last)["data_offsets"]
    return container(header, file[8 + length : len(file) - (end - first)])


HOSTILE_SHARDS = {
    "outside": (replace_index(PLACED | {"a": "../../etc/passwd"}), "which is no file beside it"),
    "outside, a file of weights": (
        replace_index(PLACED | {"a": "../x.safetensors"}),
        "no file beside",
    ),
    "absolute": (replace_index(PLACED | {"a": "/etc/model.safetensors"}), "no file beside"),
    "of Windows": (replace_index(PLACED | {"a": "..\\\\x.safetensors"}), "no file beside"),
    "no text": (replace_index(PLACED | {"a": 7}), "no file beside"),
    "itself": (replace_index(PLACED | {"a": INDEX}), "no file beside"),
    "long": (replace_index(PLACED | {"a": "x" * 9999 + ".safetensors"}), "no file beside"),
    "nothing": (replace_index({}), "does not say which tensor"),
    "not an object": (SHARDS | {INDEX: b"[1]"}, "is not an object"),
    "not JSON": (SHARDS | {INDEX: b"{"}, "is not valid JSON"),
    "named twice": (SHARDS | {INDEX: b'{"weight_map": {"a": "b", "a": "c"}}'}, "there twice"),
    "many files": (
        replace_index({str(n): f"{n}.safetensors" for n in range(999)}),
        "999 files, over 256",
    ),
    "a missing file": (
        {name: data for name, data in SHARDS.items() if name != SECOND},
        r"model-00002-of-00003.safetensors of 3 files of weights is missing; download it, and",
    ),
    "a file cut short": (SHARDS | {SECOND: SHARDS[SECOND][:-4]}, "cut short"),
    "a file without a tensor": (SHARDS | {SECOND: drop_tensor(SHARDS[SECOND])}, "where it is not"),
    "a tensor of another file": (
        replace_index(PLACED | {"model.norm.weight": sorted(set(PLACED.values()))[0]})
        if PLACED["model.norm.weight"] == SECOND
        else replace_index(PLACED | {"model.norm.weight": SECOND}),
        "the tensor model.norm.weight is in model-0000. *|the index says",
    ),
    "a tensor it does not name": (
        replace_index({name: file for name, file in PLACED.items() if name != "model.norm.weight"}),
        "model.norm.weight is in .*; the index says nowhere",
    ),
    "the same file twice": (
        SHARDS | {SECOND: SHARDS["model-00001-of-00003.safetensors"]},
        "is in two files",
    ),
}


@pytest.mark.parametrize("name", HOSTILE_SHARDS)
def test_R26_hostile_shards_are_harmless(name):
    folder_refused(*HOSTILE_SHARDS[name])


PARTS = tiny.gguf_parts("llama", "Q4_1")
FIRST, MIDDLE, LAST = PARTS


def part(number, count, tensors=0, total=None, **keys):
    """One part of a split file with nothing but its own split metadata."""
    said = {"split.no": number, "split.count": count}
    said |= {"split.tensors.count": total} if total is not None else {}
    return tiny.encode_gguf(said | {key.replace("__", "."): v for key, v in keys.items()}, {})


HOSTILE_PARTS = {
    "one alone": ({FIRST: PARTS[FIRST]}, f"{MIDDLE} and 1 more of 3 parts is missing"),
    "one missing": ({FIRST: PARTS[FIRST], LAST: PARTS[LAST]}, f"{MIDDLE} of 3 parts is missing"),
    "renamed": ({"a.gguf": PARTS[MIDDLE]}, "this is one of 3 parts, not of 1; choose all"),
    "the same twice": (PARTS | {MIDDLE: PARTS[FIRST]}, "is part 1, and so is another file"),
    "of another count": (PARTS | {MIDDLE: part(1, 4)}, "4 parts, not of 3; download them again"),
    "a whole one": (PARTS | {MIDDLE: WHOLE}, "one of 1 parts, not of 3"),
    "number 9": (PARTS | {MIDDLE: part(9, 3)}, "part 10 of 3"),
    "number -1": (PARTS | {MIDDLE: part(-1, 3)}, "part 0 of 3"),
    "number a text": (PARTS | {MIDDLE: part("x", 3)}, "part 'x' of 3"),
    "count a list": (PARTS | {MIDDLE: part(1, [3])}, "says it is part 1 of"),
    "count 2^31": (PARTS | {MIDDLE: part(1, 1 << 31)}, "one of 2147483648 parts"),
    "its name says 99999": ({"x-00001-of-99999.gguf": WHOLE}, "its name says 99999 parts"),
    "its name says 0": ({"x-00001-of-00000.gguf": WHOLE}, "its name says 0 parts"),
    "fewer tensors than said": (PARTS | {MIDDLE: part(1, 3)}, "the parts hold .* this one says"),
    "another total": (PARTS | {MIDDLE: part(1, 3, total=7)}, "the parts hold .* this one says"),
    "overlapping": (
        PARTS | {MIDDLE: tiny.encode_gguf({"split.no": 1, "split.count": 3}, tiny.contents("llama", "F16")[1])},
        "is in another part too",
    ),
    "of another model": (
        PARTS | {MIDDLE: part(1, 3, general__architecture="qwen2")}, "a part of another model",
    ),
    "cut short": (PARTS | {LAST: PARTS[LAST][:-99]}, "cut short"),
    "another kind of file": (PARTS | {FIRST: b"PK\x03\x04" + bytes(99)}, "zip archive"),
    "two models": (PARTS | {"other.gguf": WHOLE}, "2 models lie here .*; choose one"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE_PARTS)
def test_R25_hostile_parts_are_harmless(name):
    files, reason = HOSTILE_PARTS[name]
    folder_refused(files, reason)


# -- random damage

INTERESTING = [
    0,
    1,
    2,
    7,
    31,
    255,
    1 << 15,
    1 << 31,
    (1 << 32) - 1,
    1 << 62,
    1 << 63,
    (1 << 64) - 1,
]
TINY_HEADER = WHOLE[: WHOLE.index(b"blk.1.ffn_down") + 64]


def damage(draw, data, reach):
    """The data with a few random changes within the first `reach` bytes."""
    data = bytearray(data)
    for _ in range(draw.choice([1, 1, 1, 2, 4])):
        at, way = draw.randrange(min(reach, len(data)) or 1), draw.randrange(6)
        if way == 0:
            data[at : at + 1] = bytes([data[at] ^ 1 << draw.randrange(8)]) if data else b""
        elif way == 1:
            size = draw.choice([1, 2, 4, 8])
            value = draw.choice(INTERESTING) & (1 << 8 * size) - 1
            data[at : at + size] = value.to_bytes(size, "little")
        elif way == 2:
            del data[at : at + draw.choice([1, 4, 8, 100])]
        elif way == 3:
            data[at:at] = data[at : at + draw.choice([1, 8, 64])]
        elif way == 4:
            other = draw.randrange(reach)
            data[at : at + 8] = data[other : other + 8]
        else:
            data[at:at] = draw.randbytes(draw.choice([1, 4, 16]))
    return bytes(data)


def use(where):
    """Open a model and use every part of it, also packed; only errors meant for people may be
    raised."""
    try:
        model = open_model(where)
        tokenizer = Tokenizer(model.tokenizer_data)
        ChatTemplate(model.chat_template, model.special_tokens).render(
            [{"role": "user", "content": "hej"}]
        )
        tokenizer.decode(tokenizer.encode("Hej då <|im_end|> 12", special=True), special=True)
        model.read(model.names()[-1])
        packing = Packing(model, "Q4_1", "Q8_0", ANY_HASH)
        _, _, *piece = list(packing.pieces())[-1]
        packing.data(*piece)
    except (FormatError, TemplateError) as error:
        return type(error).__name__
    return "opened"


def reach(data):
    """The length of the metadata at the start of a file."""
    if data[:1] == b"{":
        return len(data)
    if data[:4] == b"GGUF":
        return min(len(data), len(TINY_HEADER))
    return 8 + struct.unpack("<Q", data[:8])[0]


def fuzz(count, seed=0):
    """Use `count` damaged files of all kinds; returns how many were refused, and the slowest
    time."""
    draw, slowest, outcomes = random.Random(seed), 0.0, {}
    for turn in range(count):
        started = time.process_time()
        if turn % 2:
            found = use(BytesSource(damage(draw, WHOLE, len(TINY_HEADER)), "damaged.gguf"))
        else:
            folder = (SHARDS, PARTS, *GIVEN)[turn // 2 % 9]
            weights = [name for name in folder if not name.endswith(".json")]
            name = draw.choice([*weights * (6 // len(weights)), INDEX, *folder])
            name = name if name in folder else weights[0]
            files = folder | {name: damage(draw, folder[name], reach(folder[name]))}
            if draw.randrange(20) == 0:
                del files[draw.choice([*files])]
            found = use({name: BytesSource(data, name) for name, data in files.items()})
        outcomes[found] = outcomes.get(found, 0) + 1
        slowest = max(slowest, time.process_time() - started)
    return outcomes, slowest


def test_R25_R26_random_damage_is_harmless():
    outcomes, slowest = fuzz(300)
    assert outcomes["FormatError"] > 100 and slowest < 1, (outcomes, slowest)


@pytest.mark.long
def test_R25_R26_ten_thousand_damaged_files_are_harmless():
    outcomes, slowest = fuzz(10_000, seed=3)
    assert outcomes["FormatError"] > 5000 and slowest < 1, (outcomes, slowest)


@pytest.mark.long
def test_R25_R26_a_hundred_thousand_damaged_files_are_harmless():
    import resource

    fuzz(1000, seed=1)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    outcomes, slowest = fuzz(100_000, seed=2)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(outcomes, f"slowest {slowest:.3f} s, memory grew by {grown / 1024:.0f} MB")
    assert sum(outcomes.values()) == 100_000 and slowest < 1 and grown < 200 << 10


@settings(max_examples=200, deadline=1000)
@given(st.binary(max_size=400))
def test_R25_random_bytes_after_the_magic_are_harmless(data):
    assert use(BytesSource(b"GGUF\3\0\0\0" + data, "noise.gguf")) == "FormatError"


@settings(max_examples=100, deadline=1000)
@given(st.dictionaries(st.sampled_from(sorted(tiny.metadata("llama"))), st.none() | st.text() | st.integers(-9, 2**40) | st.lists(st.integers(0, 9), max_size=3) | st.booleans() | st.floats(width=32), min_size=1, max_size=3))  # fmt: skip
def test_R25_any_metadata_is_harmless(changes):
    keys = {k: v for k, v in (tiny.metadata("llama") | changes).items() if v is not None}
    file = io.BytesIO()
    write(file, keys, {"output_norm.weight": np.ones(256, np.float32)})
    assert use(BytesSource(file.getvalue(), "odd.gguf")) == "FormatError"


def test_every_reason_is_one_sentence_a_person_can_read():
    for data, _ in HOSTILE.values():
        with pytest.raises(FormatError) as error:
            open_model(BytesSource(data, "bad.gguf"))
        assert re.match(r"bad\.gguf: [A-Za-z0-9]", str(error.value))
        assert "Traceback" not in str(error.value) and "\n" not in str(error.value)
