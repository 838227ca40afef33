"""The base model in transformers with its adapter in PEFT, on the same packed batches.

Our own reader reads the weights, so that both engines train on the same numbers.
"""

from __future__ import annotations

import hashlib

import numpy as np
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoConfig, AutoModelForCausalLM

from oneseek.engine.model.families import configure
from oneseek.engine.model.formats import ModelFile
from oneseek.engine.model.formats.architecture import is_less_one
from oneseek.engine.model.formats.packed import Packed
from oneseek.engine.model.llama import Config
from oneseek.engine.model.loaded import extract_fingerprint_bytes
from oneseek.engine.model.trainable import Trained

NOTHING = -1e30
FULL = "lm_head.weight"  # is the embedding, where both are tied


def base_of(file: ModelFile) -> tuple[torch.nn.Module, str]:
    """Return the model of a file, as float32, and its fingerprint."""
    if type(configure(file.config)) is not Config:
        raise ValueError(
            f"{file.name} is of the family {file.architecture}, whose recurrent layers cannot be "
            "trained with PyTorch here; nothing was trained. Train it without PyTorch"
        )
    settings = AutoConfig.for_model(**file.config)
    model = AutoModelForCausalLM.from_config(settings, attn_implementation="sdpa")
    weights, digest = {}, hashlib.sha256()
    for name in file.names():
        read = file.read(name)
        digest.update(extract_fingerprint_bytes(read))
        values = read.dense() if isinstance(read, Packed) else np.asarray(read, np.float32)
        less = 1 if is_less_one(name, file.config) else 0
        weights[name] = torch.from_numpy(np.array(values, np.float32) - np.float32(less))
    missing, unknown = model.load_state_dict(weights, strict=False)
    if unknown or set(missing) - ({FULL} if settings.tie_word_embeddings else set()):
        raise ValueError(
            f"{file.name} does not match the model that transformers builds from its settings: "
            f"only one of the two has {sorted({*missing, *unknown})[0]}; nothing was trained"
        )
    return model, digest.hexdigest()[:16]


class Dropped(torch.nn.Module):
    """Dropout that does not depend on which process computes which rows: a token of a step loses
    the same numbers in every process."""

    places: torch.Tensor  # of this process's tokens among all of the step
    tokens: int  # of the whole step
    seed: int

    def __init__(self, rate: float, stream: int) -> None:
        super().__init__()
        self.rate, self.stream = rate, stream

    @classmethod
    def begin_step(cls, places: torch.Tensor, tokens: int, seed: int) -> None:
        cls.places, cls.tokens, cls.seed = places, tokens, seed

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.training:
            return x
        draw = torch.Generator(x.device).manual_seed(Dropped.seed * 4096 + self.stream)
        shape = Dropped.tokens, x.shape[-1]
        kept = torch.rand(shape, generator=draw, device=x.device)[Dropped.places] >= self.rate
        return x * kept / (1 - self.rate)


class TorchModel:
    """The model with the adapter it trains."""

    def __init__(
        self, file: ModelFile, trained: Trained, flat: np.ndarray, dropout: float, device
    ) -> None:
        self.trained, self.device = trained, device
        modules = {name.split(".lora_")[0].split(".")[-1] for name in trained.entries}
        settings = LoraConfig(
            r=trained.rank,
            lora_alpha=trained.scale * trained.rank,
            lora_dropout=dropout,
            target_modules=sorted(modules),
            layers_to_transform=trained.layers,
            bias="none",
        )
        base, self.fingerprint = base_of(file)
        self.model = get_peft_model(base, settings).to(device).train()
        if dropout:
            self._drop_alike(dropout)
        self.parameters = {
            name.removeprefix("base_model.model.").replace(".default", ""): parameter
            for name, parameter in self.model.named_parameters()
            if parameter.requires_grad
        }
        self.load(flat)

    def _drop_alike(self, rate: float) -> None:
        layers = [part for part in self.model.modules() if hasattr(part, "lora_dropout")]
        for stream, layer in enumerate(layers):
            layer.lora_dropout["default"] = Dropped(rate, stream)

    def load(self, flat: np.ndarray) -> None:
        """Set the adapter from our flat array."""
        with torch.no_grad():
            for name, parameter in self.parameters.items():
                parameter.copy_(torch.from_numpy(np.array(self.trained.part(flat, name))))

    def flat(self, values: dict[str, torch.Tensor] | None = None) -> np.ndarray:
        """Return the adapter, or other values of each of its tensors, as our flat array."""
        flat = np.zeros(self.trained.size, np.float32)
        for name, tensor in (values or self.parameters).items():
            self.trained.part(flat, name)[...] = tensor.detach().cpu().numpy()
        return flat

    def losses(self, arrays: dict[str, np.ndarray]) -> torch.Tensor:
        """The weighted loss of each row of a batch, as engine/compiler/ops/loss.py defines it."""
        given = {name: torch.from_numpy(array).to(self.device) for name, array in arrays.items()}
        logq = torch.log_softmax(self._logits(given), -1)
        p, rest = given["target_probs"], given["target_rest"]
        near = logq.gather(-1, given["target_ids"].long())
        left = (1 - torch.where(p > 0, near.exp(), 0).sum(-1)).clamp_min(1e-6)
        loss = (p * ((p + 1e-30).log() - near)).sum(-1)
        loss = loss + rest * ((rest + 1e-30).log() - left.log())
        return loss * given["weight"]

    def _logits(self, given: dict[str, torch.Tensor]) -> torch.Tensor:
        """Return the logits [R, V] at the places a batch asks for."""
        spans = given["spans"].long()
        key = torch.arange(len(given["ids"]), device=self.device)[None]
        a0, a1, b0, b1 = (spans[:, i : i + 1] for i in range(4))
        seen = ((key >= a0) & (key < a1)) | ((key >= b0) & (key < b1))
        inner = self.model.base_model.model
        states = inner.model(
            input_ids=given["ids"].long()[None],
            position_ids=given["positions"].long()[None],
            attention_mask=torch.where(seen, 0.0, NOTHING)[None, None],
            use_cache=False,
        ).last_hidden_state[0]
        return inner.lm_head(states[given["take"].long()]).float()
