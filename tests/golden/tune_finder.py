"""Trains the bi-encoder that retrieves statements: a map for questions and one for statements.

    python -m tests.golden.tune_finder [--layers 4] [--begin FILE]
                                    (torch, transformers; a minute, once the texts are encoded;
                                    half an hour with layers)

Both maps are linear, behind the published encoder, whose frozen layers compute each text once.
`--layers N` also trains LoRA, norms and biases of the upper N layers.  The loss is contrastive: a
question is nearer to the statement that answers it than to the others of the batch, and a statement
nearer to its question than to its hard negatives.  It trains on the statements and the document
sentences of tests/golden/statements and on the development sets WHOLE.  For each set of JUDGES,
which it is not trained on, it prints before and after training how often the right statement ranks
first, among four and among eight, and first above the threshold that a share of the hard negatives
exceeds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from builder import encoder as carrier
from oneseek.engine.learning.memory.encoder import BEFORE, BEFORE_SAID, FIND, PUBLISHED
from tests.bench.parts import report
from tests.golden.make_encoder import bert_of, ours
from tests.golden.statements.told import BENCH, Voices, of_documents
from tests.golden.tune_reader import (
    HALVES,
    Rows,
    add_to,
    begin_with,
    collect_tuned,
    load_published,
    pack,
    unpack,
)

RANK, RATE, WARM = 32, 4e-4, 20  # WARM: warm-up steps
MINUTES, OF_LAYERS = 1.0, 24.0  # of training: the maps alone, and with upper layers
TOGETHER, READ = 160, 128  # statements of a training batch; texts of an encoding batch
SHARP, ALIKE = 40.0, 0.3  # inverse temperature of the cosines; weight of the margin loss
JUDGES = ("dev9", "dev10", "dev11", "dev12", "dev13")
FIRST = 1, 4, 8
SAID, ASKED, SEEMS = 0, 1, 2  # kinds of texts: statement, question, hard negative

Heard = tuple[str, Sequence[str], Sequence[str]]  # a statement, its questions, its hard negatives


class Texts(NamedTuple):
    """Hidden states of texts after the lower layers, with each text's kind and its statement."""

    states: list[np.ndarray]  # [tokens, width] each
    kinds: np.ndarray
    owners: np.ndarray

    def of(self, kind: int) -> np.ndarray:
        return np.flatnonzero(self.kinds == kind)


def pad(rows: Sequence[np.ndarray]) -> tuple[torch.Tensor, torch.Tensor]:
    """The rows padded to [rows, tokens, width], and the mask [rows, tokens] of real tokens."""
    x = torch.zeros(len(rows), max(map(len, rows)), *rows[0].shape[1:])
    mask = torch.zeros(x.shape[:2], dtype=torch.bool)
    for i, row in enumerate(rows):
        x[i, : len(row)], mask[i, : len(row)] = torch.from_numpy(row).float(), True
    return x, mask


def run_layers(layers: nn.ModuleList, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    seen = torch.where(mask, 0.0, -1e9)[:, None, None, :]
    with torch.autocast("cpu", torch.bfloat16, HALVES):
        for layer in layers:
            out = layer(x, seen)
            x = out[0] if isinstance(out, tuple) else out
    return x.float()


def by_length(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Yields the indices of texts sorted by length, READ at a time."""
    order = np.argsort(lengths, kind="stable").tolist()
    for at in range(0, len(order), READ):
        yield order[at : at + READ]


def read_lower(bert: nn.Module, lower: int, rows: Sequence[list[int]]) -> list[np.ndarray]:
    found: list[np.ndarray] = [np.zeros(0)] * len(rows)
    for part in by_length([len(row) for row in rows]):
        ids, mask = pad([np.array(rows[i]) for i in part])
        with torch.no_grad():
            x = bert.embeddings(input_ids=ids.long())
            x = run_layers(bert.encoder.layer[:lower], x, mask)
        for i, states in zip(part, x.half().numpy(), strict=True):
            found[i] = states[: len(rows[i])].copy()
    return found


def texts_of(told: Sequence[Heard], rows: Rows, bert: nn.Module, lower: int) -> Texts:
    every = [(said, SAID, i) for i, (said, _, _) in enumerate(told)]
    every += [(q, ASKED, i) for i, one in enumerate(told) for q in one[1]]
    every += [(q, SEEMS, i) for i, one in enumerate(told) for q in one[2] if q]
    read = [
        rows.encode_with_prefix(text, BEFORE if kind else BEFORE_SAID) for text, kind, _ in every
    ]
    _, kinds, owners = zip(*every, strict=True)
    return Texts(read_lower(bert, lower, read), np.array(kinds), np.array(owners))


class Finder(nn.Module):
    def __init__(self, bert: nn.Module, lower: int) -> None:
        super().__init__()
        self.lower, self.layers = lower, bert.encoder.layer[lower:]
        for weight in self.layers.parameters():
            weight.requires_grad_(weight.dim() == 1)
        for layer in self.layers:
            add_to(layer, RANK)
        width = bert.config.hidden_size
        self.asked, self.said = nn.Linear(width, width), nn.Linear(width, width)
        for one in (self.asked, self.said):
            nn.init.zeros_(one.weight)
            nn.init.zeros_(one.bias)

    def forward(self, texts: Texts, places: np.ndarray) -> torch.Tensor:
        """Unit vectors [places, width] of the texts at these places."""
        rows = [texts.states[at] for at in places]
        found: list[tuple[int, torch.Tensor]] = []
        for part in by_length([len(row) for row in rows]):
            x, mask = pad([rows[i] for i in part])
            x = run_layers(self.layers, x, mask) * mask[:, :, None]
            found += zip(part, F.normalize(x.sum(1), dim=-1), strict=True)
        whole = torch.stack([one for _, one in sorted(found, key=lambda one: one[0])])
        said = torch.tensor(texts.kinds[places] == SAID)[:, None]
        added = torch.where(said, self.said(whole), self.asked(whole))
        return F.normalize(whole + added, dim=-1)


def name_tensor(name: str, lower: int) -> str:
    """`1.output.dense.a` of four upper layers -> `published.blk.9.ffn_down.a`."""
    number, rest = name.replace(".linear.", ".").split(".", 1)
    return PUBLISHED + ours(f"encoder.layer.{lower + int(number)}.{rest}")


def pack_model(model: Finder) -> bytes:
    """The weights in the engine's layout: the identity of the residual is part of each map."""
    one, tuned = torch.eye(model.asked.in_features), {}
    for way in ("asked", "said"):
        linear = getattr(model, way)
        tuned[f"{FIND}{way}.weight"] = one + linear.weight
        tuned[f"{FIND}{way}.bias"] = linear.bias
    return pack(tuned | collect_tuned(model.layers, partial(name_tensor, lower=model.lower)))


def begin(model: Finder, tuned: Mapping[str, torch.Tensor]) -> None:
    """Load the weights that an earlier run wrote."""
    for way in ("asked", "said"):
        linear, weight = getattr(model, way), tuned[f"{FIND}{way}.weight"]
        linear.weight.data = weight - torch.eye(len(weight))
        linear.bias.data = tuned[f"{FIND}{way}.bias"]
    begin_with(model.layers, tuned, partial(name_tensor, lower=model.lower))


def development(name: str) -> list[Heard]:
    lines = (BENCH / f"heard_{name}.jsonl").read_text().splitlines()
    return [
        (
            " ".join(one["messages"]),
            [q["q"] for q in one["questions"]],
            [one["lookalike"]["q"]] if one.get("lookalike") else [],
        )
        for one in map(json.loads, lines)
    ]


def draw_batches(texts: Texts) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yields batches without end: indices of the texts of some statements, of a question of each,
    and of a hard negative of those that have one."""
    draw, of = np.random.default_rng(0), {ASKED: defaultdict(list), SEEMS: defaultdict(list)}
    for kind, some in of.items():
        for place in texts.of(kind).tolist():
            some[int(texts.owners[place])].append(place)
    while True:
        order = draw.permutation(sorted(of[ASKED]))
        for at in range(0, len(order) - TOGETHER, TOGETHER):
            said = order[at : at + TOGETHER]
            asked, seems = (
                np.array([draw.choice(some[one]) for one in said.tolist() if one in some])
                for some in of.values()
            )
            yield said, asked, seems


def loss_of(model: Finder, texts: Texts, *places: np.ndarray) -> torch.Tensor:
    said, asked, seems = model(texts, np.concatenate(places)).split([len(one) for one in places])
    near, alike = SHARP * asked @ said.T, SHARP * said @ seems.T
    right = torch.arange(len(said))
    place = {int(one): i for i, one in enumerate(places[0])}
    own = torch.tensor([place[int(texts.owners[at])] for at in places[2]])
    nearer = alike[own, torch.arange(len(own))] - near[own, own]
    return (
        F.cross_entropy(near, right)
        + F.cross_entropy(torch.cat([near.T, alike], 1), right)
        + ALIKE * F.softplus(nearer).mean()
    )


def tune(model: Finder, texts: Texts, minutes: float) -> None:
    learned = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(learned, lr=RATE, weight_decay=0.01)
    began, losses = time.monotonic(), []
    for step, places in enumerate(draw_batches(texts)):
        gone = (time.monotonic() - began) / 60
        if gone >= minutes:
            return
        for group in optimizer.param_groups:
            group["lr"] = RATE * min(1.0, step / WARM) * (1 - gone / minutes)
        loss = loss_of(model, texts, *places)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(learned, 1.0)
        optimizer.step()
        losses.append(loss.item())
        if step % 20 == 19:
            report.say({"step": step + 1, "loss": round(float(np.mean(losses[-20:])), 3)})


def figures(model: Finder, texts: Texts) -> dict[str, float]:
    with torch.no_grad():
        every = model(texts, np.arange(len(texts.kinds))).numpy()
    said, asked, seems = (every[texts.of(kind)] for kind in (SAID, ASKED, SEEMS))
    near, alike = asked @ said.T, (seems @ said.T).max(1)
    right = near[np.arange(len(near)), texts.owners[texts.of(ASKED)]]
    before = (near > right[:, None]).sum(1)
    found = {f"among {n}": float((before < n).mean()) for n in FIRST}
    for share in (0.07, 0.15, 0.25):
        limit = np.quantile(alike, 1 - share)
        found[f"right where {share} pass"] = float(((before == 0) & (right > limit)).mean())
    return {name: round(x, 3) for name, x in found.items()}


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--write", type=Path, default=carrier.FINDER, help="output file")
    ask.add_argument("--layers", type=int, default=0, help="upper layers to train too")
    ask.add_argument("--minutes", type=float)
    ask.add_argument("--begin", type=Path, help="weights of an earlier run to start from")
    options = ask.parse_args()
    torch.manual_seed(0)
    source, words = asyncio.run(load_published())
    rows, bert = Rows(words), bert_of(source)
    lower = len(bert.encoder.layer) - options.layers
    judges = {name: texts_of(development(name), rows, bert, lower) for name in JUDGES}
    told = [*Voices(0, whole=True).told, *of_documents()]
    voices = [(one.said, one.asked, one.alike) for one in told]
    known = texts_of(voices, rows, bert, lower)
    model = Finder(bert, lower)
    if options.begin:
        begin(model, unpack(options.begin.read_bytes()))
    usual = OF_LAYERS if options.layers else MINUTES
    for when, minutes in (("before", 0.0), ("after", options.minutes or usual)):
        tune(model, known, minutes)
        for name, texts in judges.items():
            report.say({when: name, **figures(model, texts)})
    options.write.write_bytes(pack_model(model))


if __name__ == "__main__":
    main()
