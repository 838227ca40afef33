"""Compares micro-training in two stages with each stage alone, on responses of known reliability.

`python3 build.py bench stages` has three made-up services answer twenty made-up questions; they are
right 19, 16 and 12 times of 20, each in its own style.  Their responses are compared as
micro-training does.  The first `--lessons` questions are really taught: to a model with both
stages, to one with the first only and to one with the second only.  Each is then asked them again
and its answers are compared with the truth.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import tempfile
import time
from pathlib import Path

from oneseek.engine.backends.reference import Numpy
from oneseek.engine.cli.session import Session
from oneseek.engine.core.collecting.language import detect
from oneseek.engine.core.queue.saved import SavedQueue
from oneseek.engine.core.queue.training_queue import TrainingQueue
from oneseek.engine.learning.lessons import has_value
from oneseek.engine.learning.questions.microtrain import (
    MicroTraining,
    hold,
    make_outcome,
    offer_examples,
)
from oneseek.engine.learning.questions.responses import AGREED, ALONE, analyse
from oneseek.engine.model import registry
from oneseek.engine.model.loaded import Model
from oneseek.engine.open import clock
from tests.bench.parts import report

SEED = 17
RELIABILITY = {"terse": 19, "plain": 16, "chatty": 12}  # of twenty
FACTS = [
    ("What is the capital of Zorbia?", "The capital of Zorbia is {}.", "Blimbo", "Norra", "Vixel"),
    ("Who founded Quillmere?", "Quillmere was founded by {}.", "Otto Brannigan", "Ada Flint", "Per Lund"),
    ("Which river flows through Marlow Bay?", "The river through Marlow Bay is the {}.", "Tessen", "Orra", "Wick"),
    ("What is the currency of Ostrania?", "The currency of Ostrania is the {}.", "drell", "pint", "korva"),
    ("Who wrote The Glass Orchard?", "The Glass Orchard was written by {}.", "Mira Solberg", "Tom Hale", "Ines Roth"),
    ("When was the Harn Bridge built?", "The Harn Bridge was built in {}.", "1874", "1784", "1901"),
    ("Who is the mayor of Pellworth?", "The mayor of Pellworth is {}.", "Dana Krill", "Hugo Marsh", "Eva Stone"),
    ("What is the highest mountain in Tarvia?", "The highest mountain in Tarvia is {}.", "Skarn", "Beldo", "Uriel"),
    ("Which company makes the Nimbus kettle?", "The Nimbus kettle is made by {}.", "Farrow", "Lintel", "Osmo"),
    ("What is the password hint of the Olm society?", "The hint of the Olm society is {}.", "heron", "anvil", "lantern"),
    ("Vad är huvudstaden i Lavonien?", "Huvudstaden i Lavonien är {}.", "Tussvik", "Granby", "Holma"),
    ("Vem grundade bruket i Norrhyttan?", "Bruket i Norrhyttan grundades av {}.", "Elsa Rask", "Nils Ek", "Karin Flod"),
    ("Vad heter sjön vid Kvarnsele?", "Sjön vid Kvarnsele heter {}.", "Ormen", "Spegeln", "Djupan"),
    ("När byggdes tornet i Askelunda?", "Tornet i Askelunda byggdes {}.", "1652", "1562", "1710"),
    ("Vem skrev Den blå trappan?", "Den blå trappan skrevs av {}.", "Maj Lindor", "Arvid Holm", "Siv Berg"),
    ("Vilken dag är marknaden i Solvik?", "Marknaden i Solvik är på {}.", "tisdag", "torsdag", "lördag"),
    ("What is the code name of project Heron?", "Project Heron has the code name {}.", "Saffron", "Cobalt", "Umber"),
    ("Who designed the Lindow tower?", "The Lindow tower was designed by {}.", "Greta Moll", "Sam Weir", "Leo Funk"),
    ("Which metal is the Orrin bell made of?", "The Orrin bell is made of {}.", "bronze", "iron", "silver"),
    ("How many lamps has the Vessel lighthouse?", "The Vessel lighthouse has {} lamps.", "seven", "nine", "four"),
]  # fmt: skip
SWEDISH = ("Vad ", "Vem ", "När ", "Vilken ")
LEFT_OUT = make_outcome("left out", "this model has not this stage")
ARMS = {"both": (1, 2), "first": (1,), "second": (2,)}


def phrase_answer(service: str, question: str, sentence: str, value: str) -> str:
    """The answer in the style of a service."""
    whole = sentence.format(value)
    if service == "terse":
        return value[0].upper() + value[1:] + "."
    if service == "plain":
        return whole
    if question.startswith(SWEDISH):
        return f"Det är en bra fråga. {whole} Många vill veta det."
    return f"That is a good question. {whole} Many people ask this."


def make_questions() -> list[dict]:
    """Each question with its three responses; SEED decides which service is wrong where."""
    draw = random.Random(SEED)
    wrong = {
        name: set(draw.sample(range(len(FACTS)), len(FACTS) - right))
        for name, right in RELIABILITY.items()
    }
    found = []
    for i, (question, sentence, truth, *others) in enumerate(FACTS):
        responses = []
        for name in RELIABILITY:
            value = draw.choice(others) if i in wrong[name] else truth
            responses.append(
                {"model": name, "response": phrase_answer(name, question, sentence, value)}
            )
        found.append({"question": question, "truth": truth, "responses": responses})
    return found


def decide(one: dict) -> dict:
    """What each stage would learn from a question, and whether that is right; None where the
    responses disagree and a person is asked. For comparison, whether the last response is right."""
    language = detect(one["question"])
    found = analyse(one["responses"], one["question"], language, detect)
    texts = [response["response"] for response in one["responses"]]
    learned = [texts[i] for i in found.learn]
    sure = found.verdict in (AGREED, ALONE)
    first = all(has_value(text, one["truth"]) for text in learned) if sure else None
    second = has_value(found.answer, one["truth"]) if sure else None
    last = has_value(texts[-1], one["truth"])
    return {
        "question": one["question"],
        "verdict": found.verdict,
        "responses": texts,
        "first": learned,
        "second": found.answer if sure else None,
        "first_right": first,
        "second_right": second,
        "last_listed_right": last,
    }


class Arm(MicroTraining):
    """Micro-training with some of its stages left out."""

    stages: tuple[int, ...] = (1, 2)

    async def _first(self, sample, found):
        self.at = 1
        await super()._first(sample, found)

    async def _second(self, sample, found):
        self.at = 2
        await super()._second(sample, found)

    async def _taught(self, sample, texts):
        return await super()._taught(sample, texts) if self.at in self.stages else LEFT_OUT


class OnlySecond(Arm):
    """The second stage alone: it learns the comparison's answer even if a response equals it."""

    async def _second(self, sample, found):
        self.at = 2
        first = await self.store.get("samples", f"stage1_{sample['run']}")
        result = first if first["outcome"] == "asked" else None
        result = result or await self._taught(sample, [found.answer])
        await self._end(2, sample, found, {**result, "version": None})


async def taught(model: Model, name: str, questions: list[dict], folder: Path) -> dict:
    """Teach the questions to one arm, then ask them and count the right answers."""
    session = await Session.open(folder, model)
    queue = SavedQueue(TrainingQueue(clock), session.store)

    async def learn(examples: list[dict], line: str) -> dict:
        await queue.load()
        ids, nothing = await offer_examples(queue, session.trainer.coder, examples)
        if not ids:
            return nothing
        records = [await session.store.get("queue", id) for id in ids]
        return {**await session.training.run("lesson", records, line), "examples": ids}

    async def ask(examples: list[dict]) -> list[str]:
        await queue.load()
        return await hold(queue, examples)

    micro = (OnlySecond if name == "second" else Arm)(session.versions, learn, ask=ask)
    micro.stages, began = ARMS[name], time.monotonic()
    for one in questions:
        run = await micro.submit(one["question"], one["responses"])
        await micro.process(run["run"])
    seconds = time.monotonic() - began
    flat = await session.weights()
    variants = session.trainer.variants
    variants.put("candidate", flat)
    replies = await variants.replies("candidate", [one["question"] for one in questions], 24)
    right = [has_value(r, one["truth"]) for r, one in zip(replies, questions, strict=True)]
    outcomes = (await micro.stats())["outcomes"]
    asked_back = sum(1 for _, one in await session.store.all("queue") if one["state"] == "held")
    await session.close()
    report.say(f"{name}: {sum(right)} of {len(right)} right, {outcomes}, {seconds:.0f} s")
    for one, reply in zip(questions, replies, strict=True):
        report.say(f"    {one['question']} -> {reply!r} ({one['truth']})")
    told = {"arm": name, "right": sum(right), "of": len(right), "seconds": round(seconds, 1)}
    return {**told, "outcomes": outcomes, "held_answers": asked_back}


async def lessons(name: str, count: int) -> list[dict]:
    with contextlib.closing(registry.open_named(name)) as file:
        model = await Model.load(file, Numpy())
    found = []
    for arm in ARMS:
        with tempfile.TemporaryDirectory() as folder:
            found.append(await taught(model, arm, make_questions()[:count], Path(folder)))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="tiny")
    parser.add_argument("--lessons", type=int, default=4, help="questions really taught; 0: none")
    options = parser.parse_args()
    rows = [decide(one) for one in make_questions()]
    sure = [row for row in rows if row["second"] is not None]
    figures = {
        "questions": len(rows),
        "asked": len(rows) - len(sure),
        "first_learns": len(sure),
        "first_right": sum(row["first_right"] for row in sure),
        "second_right": sum(row["second_right"] for row in sure),
        "second_differs": sum(row["second"] not in row["first"] for row in sure),
        "last_listed_right": sum(row["last_listed_right"] for row in rows),
    }
    arms = asyncio.run(lessons(options.model, options.lessons)) if options.lessons else []
    for arm in arms:
        figures[f"{arm['arm']}_taught_right"] = arm["right"]
        figures[f"{arm['arm']}_seconds"] = arm["seconds"]
    report.write("stages", figures, rows + arms)


if __name__ == "__main__":
    main()
