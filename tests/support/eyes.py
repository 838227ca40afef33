"""A small random model with eyes: a Llama, the file of its eyes, and pictures for it.

Its tiles have 16 pixels and four states each; a picture cut in two by two has twenty states.
"""

import io
import json
from functools import cache

import numpy as np
from PIL import Image

from oneseek.engine.backends.executor import Executor
from oneseek.engine.model.families import configure
from oneseek.engine.model.formats import BytesSource, open_model, safetensors
from oneseek.engine.model.loaded import Model
from oneseek.engine.model.vision.eyes import Tiles
from oneseek.engine.model.vision.folder import PARTS as PARTS_OF_LAYER
from oneseek.engine.model.vision.folder import VISION, WHOLE
from oneseek.engine.model.vision.siglip import Tower
from tests.support import tiny

PARTS = [f"<row_{row}_col_{column}>" for row in (1, 2) for column in (1, 2)]
WORDS = ["<image>", "<fake_token_around_image>", "<global-img>", *PARTS]
TEMPLATE = (
    "<|im_start|>{% for message in messages %}{{message['role'] | capitalize}}"
    "{% if message['content'][0]['type'] == 'image' %}{{':'}}{% else %}{{': '}}{% endif %}"
    "{% for line in message['content'] %}{% if line['type'] == 'text' %}{{line['text']}}"
    "{% elif line['type'] == 'image' %}{{ '<image>' }}{% endif %}{% endfor %}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}"
)
TOWER = Tower(tile=16, patch=4, width=32, hidden=64, layers=2, heads=2, eps=1e-6, block=2, words=64)
LONGEST = 32
BESIDE = "mmproj-tiny-f16.gguf"
LAYOUTS = {"whole": (0, 0), "parts": (2, 2), "wide": (1, 2)}


def language(kind: str = "F32", **changes) -> bytes:
    """The language model's file, whose vocabulary has tokens for pictures."""
    keys, tensors = tiny.contents("small-llama", kind)
    types = np.concatenate([keys["tokenizer.ggml.token_type"], np.full(len(WORDS), 3, np.int32)])
    keys |= {
        "tokenizer.ggml.tokens": tiny.TOKENS + WORDS,
        "tokenizer.ggml.token_type": types,
        "tokenizer.chat_template": TEMPLATE,
    }
    return tiny.encode_gguf(keys | changes, tensors)


def eyes(kind: str = "F32", earlier: bool = False, **changes) -> bytes:
    """The file of its eyes; `earlier` files swap the names of a layer's first and last product."""
    sizes = {
        "image_size": TOWER.tile, "patch_size": TOWER.patch, "embedding_length": TOWER.width,
        "feed_forward_length": TOWER.hidden, "block_count": TOWER.layers,
        "attention.head_count": TOWER.heads, "projector.scale_factor": TOWER.block,
        "projection_dim": TOWER.words, "preproc_image_size": LONGEST,
        "attention.layer_norm_epsilon": TOWER.eps, "image_mean": np.full(3, 0.5, np.float32),
        "image_std": np.full(3, 0.5, np.float32),
    }  # fmt: skip
    keys = {"general.architecture": "clip", "general.type": "mmproj",
            "clip.has_vision_encoder": True, "clip.projector_type": "idefics3"}  # fmt: skip
    keys |= {f"clip.vision.{name}": value for name, value in sizes.items()}
    keys |= {name.replace("__", "."): value for name, value in changes.items()}
    turn = {"ffn_up": "ffn_down", "ffn_down": "ffn_up"} if earlier else {}
    tensors = {}
    for name, shape in TOWER.shapes().items():
        kept = kind if len(shape) == 2 and name.startswith("v.blk") else "F32"
        *before, part, leaf = name.split(".")
        there = ".".join([*before, turn.get(part, part), leaf])
        tensors[there] = kept, shape, tiny.make_tensor(name, shape, kept)
    return tiny.encode_gguf({k: v for k, v in keys.items() if v is not None}, tensors)


def folder(**changes) -> dict[str, bytes]:
    """Both parts as a hub keeps them, in one folder of safetensors."""
    files = tiny.folder("small-llama")
    text = tiny.config("small-llama")
    sizes = {"hidden_size": TOWER.width, "intermediate_size": TOWER.hidden,
             "num_hidden_layers": TOWER.layers, "num_attention_heads": TOWER.heads,
             "image_size": TOWER.tile, "patch_size": TOWER.patch}  # fmt: skip
    config = {"model_type": "idefics3", "text_config": text, "vision_config": sizes,
              "scale_factor": TOWER.block, "image_token_id": len(tiny.TOKENS)}  # fmt: skip
    words = tiny.tokenizer_json()
    words["added_tokens"] += [
        words["added_tokens"][0] | {"id": len(tiny.TOKENS) + i, "content": word}
        for i, word in enumerate(WORDS)
    ]
    settings = json.loads(files["tokenizer_config.json"])
    del settings["chat_template"]
    shapes = {name.replace("model.", "model.text_model.", 1): (name, shape)
              for name, shape in configure(text).shapes().items()}  # fmt: skip
    shapes |= {their_name(name): (name, shape) for name, shape in TOWER.shapes().items()}
    data = io.BytesIO()
    safetensors.write(data, {
        name: ("F32", shape, tiny.make_tensor(ours, shape, "F32"))
        for name, (ours, shape) in shapes.items()
    })  # fmt: skip
    return {
        "config.json": json.dumps(config | changes).encode(),
        "tokenizer.json": json.dumps(words).encode(),
        "tokenizer_config.json": json.dumps(settings).encode(),
        "chat_template.json": json.dumps({"chat_template": TEMPLATE}).encode(),
        "preprocessor_config.json": json.dumps({"size": {"longest_edge": LONGEST}}).encode(),
        "model.safetensors": data.getvalue(),
    }


def their_name(name: str) -> str:
    """The name of a weight of the eyes in transformers."""
    stem, _, leaf = name.rpartition(".")
    theirs = {ours: name for name, ours in WHOLE.items()}
    if stem in theirs:
        return f"{theirs[stem]}.{leaf}"
    inside = {ours: name for name, ours in PARTS_OF_LAYER.items()}
    _, _, layer, part = stem.split(".")
    return f"{VISION}encoder.layers.{layer}.{inside[part]}.{leaf}"


def open_file(kind: str = "F32", earlier: bool = False, **changes):
    files = {"tiny.gguf": language(), BESIDE: eyes(kind, earlier, **changes)}
    return open_model({name: BytesSource(data, name) for name, data in files.items()})


async def load_model(executor: Executor, kind: str = "F32", earlier: bool = False) -> Model:
    return await Model.load(open_file(kind, earlier), executor)


def tiles(rows: int, columns: int) -> Tiles:
    """A random picture, already cut into tiles."""
    draw = np.random.RandomState(rows * 10 + columns)
    shape = (rows * columns + 1, TOWER.tile, TOWER.tile, 3)
    return Tiles(draw.randint(0, 256, shape).astype(np.uint8), rows, columns)


@cache
def photo(width: int, height: int, kind: str = "PNG") -> bytes:
    """A picture's file: bands of colour with soft edges, and some noise."""
    x, y = np.meshgrid(np.linspace(0, 9, width), np.linspace(0, 7, height))
    waves = np.stack([np.sin(x), np.cos(y), np.sin(x * y / 5)], -1) * 100 + 128
    noise = np.random.RandomState(7).randint(-20, 20, waves.shape)
    file = io.BytesIO()
    Image.fromarray((waves + noise).clip(0, 255).astype(np.uint8)).save(
        file, kind, compress_level=1
    )
    return file.getvalue()
