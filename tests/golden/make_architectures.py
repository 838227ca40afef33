"""Makes tests/golden/architectures.npz: logits and gradients by transformers and torch of a small
random model of each architecture (tests/support/tiny.py).

    OMP_NUM_THREADS=1 python tests/golden/make_architectures.py  (torch, transformers; seconds)

The logits are of texts longer and shorter than a sliding window; the gradients are of the mean
next-token loss, with respect to those weights of GRADIENTS that a model has.
"""

import pathlib
import sys
import tempfile

import numpy as np
import torch
import transformers

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.golden import EVERY, GRADIENTS, IDS, KINDS, LENGTHS, LONG, some_rows  # noqa: E402
from tests.support import tiny  # noqa: E402 (the path is set above)


def main():
    made = {}
    for variant in KINDS:
        with tempfile.TemporaryDirectory() as path:
            for name, data in tiny.folder(variant, "F32").items():
                (pathlib.Path(path) / name).write_bytes(data)
            model = transformers.AutoModelForCausalLM.from_pretrained(
                path, dtype=torch.float32, attn_implementation="eager"
            ).eval()
        for length in LENGTHS:
            ids = torch.tensor([IDS[:length]])
            logits = model(ids).logits[0]
            made[f"logits/{variant}/{length}"] = logits.detach().numpy()
        if variant.startswith("qwen35"):
            logits = model(torch.tensor([LONG])).logits[0, ::EVERY]
            made[f"long/{variant}"] = logits.detach().numpy()
        model.zero_grad()
        logits = model(torch.tensor([IDS])).logits[0]
        loss = torch.nn.functional.cross_entropy(logits[:-1], torch.tensor(IDS[1:]))
        loss.backward()
        weights = dict(model.named_parameters())
        for name in GRADIENTS:
            if name in weights:
                made[f"gradient/{variant}/{name}"] = some_rows(weights[name].grad.numpy())
        print(variant, float(loss.detach()), file=sys.stderr)
    np.savez_compressed(pathlib.Path(__file__).with_name("architectures.npz"), **made)


if __name__ == "__main__":
    main()
