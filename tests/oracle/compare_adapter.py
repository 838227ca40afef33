"""Compares one adapter here, in PEFT and in llama.cpp: the exported files must give this engine's
logits.

    python -m tests.oracle.compare_adapter SmolLM2-135M-Instruct.Q4_1.gguf

Prints JSON with the mean KL in nats a token: ours to PEFT's and to llama.cpp's with the exported
adapter, and PEFT's to ours with an adapter made by PEFT; each with all layers, and with the last
ones.
"""

import asyncio
import json
import pathlib
import sys
import tempfile

import numpy as np

from oneseek.engine.backends.reference import Numpy
from oneseek.engine.model.adapters import gguf_lora, load_peft, save_peft
from oneseek.engine.model.formats import open_model
from oneseek.engine.model.loaded import Model
from oneseek.engine.model.trainable import Trained
from tests.oracle import llama
from tests.oracle.compare_logits import (
    by_llama_cpp,
    english_and_swedish,
    log_softmax,
    mean_kl,
    ours,
)

TOKENS = 160
LATER = 12  # the first layer of the adapter of the last layers


def an_adapter(model: Model, layers: list[int]) -> tuple[Trained, np.ndarray]:
    """A random adapter, as large as a trained one, so that every answer changes."""
    trained = Trained.lora(model.config, 16, 32, layers=layers)
    flat, rng = trained.initial(1), np.random.default_rng(2)
    for name in trained.entries:
        if ".lora_B." in name:
            part = trained.part(flat, name)
            part[...] = rng.normal(size=part.shape) * 0.02
    return trained, flat


def by_peft(path: str, folder: str, texts: list[list[int]], make: list[int] | None = None):
    """PEFT's log-probabilities with the adapter in the folder; with `make`, PEFT first makes one
    over these layers."""
    import torch
    from peft import LoraConfig, PeftModel, get_peft_model
    from transformers import AutoModelForCausalLM

    where = pathlib.Path(path).resolve()
    base = AutoModelForCausalLM.from_pretrained(
        str(where.parent), gguf_file=where.name, dtype=torch.float32
    )
    if make:
        torch.manual_seed(4)
        names = ["q_proj", "v_proj", "down_proj"]
        settings = LoraConfig(r=8, lora_alpha=16, target_modules=names, layers_to_transform=make)
        model = get_peft_model(base, settings)
        for name, weight in model.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(weight, 0.0, 0.02)
        model.save_pretrained(folder)
    else:
        model = PeftModel.from_pretrained(base, folder)
    model.eval()
    with torch.no_grad():
        return [log_softmax(model(torch.tensor([ids])).logits[0].numpy()) for ids in texts]


def main() -> None:
    path = sys.argv[1]
    model = asyncio.run(Model.load(open_model(path), Numpy()))
    texts = [model.tokenizer.encode(text)[:TOKENS] for text in english_and_swedish()[::2]]
    figures = {}
    for first in (0, LATER):
        for name, value in compare(path, model, texts, first).items():
            figures[f"{name}_from_{first}"] = value
    print(json.dumps(figures))


def compare(path: str, model: Model, texts: list[list[int]], first: int) -> dict[str, float]:
    layers = list(range(first, model.config.layers))
    trained, flat = an_adapter(model, layers)
    here = [ours(model, ids, trained, flat) for ids in texts]
    figures = {"moved_from_base": mean_kl([ours(model, ids) for ids in texts], here)}
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        save_peft(folder / "ours", trained, flat, path)
        figures["kl_peft"] = mean_kl(by_peft(path, str(folder / "ours"), texts), here)
        made = by_peft(path, str(folder / "theirs"), texts, layers)
        loaded = load_peft(folder / "theirs", model.config)
        assert loaded[0].layers == layers
        figures["kl_of_an_adapter_peft_made"] = mean_kl(
            made, [ours(model, ids, *loaded) for ids in texts]
        )
        lora = gguf_lora(trained, flat, model.config, "llama", "adapter")
        (folder / "lora.gguf").write_bytes(lora)
        theirs = by_llama_cpp(path, texts, llama.EXACT_ROWS, str(folder / "lora.gguf"))
        figures["kl_llama_cpp"] = mean_kl(theirs, here)
    return figures


if __name__ == "__main__":
    main()
