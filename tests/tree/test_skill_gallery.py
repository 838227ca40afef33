"""The gallery of skills must be complete and strict, and no held-out example may resemble a
training example."""

import json
import re
from pathlib import Path

import pytest

from builder import ROOT

GALLERY = ROOT / "examples/skills"
TASKS = sorted(path.parent for path in GALLERY.glob("*/skill.json"))
DAYS = "mon|tue|wed|thu|fri|sat|sun|today|tomorrow"
WEEKDAYS = "måndag|tisdag|onsdag|torsdag|fredag|lördag|söndag|idag|imorgon|igår"
TAG = "animals|bills|car|children|food|garden|health|home|party|school|shopping|sport|tech|travel"
UNIT = "kg|g|lb|oz|l|dl|cl|ml|pt|tbsp|tsp|km|m|cm|mm|mi|ft|in|wk|d|h|min|s|pc"
SHAPES = {
    "orders": rf'{{"item": "[^"A-Z]+", "amount": (null|[\d.]+), "unit": (null|"[a-z]+"), '
    rf'"day": (null|"({DAYS})")}}',
    "mail": "invoice|meeting|complaint|newsletter|job|private",
    "tone": r"Could you please (tell me )?.+\? Thank you!|I am sorry, but .+\. I hope that is all "
    r"right\.|Thank you for .+! I think (it is|they are) a little .+\.",
    "redact": r"(?!.*@).+",
    "tags": rf"({TAG}|work)(, ({TAG}|work)){{0,2}}",
    "notiser": rf"(-|{WEEKDAYS}|\d+/\d+) \| [^|A-Z]+ \| [^|A-Z]+ \| (-|\d+ kr)",
    "commits": r"(feat|fix|docs|test|chore|perf)\([a-z]+\): [a-z].{5,50}[^.]",
    "units": rf"\d+(\.\d*[1-9])? ({UNIT})( \d+ ({UNIT}))?",
}


def examples(task: Path, part: str) -> list[dict]:
    return [json.loads(line) for line in (task / f"{part}.jsonl").read_text("utf-8").splitlines()]


def words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", text.lower()))


def test_the_gallery_holds_eight_tasks_and_describes_each():
    assert {task.name for task in TASKS} == set(SHAPES)
    readme = (GALLERY / "README.md").read_text("utf-8")
    for task in TASKS:
        skill = json.loads((task / "skill.json").read_text("utf-8"))
        assert set(skill) == {"name", "description", "measure"} and skill["name"] == task.name
        assert f"### {task.name} (`{skill['measure']}`)" in readme


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_each_answer_keeps_to_the_rule_of_its_task(task):
    for part, count in (("train", 60), ("held_out", 50)):
        rows = examples(task, part)
        assert len({row["prompt"] for row in rows}) == len(rows) == count
        for row in rows:
            assert set(row) == {"prompt", "answer"} and row["prompt"].strip() == row["prompt"]
            assert re.fullmatch(SHAPES[task.name], row["answer"]), row
            if task.name == "tags":
                assert sorted(set(row["answer"].split(", "))) == row["answer"].split(", "), row


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_what_is_held_back_is_no_near_copy_of_what_teaches(task):
    taught = [words(row["prompt"]) for row in examples(task, "train")]
    for row in examples(task, "held_out"):
        held = words(row["prompt"])
        nearest = max(taught, key=lambda known: len(held & known) / len(held | known))
        assert len(held & nearest) / len(held | nearest) < 0.6, (row["prompt"], nearest)
