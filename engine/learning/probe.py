"""Measures what a model with an adapter recalls, leaks and forgets, over facts written by people.

A fact may come with unseen phrasings and hard negatives. The model is any object that replies, so
the engine and PyTorch are measured by the same code.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from oneseek.engine.learning.batch import LONGEST_TARGET, Coder
from oneseek.engine.learning.lessons import (
    Lesson,
    has_value,
    load_held_out_anchors,
    paragraphs,
    probes,
)
from oneseek.engine.learning.rounds.variants import BASE, CANDIDATE, ModelVariants

REPLY_TOKENS = 24
LEAD = 8  # tokens that may stand before an answer


class CandidateModel:
    """A flat adapter, asked through a trainer's variants."""

    def __init__(self, variants: ModelVariants, flat: np.ndarray) -> None:
        self.variants = variants
        variants.put(CANDIDATE, flat)

    async def go_on(self, prompts: list[list[int]], tokens: int) -> list[list[int]]:
        return await self.variants.go_on(BASE, prompts, tokens)

    async def replies(self, questions: list[str], tokens: int) -> list[str]:
        return await self.variants.replies(CANDIDATE, questions, tokens)

    async def drift(self, rows: list[tuple]) -> list[tuple]:
        return await self.variants.drift(CANDIDATE, rows)

    async def text_loss(self, ids: list[int], base: bool) -> float:
        return await self.variants.text_loss(BASE if base else CANDIDATE, ids)


def key_of(record: dict) -> str:
    """Return the text that a right answer contains."""
    return record.get("key") or Lesson(record["question"], record["answer"]).value


async def measure(
    model: Any, coder: Coder, records: list[dict], code: str = "en", known: Sequence[tuple] = ()
) -> dict:
    """Return the figures of these facts; a part without questions has none. `known` is common
    knowledge, (question, words) each; by default the evaluator's own probes."""
    figures, wrong = await score_answers(model, coder, records, known or probes(code))
    figures |= await drift(model, coder, code)
    figures["ppl_change"] = await perplexity_change(model, coder, code)
    return figures | {"wrong": wrong}


async def score_answers(
    model: Any, coder: Coder, records: list[dict], known: Sequence[tuple]
) -> tuple[dict[str, Any], list]:
    """Return for each part the share of replies with the fact's value (in `leak`: with any taught
    value), and the wrong replies as [part, question, reply]."""
    asked = [
        (part, key_of(record), question)
        for record in records
        for part, questions in (
            ("recall", [record["question"]]),
            ("unseen", record.get("unseen", ())),
            ("leak", record.get("leak", ())),
        )
        for question in questions
    ]
    answers = (coder.tokenizer.encode(record.get("answer", "")) for record in records)
    longest = min(max(map(len, answers), default=0), LONGEST_TARGET)
    questions = [q for *_, q in asked] + [q for q, _ in known]
    replies = await model.replies(questions, max(REPLY_TOKENS, longest + LEAD))
    keys = [key_of(record) for record in records]
    hits: dict[str, list[bool]] = {}
    wrong = []
    for (part, key, question), reply in zip(asked, replies, strict=False):
        looked_for = keys if part == "leak" else [key]
        hit = any(has_value(reply, value) for value in looked_for)
        hits.setdefault(part, []).append(hit)
        if hit == (part == "leak"):
            wrong.append([part, question, reply])
    figures: dict[str, Any] = {part: float(np.mean(found)) for part, found in hits.items()}
    said = zip(known, replies[len(asked) :], strict=True)
    lost, of = await find_forgotten(model, coder, said)
    figures |= {"known": 1 - len(lost) / max(1, of), "known_of": of}
    return figures, wrong + [["known", *one] for one in lost]


async def find_forgotten(
    model: Any, coder: Coder, said: Iterable[tuple]
) -> tuple[list[tuple[str, str]], int]:
    """Return (question, reply) of the common facts that the base knows and the model lost, and how
    many the base knows."""
    said = [(question, words, reply) for (question, words), reply in said]
    ids = await model.go_on([coder.prompt(q) for q, _, _ in said], REPLY_TOKENS)
    knows = [
        one
        for one, base in zip(said, ids, strict=True)
        if any(has_value(coder.tokenizer.decode(base), word) for word in one[1])
    ]
    lost = [
        (question, reply)
        for question, words, reply in knows
        if not any(has_value(reply, word) for word in words)
    ]
    return lost, len(knows)


async def drift(model: Any, coder: Coder, code: str) -> dict[str, float]:
    """The KL from the base and the top-1 agreement over the base's answers to held-out prompts."""
    prompts = [coder.prompt(q) for q in load_held_out_anchors(code)]
    answers = await model.go_on(prompts, REPLY_TOKENS)
    pairs = await model.drift(list(zip(prompts, answers, strict=True)))
    each = [float(kl.mean()) for kl, _ in pairs]
    return {
        "kl": float(np.concatenate([kl for kl, _ in pairs]).mean()),
        "kl_worst": max(each),
        "top1": float(np.concatenate([same for _, same in pairs]).mean()),
    }


async def perplexity_change(model: Any, coder: Coder, code: str) -> float:
    """Return the relative change of the perplexity of plain text."""
    nats, tokens = [0.0, 0.0], 0
    for text in paragraphs(code):
        ids = coder.tokenizer.encode(text)
        tokens += len(ids) - 1
        for which in (0, 1):
            nats[which] += await model.text_loss(ids, base=which == 0)
    return math.exp((nats[1] - nats[0]) / tokens) - 1
