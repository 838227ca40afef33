"""Measures the gain of tuning the settings automatically, on six data sets of different kinds and
sizes.

The session of `oneseek train` trains on each with the defaults and with `--tune`; the loss of both
is measured on examples that are used for neither training nor tuning.
"""

import json
import random
import re
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from builder import ROOT
from oneseek.engine.cli.session import Session
from oneseek.engine.core.settings import DATA_PRESETS, TrainingConfig, for_data
from oneseek.engine.learning.batch import Coder
from oneseek.engine.learning.datasets import DataSet, data_set_record
from oneseek.engine.learning.lessons import guess
from oneseek.engine.learning.rounds.dataset import row_of
from oneseek.engine.learning.tuning.halving import error, mean
from oneseek.engine.learning.tuning.table import table
from oneseek.engine.model.demo.corpus import exchanges
from oneseek.engine.model.loaded import Model

APART = 5  # every fifth example is held out from training and tuning
Pairs = list[tuple[str, str]]


def restyle(language: str, count: int, manner: str) -> str:
    """A data set of what the demo model can say, in another style."""
    known = [pair for pair in exchanges() if guess(" ".join(pair)) in language.split()]
    random.Random(count).shuffle(known)
    return lines([(q, manner.format(a)) for q, a in known[:count]])


def lines(pairs: Pairs) -> str:
    return "".join(json.dumps({"prompt": q, "completion": a}) + "\n" for q, a in pairs)


def talks() -> str:
    """A data set of conversations with two turns, whose answers end with `Over.`"""
    known = [pair for pair in exchanges() if guess(" ".join(pair)) == "en"]
    random.Random(1).shuffle(known)
    found = []
    for first, second in zip(known[:60:2], known[1:60:2], strict=True):
        turns = [
            [{"role": "user", "content": q}, {"role": "assistant", "content": f"{a} Over."}]
            for q, a in (first, second)
        ]
        found.append(json.dumps({"messages": turns[0] + turns[1]}))
    return "\n".join(found) + "\n"


def text() -> str:
    """A data set of paragraphs from this project's documents."""
    told = [*sorted((ROOT / "docs").glob("*.md")), ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md"]
    whole = "\n\n".join(path.read_text("utf-8") for path in told)
    found = [p.strip() for p in re.split(r"\n\s*\n|\n\* ", whole) if 40 < len(p.strip()) < 320]
    return "".join(json.dumps({"text": one}) + "\n" for one in found[:70])


def facts() -> str:
    found = []
    for path in sorted(Path(__file__).parent.parent.glob("facts_*.jsonl")):
        for fact in map(json.loads, path.read_text("utf-8").splitlines()):
            found.append((fact["question"], fact["answer"]))
    return lines(found)


SETS: dict[str, Callable[[], str]] = {
    "few, a style": lambda: restyle("en", 32, "Well, my friend: {} Ask me more!"),
    "a style": lambda: restyle("en", 140, "Well, my friend: {} Ask me more!"),
    "a Swedish style": lambda: restyle("sv", 90, "Jo, min vän: {} Fråga mer!"),
    "facts in two languages": facts,
    "conversations": talks,
    "plain text": text,
}


async def measure_training(
    model: Model, usual: TrainingConfig, path: Path, rows: list, seconds: float | None, told: dict
) -> list[float]:
    """Train, tuned if `seconds` is given; return the nats a token of each held-out example."""
    with tempfile.TemporaryDirectory() as folder:
        session = await Session.open(Path(folder), model, usual)
        try:
            record, began = data_set_record(path), time.monotonic()
            tuning = await session.tune(record, seconds, lambda kept: None)
            over = await session.train(record)
            told |= {"outcome": over["outcome"], "seconds": round(time.monotonic() - began)}
            if tuning:
                told |= {"why": tuning.kept["why"], "settings": tuning.settings}
                told["tuned_seconds"] = round(tuning.kept["spent"], 1)
                print("\n".join(table(tuning.kept)), file=sys.stderr, flush=True)
            trainer = session.trainer
            weights = await session._weights()
            layout = trainer.layout_of(weights)
            variants = trainer.variants_of(layout)
            variants.put("candidate", next(iter(weights.values())))
            return await variants.surprise("candidate", rows)
        finally:
            await session.close()


async def compare(model: Model, names: list[str], seconds: float) -> list[dict]:
    coder = Coder(model.tokenizer, model.template)
    found = []
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            every = SETS[name]().splitlines(keepends=True)
            path, kept = Path(folder, "data.jsonl"), Path(folder, "apart.jsonl")
            kept.write_text("".join(every[::APART]), "utf-8")
            path.write_text("".join(one for n, one in enumerate(every) if n % APART), "utf-8")
            rows = [row_of(one, coder) for one in DataSet(kept)]
            size, count = model.config.parameters, len(DataSet(path))
            defaults = for_data(DATA_PRESETS[0], size, count)
            usual: dict = {}
            tuned: dict = {}
            before = await measure_training(model, defaults, path, rows, None, usual)
            after = await measure_training(model, defaults, path, rows, seconds, tuned)
            tokens = [len(row.target) for row in rows]
            apart = [a - b for a, b in zip(before, after, strict=True)]
            row = {"set": name, "examples": count, "kept_apart": len(rows),
                   "defaults": round(mean(before, tokens), 4), "tuned": round(mean(after, tokens), 4),
                   "better": round(mean(apart, tokens), 4), "error": round(error(apart, tokens), 4),
                   "with_defaults": usual, "with_tuned": tuned}  # fmt: skip
            print(json.dumps(row), file=sys.stderr, flush=True)
            found.append(row)
    return found
