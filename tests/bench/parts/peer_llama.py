"""Runs llama.cpp greedily on prompts of token ids.

`oracle.run_module("peer_llama", FILE, TOKENS, TOP, threads=2, extra="llama", given=PROMPTS)`, with
the prompts as JSON lists, returns {"answers", "tops"}: the token ids of each answer, with -1 behind
one that ended by itself, and the TOP likeliest tokens after each prompt with their
log-probabilities. The weights are first dequantised to 32-bit floats by the package gguf, because
llama.cpp rounds activations to 8 bits where weights are quantised."""

import json
import sys
import tempfile
from pathlib import Path

ENDED = -1


def dequantise(path: str, out: Path) -> Path:
    """Write the model with every tensor in F32 to `out`."""
    import gguf
    import numpy as np

    reader = gguf.GGUFReader(path)
    fields = reader.fields
    architecture = fields["general.architecture"].contents()
    writer = gguf.GGUFWriter(out, architecture)
    for name, field in fields.items():
        if name.startswith("GGUF.") or name == "general.architecture":
            continue
        kind = field.types[0]
        inner = field.types[-1] if kind == gguf.GGUFValueType.ARRAY else None
        writer.add_key_value(name, field.contents(), kind, inner)
    for tensor in reader.tensors:
        plain = gguf.dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
        writer.add_tensor(tensor.name, plain.reshape(tensor.shape[::-1]))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return out


def answer_all(path: Path, prompts: list[list[int]], tokens: int, top: int, threads: int) -> dict:
    import xllamacpp

    wanted = xllamacpp.CommonParams()
    wanted.model.path = str(path)
    wanted.n_ctx, wanted.n_parallel, wanted.warmup = 2048, 1, False
    wanted.cpuparams.n_threads = wanted.cpuparams_batch.n_threads = threads
    wanted.cache_type_k = wanted.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32
    wanted.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
    server = xllamacpp.Server(wanted)
    answers, tops = [], []
    for prompt in prompts:
        asked = {"prompt": prompt, "n_predict": tokens, "temperature": 0, "cache_prompt": False}
        said = server.handle_completions(asked | {"n_probs": max(1, top)})["choices"][0]
        steps = said["logprobs"]["content"]
        ended = said["finish_reason"] == "stop"
        answers.append([step["id"] for step in steps] + [ENDED] * ended)
        if top:
            tops.append([(row["id"], row["logprob"]) for row in steps[0]["top_logprobs"]])
    return {"answers": answers, "tops": tops}


def main() -> None:
    path, *numbers = sys.argv[1:]
    tokens, top, threads = map(int, numbers)
    prompts = json.loads(sys.stdin.read())
    with tempfile.TemporaryDirectory() as folder:
        exact = dequantise(path, Path(folder) / "exact.gguf")
        print(json.dumps(answer_all(exact, prompts, tokens, top, threads)))


if __name__ == "__main__":
    main()
