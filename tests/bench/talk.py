"""Measures how a model answers 200 questions of ten kinds, half of them Swedish, as in a chat.

`python3 build.py bench talk [MODEL]`: the shares of answers that loop, are empty or are cut off;
the share of distinct 2-grams and 4-grams of tokens; and the perplexity of the answers under the
model itself. Answers are decoded greedily, by the sampling settings of the model's makers, and as
in the chat (those settings, steered away from repetition). With `--greedy`, 50 of the questions are
compared token by token with llama.cpp instead.
"""

import argparse
import asyncio
import json
import math
from collections.abc import Iterable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from oneseek.engine.backends.select import executor_named
from oneseek.engine.model import registry
from oneseek.engine.model.choice.sampling import Sampling
from oneseek.engine.model.generate import BATCHES, Answer, Generator
from oneseek.engine.model.loaded import Model
from oneseek.engine.model.score import top_tokens
from oneseek.engine.turns import urgent
from tests.bench.parts import oracle, report
from tests.bench.parts.peer_llama import ENDED

QUESTIONS = Path(__file__).with_suffix(".jsonl")
TOKENS = 256  # of an answer, at most
LINE, TIMES = 20, 3  # a loop repeats a line of so many characters so often, at least
COMPARED, LENGTH = 50, 48  # questions and tokens beside llama.cpp
HALF = "\ufffd"  # an incomplete character decodes to this
SHOWN = 5  # likeliest first tokens, by which the numerical noise between the two is measured


def questions(count: int) -> list[dict]:
    """An even sample of the questions, over kinds and languages."""
    rows = [json.loads(line) for line in QUESTIONS.read_text("utf-8").splitlines()]
    return [rows[i * len(rows) // count] for i in range(count)]


async def load_model(name: str) -> Model:
    with closing(registry.open_named(name)) as file:
        return await Model.load(file, await executor_named("cpu"))


def ways(model: Model, tokens: int) -> dict[str, Sampling]:
    """Greedy decoding, the settings of the model's makers, and those of the chat."""
    plain = Sampling(max_tokens=tokens, stop_repeats=True)
    makers = model.manner.make_sampling(max_tokens=tokens, stop_repeats=True)
    return {"greedy": plain, "makers": makers, "chat": replace(makers, steer=True)}


async def answer_all(model: Model, asked: list[dict], sampling: Sampling) -> list[Answer]:
    """The answers to all questions, a batch at a time, each with a seed of its own."""
    generator, found = Generator(model), []
    for first in range(0, len(asked), BATCHES[-1]):
        batch = [
            generator.ask(
                [{"role": "user", "content": one["text"]}], replace(sampling, seed=first + i)
            )
            for i, one in enumerate(asked[first : first + BATCHES[-1]])
        ]
        with urgent():
            found += await generator.answer_all(batch)
        generator.pool.lanes.clear()
        report.say(f"{len(found)} of {len(asked)}")
    return found


def loops(answer: Answer) -> bool:
    """Whether the answer was stopped as a loop, or repeats a line or sentence TIMES times."""
    lines = [line.strip() for line in answer.text.replace(". ", ".\n").splitlines()]
    said = [line for line in lines if len(line) >= LINE]
    return answer.ended == "repeats" or any(said.count(one) >= TIMES for one in set(said))


def distinct(answers: Iterable[Answer], length: int) -> float:
    """The share of distinct n-grams of `length` tokens in an answer; the mean over the answers."""
    shares = []
    for one in answers:
        runs = [tuple(one.ids[i : i + length]) for i in range(len(one.ids) - length + 1)]
        if runs:
            shares.append(len(set(runs)) / len(runs))
    return sum(shares) / max(1, len(shares))


async def perplexity(model: Model, answers: list[Answer]) -> float:
    """The perplexity of the answers; a token beyond the 64 likeliest counts as the last of them."""
    nats = count = 0.0
    for one in answers:
        ids = [*one.prompt, *one.ids]
        tops, logprobs = await top_tokens(model, ids)
        for at in range(len(one.prompt), len(ids)):
            row = dict(zip(tops[at - 1].tolist(), logprobs[at - 1].tolist(), strict=True))
            nats -= row.get(ids[at], min(row.values()))
            count += 1
    return math.exp(nats / max(1.0, count))


def figures_of(answers: list[Answer]) -> dict:
    count = len(answers)
    return {
        "loops": sum(map(loops, answers)) / count,
        "empty": sum(not one.text.strip() for one in answers) / count,
        "cut": sum(one.ended == "length" for one in answers) / count,
        "distinct_2": distinct(answers, 2),
        "distinct_4": distinct(answers, 4),
        "tokens": sum(len(one.ids) for one in answers) / count,
    }


async def measure_talk(
    name: str, count: int, tokens: int, named: list[str]
) -> tuple[dict, list[dict]]:
    model, asked = await load_model(name), questions(count)
    figures, rows = {}, []
    for way, sampling in ways(model, tokens).items():
        if way not in named:
            continue
        answers = await answer_all(model, asked, sampling)
        found = figures_of(answers) | {"perplexity": await perplexity(model, answers)}
        figures |= {f"{way}_{what}": value for what, value in found.items()}
        for kind in dict.fromkeys(one["kind"] for one in asked):
            of = [a for a, one in zip(answers, asked, strict=True) if one["kind"] == kind]
            rows.append({"way": way, "kind": kind} | figures_of(of))
        round_ = [a.text[-200:] for a in answers if loops(a)]
        rows.append({"way": way, "loops_end_in": round_})
        report.say(way, found)
    return figures, rows


def whole_characters(model: Model, ids: list[int]) -> list[int]:
    """The ids without those that end within a character, which llama.cpp's server leaves out."""
    texts = (model.tokenizer.decode(ids[: at + 1]) for at in range(len(ids)))
    return [id for id, text in zip(ids, texts, strict=True) if not text.endswith(HALF)]


async def best_after(model: Model, ids: list[int]) -> dict[int, float]:
    """The likeliest next tokens, with their log-probabilities."""
    tops, logprobs = await top_tokens(model, ids)
    return dict(zip(tops[-1].tolist(), logprobs[-1].tolist(), strict=True))


async def noise(model: Model, answers: list[Answer], tops: list[list]) -> float:
    """The largest difference in nats between the two on the likeliest first tokens."""
    found = 0.0
    for one, top in zip(answers, tops, strict=True):
        ours = await best_after(model, one.prompt)
        found = max([found, *(abs(ours[id] - logp) for id, logp in top if id in ours)])
    return found


async def beside_llama(name: str) -> tuple[dict, list[dict]]:
    """Compares greedy answers. Where the two diverge, the gap is the difference in nats between the
    two tokens in our model; one within the noise between the two is a tie."""
    model, asked = await load_model(name), questions(COMPARED)
    mine = await answer_all(model, asked, Sampling(max_tokens=LENGTH))
    prompts, path = json.dumps([one.prompt for one in mine]), registry.find(name)
    said = oracle.run_module(
        "peer_llama", path, LENGTH, SHOWN, threads=1, extra="llama", given=prompts
    )
    ends, rows = model.tokenizer.eos_ids, []
    for one, told, question in zip(mine, said["answers"], asked, strict=True):
        known, other = whole_characters(model, one.ids), [id for id in told if id not in ends]
        ids = known + [ENDED] * (one.ended == "end")
        pairs = enumerate(zip(ids, other, strict=False))
        at = next((i for i, (a, b) in pairs if a != b), None)
        if at is None:
            continue
        before = one.ids.index(ids[at], at) if at < len(known) else len(one.ids)
        row = await best_after(model, [*one.prompt, *one.ids[:before]])
        row[ENDED] = max((row[id] for id in ends if id in row), default=min(row.values()))
        gap = row[ids[at]] - row.get(other[at], min(row.values()))
        words = [model.tokenizer.decode([id] * (id != ENDED)) for id in (ids[at], other[at])]
        rows.append({"question": question["text"], "at": at, "nats": gap, "words": words})
    least = await noise(model, mine, said["tops"])
    figures = {
        "compared": len(mine),
        "tokens": sum(len(one.ids) for one in mine),
        "equal": len(mine) - len(rows),
        "noise_nats": least,
        "ties": sum(row["nats"] <= least for row in rows),
        "unexplained": sum(row["nats"] > least for row in rows),
        "largest_gap": max((row["nats"] for row in rows), default=0.0),
    }
    return figures, rows


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("model", nargs="?", default="smollm2-135m")
    ask.add_argument("--questions", type=int, default=200)
    ask.add_argument("--tokens", type=int, default=TOKENS)
    ask.add_argument("--ways", default="greedy,makers,chat")
    ask.add_argument("--greedy", action="store_true", help="beside llama.cpp")
    options = ask.parse_args()
    if options.greedy:
        work = beside_llama(options.model)
    else:
        named = options.ways.split(",")
        work = measure_talk(options.model, options.questions, options.tokens, named)
    report.write("talk", *asyncio.run(work))


if __name__ == "__main__":
    main()
