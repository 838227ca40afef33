"""Evaluates preference training with default settings on the tastes of examples/tastes.

`python3 build.py bench taste [--only brief]` trains on each taste's forty choices through the
session of `oneseek taste train`, and evaluates on the twelve held-out ones: how many are won (a
random change would win half), and for the answers to their prompts, beside the base model's, how
many follow the taste, their tokens, and how many loop. The gate's measures include the distance
from the base on small talk, in nats a token. It also counts the facts known by heart that are
answered right with the taste and without. `--marks` turns each choice into a single good or bad
answer, by turns. `--set 1` takes the tastes of tests/held_out/tastes_1 instead.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

from builder import ROOT
from oneseek.engine.assistant import Assistant
from oneseek.engine.cli.remembering import assistant_of
from oneseek.engine.cli.session import Session, record_of
from oneseek.engine.core.settings import DATA_PRESETS, for_data
from oneseek.engine.history.versions import TASTE
from oneseek.engine.learner import BASE
from oneseek.engine.learning.lessons import has_value
from oneseek.engine.learning.taste.attempt import gain, nats
from oneseek.engine.learning.taste.choices import Choice
from oneseek.engine.learning.taste.wording import in_words, traits
from oneseek.engine.model.choice.repetition import goes_round
from oneseek.engine.model.choice.sampling import Sampling
from oneseek.engine.model.loaded import Model
from oneseek.engine.open import model_named

HERE = ROOT / "examples" / "tastes"
HELD_OUT = ROOT / "tests" / "held_out"
FACTS = Path(__file__).with_name("facts_eval.jsonl")
LONGEST, TOGETHER = 96, 6  # tokens of an answer at most; answers in a batch
WON = 0.8  # the target: share of held-out choices won by each taste


def lines_in(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def as_marks(choices: list[dict]) -> list[dict]:
    """Single marks: of the choices by turns the better answer as good, the worse as bad."""
    left_out = ("rejected", "chosen")
    return [{**one, left_out[number % 2]: ""} for number, one in enumerate(choices)]


async def measure_choices(session: Session, held: list[Choice]) -> dict:
    """How many of the choices the taste in use wins, and in how many the better answer is the
    likelier one for the base."""
    weights = await session.versions.weights(await session.versions.number(TASTE))
    (flat,) = weights.values()
    trainer = session.trainer
    variants = trainer.variants_of(trainer.layout_of(weights))
    variants.put("candidate", flat)
    rows = [one.rows(trainer.coder) for one in held]
    base, now = await nats(variants, "base", rows), await nats(variants, "candidate", rows)
    won = sum(gain(*one) > 0 for one in zip(rows, base, now, strict=True))
    likelier = sum(
        better / len(some[0].target) < worse / len(some[1].target)
        for some, (better, worse) in zip(rows, base, strict=True)
    )
    return {"won": won, "of": len(held), "likelier_for_the_base": likelier}


async def answer_all(
    assistant: Assistant, prompts: list[str], version: int | None = None
) -> list[tuple[str, list[int]]]:
    """The greedy answer to each prompt, in a chat of its own, with its token ids."""

    async def one(number: int, prompt: str) -> tuple[str, list[int]]:
        messages = [{"role": "user", "content": prompt}]
        sampling = Sampling(max_tokens=LONGEST)
        answer, _ = await assistant.answer(messages, sampling, f"{number}", version)
        return answer.text, list(answer.ids)

    found: list[tuple[str, list[int]]] = []
    for first in range(0, len(prompts), TOGETHER):
        group = prompts[first : first + TOGETHER]
        found += await asyncio.gather(*(one(first + n, each) for n, each in enumerate(group)))
    return found


async def run_taste(model: Model, here: Path, marks: bool = False) -> dict:
    """Train the taste of one folder and evaluate what a person then has."""
    name, given = here.name, lines_in(here / "choices.jsonl")
    held = [Choice(**one) for one in lines_in(here / "held_out.jsonl")]
    with tempfile.TemporaryDirectory() as place:
        folder, began = Path(place, "out"), time.monotonic()
        usual = for_data(DATA_PRESETS[0], model.config.parameters, len(given))
        session = await Session.open(folder, model, usual)
        await session.taste.add(as_marks(given) if marks else given, 0)
        ended = await session.train_taste()
        gate = ended["gate"]
        row = {"taste": name, "choices": len(given), "marks": marks, "outcome": ended["outcome"],
               "reason": ended["reason"], "seconds": round(time.monotonic() - began, 1),
               "steps": gate.get("steps"), "scale": gate.get("scale"),
               "gate": gate.get("taste"),
               "measures": {one["name"]: round(one["value"], 3)
                            for one in gate.get("measures", ())}}  # fmt: skip
        if not ended["version"]:
            await session.close()
            return row
        row["held_out"] = await measure_choices(session, held)
        facts = [record_of(one) for one in lines_in(FACTS)]
        await session.store.batch([["put", "queue", one["id"], one] for one in facts])
        await session.mind.remember([one["id"] for one in facts])
        await session.close()
        found = traits([Choice(**one) for one in given])
        row["words"] = in_words(found)
        async with assistant_of(folder, model) as assistant:
            prompts = [one.prompt for one in held]
            for who, version in (("base", BASE), ("taste", None)):
                said = await answer_all(assistant, prompts, version)
                row[who] = {
                    "follows": sum(all(one.is_in(text) for one in found) for text, _ in said),
                    "tokens": round(statistics.mean(len(ids) for _, ids in said), 1),
                    "go_round": sum(goes_round(ids) for _, ids in said),
                    "said": [text for text, _ in said][:3],
                }
            row["by_heart"] = {"of": len(facts)}
            keys = [line["key"] for line in lines_in(FACTS)]
            for on in (False, True):
                await assistant.taste.switch(on)
                said = await answer_all(assistant, [one["prompt"] for one in facts])
                right = [has_value(text, key) for (text, _), key in zip(said, keys, strict=True)]
                row["by_heart"]["with" if on else "without"] = sum(right)
    return row


async def measure_tastes(given: argparse.Namespace) -> list[dict]:
    model = await model_named(given.model, given.backend)
    rows, here = [], HELD_OUT / f"tastes_{given.set}" if given.set else HERE
    for name in given.only or sorted(path.name for path in here.iterdir()):
        rows.append(await run_taste(model, here / name, given.marks))
        print(json.dumps(rows[-1], ensure_ascii=False), file=sys.stderr, flush=True)
    return rows


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--model", default="smollm2-135m")
    ask.add_argument("--backend", default="auto")
    ask.add_argument("--only", nargs="*")
    ask.add_argument("--set", type=int, help="held-out tastes instead of the gallery's")
    ask.add_argument("--marks", action="store_true", help="single marks instead of pairs")
    given = ask.parse_args()
    rows = asyncio.run(measure_tastes(given))
    holds = all("held_out" in row and row["held_out"]["won"] >= WON * row["held_out"]["of"]
                for row in rows)  # fmt: skip
    print(json.dumps({"model": given.model, "tastes": rows, "holds": holds}, ensure_ascii=False))


if __name__ == "__main__":
    main()
