"""Fine-tunes the norms and biases of the sentence encoder, and no matrix, for recognising facts.

    python -m tests.golden.tune_encoder --write      (torch, transformers; a quarter of an hour)

A paraphrase of a fact's question has to score above its hard negatives, which speak of the same
thing and ask for another.  The facts are those of tests/bench/weigh.py.  Two encoders are each
trained on half of the kinds of facts; weigh.py evaluates each on the other half.  A third one is
trained on all: `--write` writes it to builder/encoder_tuned.bin, otherwise it goes to the cache.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
import transformers
from torch.nn import functional as F

from builder import CACHE, encoder, fetch
from oneseek.engine.backends.reference import Numpy
from oneseek.engine.learning.lessons import anchors
from oneseek.engine.learning.memory.encoder import Encoder
from oneseek.engine.learning.memory.recogniser import COMMON, LEAST
from oneseek.engine.model.formats.source import BytesSource
from tests.bench.parts import report
from tests.bench.weigh import HALVES, facts_of, general, half_of, locate_tuned_encoder
from tests.golden.make_encoder import bert_of, ours

# Learning rates of the encoder, and of the weights and the threshold of the score; warm-up steps.
EPOCHS, RATE, LEARNED_RATE, WARM = 5, 2e-3, 0.2, 10
FACTS, OTHERS = 12, 24  # a batch: facts, and questions that ask for no fact
LABELS = (("unseen", 1, 4), ("leak", 0, 4), ("far", 0, 2))  # field, label, most questions of a fact
SIGNS = (5.0, 5.0, 10.0, 10.0, 10.0)  # initial weights of the five similarities


class Reader:
    """Encodes texts with the model under training."""

    def __init__(self, model: transformers.BertModel, encoder: Encoder) -> None:
        self.model, self.encoder = model, encoder
        self.scores = np.array(encoder.words.scores, np.float32)
        self.begins = len(encoder.before)

    def __call__(self, texts: Sequence[str]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Unit vectors of the texts [texts, width] and of their tokens [texts, tokens, width], and
        each token's weight [texts, tokens]: its rarity in nats, 0 for prefix, end and padding."""
        rows = [self.encoder.ids(text) for text in texts]
        longest = max(map(len, rows))
        ids, mask = torch.ones(2, len(rows), longest, dtype=torch.long)
        counts = torch.zeros(len(rows), longest)
        for i, row in enumerate(rows):
            ids[i, : len(row)] = torch.tensor(row)
            mask[i, len(row) :] = 0
            inner = slice(self.begins, len(row) - 1)
            rare = np.maximum(-self.scores[row[inner]] - COMMON, LEAST)
            counts[i, inner] = torch.from_numpy(rare)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            states = self.model(input_ids=ids, attention_mask=mask).last_hidden_state
        states = states.float() * mask[:, :, None]
        whole = states.sum(1) / mask.sum(1, keepdim=True)
        return F.normalize(whole, dim=-1), F.normalize(states, dim=-1), counts


def match_words(x: tuple, y: tuple) -> torch.Tensor:
    """[texts of x, texts of y]: the best cosine of each token of x in y, averaged by weight."""
    (_, words, counts), (_, others, there) = x, y
    alike = torch.einsum("atw,bsw->atbs", words, others)
    best = alike.masked_fill((there == 0)[None, None], -1.0).amax(-1)
    return (best * counts[:, :, None]).sum(1) / counts.sum(1, keepdim=True)


def likenesses(asked: tuple, known: tuple, answered: tuple) -> torch.Tensor:
    """[5, questions, facts]: the similarities that the memory scores a question by."""
    return torch.stack([
        asked[0] @ known[0].T, asked[0] @ answered[0].T,
        match_words(asked, answered), match_words(asked, known), match_words(known, asked).T,
    ])  # fmt: skip


def draw_questions(facts: list[dict], others: list[str], draw: random.Random) -> Iterator[tuple]:
    """Yields (question, index of its fact or -1, label: 1 if it asks for that fact)."""
    for place, fact in enumerate(facts):
        for part, wanted, most in LABELS:
            questions = fact.get(part, [])
            for question in draw.sample(questions, min(most, len(questions))):
                yield question, place, wanted
    yield from ((question, -1, 0) for question in draw.sample(others, OTHERS))


def loss_of(scores: torch.Tensor, place: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Sum of four losses: a question's label for its own fact, a low score for all other facts, its
    own fact ranked first, and its fact's hard negatives ranked below it."""
    rows = torch.arange(len(place))
    own = place >= 0
    of_own = scores[rows[own], place[own]]
    others = torch.ones_like(scores, dtype=torch.bool)
    others[rows[own], place[own]] = False
    asks = wanted[own] == 1
    same = place[own][asks][:, None] == place[own][~asks][None]
    above = of_own[~asks][None] - of_own[asks][:, None]
    return (
        F.binary_cross_entropy_with_logits(of_own, wanted[own])
        + 0.5 * F.softplus(scores[others]).sum() / len(place)
        + 0.5 * F.cross_entropy(scores[own][asks], place[own][asks])
        + F.softplus(above)[same].mean()
    )


def tune(read: Reader, facts: list[dict], others: list[str]) -> dict[str, torch.Tensor]:
    """Train, and return the norms and biases by their names in the encoder's file."""
    torch.manual_seed(0)
    draw, named = random.Random(0), dict(read.model.named_parameters())
    for weight in named.values():
        weight.requires_grad_(weight.dim() == 1)
    tuned = {name: weight for name, weight in named.items() if weight.dim() == 1}
    counts = torch.tensor(SIGNS, requires_grad=True)
    limit = torch.tensor(-0.9 * sum(SIGNS), requires_grad=True)
    steps = EPOCHS * math.ceil(len(facts) / FACTS)
    groups = [{"params": list(tuned.values()), "lr": RATE}]
    groups += [{"params": [counts, limit], "lr": LEARNED_RATE}]
    optimizer = torch.optim.AdamW(groups, weight_decay=0.0)
    pace = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1, (step + 1) / WARM) * max(0.05, 1 - step / steps)
    )
    for epoch in range(EPOCHS):
        order, losses = draw.sample(facts, len(facts)), []
        for begin in range(0, len(order), FACTS):
            part = order[begin : begin + FACTS]
            questions, places, wanted = zip(*draw_questions(part, others, draw), strict=True)
            known = [fact["question"] for fact in part]
            answered = [f"{fact['question']} {fact['answer']}" for fact in part]
            every, n = read([*known, *answered, *questions]), len(part)
            split = [tuple(one[at] for one in every) for at in
                     (slice(2 * n, None), slice(n), slice(n, 2 * n))]  # fmt: skip
            scores = torch.einsum("s,sqf->qf", counts, likenesses(*split)) + limit
            loss = loss_of(scores, torch.tensor(places), torch.tensor(wanted, dtype=torch.float))
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(list(tuned.values()), 1.0)
            optimizer.step()
            pace.step()
            losses.append(loss.item())
        report.say({"epoch": epoch, "loss": float(np.mean(losses))})
    return {ours(name): weight.detach() for name, weight in tuned.items()}


async def write_tuned(facts: list[dict], to: Path) -> None:
    """Train the published encoder on `facts` and write its norms and biases as 16-bit floats."""
    data = fetch.part("encoder/multilingual-e5-small").read_bytes()
    source = BytesSource(encoder.bytes_of(data, None), "published")
    reads = Encoder(lambda: asyncio.sleep(0, source), Numpy())
    await reads.load()
    codes = ("en", "sv")
    others = [question for code in codes for _, question in anchors(code)]
    others += [question for code in codes for question in general(code)]
    tuned = tune(Reader(bert_of(source).train(), reads), facts, others)
    order = [name for name in encoder.list_tuned_names(encoder.read(data)) if name in tuned]
    assert len(order) == len(tuned)
    parts = [tuned[name].numpy().astype("<f2") for name in order]
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_bytes(np.concatenate(parts).tobytes())


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--write", action="store_true", help="to builder/encoder_tuned.bin")
    options = ask.parse_args()
    facts = facts_of()
    for half in HALVES:
        asyncio.run(
            write_tuned(
                [fact for fact in facts if half_of(fact) == half], locate_tuned_encoder(half)
            )
        )
    asyncio.run(
        write_tuned(facts, encoder.TUNED if options.write else CACHE / "encoder-tuned-on-all.bin")
    )


if __name__ == "__main__":
    main()
