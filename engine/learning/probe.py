"""What a model with an adapter knows, confuses and has forgotten, over facts written by people.

A fact may come with unseen phrasings and look-alikes; the model is anything that replies, so the
engine and PyTorch are judged by the same lines.
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
    """What an answer must contain to be right."""
    return record.get("key") or Lesson(record["question"], record["answer"]).value


async def measure(
    model: Any, coder: Coder, records: list[dict], code: str = "en", known: Sequence[tuple] = ()
) -> dict:
    """The figures of these facts; a part that no fact asks has none. `known` is common knowledge,
    (question, words) each; without it, the gate's own."""
    figures, wrong = await score_answers(model, coder, records, known or probes(code))
    figures |= await drift(model, coder, code)
    figures["ppl_change"] = await perplexity_change(model, coder, code)
    return figures | {"wrong": wrong}


async def score_answers(
    model: Any, coder: Coder, records: list[dict], known: Sequence[tuple]
) -> tuple[dict[str, Any], list]:
    """How many questions are answered rightly, and those that are not with their answers."""
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
    """Of the common facts that the base knows, (question, reply) of those lost; how many it
    knows."""
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
    """KL and agreement with the base on prompts that nobody trains on, over the base's answers."""
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
    """How much plain text became harder to predict, as a share."""
    nats, tokens = [0.0, 0.0], 0
    for text in paragraphs(code):
        ids = coder.tokenizer.encode(text)
        tokens += len(ids) - 1
        for which in (0, 1):
            nats[which] += await model.text_loss(ids, base=which == 0)
    return math.exp((nats[1] - nats[0]) / tokens) - 1
