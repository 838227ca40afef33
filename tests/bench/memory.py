"""What is known by heart: how fast, in how many bytes, and whether just that is said.

`python3 build.py bench memory` tells made-up facts (the library's kinds and names, English and
Swedish), 1, 10, 100 and 1,000 of them, and asks for some in other words, for look-alikes and for
something else; then the 30 facts of facts_held.jsonl, which nothing was tuned on.  A hit is a
question that is answered from memory, with the right fact; `said` means that the value is in the
answer.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from contextlib import aclosing, closing
from pathlib import Path

import numpy as np

from engine.backends.reference import Numpy
from engine.cli.session import record_of
from engine.core.storage.sqlite import SqliteStore
from engine.learning.lessons import (
    has_value,
    held_back_wordings,
    held_out_anchors,
    neighbours,
    probes,
)
from engine.learning.memory.recogniser import SURE
from engine.learning.memory.samples import samples
from engine.model import registry
from engine.model.formats import open_model
from engine.model.generate import Sampling
from engine.model.loaded import Model
from engine.open import assistant_over
from tests.bench.parts import report

HELD = Path(__file__).parent / "facts_held.jsonl"
ASKED = 40  # facts of a size that are asked for: the first, the last, and between
ALIKE = 3


def made(count: int) -> list[dict]:
    """Made-up facts with what to ask about them: wordings no trace is made of, and look-alikes."""
    half = (count + 1) // 2
    lessons = [*samples("en", half, "bench"), *samples("sv", count - half, "bench")]
    lessons = [lessons[i // 2 + (i % 2) * half] for i in range(count)] if count > 1 else lessons
    return [
        {
            "question": one.question, "answer": one.answer, "language": one.language,
            "key": one.value, "unseen": held_back_wordings(one), "lesson": one,
        }
        for one in lessons
    ]  # fmt: skip


def held() -> list[dict]:
    return [json.loads(line) for line in HELD.read_text("utf-8").splitlines()]


class Told:
    """An assistant that was told these facts, and how long that took."""

    def __init__(self, model: Model, folder: Path):
        self.store = SqliteStore(folder / "memory.sqlite")
        self.assistant = assistant_over(model, self.store, model.fingerprint)
        self.memory = self.assistant.mind.memory
        self.seconds: list[float] = []
        self.ids: dict[str, str] = {}

    async def aclose(self) -> None:
        await self.store.close()

    async def tell(self, facts: list[dict]) -> None:
        for fact in facts:
            began = time.process_time()
            record = record_of({k: fact[k] for k in ("question", "answer", "language")})
            (self.ids[fact["question"]],) = await self.memory.remember([record])
            self.seconds.append(time.process_time() - began)

    async def bytes_of(self, fact: dict) -> int:
        id = self.ids[fact["question"]]
        record = await self.store.get("traces", f"{self.memory.base}/{id}")
        words = json.dumps(await self.store.get("facts", id)).encode()
        return len(words) + sum(size(part) for part in record["data"].values())

    async def recognised(self, questions: list[str]) -> list[str]:
        """The id of the fact that each is answered with, or nothing; and the time of the last
        step."""
        keys = await self.memory.keys.of(questions)
        began = time.process_time()
        found = [self.memory.ask(key, q)[:1] for key, q in zip(keys, questions, strict=True)]
        self.ms = 1e3 * (time.process_time() - began) / len(questions)
        return [one[0].id if one and one[0].score >= SURE else "" for one in found]

    async def figures(self, facts: list[dict], said: int) -> dict:
        asked = [
            (part, self.ids[fact["question"]], question)
            for fact in facts
            for part, questions in (
                ("recall", [fact["question"]]),
                ("unseen", fact["unseen"]),
                ("look_alikes", fact["leak"]),
            )
            for question in questions
        ]
        for code in sorted({fact["language"] for fact in facts}):
            others = [*held_out_anchors(code), *(question for question, _ in probes(code))]
            asked += [("other", "", question) for question in others]
        answered = await self.recognised([question for *_, question in asked])
        hits: dict[str, list[bool]] = {}
        for (part, id, question), by in zip(asked, answered, strict=True):
            wanted = part in ("recall", "unseen")
            hits.setdefault(part, []).append(by == id if wanted else by != "")
            if hits[part][-1] != wanted:
                report.say(f"    {part}: {question}")
        figures = {part: float(np.mean(found)) for part, found in hits.items()}
        if said:
            figures["said"] = float(np.mean([await self.says(fact) for fact in facts[:said]]))
        return figures | {"ms_question": self.ms, "bytes_fact": await self.bytes_of(facts[-1])}

    async def says(self, fact: dict) -> bool:
        messages = [{"role": "user", "content": fact["question"]}]
        answer, _ = await self.assistant.answer(messages, Sampling(max_tokens=32), "said")
        return has_value(answer.text, fact["key"])


def size(part) -> int:
    if isinstance(part, dict):
        return sum(map(size, part.values()))
    return len(part) if isinstance(part, bytes) else 4


def spread_over(facts: list[dict], count: int) -> list[dict]:
    return [facts[i] for i in sorted(set(np.linspace(0, len(facts) - 1, count).astype(int)))]


async def run(options) -> dict:
    with closing(open_model(str(options.model or registry.find("smollm2-135m")))) as file:
        model = await Model.load(file, Numpy())
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        async with aclosing(Told(model, Path(folder))) as told:
            facts = made(max([*options.counts, 0]))
            for count in sorted(options.counts):
                await told.tell(facts[len(told.seconds) : count])
                asked = spread_over(facts[:count], min(count, ASKED))
                for fact in asked:
                    others = [one["lesson"] for one in facts[:count]]
                    alike = neighbours(fact["lesson"], others, 60 + ALIKE)[60:]
                    fact["leak"] = [one.question for one in alike]
                found = await told.figures(asked, options.said)
                found["seconds_fact"] = float(np.median(told.seconds[-20:]))
                figures |= {f"{name}_{count}": value for name, value in found.items()}
                report.say(count, found)
    if options.held:
        with tempfile.TemporaryDirectory() as folder:
            async with aclosing(Told(model, Path(folder))) as told:
                await told.tell(held())
                for code in ("en", "sv"):
                    facts = [fact for fact in held() if fact["language"] == code]
                    found = await told.figures(facts, options.said)
                    figures |= {f"held_{code}_{name}": value for name, value in found.items()}
                    report.say("held", code, found)
    return figures


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--model", type=Path)
    ask.add_argument("--counts", type=int, nargs="*", default=[1, 10, 100, 1000])
    ask.add_argument("--said", type=int, default=10, help="how many of a size are answered in full")
    ask.add_argument("--held", action=argparse.BooleanOptionalAction, default=True)
    report.write("memory", asyncio.run(run(ask.parse_args())), [])


if __name__ == "__main__":
    main()
