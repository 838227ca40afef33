"""Trains the aligner: a small network that compares a question with a statement token by token and
predicts whether the statement answers it.

    python -m tests.golden.tune_aligner     (torch, transformers; ten minutes of one core)

The aligner is decomposable attention (Parikh et al., 2016): each token attends to the tokens of the
other text, is compared with what it attends to, and the comparisons are pooled.  Its inputs are the
hidden states that the lower layers of the published encoder compute for each text alone, so a
statement is encoded once for all questions.  It trains on the examples of tests/golden/statements
and on the development sets WHOLE; engine/learning/memory/aligning.py runs it.  After each epoch it
is written and evaluated on the sets JUDGES, beside the reader in use and summed with it.
`--keep FILE` caches the hidden states; computing them takes longer than an epoch.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from builder import encoder as carrier
from oneseek.engine.learning.memory.aligning import LOWER, WIDTH
from oneseek.engine.learning.memory.encoder import BEFORE, BEFORE_SAID
from tests.bench.parts import report
from tests.golden.judging import Judge
from tests.golden.make_encoder import bert_of
from tests.golden.statements import CODES, Made, Maker
from tests.golden.statements.told import BENCH, Voices, load_advice_questions, load_training_lines
from tests.golden.tune_reader import (
    Reader,
    Rows,
    begin_with,
    directions,
    load_published,
    nearest,
    pack,
    unpack,
    whether,
)
from tests.golden.tune_reader import name_tensor as name_reader_tensor

SHARP = 8.0  # inverse temperature of attention, scaled by a learned factor
EPOCHS, RATE, WARM, DROPPED = 7, 1.5e-3, 40, 0.15  # WARM: warm-up steps; DROPPED: dropout
# A batch: statements, mined negatives of each, pairs with a question that no statement answers.
STATEMENTS, OTHERS, UNTOLD = 18, 2, 6
# Retrieved negatives of a question; the chances of a negative that shares words with it, of one
# that asks about another person, and of a question as people type it.
NEAR, SHARING, ANOTHER, TYPED = 2, 0.25, 0.6, 0.5
TOGETHER, FAR = 96, -1e4
# WHOLE holds the first two, so that only the last one is unseen.
JUDGES = tuple(BENCH / f"heard_{name}.jsonl" for name in ("dev7", "dev8", "dev9"))

# Hidden states of a question and of a statement, [tokens, width] each.
Pair = tuple[torch.Tensor, torch.Tensor]


class Voice(NamedTuple):
    """The training pairs of one statement: with its own questions and hard negatives (`own`), and
    mined negative pairs (`others`)."""

    own: list[Made]
    others: list[Made]


class Aligner(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm, self.value = nn.LayerNorm(width), nn.Linear(width, WIDTH)
        self.key = nn.Linear(width, WIDTH, bias=False)
        self.compare, self.sharp = nn.Linear(4 * WIDTH, WIDTH), nn.Parameter(torch.tensor(1.0))
        self.side = nn.Parameter(torch.zeros(2, WIDTH))
        self.pooled, self.pair = nn.Linear(6 * WIDTH, WIDTH), nn.Linear(WIDTH, 1)

    def forward(self, pairs: Sequence[Pair]) -> torch.Tensor:
        """The logit of each pair, [pairs]; pairs of similar length share a batch."""
        order = sorted(range(len(pairs)), key=lambda i: sum(map(len, pairs[i])))
        parts = parts_of(order, TOGETHER)
        read = torch.cat([self._read([pairs[i] for i in part]) for part in parts])
        return read[torch.tensor(order).argsort()]

    def _read(self, pairs: Sequence[Pair]) -> torch.Tensor:
        padded = [
            nn.utils.rnn.pad_sequence([p[i] for p in pairs], batch_first=True) for i in (0, 1)
        ]
        held = [x.abs().sum(-1) > 0 for x in padded]
        texts = [self._drop(self.norm(x.float())) for x in padded]
        values = [gelu(self.value(x)) for x in texts]
        keys = [F.normalize(self.key(x), dim=-1) for x in texts]
        near = SHARP * self.sharp * keys[0] @ keys[1].transpose(1, 2)
        parts = []
        for i, scores in enumerate((near, near.transpose(1, 2))):
            seen = scores.masked_fill(~held[1 - i][:, None, :], FAR)
            parts += self._compare(values[i], seen.softmax(-1) @ values[1 - i], held[i], i)
        parts.append(mean(values[0], held[0]) * mean(values[1], held[1]))
        best = near.masked_fill(~held[1][:, None, :], FAR).max(-1).values[:, :, None]
        parts.append(mean(best, held[0]).expand(-1, WIDTH))
        return self.pair(self._drop(gelu(self.pooled(torch.cat(parts, -1)))))[:, 0]

    def _compare(
        self, own: torch.Tensor, other: torch.Tensor, held: torch.Tensor, side: int
    ) -> list[torch.Tensor]:
        both = torch.cat([own, other, own * other, own - other], -1)
        y = gelu(self.compare(both) + self.side[side])
        return [mean(y, held), y.masked_fill(~held[:, :, None], FAR).max(1).values]

    def _drop(self, x: torch.Tensor) -> torch.Tensor:
        return F.dropout(x, DROPPED, self.training)


def gelu(x: torch.Tensor) -> torch.Tensor:
    """The tanh approximation, which the engine computes too."""
    return F.gelu(x, approximate="tanh")


def parts_of(some: Sequence, many: int) -> Iterator[Sequence]:
    return (some[at : at + many] for at in range(0, len(some), many))


def mean(x: torch.Tensor, held: torch.Tensor) -> torch.Tensor:
    return (x * held[:, :, None]).sum(1) / held.sum(1, keepdim=True)


def pack_model(model: Aligner) -> bytes:
    """The weights in the engine's layout: [own, other, own * other, own - other] needs only three
    products, and the best cosine, repeated in WIDTH columns, only one column."""
    own, other, both, apart = model.compare.weight.split(WIDTH, 1)
    pooled, best = model.pooled.weight.split(5 * WIDTH, 1)
    return pack(
        {
            "align.norm.weight": model.norm.weight,
            "align.norm.bias": model.norm.bias,
            "align.value.weight": model.value.weight,
            "align.value.bias": model.value.bias,
            "align.key.weight": model.key.weight,
            "align.own": own + apart,
            "align.other": other - apart,
            "align.both": both,
            "align.side": model.side + model.compare.bias,
            "align.sharp": SHARP * model.sharp[None],
            "align.pooled.weight": torch.cat([pooled, best.sum(1, keepdim=True)], 1),
            "align.pooled.bias": model.pooled.bias,
            "align.pair.weight": model.pair.weight,
            "align.pair.bias": model.pair.bias,
        }
    )


class Alone:
    """A cache of the lower layers' hidden states, by text and prefix."""

    def __init__(self, bert: nn.Module, rows: Rows) -> None:
        bert.encoder.layer = bert.encoder.layer[:LOWER]
        self.bert, self.rows = bert, rows
        self.read: dict[tuple[str, str], torch.Tensor] = {}

    def look(self, texts: Sequence[str], before: str) -> None:
        new = [text for text in dict.fromkeys(texts) if (text, before) not in self.read]
        rows = {text: self.rows.encode_with_prefix(text, before) for text in new}
        for part in parts_of(sorted(new, key=lambda text: len(rows[text])), TOGETHER):
            ids, mask = torch.ones(2, len(part), len(rows[part[-1]]), dtype=torch.long)
            for i, text in enumerate(part):
                ids[i, : len(rows[text])] = torch.tensor(rows[text])
                mask[i, len(rows[text]) :] = 0
            with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
                states = self.bert(input_ids=ids, attention_mask=mask).last_hidden_state.bfloat16()
            for text, one in zip(part, states, strict=True):
                self.read[text, before] = one[: len(rows[text])].clone()

    def pairs(self, some: Sequence[tuple[str, str]]) -> list[Pair]:
        self.look([q for q, _ in some], BEFORE)
        self.look([said for _, said in some], BEFORE_SAID)
        return [(self.read[q, BEFORE], self.read[said, BEFORE_SAID]) for q, said in some]


class Examples:
    def __init__(self, near: dict[str, list[str]]) -> None:
        self.draw, self.maker, self.near = Random(0), Maker(0), near
        self.people = Voices(0, whole=True)
        self.voices = [self.of(i) for i in range(len(self.people.told))]
        untold = [q for code in CODES for q in self.maker.unknown[code] if "{" not in q]
        untold += [one["q"] for one in load_training_lines("_unknown", whole=True)]
        untold += load_advice_questions(whole=True)
        self.untold = [Made(said, q, False) for q in untold for said in near.get(q, [])[:4]]

    def of(self, i: int) -> Voice:
        people, draw, one = self.people, self.draw, self.people.told[i]
        said = [one.said, people.vary_statement(one.said)]
        own, others = [], []
        for q in [*one.asked, *one.alike]:
            typed = people.vary_question(q, one.code) if draw.random() < TYPED else q
            own.append(Made(draw.choice(said), typed, q in one.asked))
            if q in one.asked:
                near = self.near.get(q, [])
                others += [Made(x, typed, False) for x in draw.sample(near, min(NEAR, len(near)))]
                if draw.random() < SHARING and (shares := people.near(q, i)):
                    others.append(Made(shares, typed, False))
        if draw.random() < ANOTHER and (q := people.of_another(draw.choice(one.asked), one)):
            others.append(Made(one.said, q, False))
        return Voice(own, others)

    def steps(self, epochs: int) -> Iterator[list[Made]]:
        for _ in range(epochs):
            order = self.draw.sample(self.voices, len(self.voices))
            for some in parts_of(order, STATEMENTS):
                made = [pair for voice in some for pair in voice.own]
                for voice in some:
                    count = min(OTHERS, len(voice.others))
                    made += self.draw.sample(voice.others, count)
                yield made + self.draw.sample(self.untold, UNTOLD)


def tune(model: Aligner, examples: Examples, alone: Alone, epochs: int) -> Iterator[float]:
    """Train with AdamW; yield the share of the steps done after each."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.03)
    steps = epochs * -(-len(examples.voices) // STATEMENTS)
    began, losses = time.time(), []
    for step, made in enumerate(examples.steps(epochs)):
        pace = min(1, (step + 1) / WARM) * max(0.02, 1 - step / steps)
        optimizer.param_groups[0]["lr"] = RATE * pace
        read = model(alone.pairs([(one.question, one.said) for one in made]))
        loss = whether(read, [float(one.answers) for one in made])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        if step % 60 == 59:
            told = {"step": step + 1, "of": steps, "loss": round(float(np.mean(losses[-60:])), 3)}
            report.say({**told, "s": round(time.time() - began)})
        yield (step + 1) / steps


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--write", type=Path, default=carrier.ALIGNER, help="output file")
    ask.add_argument("--epochs", type=int, default=EPOCHS)
    ask.add_argument("--keep", type=Path, help="cache file for hidden states")
    ask.add_argument("--judge", type=Path, nargs="*", default=JUDGES, help="sets to evaluate on")
    options = ask.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(1)
    source, words = asyncio.run(load_published())
    rows, bert = Rows(words), bert_of(source)

    def embed(texts: Sequence[str], before: str) -> np.ndarray:
        return directions(bert, [rows.encode_with_prefix(text, before) for text in texts])

    judges = [Judge(path, embed) for path in options.judge if path.exists()]
    reader = Reader(bert_of(source), words)
    begin_with(reader, unpack(carrier.READER.read_bytes()), name_reader_tensor)
    with torch.no_grad():
        in_use = [
            reader.pair(reader.states([rows.together(q, said) for q, said in judge.pairs]))[:, 0]
            for judge in judges
        ]
    kept = torch.load(options.keep) if options.keep and options.keep.exists() else {}
    with torch.autocast("cpu", torch.bfloat16):
        near = kept.get("near") or nearest(bert, words, whole=True)
    alone = Alone(bert, rows)
    alone.read |= kept.get("read", {})
    examples = Examples(near)
    report.say({"voices": len(examples.voices), "questions near": len(near)})
    every = [pair for voice in examples.voices for pair in voice.own + voice.others]
    alone.pairs([(one.question, one.said) for one in every + examples.untold])
    for judge in judges:
        alone.pairs(judge.pairs)
    report.say({"texts read alone": len(alone.read)})
    if options.keep:
        torch.save({"near": near, "read": alone.read}, options.keep)
    model = Aligner(bert.config.hidden_size)

    def judge_aligner() -> None:
        model.eval()
        for judge, before in zip(judges, in_use, strict=True):
            with torch.no_grad():
                read = model(alone.pairs(judge.pairs))
            for name, one in (("in use", before), ("aligner", read), ("sum", before + read)):
                report.say({"read by": name, **judge.figures(one.tolist())})
        model.train()

    epoch = 0
    for over in tune(model, examples, alone, options.epochs):
        if over * options.epochs >= epoch + 1:
            epoch += 1
            options.write.write_bytes(pack_model(model))
            judge_aligner()


if __name__ == "__main__":
    main()
