"""SmolLM2 here, in llama.cpp and in transformers, over the same tokens of English and Swedish.

    python -m tests.oracle.compare_logits SmolLM2-135M-Instruct.Q4_1.gguf --node FOLDER

FOLDER has node-llama-cpp installed (see llama.mjs); transformers and torch have to be there too.
Prints JSON: mean KL in nats a token to each, and how many greedy answers are llama.cpp's; then the
same with the weights written out as float32. llama.cpp rounds activations to 8 bits wherever weights
are quantised, so only with float32 weights does it compute what transformers and OneSeek compute.
"""

import argparse
import asyncio
import contextlib
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

from engine.formats import Packed, gguf_writer, open_model
from engine.formats.architecture import interleaved_rows, to_gguf_name
from engine.generate import Generator, Sampling
from engine.ir import Program
from engine.lessons import anchors, paragraphs
from engine.model import Config, Llama, Tokens
from engine.reference import Numpy
from engine.schedule import fuse, plan
from engine.weights import Model

LENGTH = 500
QUESTIONS = (
    "What is the capital of France?", "Explain gravity to a child.", "Hej! Hur mår du?",
    "Write a Python function that reverses a list.", "Who wrote Hamlet?", "Tell me a joke.",
    "How do I boil an egg?", "Name three fruits.", "Vad är Sveriges huvudstad?",
    "What is a prime number?",
)  # fmt: skip


def english_and_swedish() -> list[str]:
    """Two texts a language: plain paragraphs followed by prompts."""
    texts = []
    for code in ("en", "sv"):
        prompts = [prompt for _, prompt in anchors(code)]
        half = len(prompts) // 2
        for begin, part in zip(paragraphs(code), (prompts[:half], prompts[half:]), strict=False):
            texts.append("\n".join([begin, *part]))
    return texts


def ours(model: Model, ids: list[int], trained=None, flat=None) -> np.ndarray:
    """Log-probabilities at every position, with an adapter when one is given."""
    program = Program("logits")
    llama = Llama(program, model.config, model.stored, model.positions, trained)
    tokens = Tokens.inputs(program, len(ids))
    program.output("logits", llama.logits(llama.states(tokens)))
    tensors = {trained.name: model.executor.upload(flat)} if trained else {}
    run = model.prepare(plan(fuse(program)), tensors)
    at = np.arange(len(ids))
    run.write("ids", np.array(ids))
    run.write("positions", at)
    run.write("spans", np.stack([at * 0, at * 0, at * 0, at + 1], -1))
    run.run()
    return log_softmax(asyncio.run(run.read("logits")))


def log_softmax(logits: np.ndarray) -> np.ndarray:
    logits = logits.astype(np.float64)
    logits -= logits.max(-1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(-1, keepdims=True))


def divergence(p: np.ndarray, q: np.ndarray) -> float:
    """Mean KL(p, q) in nats a position."""
    return float((np.exp(p) * (p - q)).sum(-1).mean())


def llama_cpp(node: str, **asked) -> list:
    script = pathlib.Path(__file__).with_name("llama.mjs").resolve()
    done = subprocess.run(
        ["node", str(script)], cwd=node, input=json.dumps(asked), text=True,
        stdout=subprocess.PIPE, check=True,
    )  # fmt: skip
    return json.loads(done.stdout.splitlines()[-1])


def write_dense(path: str, target: str) -> None:
    """The same model with every weight as float32, in a GGUF file."""
    with contextlib.closing(open_model(path)) as file:
        config = Config.from_dict(file.config)
        heads = {"q_proj": config.heads, "k_proj": config.kv_heads}
        tensors = {}
        for name in file.names():
            weight = file.read(name)
            dense = weight.dense() if isinstance(weight, Packed) else np.asarray(weight, np.float32)
            count = heads.get(name.split(".")[-2])
            tensors[to_gguf_name(name)] = (
                dense[interleaved_rows(count, len(dense))] if count else dense
            )
        with open(target, "wb") as out:
            gguf_writer.write(out, file.metadata, tensors)


def by_llama_cpp(node: str, path: str, texts: list[list[int]], vocab: int, adapter: str = ""):
    """Log-probabilities of every text's positions."""
    with tempfile.NamedTemporaryFile() as file:
        llama_cpp(node, model=path, texts=texts, out=file.name, adapter=adapter)
        rows = np.fromfile(file.name, np.float32).reshape(-1, vocab)
    return np.split(rows, np.cumsum([len(ids) for ids in texts])[:-1])


def by_transformers(path: str, texts: list[list[int]]):
    import torch
    from transformers import AutoModelForCausalLM

    where = pathlib.Path(path).resolve()
    model = AutoModelForCausalLM.from_pretrained(
        str(where.parent), gguf_file=where.name, dtype=torch.float32
    )
    with torch.no_grad():
        return [log_softmax(model(torch.tensor([ids])).logits[0].numpy()) for ids in texts]


async def answers(model: Model) -> tuple[list[list[int]], list[list[int]]]:
    """Prompts and our greedy answers of 64 tokens."""
    generator = Generator(model)
    asked = [
        generator.ask([{"role": "user", "content": question}], Sampling(max_tokens=64))
        for question in QUESTIONS
    ]
    await generator.answer_all(asked)
    return [a.prompt for a in asked], [a.ids for a in asked]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("--node", required=True)
    given = parser.parse_args()
    model = asyncio.run(Model.load(open_model(given.model), Numpy()))
    texts = [model.tokenizer.encode(text)[:LENGTH] for text in english_and_swedish()]
    here = [ours(model, text) for text in texts]
    figures = {"tokens": sum(len(text) for text in texts)}
    others = {
        "llama_cpp": by_llama_cpp(given.node, given.model, texts, model.config.vocab),
        "transformers": by_transformers(given.model, texts),
    }
    for name, theirs in others.items():
        pairs = [divergence(p.astype(np.float64), q) for p, q in zip(theirs, here, strict=True)]
        figures[f"kl_{name}"] = float(np.mean(pairs))
        print(name, pairs, file=sys.stderr)
    a, b = (others[name] for name in others)
    figures["kl_between_them"] = float(
        np.mean([divergence(p.astype(np.float64), q) for p, q in zip(a, b, strict=True)])
    )
    prompts, mine = asyncio.run(answers(model))
    theirs = llama_cpp(given.node, model=given.model, texts=prompts, greedy=64)
    figures["greedy_equal"] = sum(x == y for x, y in zip(mine, theirs, strict=True))
    with tempfile.TemporaryDirectory() as folder:
        dense = f"{folder}/dense.gguf"
        write_dense(given.model, dense)
        rows = by_llama_cpp(given.node, dense, texts, model.config.vocab)
        pairs = [divergence(p.astype(np.float64), q) for p, q in zip(rows, here, strict=True)]
        figures["kl_llama_cpp_float32"] = float(np.mean(pairs))
        theirs = llama_cpp(given.node, model=dense, texts=prompts, greedy=64)
        figures["greedy_equal_float32"] = sum(x == y for x, y in zip(mine, theirs, strict=True))
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
