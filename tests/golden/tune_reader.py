"""Tunes what the encoder's lower layers read of statements: low-rank additions, norms, biases and
three heads.

    python -m tests.golden.tune_reader --write      (torch, transformers; a quarter of an hour)

A text alone has a direction, by which a question finds the sentences that may answer it, and a
kind: it states something of the person's own, asks for it, or neither.  A question and a sentence
read together say whether the sentence answers it.  The examples are those of
tests/golden/statements and the facts of weigh.py, turned into what a person would have said.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import re
import time
from pathlib import Path
from random import Random

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from builder import encoder as carrier
from builder import fetch
from oneseek.engine.backends.reference import Numpy
from oneseek.engine.learning.lessons import anchors
from oneseek.engine.learning.memory.encoder import Encoder
from oneseek.engine.model.formats.source import BytesSource
from tests.bench.parts import report
from tests.bench.weigh import facts_of, general
from tests.golden.make_encoder import bert_of, ours
from tests.golden.statements import CODES, MINE, Made, Maker

LAYERS, RANK, SCALE = 6, 16, 2.0
STEPS, RATE, WARM, OFTEN = 280, 1e-3, 20, 60
FAMILIES, FACTS, GENERAL, NOTHING = 8, 3, 3, 9  # of a step
UNTOLD = 0.4  # of the statements are asked something that nothing answers
TOGETHER = 12  # rows
TEMPERATURE = 0.05
STATES, ASKS, NEITHER = range(3)
UNKNOWN = -100  # a question that names nobody: whose it is, its words do not say
SWAP = {
    "en": [("You are", "I am"), ("you are", "I am"), ("Your", "My"), ("your", "my"), ("You", "I"),
           ("you", "I")],
    "sv": [("Din", "Min"), ("din", "min"), ("Ditt", "Mitt"), ("ditt", "mitt"), ("Dina", "Mina"),
           ("dina", "mina"), ("Du", "Jag"), ("du", "jag"), ("dig", "mig"), ("Er", "Vår"),
           ("er", "vår"), ("era", "våra")],
}  # fmt: skip


def as_said(answer: str, code: str) -> str:
    for old, new in SWAP[code]:
        answer = re.sub(rf"\b{old}\b", new, answer)
    return answer


class Added(nn.Module):
    """A linear map of the encoder, and what is added to it."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.linear = linear
        self.a = nn.Parameter(torch.randn(RANK, linear.in_features) / math.sqrt(linear.in_features))
        self.b = nn.Parameter(torch.zeros(linear.out_features, RANK))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear(x) + SCALE * F.linear(F.linear(x, self.a), self.b)


class Reader(nn.Module):
    def __init__(self, bert: nn.Module, words: Encoder) -> None:
        super().__init__()
        self.words = words
        bert.encoder.layer = bert.encoder.layer[:LAYERS]
        for weight in bert.parameters():
            weight.requires_grad_(weight.dim() == 1)
        for layer in bert.encoder.layer:
            places = (layer.attention.self, ("query", "key", "value")), (
                layer.attention.output, ("dense",)), (layer.intermediate, ("dense",)), (
                layer.output, ("dense",))  # fmt: skip
            for part, names in places:
                for name in names:
                    setattr(part, name, Added(getattr(part, name)))
        self.bert = bert
        self.kind = nn.Linear(bert.config.hidden_size, 3)
        self.pair = nn.Linear(bert.config.hidden_size, 1)

    def alone(self, text: str) -> list[int]:
        return [self.words.before[0], *self.words.words.encode(text)[:96], self.words.end]

    def together(self, question: str, said: str) -> list[int]:
        question, said = (self.words.words.encode(one) for one in (question, said))
        end = self.words.end
        return [self.words.before[0], *question[:48], end, end, *said[:80], end]

    def states(self, rows: list[list[int]]) -> torch.Tensor:
        """The mean state of each row; rows of like length are read together."""
        order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
        parts = [order[at : at + TOGETHER] for at in range(0, len(rows), TOGETHER)]
        means = torch.cat([self._means([rows[i] for i in part]) for part in parts])
        return means[torch.tensor(order).argsort()]

    def _means(self, rows: list[list[int]]) -> torch.Tensor:
        ids, mask = torch.ones(2, len(rows), max(map(len, rows)), dtype=torch.long)
        for i, row in enumerate(rows):
            ids[i, : len(row)], mask[i, len(row) :] = torch.tensor(row), 0
        states = self.bert(input_ids=ids, attention_mask=mask).last_hidden_state
        states = states * mask[:, :, None]
        return states.sum(1) / mask.sum(1, keepdim=True)


class Examples:
    """What a step reads."""

    def __init__(self, seed: int) -> None:
        self.maker, self.draw = Maker(seed), Random(seed)
        self.facts = [
            fact | {"said": as_said(fact["answer"], fact["language"])} for fact in facts_of()
        ]
        self.general = [q for code in CODES for q in general(code)]
        self.general += [q for code in CODES for _, q in anchors(code)]

    def statements(self) -> list[tuple[str, str, list[Made]]]:
        """(language, what was said, its questions) of one step."""
        found, draw = [], self.draw
        for family in draw.sample(self.maker.families, FAMILIES):
            found.append((family.code, *self.maker.family(family)))
        for fact in draw.sample(self.facts, FACTS):
            said = self.maker.as_typed(fact["said"].rstrip("."), fact["language"])
            asked = [fact["question"], *fact.get("unseen", [])]
            made = [Made(said, q, True) for q in draw.sample(asked, min(3, len(asked)))]
            wrong = [*fact.get("leak", []), *fact.get("far", [])]
            made += [Made(said, q, False) for q in draw.sample(wrong, min(3, len(wrong)))]
            found.append((fact["language"], said, made))
        return found

    def step(self) -> tuple[list[Made], list[tuple[str, int]], list[tuple[int, int]]]:
        """Pairs to be read together; texts with their kinds; of those the places of a question and
        what answers it."""
        draw, statements = self.draw, self.statements()
        pairs, texts, finds = [], [], []
        for i, (code, said, made) in enumerate(statements):
            right = [one for one in made if one.answers]
            wrong = [one for one in made if not one.answers]
            pairs += draw.sample(wrong, min(1 + (draw.random() < 0.4), len(wrong)))
            texts.append((said, STATES))
            if not right:
                continue
            asked = draw.choice(right)
            pairs.append(asked)
            if draw.random() < 0.3:
                other = draw.choice([one for j, (_, one, _) in enumerate(statements) if j != i])
                pairs.append(Made(other, asked.question, False))
            finds.append((len(texts), len(texts) - 1))
            mine = MINE[code].search(asked.question)
            texts.append((asked.question, ASKS if mine else UNKNOWN))
            if draw.random() < UNTOLD:
                untold = self.maker.of_nothing(code)
                pairs.append(Made(said, untold, False))
                texts.append((untold, ASKS if MINE[code].search(untold) else UNKNOWN))
        for question in draw.sample(self.general, GENERAL):
            texts.append((question, NEITHER))
            if draw.random() < 0.4:
                pairs.append(Made(draw.choice(statements)[1], question, False))
        for _ in range(NOTHING):
            code, text = self.maker.other()
            texts.append((text, NEITHER))
            if draw.random() < 0.15:
                pairs.append(Made(draw.choice(statements)[1], text, False))
        return pairs, texts, finds


def tune(model: Reader, steps: int, to: Path) -> None:
    """What is tuned is written now and then."""
    torch.manual_seed(0)
    torch.set_num_threads(1)  # two wait for each other where others use the cores
    examples = Examples(0)
    learned = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(learned, lr=RATE, weight_decay=0.0)
    pace = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1, (step + 1) / WARM) * max(0.02, 1 - step / steps)
    )
    began, seen = time.time(), []
    for step in range(steps):
        pairs, texts, finds = examples.step()
        answers = of_pairs(model, pairs)
        read = model.states([model.alone(text) for text, _ in texts])
        kinds = torch.tensor([kind for _, kind in texts])
        kind = F.cross_entropy(model.kind(read), kinds, ignore_index=UNKNOWN)
        whole = F.normalize(read, dim=-1)
        asked, said = (whole[[pair[end] for pair in finds]] for end in (0, 1))
        near, place = asked @ said.T / TEMPERATURE, torch.arange(len(finds))
        found = (F.cross_entropy(near, place) + F.cross_entropy(near.T, place)) / 2
        loss = answers + 0.5 * kind + 0.3 * found
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learned, 1.0)
        optimizer.step()
        pace.step()
        seen.append([answers.item(), kind.item(), found.item()])
        if step % 10 == 9:
            means = [round(float(x), 4) for x in np.mean(seen[-10:], 0)]
            report.say({"step": step + 1, "answers, kind, found": means,
                        "s": round(time.time() - began)})  # fmt: skip
        if step % OFTEN == OFTEN - 1 or step == steps - 1:
            to.write_bytes(packed(model))


def of_pairs(model: Reader, pairs: list[Made]) -> torch.Tensor:
    """The loss of what is read together."""
    read = model.pair(model.states([model.together(one.question, one.said) for one in pairs]))
    wanted = torch.tensor([float(one.answers) for one in pairs])
    return F.binary_cross_entropy_with_logits(read[:, 0], wanted)


def named(name: str) -> str:
    """`bert.encoder.layer.3.output.dense.a` -> `said.blk.3.ffn_down.a`."""
    if name.startswith("bert."):
        name = name.removeprefix("bert.").replace(".linear.", ".")
        return "said." + ours(name)
    return f"said.{name}"


def packed(model: Reader) -> bytes:
    """Names and shapes as JSON behind their length, then halves of floats in that order."""
    tuned = {}
    for name, weight in model.named_parameters():
        if weight.requires_grad:
            scale = SCALE if name.endswith(".b") and weight.dim() == 2 else 1.0
            tuned[named(name)] = (scale * weight.detach()).numpy().astype("<f2")
    head = json.dumps({name: list(value.shape) for name, value in tuned.items()}).encode()
    parts = [len(head).to_bytes(4, "little"), head, *(v.tobytes() for v in tuned.values())]
    return b"".join(parts)


def begin_with(model: Reader, packed: bytes) -> None:
    """What was tuned before is gone on from."""
    size = int.from_bytes(packed[:4], "little")
    shapes, at = json.loads(packed[4 : 4 + size]), 4 + size
    tuned = {}
    for name, shape in shapes.items():
        count = math.prod(shape)
        tuned[name] = np.frombuffer(packed, "<f2", count, at).reshape(shape).astype(np.float32)
        at += 2 * count
    for name, weight in model.named_parameters():
        if weight.requires_grad:
            scale = SCALE if name.endswith(".b") and weight.dim() == 2 else 1.0
            weight.data = torch.from_numpy(tuned[named(name)] / scale)


async def published() -> tuple[BytesSource, Encoder]:
    data = fetch.part("encoder/multilingual-e5-small").read_bytes()
    source = BytesSource(carrier.bytes_of(data, None), "published")
    reads = Encoder(lambda: asyncio.sleep(0, source), Numpy())
    await reads.load()
    return source, reads


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--steps", type=int, default=STEPS)
    ask.add_argument("--write", type=Path, default=carrier.READER, help="where it goes")
    ask.add_argument(
        "--from", type=Path, dest="before", help="what was tuned before, to go on from"
    )
    options = ask.parse_args()
    source, reads = asyncio.run(published())
    model = Reader(bert_of(source).train(), reads)
    if options.before:
        begin_with(model, options.before.read_bytes())
    tune(model, options.steps, options.write)


if __name__ == "__main__":
    main()
