"""Fits the logistic regression that selects the statements that an answer is put together from: the
weights of engine/learning/composing/selecting.py.

    python -m tests.bench.weigh_selecting --keep FILE       (half an hour of one core)

The examples of the development sets of `bench composed` are told to memories of their own, and
again to memories that hold other examples beside them, told days before.  A statement of an example
is labelled by whether it holds a key of the answer; one of another example does not belong to it.
Each set is left out of the fit in turn: for each kind of question, the share of the examples all of
whose keys are in the statements selected, how many are, and which share of those holds a key.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from oneseek.engine.core.storage.sqlite import SqliteStore
from oneseek.engine.learning.composing.asked import Asked
from oneseek.engine.learning.composing.selecting import describe, weigh, widen
from oneseek.engine.learning.lessons import guess
from oneseek.engine.learning.memory.statements.statement import text_of
from oneseek.engine.model.loaded import Model
from oneseek.engine.open import assistant_over, clock, model_named
from tests.bench.composed import DAY_MS, MODEL, tell, tell_before
from tests.bench.heard import lines, room_of
from tests.bench.parts import report
from tests.bench.parts.keys import is_right
from tests.golden.weigh_stating import fit

SETS = ("dev", *(f"dev{i}" for i in range(2, 16)))
KINDS = ("several", "list", "yes_no", "reverse", "task")
EVERY, OTHERS = 2, 3  # every second example is also told beside others; these are every third
LIMITS = (0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5)
RIDGE = 3.0

# kind, keys, question, texts, signs and labels of the statements, beside others
Row = dict[str, Any]


async def gather_row(model: Model, path: Path, one: dict) -> Row:
    """The features of the statements that may belong to the answer of an example, told to the
    memory stored at a path."""
    store = SqliteStore(path)
    assistant = assistant_over(model, store, model.fingerprint)
    memory, question = assistant.mind.memory, one["q"]
    await tell(assistant, one["statements"])
    found = await memory.find_statements(question)
    asked, rows = Asked(question, guess(question)), memory.person("").rows
    some = await widen(memory, asked, found, "")
    signs = describe(asked, some, rows) if some else []
    await store.close()
    texts = [text_of(found.fact) for found in some]
    new = [found.fact["time"] > clock() - DAY_MS for found in some]
    holds = [any(is_right(text, [key]) for key in one["keys"]) for text in texts]
    labels = [a and b for a, b in zip(holds, new, strict=True)]
    return {"kind": one["kind"], "keys": one["keys"], "q": question, "texts": texts,
            "signs": signs, "labels": labels}  # fmt: skip


async def gather(name: str, model: Model) -> list[Row]:
    path = room_of(name) / f"composed_{name}.jsonl"
    every, found = lines(path), []
    examples = [one for one in every if one["kind"] in KINDS]
    with tempfile.TemporaryDirectory() as folder:
        others = Path(folder) / "others.sqlite"
        await tell_before(model, every[::OTHERS], others)
        for at, one in enumerate(examples):
            new = Path(folder) / f"{at}.sqlite"
            found.append({**await gather_row(model, new, one), "beside": False})
            if at % EVERY == 0 and one not in every[::OTHERS]:
                shutil.copy(others, new.with_suffix(".beside"))
                row = await gather_row(model, new.with_suffix(".beside"), one)
                found.append({**row, "beside": True})
    return found


def fit_rows(rows: Iterable[Row], names: list[str]) -> dict[str, float]:
    some = [
        (one, label) for row in rows for one, label in zip(row["signs"], row["labels"], strict=True)
    ]
    x = np.array([[one[name] for name in names] for one, _ in some])
    y = np.array([label for _, label in some], float)
    weights = fit(x, y, np.ones(len(y)), RIDGE)
    return {"at_first": weights.alone, **dict(zip(names, weights.each.tolist(), strict=True))}


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument(
        "--keep", type=Path, required=True, help="folder of the examples, a file a set"
    )
    ask.add_argument("--sets", nargs="*", default=SETS)
    ask.add_argument("--gather", action="store_true", help="only gather the examples")
    options = ask.parse_args()
    asyncio.run(gather_all(options.keep, options.sets))
    if options.gather:
        return
    every = {name: json.loads((options.keep / f"{name}.json").read_text()) for name in options.sets}
    names = list(next(one for rows in every.values() for row in rows for one in row["signs"]))
    figures: dict[str, list[float]] = {}
    for name, rows in every.items():
        weights = fit_rows(
            [row for other, some in every.items() if other != name for row in some], names
        )
        for row in rows:
            see(figures, row, weights)
    means = {name: round(float(np.mean(some)), 3) for name, some in sorted(figures.items())}
    weights = fit_rows([row for rows in every.values() for row in rows], names)
    shown = {"WEIGHTS": {name: round(x, 2) for name, x in weights.items()}}
    report.say(json.dumps(shown))
    report.write("weigh_selecting", means, [shown])


def see(figures: dict[str, list[float]], row: Row, weights: dict[str, float]) -> None:
    sure = [weigh(one, weights) for one in row["signs"]]
    for limit in LIMITS:
        some = [at for at, one in enumerate(sure) if one >= limit]
        right = is_right(" ".join(row["texts"][at] for at in some), row["keys"])
        name = f"{row['kind']}{', beside' if row['beside'] else ''}, {limit}"
        figures.setdefault(f"{name}: right", []).append(right)
        figures.setdefault(f"{name}: selected", []).append(len(some))
        if some:
            holding = np.mean([row["labels"][at] for at in some])
            figures.setdefault(f"{name}: hold a key", []).append(float(holding))


async def gather_all(folder: Path, names: Iterable[str]) -> None:
    model = await model_named(MODEL, "cpu")
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        if not (folder / f"{name}.json").exists():
            (folder / f"{name}.json").write_text(json.dumps(await gather(name, model)))


if __name__ == "__main__":
    main()
