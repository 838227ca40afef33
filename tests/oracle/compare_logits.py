"""Compares SmolLM2 here, in llama.cpp and in transformers, on the same English and Swedish tokens.

    python -m tests.oracle.compare_logits SmolLM2-135M-Instruct.Q4_1.gguf

Needs transformers, torch and llama-cpp-python (the version is in tests/oracle/llama.py). Prints
JSON: the mean KL in nats a token to each, also to llama.cpp with activations rounded to 8 bits, and
how many of ten greedy answers equal llama.cpp's.
"""

import asyncio
import json
import pathlib
import sys

import numpy as np

from oneseek.engine.backends.reference import Numpy
from oneseek.engine.compiler.ir import Program
from oneseek.engine.compiler.schedule import fuse, plan
from oneseek.engine.learning.lessons import anchors, paragraphs
from oneseek.engine.model.choice.sampling import Sampling
from oneseek.engine.model.formats import open_model
from oneseek.engine.model.generate import Generator
from oneseek.engine.model.llama import Llama, Tokens
from oneseek.engine.model.loaded import Model
from tests.oracle import llama

LENGTH = 500
ANSWER = 64
QUESTIONS = (
    "What is the capital of France?", "Explain gravity to a child.", "Hej! Hur mår du?",
    "Write a Python function that reverses a list.", "Who wrote Hamlet?", "Tell me a joke.",
    "How do I boil an egg?", "Name three fruits.", "Vad är Sveriges huvudstad?",
    "What is a prime number?",
)  # fmt: skip


def english_and_swedish() -> list[str]:
    """Two texts for each language: plain paragraphs followed by prompts."""
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
    network = Llama(program, model.config, model.stored, model.positions, trained)
    tokens = Tokens.inputs(program, len(ids))
    program.output("logits", network.logits(network.states(tokens)))
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
    """The prompts, and our greedy answers of up to 64 tokens."""
    generator = Generator(model)
    asked = [
        generator.ask([{"role": "user", "content": question}], Sampling(max_tokens=ANSWER))
        for question in QUESTIONS
    ]
    await generator.answer_all(asked)
    return [a.prompt for a in asked], [a.ids for a in asked]


def mean_kl(first: list[np.ndarray], second: list[np.ndarray]) -> float:
    pairs = zip(first, second, strict=True)
    return float(np.mean([divergence(p.astype(np.float64), q) for p, q in pairs]))


def by_llama_cpp(path: str, texts: list[list[int]], rows: int, adapter: str | None = None):
    with llama.opened(path, rows, adapter) as model:
        return [log_softmax(llama.logits(model, ids)) for ids in texts]


def main() -> None:
    path = sys.argv[1]
    model = asyncio.run(Model.load(open_model(path), Numpy()))
    texts = [model.tokenizer.encode(text)[:LENGTH] for text in english_and_swedish()]
    here = [ours(model, text) for text in texts]
    prompts, mine = asyncio.run(answers(model))
    with llama.opened(path) as theirs:
        ends = set(model.tokenizer.eos_ids)
        said = [llama.greedy(theirs, prompt, ANSWER, ends) for prompt in prompts]
    figures = {
        "tokens": sum(len(text) for text in texts),
        "kl_transformers": mean_kl(by_transformers(path, texts), here),
        "kl_llama_cpp": mean_kl(by_llama_cpp(path, texts, llama.EXACT_ROWS), here),
        "kl_llama_cpp_rounding": mean_kl(by_llama_cpp(path, texts, llama.ROUNDED_ROWS), here),
        "greedy_equal": sum(x == y for x, y in zip(mine, said, strict=True)),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
