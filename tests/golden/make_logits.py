"""Makes tests/golden/logits.npz: logits by transformers of the tiny models of
tests/support/tiny.py.

    OMP_NUM_THREADS=1 python tests/golden/make_logits.py  (needs torch, transformers, gguf)

`logits/VARIANT/KIND/CONTAINER` holds the logits at POSITIONS of the text IDS; `weights/KIND` is the
SHA-256 of one matrix as gguf's own code dequantises it (plus 0.0, so that zero has one sign).
"""

import hashlib
import pathlib
import sys
import tempfile

import gguf
import numpy as np
import torch
import transformers

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from oneseek.engine.model.formats.packed import TYPES  # noqa: E402 (the path is set above)
from tests.golden import CASES, IDS, POSITIONS, WEIGHT  # noqa: E402
from tests.support import tiny  # noqa: E402


def logits(folder, variant, **where):
    """Logits at POSITIONS. The configuration is passed, as transformers reads only parts of it from
    GGUF."""
    config = transformers.AutoConfig.for_model(**tiny.config(variant))
    model = transformers.AutoModelForCausalLM.from_pretrained(
        folder, config=config, dtype=torch.float32, **where
    )
    with torch.no_grad():
        return model.eval()(torch.tensor([IDS])).logits[0, POSITIONS].numpy()


def main():
    made = {}
    with tempfile.TemporaryDirectory() as path:
        path = pathlib.Path(path)
        for variant, kind, container in CASES:
            folder = path / f"{variant}-{kind}-{container}"
            folder.mkdir()
            if container == "gguf":
                (folder / "tiny.gguf").write_bytes(tiny.gguf(variant, kind))
                values = logits(folder, variant, gguf_file="tiny.gguf")
            else:
                for name, data in tiny.folder(variant, kind).items():
                    (folder / name).write_bytes(data)
                values = logits(folder, variant)
            made[f"logits/{variant}/{kind}/{container}"] = values
            print(folder.name, values.shape, np.abs(values).max(), file=sys.stderr)
    for kind, spec in TYPES.items():
        shape = (512, 256)
        data = np.frombuffer(tiny.make_tensor(WEIGHT, shape, kind), np.uint8).reshape(512, -1)
        dense = gguf.quants.dequantize(data, gguf.GGMLQuantizationType(spec.number))
        digest = hashlib.sha256((dense.astype("<f4") + 0.0).tobytes()).digest()
        made[f"weights/{kind}"] = np.frombuffer(digest, np.uint8)
    np.savez_compressed(pathlib.Path(__file__).with_name("logits.npz"), **made)


if __name__ == "__main__":
    main()
