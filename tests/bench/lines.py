"""Compares one adapter for Swedish and English facts with one adapter for each language.

`python3 build.py bench lines` teaches the same facts one after another, alternating languages to
one adapter and each language to an adapter of its own, and evaluates every adapter on its facts.
Facts and questions are those of `bench learn`.  An interrupted run resumes.
"""

from __future__ import annotations

import argparse
import asyncio
from contextlib import closing
from pathlib import Path

from builder import CACHE
from oneseek.engine.backends.select import BACK_ENDS, executor_named
from oneseek.engine.core.settings import for_model
from oneseek.engine.learning.probe import CandidateModel, measure
from oneseek.engine.model import registry
from oneseek.engine.model.formats import open_model
from oneseek.engine.model.loaded import Model
from tests.bench.learn import FIGURES, Study, load_known, recipe_id, records
from tests.bench.parts import report


class Line(Study):
    """Evaluates an adapter in each language that it was taught."""

    async def judge(self, facts: list[dict]) -> dict:
        trainer, flat = self.session.trainer, await self.session.weights()
        candidate, found = CandidateModel(trainer.variants, flat), {}
        for code in sorted({fact["language"] for fact in facts}):
            own = [fact for fact in facts if fact["language"] == code]
            found[code] = await measure(candidate, trainer.coder, own, code, load_known(code))
            report.say("  ", code, {name: found[code][name] for name in FIGURES})
        return found


async def run(options) -> tuple[dict, list]:
    path = options.model or registry.find("smollm2-135m")
    with closing(open_model(str(path))) as file:
        model = await Model.load(file, await executor_named(options.backend))
    own = {code: records("facts_eval.jsonl", code)[: options.facts] for code in ("en", "sv")}
    in_turn = [fact for pair in zip(own["en"], own["sv"], strict=True) for fact in pair]
    figures: dict[str, float] = {}
    rows = []
    for name, facts in {"one": in_turn, **own}.items():
        report.say(f"{name}: {len(facts)} facts")
        folder = options.folder / recipe_id(model, facts) / name
        found = await Line(folder, model, facts, for_model(model.config.parameters)).run(
            ("lessons",)
        )
        rows.append({"line": name, **found})
        for code, judged in found["stages"]["lesson"].items():
            which = f"{code}_in_one" if name == "one" else f"{code}_in_its_own"
            figures |= {f"{which}_{figure}": judged[figure] for figure in FIGURES}
    return figures, rows


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--model", type=Path)
    ask.add_argument("--backend", choices=BACK_ENDS, default="auto")
    ask.add_argument("--facts", type=int, default=4, help="of each language")
    ask.add_argument("--folder", type=Path, default=CACHE / "bench-lines", help="to resume from")
    figures, rows = asyncio.run(run(ask.parse_args()))
    report.write("lines", figures, rows)


if __name__ == "__main__":
    main()
