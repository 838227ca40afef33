"""The examples of a skill, which a person corrects and extends, and the results of teaching it:
what is still wrong, and the score by the number of examples.

They are a data set of their own, `skill.NAME`. Until a person changes them, they are those of the
data set that the skill was learned from.
"""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from oneseek.engine.core.settings import SKILL_DATA, SKILL_EXAMPLES
from oneseek.engine.learning import run_data
from oneseek.engine.learning.datasets import DataSet, Example, file_of
from oneseek.engine.learning.skills.held_out import A_CLASS, as_json, is_list, items, leaves
from oneseek.engine.learning.skills.skills import NoSkill, Skills, line_of

MOST = 2000  # examples that are corrected one by one; what has more is corrected in its file
LONGEST = 4000  # letters of each text of a stored wrong answer, at most
WRONG, POINTS, KINDS = 24, 20, 12  # of each, so many are kept
QUOTE = '"'
TAUGHT = "taught."  # key in `state` of teaching results; base model and name follow


class Examples:
    """The examples of the skills of one base model."""

    def __init__(self, skills: Skills) -> None:
        self.skills, self.store = skills, skills.store

    def key(self, name: str) -> str:
        return f"{TAUGHT}{self.skills.versions.base}.{name}"

    # ---- the examples

    async def load(self, name: str) -> list[dict]:
        """Return every example as a JSON record; none where nothing was ever taught or stored."""
        line_of(name)
        if kept := await self.store.get("state", data_key(name)):
            return lines_in(kept["name"], kept["text"])
        await self.skills.load()
        known = self.skills.known.get(name)
        record: Any = known and (
            await self.store.get("examples", known["data"])
            or await self.store.get("queue", known["data"])
        )
        if not record:
            return []
        must_be_few(name, record["examples"])
        return lines_of(DataSet(file_of(record)))

    async def change(self, name: str, changes: Sequence[dict]) -> dict:
        """Apply changes, {prompt, answer} each: a known prompt gets the answer, or is removed where
        there is none; any other is added. Return what a person should know of the examples then."""
        lines = await self.load(name)
        counts, lines = revise(lines, changes)
        must_be_few(name, len(lines))
        if not lines:
            raise ValueError(
                f"{name} would have no examples left; nothing was changed. Remove the skill instead"
            )
        kept = await self.store.get("state", data_key(name)) or {}
        text = text_of(lines)
        corrected = kept.get("corrected", 0) + counts["corrected"] + counts["removed"]
        own = {"id": SKILL_DATA + name, "name": f"{name}.jsonl", "text": text,
               "examples": len(lines), "corrected": corrected, "skill_own": True}  # fmt: skip
        told = await self.describe(name)
        done = {one["prompt"]: one["answer"] for one in changes}
        wrong = [one | {"wanted": done.get(one["prompt"], one["wanted"])} for one in told["wrong"]]
        told |= {
            "examples": len(lines),
            "seldom": seldom(map(pair_of, lines)),
            "wrong": [one for one in wrong if one["wanted"]],
            "changed": told["changed"] + sum(counts.values()),
        }
        writes = [
            ["put", "state", data_key(name), own],
            ["put", "state", self.key(name), told],
        ]
        await self.store.batch(writes)
        return told | counts

    # ---- what became of teaching it

    async def record_outcome(self, name: str, record: dict, ended: Any) -> None:
        """Store the result of a training of the skill; if it made a version, fit what asks for the
        skill."""
        if ended["version"]:
            await self.skills.learn(name, record)
        told, done = await self.describe(name), ended["gate"].get("doing")
        lines = lines_of(DataSet(file_of(record))) if record["examples"] <= MOST else []
        wrong = [one for one in ended.get("wrong", told["wrong"]) if fits(one)]
        kept = await self.store.get("state", data_key(name))
        newer = bool(kept and record.get("skill_own") and kept["text"] != record.get("text"))
        told |= {
            "examples": kept["examples"] if newer else record["examples"],
            "seldom": seldom(map(pair_of, lines)),
            "wrong": wrong[:WRONG],
            "doing": done,
            "accepted": bool(ended["version"]),
            "changed": told["changed"] if newer else 0,
        }
        if done:
            told["points"] = with_point(told["points"], record["examples"], done)
        writes = [["put", "state", self.key(name), told]]
        if kept and ended["version"] and not record.get("skill_own"):
            writes.append(["delete", "state", data_key(name)])  # it has other examples now
        elif kept and ended["version"] and not newer:
            writes.append(["put", "state", data_key(name), kept | {"corrected": 0}])
        await self.store.batch(writes)

    async def describe(self, name: str) -> dict:
        """Return the number of examples, how many most skills need, the kinds that are shown once,
        the wrong answers, and the held-out scores of each training."""
        kept = await self.store.get("state", self.key(name))
        if kept:
            return dict(kept)
        await self.skills.load()
        known = self.skills.known.get(name)
        return {
            "name": name, "examples": known["examples"] if known else 0, "least": SKILL_EXAMPLES,
            "seldom": [], "wrong": [], "points": [], "doing": None, "accepted": False, "changed": 0,
        }  # fmt: skip

    async def list_skills(self) -> list[dict]:
        """Return every skill, and what was to become one, with the description of its examples."""
        found = {one["name"]: one for one in await self.skills.list_skills()}
        before = self.key("")
        kept = [str(key) for key in await self.store.keys("state")]
        names = {key.removeprefix(before) for key in kept if key.startswith(before)}
        none = {"version": None, "file": "", "doing": None}
        return [
            none | {"name": name} | await self.describe(name) | found.get(name, {})
            for name in sorted(found.keys() | names)
        ]

    async def must_be(self, name: str) -> None:
        """Raise NoSkill where nothing was taught or stored under that name."""
        names = [one["name"] for one in await self.list_skills()]
        if name not in names:
            raise NoSkill(name, names)

    async def remove(self, name: str) -> None:
        """Delete the skill, its examples and what was trained on them."""
        await self.must_be(name)
        if name in self.skills.known:
            await self.skills.remove(name)
        waiting = [id for id, one in await self.store.all("queue") if one.get("skill") == name]
        writes = [["delete", "queue", id] for id in waiting]
        writes += [["delete", "state", key] for key in (data_key(name), self.key(name))]
        await self.store.batch(writes)
        await self.store.scrub()


def data_key(name: str) -> str:
    """Return the key in `state` of a skill's examples, among the imported data sets."""
    return f"{run_data.BROUGHT}{SKILL_DATA}{name}"


def must_be_few(name: str, count: int) -> None:
    if count > MOST:
        raise ValueError(
            f"{name} has {count} examples, and at most {MOST} can be corrected one by one; nothing "
            "was changed. Correct them in their file, and teach the skill from that file"
        )


# ---- examples as lines


def lines_in(name: str, text: str) -> list[dict]:
    """Return the examples of a data set in any format; DataError where there are none."""
    with tempfile.TemporaryDirectory() as folder:
        return lines_of(DataSet(run_data.write_file(Path(folder), name, text)))


def lines_of(data: Iterable[Example]) -> list[dict]:
    """Return {prompt, answer}, or a whole conversation as messages; plain text is left out."""
    found = [one for one in data if one.history]
    following = [*found[1:], None]
    return [line_of_example(one) for one, next in zip(found, following, strict=True)
            if not (next and goes_on(one, next))]  # fmt: skip


def goes_on(one: Example, other: Example) -> bool:
    """Whether the other is a later answer of the same conversation."""
    said = (*one.history, {"role": "assistant", "content": one.answer})
    return other.history[: len(said)] == said


def line_of_example(one: Example) -> dict:
    if len(one.history) == 1:
        return {"prompt": one.history[0]["content"], "answer": one.answer}
    return {"messages": [*one.history, {"role": "assistant", "content": one.answer}]}


def text_of(lines: Iterable[dict]) -> str:
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


def pair_of(line: dict) -> tuple[str, str]:
    """Return the last question and its answer."""
    if "prompt" in line:
        return line["prompt"], line["answer"]
    return line["messages"][-2]["content"], line["messages"][-1]["content"]


def with_answer(line: dict, answer: str) -> dict:
    if "prompt" in line:
        return {**line, "answer": answer}
    return {"messages": [*line["messages"][:-1], {"role": "assistant", "content": answer}]}


def revise(lines: Sequence[dict], changes: Sequence[dict]) -> tuple[dict, list[dict]]:
    """Return the counts of added, corrected and removed examples, and the new examples."""
    counts, lines = Counter(added=0, corrected=0, removed=0), list(lines)
    for one in changes:
        prompt, answer = one["prompt"].strip(), one["answer"].strip()
        if not prompt:
            raise ValueError("an example has no question; nothing was changed")
        mine = [at for at, line in enumerate(lines) if pair_of(line)[0].strip() == prompt]
        if not answer:
            counts["removed"] += len(mine)
            lines = [line for at, line in enumerate(lines) if at not in mine]
        elif not mine:
            counts["added"] += 1
            lines.append({"prompt": prompt, "answer": answer})
        elif any(pair_of(lines[at])[1] != answer for at in mine):
            counts["corrected"] += 1
            for at in mine:
                lines[at] = with_answer(lines[at], answer)
    return dict(counts), lines


# ---- whether more would help


def seldom(pairs: Iterable[tuple[str, str]]) -> list[str]:
    """Return the labels, values and parts that only one example shows, where the others repeat."""
    wanted = [answer.strip() for _, answer in pairs]
    once = [kind for kinds in kinds_of(wanted) for kind, count in kinds.items() if count == 1]
    return sorted(once)[:KINDS]


def kinds_of(wanted: Sequence[str]) -> list[Counter[str]]:
    """Return, for each place where answers repeat, how often each value is shown."""
    read = [as_json(one) for one in wanted]
    found: dict[str, Counter[str]] = {}
    if wanted and all(one is not None for one in read):
        for one in read:
            for leaf in leaves(one):
                path, _, value = leaf.partition("=")
                name = path.lstrip(".").replace("[]", "")
                found.setdefault(path, Counter())[f"{name}: {value.strip(QUOTE)}".lstrip(": ")] += 1
    elif is_list(wanted):
        found[""] = Counter(part for one in wanted for part in items(one))
    elif all(len(one.split()) <= A_CLASS for one in wanted):
        found[""] = Counter(wanted)
    return [kinds for kinds in found.values() if 2 * len(kinds) <= kinds.total()]


def fits(wrong: dict) -> bool:
    return all(len(wrong[part]) <= LONGEST for part in ("prompt", "said", "wanted"))


def with_point(points: Sequence[dict], examples: int, done: dict) -> list[dict]:
    """Return the learning curve with one more training; the last over as many examples counts."""
    point = {name: done[name] for name in ("right", "of", "score", "measure")}
    others = [one for one in points if one["examples"] != examples]
    found = [*others, {"examples": examples} | point]
    return sorted(found[-POINTS:], key=lambda one: one["examples"])
