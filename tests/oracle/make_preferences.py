"""Writes tests/golden/preferences.npz: losses and gradients of choices, by PyTorch, for the tiny
Llama with an adapter of gradients.npz.

    pip install torch transformers; python -m tests.oracle.make_preferences

The two rows of that file are the better and the worse answer to a prompt; each alone is a liked and
a disliked answer. DPO is equation 7 of Rafailov et al. 2023; for a single mark the other side is
left out.
"""

import pathlib

import numpy as np
import torch
from torch.nn.functional import linear, logsigmoid
from transformers import LlamaConfig, LlamaForCausalLM

SIZES = dict(
    vocab_size=96, hidden_size=64, num_hidden_layers=2, num_attention_heads=4,
    num_key_value_heads=2, intermediate_size=96, max_position_embeddings=64,
    rope_theta=10000.0, rms_norm_eps=1e-5, tie_word_embeddings=True,
)  # fmt: skip
SCALE = 8 / 4  # alpha / rank, as in make_gradients.py
GOLDEN = pathlib.Path(__file__).parent.parent / "golden"
PROMPT, BETA, OWN = 8, 0.4, 0.05
SHARES = 0.5, 0.3, 0.2  # weights of the pair, the liked and the disliked answer


class Adapted(torch.nn.Module):
    """A linear layer with an adapter that can be switched off."""

    on = True

    def __init__(self, inner: torch.nn.Linear, a: np.ndarray, b: np.ndarray) -> None:
        super().__init__()
        self.inner = inner
        self.a, self.b = (torch.nn.Parameter(torch.tensor(side)) for side in (a, b))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.inner(x)
        return y + SCALE * linear(linear(x, self.a), self.b) if Adapted.on else y


def main() -> None:
    golden = dict(np.load(GOLDEN / "gradients.npz"))
    model = LlamaForCausalLM(LlamaConfig(**SIZES, attn_implementation="eager")).float()
    weights = {name: torch.tensor(golden[name]) for name, _ in model.named_parameters()}
    model.load_state_dict(weights | {"lm_head.weight": weights["model.embed_tokens.weight"]})
    adapters = {}
    for key in [key for key in golden if key.startswith("start.") and "lora_A" in key]:
        name = key.removeprefix("start.").removesuffix(".lora_A.weight")
        parent, last = model.get_submodule(name.rpartition(".")[0]), name.rpartition(".")[2]
        sides = golden[key], golden[key.replace("lora_A", "lora_B")]
        adapters[name] = Adapted(getattr(parent, last), *sides)
        setattr(parent, last, adapters[name])
    ids = torch.tensor(golden["ids"])

    def score_answers() -> torch.Tensor:
        """The log-probability of each token of each answer."""
        logp = model(input_ids=ids).logits[:, PROMPT - 1 : -1].log_softmax(-1)
        return logp.gather(-1, ids[:, PROMPT:, None])[..., 0]

    with torch.no_grad():
        Adapted.on = False
        reference = score_answers()
        Adapted.on = True
    tokens = score_answers()
    better, worse = BETA * (tokens - reference).sum(-1)
    pair, liked, disliked = SHARES
    loss = -pair * logsigmoid(better - worse) - liked * logsigmoid(better)
    loss = loss - disliked * logsigmoid(-worse) - OWN * tokens[0].mean()
    loss.backward()
    saved = {"loss": np.array(loss.item()), "base_losses": -reference.numpy()}
    for name, one in adapters.items():
        saved[f"gradient.{name}.lora_A.weight"] = one.a.grad.numpy()
        saved[f"gradient.{name}.lora_B.weight"] = one.b.grad.numpy()
    path = GOLDEN / "preferences.npz"
    np.savez_compressed(path, **saved)
    print(f"wrote {path}: {path.stat().st_size} bytes, loss {loss.item():.4f}")


if __name__ == "__main__":
    main()
