"""Measures what speculative decoding by drafts saves: forward passes and seconds of an answer.

`python3 build.py bench drafts [demo smollm2]`, natively on the processor, each answer with and
without drafts by turns; the shortest time of each counts. The kinds are `said`, an answer from
memory; `quoted`, a text that is given word by word; `repeated`, a question that asks to repeat a
sentence in it; and `free`, the same question without any of this.
"""

import asyncio
import time
from pathlib import Path

from builder import ROOT, fetch
from oneseek.engine.backends.select import processor
from oneseek.engine.learning.lessons.samples import samples
from oneseek.engine.learning.memory.saying import Saying
from oneseek.engine.learning.memory.statements.quoting import Quoting
from oneseek.engine.model import generate
from oneseek.engine.model.choice import drafts
from oneseek.engine.model.choice.sampling import Sampling
from oneseek.engine.model.formats import open_model
from oneseek.engine.model.generate import Generator
from oneseek.engine.model.loaded import Model
from oneseek.engine.turns import urgent
from tests.bench.parts import report

MODELS = {
    "demo": lambda: ROOT / "engine/model/demo/tiny.gguf",
    "smollm2": lambda: fetch.part("model/smollm2-135m"),
}
KINDS = ("said", "quoted", "repeated", "free")
COUNT, TOKENS, TURNS = 6, 40, 3
ROWS = {"with": drafts.MANY_ROWS, "without": 1}  # tokens of a forward pass, at most


def make_questions(model: Model, kind: str) -> list[tuple[str, dict]]:
    found = []
    for fact in samples("en", COUNT, "bench drafts"):
        question, more = fact.question, {}
        if kind == "said":
            more["push"] = Saying(model.tokenizer, [(fact.answer, fact.value)], alone=True)
        elif kind == "quoted":
            text = f"Earlier today you told me: “{fact.answer}”"
            more["push"] = Quoting(model.tokenizer, text)
        elif kind == "repeated":
            question = f"Repeat this sentence: {fact.answer}"
        found.append((question, more))
    return found


async def measure_answer(generator: Generator, question: str, more: dict) -> dict:
    """Time an answer from a KV cache that holds only the beginning that all chats share."""
    lanes = generator.pool.lanes
    for key in lanes.keys() - {generator.head_key}:
        del lanes[key]
    began, passes = time.perf_counter(), 0
    how = Sampling(max_tokens=TOKENS)
    answer = generator.ask([{"role": "user", "content": question}], how, **more)
    with urgent():
        while not answer.ended:
            await generator.advance()
            passes += 1
    spent = time.perf_counter() - began
    return {"passes": passes, "ids": answer.ids, "seconds": spent}


async def measure(name: str, path: Path) -> list[dict]:
    model, rows = await Model.load(open_model(path), processor()), []
    generator = Generator(model)
    for kind in KINDS:
        row = {"model": name, "kind": kind, "tokens": 0, "different": 0}
        row |= {f"{what}_{way}": 0 for what in ("passes", "seconds") for way in ROWS}
        for question, more in make_questions(model, kind):
            best: dict = {}
            for turn in range(TURNS + 1):
                for way, generate.MANY_ROWS in ROWS.items():
                    seen = await measure_answer(generator, question, more)
                    least = min(seen["seconds"], best[way]["seconds"] if turn > 1 else 1e9)
                    best[way] = seen | {"seconds": least}
            for way, one in best.items():
                row[f"passes_{way}"] += one["passes"]
                row[f"seconds_{way}"] += one["seconds"]
            row["tokens"] += len(best["with"]["ids"])
            row["different"] += best["with"]["ids"] != best["without"]["ids"]
        report.say(row)
        rows.append(row)
    return rows


def main() -> None:
    rows = []
    for name in report.parse_parts(MODELS, __doc__):
        rows += asyncio.run(measure(name, MODELS[name]()))
    figures = {}
    for row in rows:
        name = f"{row['model']}_{row['kind']}"
        figures[f"{name}_different"] = row["different"]
        for what in ("passes", "seconds"):
            figures[f"{name}_{what}_share"] = row[f"{what}_with"] / row[f"{what}_without"]
    report.write("drafts", figures, rows)


if __name__ == "__main__":
    main()
