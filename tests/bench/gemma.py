"""Compares Gemma 3 270M with real weights with llama.cpp on the same file.

`python3 build.py bench gemma`: the KL divergence from llama.cpp's distribution of the next token to
ours after 20 prompts, in nats, mean and largest (llama.cpp gets the weights as 32-bit floats, see
parts/peer_llama.py); how often the likeliest token is the same; and our tokens a second.
"""

import asyncio
import json
import math
from contextlib import closing

from oneseek.engine.backends.select import executor_named
from oneseek.engine.model.generate import Generator
from oneseek.engine.model.loaded import Model
from oneseek.engine.model.score import Expecting
from tests.bench.parts import oracle, report, spoken
from tests.support import gemma

TOP = 4000  # likeliest next tokens; all the others count as one
TOKENS = 48
TEXTS = (
    "The capital of France is", "Once upon a time there was a king who", "2 + 2 =",
    "To boil an egg, first", "Sveriges huvudstad heter", "def reverse(items):\n    return",
    "The opposite of cold is", "In 1969, Neil Armstrong", "My favourite fruit is the",
    "Der Himmel ist", "She opened the door and saw", "Water freezes at", "Roses are red, violets are",
    "The largest planet of the solar system is", "Les enfants jouent dans", "A spider has",
    "<html>\n<head>\n", "The recipe needs flour, sugar and", "Det var en gång en",
    "He was born in London and moved to Paris when he was",
)  # fmt: skip


async def load_model() -> Model:
    with closing(gemma.open_file()) as file:
        return await Model.load(file, await executor_named("cpu"))


def prompts(model: Model) -> list[list[int]]:
    return [[model.tokenizer.bos_id, *model.tokenizer.encode(text)] for text in TEXTS]


def peers(asked: list[list[int]]) -> list[list]:
    """llama.cpp's likeliest next tokens after each prompt, with their log-probabilities."""
    given = json.dumps(asked)
    path = gemma.gemma()
    said = oracle.run_module("peer_llama", path, 1, TOP, threads=2, extra="llama", given=given)
    return said["tops"]


async def divergences(model: Model, asked: list[list[int]], tops: list[list]) -> list[dict]:
    rows = []
    for text, ids, top in zip(TEXTS, asked, tops, strict=True):
        ours = (await Expecting(model, len(ids)).after(ids))[-1]
        kl = sum(math.exp(logp) * (logp - ours[id]) for id, logp in top)
        rest = [max(1e-12, 1 - sum(math.exp(p) for p in ps)) for ps in (
            [logp for _, logp in top], [ours[id] for id, _ in top])]  # fmt: skip
        kl += rest[0] * math.log(rest[0] / rest[1])
        rows.append({"text": text, "kl": kl, "same": int(ours.argmax()) == top[0][0]})
        report.say(rows[-1])
    return rows


async def measure() -> tuple[dict, list[dict]]:
    model = await load_model()
    asked = prompts(model)
    rows = await divergences(model, asked, peers(asked))
    generator = Generator(model)
    for _ in range(2):
        said = await spoken.answer(generator, asked[0], TOKENS)
    figures = {
        "kl_mean": sum(row["kl"] for row in rows) / len(rows),
        "kl_largest": max(row["kl"] for row in rows),
        "same_best": sum(row["same"] for row in rows),
        "prompts": len(rows),
        "first_ms": said["first_ms"],
        "tokens_per_s": said["tokens_per_s"],
    }
    return figures, rows


def main() -> None:
    report.write("gemma", *asyncio.run(measure()))


if __name__ == "__main__":
    main()
