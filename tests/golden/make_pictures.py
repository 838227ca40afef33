"""Makes tests/golden/pictures.npz: what transformers computes of pictures and of prompts with
pictures, with a small random model (tests/support/eyes.py).

    OMP_NUM_THREADS=1 python tests/golden/make_pictures.py  (torch, transformers, pillow; seconds)

For each layout of tiles the file holds the prompt's ids, its logits, and the gradients of a LoRA of
the language model; for each size of picture, the tiles that the image processor cuts.
"""

import io
import pathlib
import sys

import numpy as np
import torch
from PIL import Image
from transformers import Idefics3Config, Idefics3ForConditionalGeneration
from transformers.models.smolvlm.image_processing_pil_smolvlm import SmolVLMImageProcessorPil
from transformers.models.smolvlm.processing_smolvlm import get_image_prompt_string

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from oneseek.engine.model.llama import Config  # noqa: E402
from oneseek.engine.model.tokenizer import Tokenizer  # noqa: E402
from oneseek.engine.model.trainable import Trained  # noqa: E402
from tests.golden import some_rows  # noqa: E402
from tests.golden.pictures import PHOTOS, QUESTION, RANK, lora, subsample  # noqa: E402
from tests.support import eyes, tiny  # noqa: E402 (the path is set above)


def build_model() -> Idefics3ForConditionalGeneration:
    tower, text = eyes.TOWER, tiny.config("small-llama")
    config = Idefics3Config(
        text_config=text,
        vision_config={
            "hidden_size": tower.width, "intermediate_size": tower.hidden,
            "num_hidden_layers": tower.layers, "num_attention_heads": tower.heads,
            "image_size": tower.tile, "patch_size": tower.patch, "layer_norm_eps": tower.eps,
        },
        scale_factor=tower.block,
        image_token_id=len(tiny.TOKENS),
        tie_word_embeddings=True,
    )  # fmt: skip
    model = Idefics3ForConditionalGeneration(config).eval()
    weights = {eyes.their_name(name): tiny.weight(name, s) for name, s in tower.shapes().items()}
    file = eyes.open_file()
    for name in file.names():
        weights[name.replace("model.", "model.text_model.", 1)] = file.read(name)
    weights["lm_head.weight"] = weights["model.text_model.embed_tokens.weight"]
    model.load_state_dict({name: torch.tensor(array) for name, array in weights.items()})
    return model.double()


class Lora(torch.nn.Module):
    """A linear map with an adapter beside it."""

    def __init__(self, inner: torch.nn.Linear, a: np.ndarray, b: np.ndarray, scale: float) -> None:
        super().__init__()
        self.inner, self.scale = inner, scale
        self.a, self.b = (torch.nn.Parameter(torch.tensor(one).double()) for one in (a, b))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.inner(x) + self.scale * (x @ self.a.T @ self.b.T)


def adapt(model: Idefics3ForConditionalGeneration, trained: Trained) -> dict[str, torch.nn.Module]:
    flat, found = lora(trained), {}
    for name in trained.entries:
        module, _, leaf = name.rpartition(".lora_")
        if leaf == "A.weight":
            parent, _, last = module.replace("model.", "model.text_model.", 1).rpartition(".")
            inside = model.get_submodule(parent)
            a, b = (trained.part(flat, f"{module}.lora_{one}.weight") for one in "AB")
            found[module] = Lora(getattr(inside, last), a, b, trained.scale)
            setattr(inside, last, found[module])
    return found


def prompts(made: dict) -> None:
    tokenizer = Tokenizer(eyes.open_file().tokenizer_data)
    model = build_model()
    trained = Trained.lora(Config.from_dict(tiny.config("small-llama")), RANK, 2 * RANK)
    inputs = {}
    for layout, (rows, columns) in eyes.LAYOUTS.items():
        tiles = eyes.tiles(rows, columns)
        text = (
            f"<|im_start|>User:{make_image_prompt(rows, columns)}{QUESTION}<|im_end|>\nAssistant:"
        )
        ids = torch.tensor([tokenizer.encode(text, special=True)])
        pixels = torch.tensor(tiles.pixels.transpose(0, 3, 1, 2)[None] / 255 * 2 - 1)
        inputs[layout] = dict(input_ids=ids, pixel_values=pixels)
        made[f"ids/{layout}"] = ids[0].numpy()
        made[f"logits/{layout}"] = to_numpy(model(**inputs[layout]).logits[0])
    adapters = adapt(model, trained)
    for layout, given in inputs.items():
        model.zero_grad()
        logits = model(**given).logits[0]
        targets = given["input_ids"][0, 1:]
        words = targets != len(tiny.TOKENS)
        torch.nn.functional.cross_entropy(logits[:-1][words], targets[words]).backward()
        for module, adapter in adapters.items():
            for one, array in (("A", adapter.a), ("B", adapter.b)):
                name = f"gradient/{layout}/{module}.lora_{one}.weight"
                made[name] = some_rows(to_numpy(array.grad))
        made[f"logits/{layout}/adapted"] = to_numpy(logits)


def to_numpy(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().numpy().astype(np.float32)


def make_image_prompt(rows: int, columns: int) -> str:
    image, around, whole = eyes.WORDS[:3]
    return get_image_prompt_string(rows, columns, eyes.TOWER.states, around, image, whole)


def pictures(made: dict) -> None:
    for width, height, tile, longest in PHOTOS:
        processor = SmolVLMImageProcessorPil(
            size={"longest_edge": longest}, max_image_size={"longest_edge": tile}
        )
        photo = Image.open(io.BytesIO(eyes.photo(width, height)))
        for in_parts in (True, False):
            found = processor(
                [[photo]], do_image_splitting=in_parts, return_row_col_info=True,
                return_tensors="np", do_convert_rgb=True,
            )  # fmt: skip
            name = f"photo/{width}x{height}/{tile}/{in_parts}"
            made[name] = subsample(found["pixel_values"][0].transpose(0, 2, 3, 1))
            made[f"{name}/cut"] = np.array([found["rows"][0][0], found["cols"][0][0]])
            print(name, found["pixel_values"].shape, made[f"{name}/cut"], file=sys.stderr)


def main() -> None:
    made: dict = {}
    prompts(made)
    pictures(made)
    np.savez_compressed(pathlib.Path(__file__).with_name("pictures.npz"), **made)
    print(len(made), "arrays", file=sys.stderr)


if __name__ == "__main__":
    main()
