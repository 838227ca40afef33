"""Tunes two linear maps of the encoder's directions, by which a question lies near what answers it.

    python -m tests.golden.tune_finder      (torch, transformers; minutes of one core)

The encoder, as it was published, reads each text once; only what is made of its directions is
tuned, for questions and for statements apart.  They learn from the voices of
tests/golden/statements and from the development sets WHOLE: a question lies nearer the statement
that answers it than others, and a statement nearer its questions than those that it only seems to
answer.  What is printed is how often the right statement of sets that nothing was learned from is
the first, and among the first four and eight, before and after.  `--keep FILE` keeps what was read.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from builder import encoder as carrier
from oneseek.engine.learning.memory.encoder import BEFORE, BEFORE_SAID, FIND
from tests.bench.parts import report
from tests.golden.make_encoder import bert_of
from tests.golden.statements.told import BENCH, Voices
from tests.golden.tune_reader import Rows, directions, pack, published

PASSES, RATE, TOGETHER, OTHERS = 6, 1e-3, 512, 1024  # questions of a step, and other statements
SHARP, ALIKE, STAYS = 30.0, 1.0, 3e-4  # of nearness; what look-alikes count; how much it stays
JUDGES = ("dev9", "dev10", "dev11")
FIRST = 1, 4, 8

Directed = Callable[[Sequence[str], str], np.ndarray]


class Set(NamedTuple):
    """Directions of statements, of questions, of look-alikes, and whose statement each is of."""

    said: torch.Tensor
    asked: torch.Tensor
    own: torch.Tensor
    alike: torch.Tensor
    owner: torch.Tensor


class Finder(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.asked, self.said = nn.Linear(width, width), nn.Linear(width, width)
        for one in (self.asked, self.said):
            nn.init.zeros_(one.weight)
            nn.init.zeros_(one.bias)

    def question(self, x: torch.Tensor) -> torch.Tensor:
        return F.normalize(x + self.asked(x), dim=-1)

    def statement(self, x: torch.Tensor) -> torch.Tensor:
        return F.normalize(x + self.said(x), dim=-1)


def packed(model: Finder) -> bytes:
    """With the directions that they are added to."""
    one = torch.eye(model.asked.in_features)
    return pack(
        {
            f"{FIND}asked.weight": one + model.asked.weight,
            f"{FIND}asked.bias": model.asked.bias,
            f"{FIND}said.weight": one + model.said.weight,
            f"{FIND}said.bias": model.said.bias,
        }
    )


def set_of(told: Sequence[tuple[str, Sequence[str], Sequence[str]]], directed: Directed) -> Set:
    """Of statements with their questions and look-alikes."""
    asked = [(q, i) for i, one in enumerate(told) for q in one[1]]
    alike = [(q, i) for i, one in enumerate(told) for q in one[2] if q]
    read = (
        directed([said for said, _, _ in told], BEFORE_SAID),
        directed([q for q, _ in asked], BEFORE),
        [i for _, i in asked],
        directed([q for q, _ in alike], BEFORE),
        [i for _, i in alike],
    )
    return Set(*(torch.tensor(np.array(one)) for one in read))


def development(name: str) -> list[tuple[str, list[str], list[str]]]:
    lines = (BENCH / f"heard_{name}.jsonl").read_text().splitlines()
    return [
        (
            " ".join(one["messages"]),
            [q["q"] for q in one["questions"]],
            [one["lookalike"]["q"]] if one.get("lookalike") else [],
        )
        for one in map(json.loads, lines)
    ]


def tune(model: Finder, known: Set) -> None:
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE)
    count = len(known.said)
    of = [torch.nonzero(known.owner == i)[:, 0] for i in range(count)]
    for _ in range(PASSES):
        losses = []
        for some in torch.randperm(len(known.asked)).split(TOGETHER):
            own, others = known.own[some], torch.randint(0, count, (OTHERS,))
            every = torch.cat([own, others])
            asked = model.question(known.asked[some])
            near = SHARP * asked @ model.statement(known.said[every]).T
            place = torch.arange(len(some))
            same = own[:, None] == every[None]
            same[place, place] = False
            loss = F.cross_entropy(near.masked_fill(same, -1e4), place)
            loss = loss + ALIKE * beside_alike(model, known, near[place, place], own, of)
            moved = sum((x**2).sum() for x in model.parameters())
            optimizer.zero_grad()
            (loss + STAYS * moved).backward()
            optimizer.step()
            losses.append(loss.item())
        report.say({"loss": round(float(np.mean(losses)), 3)})


def beside_alike(
    model: Finder, known: Set, right: torch.Tensor, own: torch.Tensor, of: Sequence[torch.Tensor]
) -> torch.Tensor:
    """How little nearer a statement's question is than one that it only seems to answer."""
    alike = [of[i][torch.randint(len(of[i]), (1,))] if len(of[i]) else None for i in own.tolist()]
    held = torch.tensor([one is not None for one in alike])
    asked = model.question(known.alike[torch.cat([one for one in alike if one is not None])])
    near = SHARP * (asked * model.statement(known.said[own[held]])).sum(-1)
    return F.softplus(near - right[held]).mean()


def figures(model: Finder, known: Set) -> dict[str, float]:
    with torch.no_grad():
        said = model.statement(known.said)
        near = (model.question(known.asked) @ said.T).numpy()
        alike = (model.question(known.alike) @ said.T).numpy().max(1)
    right = near[np.arange(len(near)), known.own]
    before = (near > right[:, None]).sum(1)
    found = {f"among {n}": float((before < n).mean()) for n in FIRST}
    for share in (0.07, 0.15, 0.25):
        limit = np.quantile(alike, 1 - share)
        found[f"right where {share} pass"] = float(((before == 0) & (right > limit)).mean())
    return {name: round(x, 3) for name, x in found.items()}


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--write", type=Path, default=carrier.FINDER, help="where it goes")
    ask.add_argument("--keep", type=Path, help="a file for the directions")
    options = ask.parse_args()
    torch.manual_seed(0)
    if options.keep and options.keep.exists():
        every = {name: Set(*one) for name, one in torch.load(options.keep).items()}
    else:
        source, words = asyncio.run(published())
        rows, bert = Rows(words), bert_of(source)

        def directed(texts: Sequence[str], before: str) -> np.ndarray:
            with torch.autocast("cpu", torch.bfloat16):
                return directions(bert, [rows.published(text, before) for text in texts])

        voices = [(one.said, one.asked, one.alike) for one in Voices(0, whole=True).told]
        every = {name: set_of(development(name), directed) for name in JUDGES}
        every["voices"] = set_of(voices, directed)
        if options.keep:
            torch.save({name: tuple(one) for name, one in every.items()}, options.keep)
    model = Finder(every["voices"].said.shape[1])
    for name in JUDGES:
        report.say({"before": name, **figures(model, every[name])})
    tune(model, every["voices"])
    options.write.write_bytes(packed(model))
    for name in JUDGES:
        report.say({"after": name, **figures(model, every[name])})


if __name__ == "__main__":
    main()
