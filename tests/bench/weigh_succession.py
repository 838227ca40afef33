"""Fits the weights that choose between statements that changed each other over time, those of
engine/learning/memory/statements/succession.py.

    python -m tests.bench.weigh_succession     (minutes on one core; after weigh_evidence.py)

The statements of each development timeline are told on their days, through the code that the page
calls, and asked about after the last day; those of the heard sets are told and asked about at once.
An example is a question with the features of each retrieved statement, of each change between
two of them, and which of them answer.  Each set is left out of the fit in turn; printed is how
often the likeliest statement answers there, and how often an answer is given that holds one that
does.  Then the weights of a fit on all.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from oneseek.engine.learning.memory.memory import DAY_MS as DAY
from oneseek.engine.learning.memory.statements import evidence, succession
from oneseek.engine.learning.memory.statements.answering import BESIDE, QUOTED
from oneseek.engine.learning.memory.statements.reader import sigmoid
from oneseek.engine.learning.memory.statements.statement import text_of
from oneseek.engine.open import clock
from tests.bench.heard import DAY_MS, DAYS, Told, open_assistant, sets
from tests.bench.parts import report
from tests.bench.parts.keys import is_right

TIMELINES = (
    "dev", "dev3", "dev4", "dev5", "dev6", "dev7", "dev8", "dev9", "dev10", "dev11", "dev12",
    "dev13", "dev14", "dev15", "dev16",
)  # fmt: skip
HEARD = ("dev10", "dev11", "dev12", "dev13")  # reader, finder and aligner are not trained on these
EVERY = 3  # only every third question of the heard sets is asked
STEPS, RATE, STEP, RIDGE = 30, 0.06, 1e-3, 0.01  # STEP: of the finite differences
STARTS = {  # initial weights, chosen by hand, so that no set that is left out leaks into them
    "at_first": -4.5, "takes_back": 0.26, "near": 2.6, "answers": 0.37, "shared": 0.6,
    "changed": 0.2, "another": -3.0, "rivals": 0.8, "asked": 0.8, "handed_on": -0.4, "own": 0.3,
    "relevant": 1.2, "relevance": 0.6, "replaced": 1.4, "age": 2.4, "old": 3.5,
    "was_replaced": 1.0, "handed_back": 1.6, "first": 1.0, "named": 0.7,
}  # fmt: skip


class Asked:
    """An example: a question, and the features of the retrieved statements."""

    def __init__(self, kept: dict[str, Any]) -> None:
        self.kept = kept
        self.about = succession.Question.of(kept["q"])
        self.nats = np.array([evidence.apart(one) for one in kept["signs"]])
        self.days, self.right = np.array(kept["days"]), np.array(kept["right"], bool)
        self.named = np.array([self.about.names(text) for text in kept["texts"]])
        count = len(self.nats)
        pairs = [(i, j, read) for j, some in enumerate(kept["pairs"]) for i, read in some]
        self.earlier, self.later = (np.array([pair[at] for pair in pairs], int) for at in (0, 1))
        width = len(succession.Pair._fields)
        self.read = np.array([pair[2] for pair in pairs]).reshape(-1, width)
        self.apart = np.full((count, count), succession.NO_LINK)

    def links(self, weights: Mapping[str, float]) -> np.ndarray:
        """The logit of each change, [earlier, later]."""
        links = self.apart.copy()
        each = np.array([weights[name] for name in succession.Pair._fields])
        nats, best = weights["at_first"] + self.read @ each, np.full(len(links), -np.inf)
        np.maximum.at(best, self.later, nats)
        near = self.earlier >= 0
        at = self.earlier[near], self.later[near]
        links[at] = succession.beside_rivals(nats[near], best[at[1]], weights)
        return links

    def likely(self, weights: Mapping[str, float]) -> np.ndarray:
        links = self.links(weights)
        return succession.likely(self.about, self.nats, links, self.days, self.named, weights)

    def loss(self, weights: Mapping[str, float]) -> float:
        scores = self.likely(weights)
        return -float(np.log(scores[self.right].sum() + 1e-6)) if self.right.any() else 0.0


async def gather_rows(name: str, over_days: bool) -> list[dict[str, Any]]:
    given, at = sets(name), [clock() - DAYS * DAY_MS]
    began, rows = at[0], []
    with tempfile.TemporaryDirectory() as folder:
        assistant = await open_assistant(folder)
        told = Told(assistant, (lambda: at[0]) if over_days else clock)
        memory = told.mind.memory
        if over_days:
            for i, one in enumerate(given["timeline"]):
                at[0] = began + one["day"] * DAY_MS + i * 1000
                await told.tell([one["text"]], f"day/{i}")
            at[0] = began + (DAYS + 1) * DAY_MS
            asked = [
                (one["about"], one["q"], one["keys"], one.get("wrong", []))
                for one in given["timeline_questions"]
            ]
        else:
            for i, one in enumerate(given["heard"]):
                await told.tell(one["messages"], f"said/{i}")
            asked = [("asked", q["q"], q["keys"], []) for one in given["heard"]
                     for q in one["questions"]]  # fmt: skip
            asked += [("alike", one["lookalike"]["q"], [], []) for one in given["heard"]
                      if one.get("lookalike")]  # fmt: skip
            asked += [("unknown", one["q"], [], []) for one in given["unknown"]]
            asked = asked[::EVERY]
        await memory.load()
        for about, question, keys, wrong in asked:
            read = await memory.read(question)
            ids = list(read.evidence)
            texts = [text_of(memory.facts[id]) for id in ids]
            times = {id: memory.facts[id]["time"] for id in memory.facts}
            pairs = [
                [
                    (ids.index(other) if other in ids else -1, pair)
                    for other, pair in memory.succession.beside(one).items()
                    if other in times and times[other] < times[one]
                ]
                for one in ids
            ]
            rows.append({
                "about": about, "q": question, "signs": list(read.evidence.values()),
                "texts": texts, "pairs": pairs,
                "days": [(memory.clock() - times[id]) / DAY for id in ids],
                "right": [bool(keys) and is_right(text, keys) for text in texts],
                "wrong": [any(is_right(text, [[one]]) for one in wrong) for text in texts],
            })  # fmt: skip
        await assistant.versions.store.close()
    return rows


def fit(rows: list[Asked]) -> dict[str, float]:
    """Minimise the mean loss by Adam, with a ridge towards STARTS and gradients by finite
    differences: there are few weights."""
    weights, names = dict(STARTS), list(STARTS)
    first, second = np.zeros(len(names)), np.zeros(len(names))
    for step in range(1, STEPS + 1):
        now = sum(one.loss(weights) for one in rows) / len(rows)
        slope = np.array([
            (sum(one.loss({**weights, name: weights[name] + STEP}) for one in rows) / len(rows)
             - now) / STEP + RIDGE * (weights[name] - STARTS[name])
            for name in names
        ])  # fmt: skip
        first, second = 0.8 * first + 0.2 * slope, 0.95 * second + 0.05 * slope**2
        move = RATE * min(1, 2 - 2 * step / STEPS) * first / (1 - 0.8**step)
        move /= np.sqrt(second / (1 - 0.95**step)) + 1e-8
        weights = {name: weights[name] - x for name, x in zip(names, move, strict=True)}
    return weights


def figures(rows: list[Asked], weights: Mapping[str, float]) -> dict[str, float]:
    seen: dict[str, list[float]] = {}
    for one in rows:
        scores, about = one.likely(weights), one.kept["about"]
        best = np.argsort(-scores, kind="stable")[:2]
        said = [i for i in best if i == best[0] or scores[i] >= BESIDE]
        nats = np.array([evidence.nats_of(signs) for signs in one.kept["signs"]])
        sure = nats + succession.over(one.about, one.links(weights), one.named)
        told = sigmoid(float(sure.max())) >= QUOTED
        if about in ("alike", "unknown"):
            seen.setdefault(f"{about}: said", []).append(told)
            continue
        seen.setdefault(f"{about}: first", []).append(bool(said) and one.right[best[0]])
        seen.setdefault(f"{about}: said", []).append(told and one.right[said].any())
        seen.setdefault(f"{about}: among them", []).append(one.right.any())
    return {name: round(float(np.mean(some)), 3) for name, some in sorted(seen.items())}


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--keep", type=Path, help="cache file for the examples")
    options = ask.parse_args()
    if options.keep and options.keep.exists():
        every = json.loads(options.keep.read_text())
    else:
        every = {f"days {name}": asyncio.run(gather_rows(name, True)) for name in TIMELINES}
        every |= {f"heard {name}": asyncio.run(gather_rows(name, False)) for name in HEARD}
        if options.keep:
            options.keep.write_text(json.dumps(every))
    known = {name: [Asked(one) for one in some if one["signs"]] for name, some in every.items()}
    shown: dict[str, Any] = {}
    for out in known:
        same = out.split()[1]  # a timeline and a heard set of one name may be of one person
        rows = [one for name, some in known.items() if name.split()[1] != same for one in some]
        shown[out] = figures(known[out], fit(rows))
        report.say(out, shown[out])
    weights = fit([one for some in known.values() for one in some])
    shown["weights"] = {name: round(x, 2) for name, x in weights.items()}
    report.say(json.dumps(shown["weights"]))
    report.write("weigh_succession", {}, [{"left out": name} | one for name, one in shown.items()])


if __name__ == "__main__":
    main()
