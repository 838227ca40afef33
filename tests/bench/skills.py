"""Evaluates skills trained with default settings on the tasks of examples/skills.

`python3 build.py bench skills [--only orders mail]` teaches each task's examples through the
session of `oneseek skill teach` and has the skill answer every held-out example as in a chat. It is
compared with the base model: zero-shot, with eight examples in the prompt, and with the eight
nearest by the encoder. Held-out examples do nothing else. `--examples 10 20 60` trains on fewer.
`--routing` measures the router without training: the share of held-out prompts that reach the right
skill among all, and the share of texts for no skill (tests/held_out/skill_others_N.jsonl) that
reach one; with `--alone` for each skill by itself, with `--examples` of its examples; with
`--development` by cross-validation on the training examples and the engine's own texts for no
skill, on which settings may be tuned. `--counting` cross-validates the pattern of the examples
without a model. `--turns` measures what it costs that skills take turns; with `--tab` in a tab.
`--tab` alone teaches and asks in the page, in Chromium on the processor.
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

import numpy as np

from builder import ROOT
from oneseek.engine.assistant import Assistant
from oneseek.engine.cli.remembering import assistant_of
from oneseek.engine.cli.session import Session
from oneseek.engine.core.settings import DATA_PRESETS, for_data
from oneseek.engine.learner import BASE
from oneseek.engine.learning.datasets import data_set_record
from oneseek.engine.learning.lessons import Draw
from oneseek.engine.learning.skills.held_out import is_right, score
from oneseek.engine.learning.skills.masking import PIECES, becomes
from oneseek.engine.learning.skills.pattern import pattern_of
from oneseek.engine.learning.skills.ridge import Reading, Readings
from oneseek.engine.learning.skills.skills import Skills, skill_record
from oneseek.engine.learning.skills.slot_model import chances, presences
from oneseek.engine.learning.skills.sorter import Sorter, choose_beside, features_of, usual_of
from oneseek.engine.learning.skills.views import others, others_kept, unpack
from oneseek.engine.model.choice.sampling import Sampling
from oneseek.engine.model.loaded import Model
from oneseek.engine.open import model_named
from tests.bench.parts import lab
from tests.bench.parts.skill_turns import SkillTurns
from tests.bench.parts.taught_in_page import teach_and_ask
from tests.support.same_in_both import MemoryStore

HERE = ROOT / "examples" / "skills"
SHOTS, LONGEST = 8, 96  # examples in the prompt, tokens of an answer
TOGETHER = 8  # answers in a batch
FOLDS = 4
TIMES, ROUNDS = 40, 3  # questions that are routed, to time it; turns of each skill
LEAST, EVERY = 0.85, 0.6  # targets: the score of the median task, and of each
Pair = tuple[str, str]


def pairs_in(path: Path) -> list[Pair]:
    records = map(json.loads, path.read_text("utf-8").splitlines())
    return [(one["prompt"], one["answer"]) for one in records]


def turns(pairs: list[Pair]) -> list[dict]:
    return [
        {"role": role, "content": text}
        for pair in pairs
        for role, text in zip(("user", "assistant"), pair, strict=True)
    ]


class Task:
    """A task; under `development` a fourth of its training examples are the held-out ones."""

    def __init__(self, folder: Path, most: int = 0, development: bool = False) -> None:
        self.name = folder.name
        self.measure = json.loads((folder / "skill.json").read_text("utf-8"))["measure"]
        pairs = pairs_in(folder / "train.jsonl")
        judging = Draw("development", self.name).sample(pairs, len(pairs) // 4)
        self.held = judging if development else pairs_in(folder / "held_out.jsonl")
        self.train = [pair for pair in pairs if pair not in self.held][: most or None]

    def write(self, folder: Path) -> Path:
        """Write the training examples to a file."""
        file = folder / f"{self.name}.jsonl"
        lines = [json.dumps({"prompt": q, "answer": a}, ensure_ascii=False) for q, a in self.train]
        file.write_text("\n".join(lines) + "\n", "utf-8")
        return file

    def judge(self, said: list[str], asked: list[Pair] | None = None) -> dict:
        pairs = zip(asked or self.held, said, strict=True)
        points = [score(self.measure, wanted, text) for (_, wanted), text in pairs]
        right = sum(is_right(self.measure, one) for one in points)
        return {"right": right, "of": len(points), "score": round(statistics.mean(points), 3)}


async def answer_all(
    assistant: Assistant, asked: list[list[dict]], version: int | None = None
) -> list[str]:
    """The greedy answer to each of these conversations."""

    async def one(number: int, messages: list[dict]) -> str:
        sampling = Sampling(max_tokens=LONGEST)
        answer, _ = await assistant.answer(messages, sampling, f"{number}", version)
        return answer.text

    found: list[str] = []
    for first in range(0, len(asked), TOGETHER):
        group = asked[first : first + TOGETHER]
        found += await asyncio.gather(*(one(first + n, each) for n, each in enumerate(group)))
    return found


async def nearest(assistant: Assistant, task: Task) -> list[list[Pair]]:
    """For each held-out example the SHOTS training examples whose prompts the encoder finds
    nearest, the nearest last."""
    encoder = assistant.mind.memory.encoder
    meant = [
        np.stack([one.whole for one in await encoder.of([prompt for prompt, _ in some])])
        for some in (task.train, task.held)
    ]
    known, asked = meant
    order = np.argsort(asked @ known.T, axis=1, kind="stable")[:, -SHOTS:]
    return [[task.train[place] for place in row] for row in order]


async def run_task(model: Model, task: Task, prompted: bool) -> dict:
    """Teach one task and evaluate what a person then has."""
    with tempfile.TemporaryDirectory() as name:
        folder, began, worked = Path(name, "out"), time.monotonic(), time.process_time()
        record = data_set_record(task.write(Path(name)))
        usual = for_data(DATA_PRESETS[0], model.config.parameters, record["examples"], skill=True)
        session = await Session.open(folder, model, usual)
        ended = await session.teach_skill(task.name, record)
        row = {"task": task.name, "measure": task.measure, "examples": len(task.train),
               "outcome": ended["outcome"], "reason": ended["reason"],
               "seconds": round(time.monotonic() - began, 1),
               "processor_seconds": round(time.process_time() - worked, 1),
               "steps": ended["gate"].get("steps"),
               "epochs": len(ended["gate"].get("losses", ())),
               "verdict": ended["gate"].get("doing", {}).get("told")}  # fmt: skip
        await session.close()
        async with assistant_of(folder, model) as assistant:
            asked = [turns([(prompt, "")])[:1] for prompt, _ in task.held]
            answers = await answer_all(assistant, asked, await assistant.skills.number(task.name))
            row |= task.judge(answers)
            if prompted:
                row |= await beside(assistant, task)
            return row | {"wrong": list_wrong(task, answers)}


def run_in_page(task: Task) -> dict:
    """The same through the page, where the router decides whether the skill answers."""
    asked = [prompt for prompt, _ in task.held]
    with tempfile.TemporaryDirectory() as name:
        figures, answers = teach_and_ask(task.name, task.write(Path(name)), asked)
    row = {"task": task.name, "measure": task.measure, "examples": len(task.train), **figures}
    row |= task.judge(answers) | {"not taken for it": answers.count("")}
    return row | {"wrong": list_wrong(task, answers)}


def list_wrong(task: Task, answers: list[str]) -> list[dict]:
    return [
        {"prompt": q, "wanted": a, "said": text}
        for (q, a), text in zip(task.held, answers, strict=True)
        if not is_right(task.measure, score(task.measure, a, text))
    ]


async def beside(assistant: Assistant, task: Task) -> dict:
    """The base model's figures zero-shot, with some examples, and with the nearest ones."""
    asked = [turns([(prompt, "")])[:1] for prompt, _ in task.held]
    near = await nearest(assistant, task)
    shown = {
        "base": asked,
        "prompted": [turns(task.train[:SHOTS]) + one for one in asked],
        "nearest": [turns(some) + one for some, one in zip(near, asked, strict=True)],
    }
    return {
        name: task.judge(await answer_all(assistant, each, BASE)) for name, each in shown.items()
    }


async def untaught(model: Model, task: Task) -> dict:
    """The base model's figures on a task that is not taught."""
    with tempfile.TemporaryDirectory() as name:
        async with assistant_of(Path(name), model, new=True) as assistant:
            return {"task": task.name, **await beside(assistant, task)}


async def cross_validate_routing(given: argparse.Namespace) -> dict:
    """Cross-validate the router in FOLDS folds of each task's training examples and of the texts
    for no skill that the engine ships."""
    model = await model_named(given.model, given.backend)
    with tempfile.TemporaryDirectory() as name:
        session = await Session.open(Path(name, "out"), model)
        tasks, texts = [Task(path) for path in folders(given)], others()
        asked = [[question for question, _ in task.train] for task in tasks]
        seen = [np.stack(await session.skills.views.of(some)) for some in asked]
        await session.close()
    none = unpack(others_kept(None)["views"])
    pairs = zip([*asked, texts], [*seen, none], strict=True)
    groups = [features_of(*pair, usual_of(none)) for pair in pairs]
    orders = [Draw("folds", f"{at}").shuffle(range(len(one))) for at, one in enumerate(groups)]
    found: list[list[int]] = [[] for _ in groups]
    for fold in range(FOLDS):
        own = [sorted(order[fold::FOLDS]) for order in orders]
        rest = [np.delete(one, some, axis=0) for one, some in zip(groups, own, strict=True)]
        meant = [one[:, : none.shape[1]] for one in rest[:-1]]
        left = np.delete(none, own[-1], axis=0)
        beside = await choose_beside(meant, left, usual_of(none))
        sorter = await Sorter.from_groups([*rest[:-1], rest[-1][beside]], len(rest[-1]))
        for at, (one, some) in enumerate(zip(groups, own, strict=True)):
            found[at] += sorter.choose(one[some]).tolist()
    right = [sum(one == at for one in some) for at, some in enumerate(found)]
    *rows, none_right = [
        {"of": len(some), "right": count} for some, count in zip(found, right, strict=True)
    ]
    of = sum(row["of"] for row in rows)
    return {"folds": FOLDS, "right": round(sum(right[:-1]) / of, 3), "others": none_right["of"],
            "taken": round(1 - none_right["right"] / none_right["of"], 3),
            "tasks": {task.name: row for task, row in zip(tasks, rows, strict=True)}}  # fmt: skip


async def measure_routing(given: argparse.Namespace) -> dict:
    """The router over all tasks' skills, none of them trained: how many held-out prompts reach the
    right skill or none, and how many texts for no skill reach one."""
    if given.development:
        return await cross_validate_routing(given)
    if given.alone:
        return await judge_each_alone(given)
    model = await model_named(given.model, given.backend)
    with tempfile.TemporaryDirectory() as name:
        session = await Session.open(Path(name, "out"), model)
        skills = session.skills
        tasks = [Task(path) for path in folders(given)]
        for task in tasks:
            await show_examples(skills, task, Path(name))
        rows = {}
        for task in tasks:
            found = await skills.like([prompt for prompt, _ in task.held])
            right = sum(one == task.name for one in found)
            rows[task.name] = {"of": len(found), "right": right, "none": found.count("")}
        kinds, every = {}, []
        for kind, texts in unseen(given.set).items():
            found = await skills.like(texts)
            wrongly = [[text, one] for text, one in zip(texts, found, strict=True) if one]
            kinds[kind] = {"of": len(texts), "taken": len(wrongly)}
            every += wrongly
        await session.close()
    right, of = (sum(row[name] for row in rows.values()) for name in ("right", "of"))
    others = sum(one["of"] for one in kinds.values())
    return {"right": round(right / of, 3), "others": others,
            "taken": round(len(every) / others, 3), "tasks": rows, "kinds": kinds,
            "wrongly": every}  # fmt: skip


def measure_turns(given: argparse.Namespace) -> dict:
    """What it costs that skills take turns, natively or in a tab on one thread."""
    tasks = [Task(path) for path in folders(given)]
    asked = {task.name: [question for question, _ in task.train] for task in tasks}
    questions = [text for texts in unseen(given.set).values() for text in texts][:TIMES]
    if given.tab:
        with lab.opened(peers={}) as page:
            lab.call(page, "ours", "load", "/model.gguf")
            lab.call(page, "ours", "python", "threads", 1)
            found = lab.call(page, "ours", "python", "turns", "find", asked, questions)
            switched = lab.call(page, "ours", "python", "turns", "switch", len(tasks), ROUNDS)
    else:
        found, switched = asyncio.run(take_turns(given, asked, questions))
    return {"skills": len(tasks), "find_ms": [round(one, 1) for one in found],
            "switch_ms": {name: round(one, 1) for name, one in switched.items()}}  # fmt: skip


async def take_turns(
    given: argparse.Namespace, asked: dict[str, list[str]], questions: list[str]
) -> tuple[tuple[float, float], dict[str, float]]:
    turns = SkillTurns(await model_named(given.model, given.backend), MemoryStore())
    return await turns.find(asked, questions), await turns.switch(len(asked), ROUNDS)


async def show_examples(skills: Skills, task: Task, folder: Path) -> None:
    """Register a task's examples with the router, without training the skill."""
    record = data_set_record(task.write(folder))
    await skills.learn(task.name, skill_record(task.name, record))


async def judge_each_alone(given: argparse.Namespace) -> dict:
    """The router with each task's skill alone: the share of its held-out prompts, and of texts for
    no skill, that reach it."""
    model = await model_named(given.model, given.backend)
    others = [text for texts in unseen(given.set).values() for text in texts]
    rows = {}
    with tempfile.TemporaryDirectory() as name:
        session = await Session.open(Path(name, "out"), model)
        skills = session.skills
        for count in given.examples:
            rights, takens = {}, []
            for folder in folders(given):
                task = Task(folder, count)
                await show_examples(skills, task, Path(name))
                found = await skills.like([prompt for prompt, _ in task.held])
                rights[task.name] = round(sum(map(bool, found)) / len(found), 3)
                takens.append(sum(map(bool, await skills.like(others))) / len(others))
                await skills.remove(task.name)
            rows[count or "all"] = {"right": round(statistics.mean(rights.values()), 3),
                                    "taken": round(statistics.mean(takens), 4),
                                    "most_taken": max(takens), "tasks": rights}  # fmt: skip
        await session.close()
    return {"others": len(others), "by_examples": rows}


async def measure_pattern(given: argparse.Namespace) -> dict:
    """Cross-validate the answers that the pattern of the training examples gives without a model,
    with and without the encoder's features."""
    model = await model_named(given.model, given.backend)
    rows = []
    with tempfile.TemporaryDirectory() as name:
        session = await Session.open(Path(name, "out"), model)
        for folder in folders(given):
            task = Task(folder)
            readings = await session.skills.examples_read(task.train)
            row: dict = {"task": task.name}
            for kind, some in (("words", None), ("encoder", readings)):
                row[kind] = in_folds(task, some)
            rows.append(row)
        await session.close()
    return {"folds": FOLDS, "tasks": rows}


def in_folds(task: Task, readings: Readings | None) -> dict | None:
    """The cross-validated figures; None if the examples have no pattern, or one with free text."""
    order = Draw("folds", task.name).shuffle(range(len(task.train)))
    asked, said = [], []
    for fold in range(FOLDS):
        own = set(order[fold::FOLDS])
        others = [at for at in range(len(order)) if at not in own]
        some = readings.of(others) if readings else None
        pattern = pattern_of([task.train[at] for at in others], some)
        if pattern is None or any(slot.get("free") for slot in pattern.get("slots", ())):
            return None
        for at in sorted(own):
            asked.append(task.train[at])
            said.append(likeliest(pattern, asked[-1][0], readings.each[at] if readings else None))
    return task.judge(said, asked)


def likeliest(pattern: dict, question: str, reading: Reading | None) -> str:
    """The likeliest answer by the pattern, each part on its own."""
    if "instead" in pattern:
        pieces, each = PIECES.findall(question), becomes(pattern, question, reading)
        answer, at = "", 0
        while at < len(pieces):
            text, last = max(each[at], key=each[at].__getitem__)
            answer, at = answer + (text or pieces[at]), last
        return answer
    if "most" in pattern:
        there = presences(pattern["slots"][0], question, reading)
        best = sorted(there, key=lambda one: there[one][0], reverse=True)[: pattern["most"]]
        chosen = [one for one in best if there[one][0] > there[one][1]] or best[:1]
        return ", ".join(sorted(chosen))
    found = [chances(slot, question, reading) for slot in pattern["slots"]]
    way = min(pattern["templates"], key=lambda one: len(one["slots"]))
    values = [max(found[slot], key=found[slot].__getitem__) for slot in way["slots"]]
    return way["glue"][0] + "".join(map("".join, zip(values, way["glue"][1:], strict=True)))


def unseen(number: int) -> dict[str, list[str]]:
    """Held-out texts for no skill, by language."""
    found: dict[str, list[str]] = {}
    for one in lines_in(f"../held_out/skill_others_{number}"):
        found.setdefault(one["lang"], []).append(one["text"])
    return found


def lines_in(*names: str) -> list[dict]:
    folder = Path(__file__).parent
    texts = [(folder / f"{name}.jsonl").read_text("utf-8") for name in names]
    return [json.loads(line) for text in texts for line in text.splitlines()]


def folders(given: argparse.Namespace) -> list[Path]:
    names = given.only or [path.name for path in given.folder.iterdir() if path.is_dir()]
    return [given.folder / name for name in sorted(names)]


def list_tasks(given: argparse.Namespace) -> list[Task]:
    return [
        Task(folder, count, given.development)
        for folder in folders(given)
        for count in given.examples
    ]


def report_row(row: dict) -> dict:
    print(json.dumps(row, ensure_ascii=False), file=sys.stderr, flush=True)
    return row


async def measure_tasks(given: argparse.Namespace) -> list[dict]:
    model = await model_named(given.model, given.backend)
    return [
        report_row(
            await untaught(model, task)
            if given.untaught
            else await run_task(model, task, not given.alone)
        )
        for task in list_tasks(given)
    ]


def check_targets(rows: list[dict]) -> dict:
    """Compare the tasks trained on all their examples with the targets."""
    each = [row["score"] for row in rows]
    ahead = all(
        row["score"] > max(row["prompted"]["score"], row["nearest"]["score"])
        for row in rows
        if "prompted" in row
    )
    return {"median": statistics.median(each), "least": min(each), "ahead_of_prompts": ahead,
            "holds": statistics.median(each) >= LEAST and min(each) >= EVERY and ahead}  # fmt: skip


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--model", default="smollm2-135m")
    ask.add_argument("--backend", default="auto")
    ask.add_argument("--folder", type=Path, default=HERE)
    ask.add_argument("--only", nargs="*")
    ask.add_argument("--examples", type=int, nargs="*", default=[0], help="how many; 0: all")
    ask.add_argument("--alone", action="store_true", help="without the base, or other skills")
    ask.add_argument("--tab", action="store_true", help="in the page, the skill alone")
    ask.add_argument("--untaught", action="store_true", help="only the base model")
    ask.add_argument("--routing", action="store_true", help="only the router; no training")
    ask.add_argument("--turns", action="store_true", help="only the time of taking turns")
    ask.add_argument("--counting", action="store_true", help="only the pattern, no model")
    ask.add_argument("--development", action="store_true", help="evaluate on training data")
    ask.add_argument("--set", type=int, default=6, help="number of the set of texts for no skill")
    given = ask.parse_args()
    if given.turns:
        print(json.dumps(measure_turns(given)))
        return
    for chosen, measure in ((given.routing, measure_routing), (given.counting, measure_pattern)):
        if chosen:
            print(json.dumps(asyncio.run(measure(given)), ensure_ascii=False))
            return
    if given.tab:
        rows = [report_row(run_in_page(task)) for task in list_tasks(given)]
    else:
        rows = asyncio.run(measure_tasks(given))
    if given.untaught:
        print(json.dumps({"model": given.model, "tasks": rows}, ensure_ascii=False))
        return
    whole = [row for row in rows if row["examples"] == max(one["examples"] for one in rows)]
    print(
        json.dumps(
            {"model": given.model, "tasks": rows, **check_targets(whole)}, ensure_ascii=False
        )
    )


if __name__ == "__main__":
    main()
