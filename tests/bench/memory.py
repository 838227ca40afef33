"""Measures the memory of facts: how surely a fact is recognised and said, milliseconds and bytes.

`python3 build.py bench memory` tells 1, 10, 100 and 1,000 made-up facts (`--counts`; the library's
kinds and names, English and Swedish by turns), and asks for some of them in their own words
(`recall`), in other words (`unseen`), by hard negatives (`look_alikes`) and for nothing told
(`other`).  Then it does so with the files that no fit has seen (UNTUNED).  A hit is a question that
is answered from memory: for the first two from its own fact, for the others from any.  `said`,
`said_unseen` and `said_look_alikes` are the shares of decoded answers that say the fact's value.
`ms_question` is the time of a question once it is sent, `ms_reading` the time of reading it, which
the page does while it is typed; over HTTP and in a script a question takes both.
`--languages` measures thirty facts each in German, French and Spanish instead.
`--tab` lists the sizes that are measured in Chromium too, without a GPU; there only the last facts
of a size are told, the others are copied from the native memory.  An interrupted run resumes.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import re
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from builder import CACHE, ROOT
from oneseek.engine.backends.reference import Numpy
from oneseek.engine.core.storage.sqlite import SqliteStore
from oneseek.engine.learning.lessons import (
    Lesson,
    load_held_out_anchors,
    make_held_back_wordings,
    neighbours,
    probes,
)
from oneseek.engine.learning.lessons.samples import samples
from oneseek.engine.model import registry
from oneseek.engine.model.formats import open_model
from oneseek.engine.model.loaded import Model
from tests.bench.parts import lab, report
from tests.bench.parts.facts import load_facts
from tests.bench.parts.told import Told

UNTUNED = ("reserve", "vault", "attic", "cellar", "loft")
LANGUAGES = ("de", "fr", "es")
ALIKE = 3  # hard negatives of a fact
TOLD_IN_TAB = 4  # facts of a size that are told in the tab itself
SENT = 40  # facts copied into the tab in one call
RECIPE = ("learning/memory/*", "learning/lessons/**/*")
Call = Callable[..., Any]  # (method of `Told`, arguments): calls it here or in the tab


def make_facts(count: int) -> list[dict]:
    """Made-up facts with their values and held-back wordings."""
    half = (count + 1) // 2
    lessons = [*samples("en", half, "bench"), *samples("sv", count - half, "bench")]
    lessons = [lessons[i // 2 + (i % 2) * half] for i in range(count)] if count > 1 else lessons
    return [
        {
            "question": one.question, "answer": one.answer, "language": one.language,
            "key": one.value, "unseen": make_held_back_wordings(one),
        }
        for one in lessons
    ]  # fmt: skip


def with_look_alikes(fact: dict, lessons: list[Lesson]) -> dict:
    """The fact with ALIKE hard negatives, behind the first 60; none asks for another known fact."""
    own = next(one for one in lessons if one.question == fact["question"])
    return fact | {"leak": [one.question for one in neighbours(own, lessons, 60 + ALIKE)[60:]]}


def recipe_id(model: Model) -> str:
    """A hash of the model and of the code and data that decide what is stored of a fact."""
    digest = hashlib.sha256(model.fingerprint.encode())
    for pattern in RECIPE:
        for path in sorted((ROOT / "engine").glob(pattern)):
            if path.is_file() and path.suffix != ".pyc":
                digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def here(model: Model, folder: Path, loop: asyncio.AbstractEventLoop) -> tuple[Call, Call]:
    """A call to an assistant over a folder, and a function that closes it."""
    folder.mkdir(parents=True, exist_ok=True)
    store = SqliteStore(folder / "memory.sqlite")
    told = Told(model, store)

    def call(name: str, *args):
        return loop.run_until_complete(getattr(told, name)(*args))

    return call, lambda: loop.run_until_complete(store.close())


class Seconds:
    """The seconds of telling each fact, kept in a file over interruptions."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.of: dict[str, float] = json.loads(path.read_text()) if path.exists() else {}

    def tell(self, call: Call, facts: list[dict]) -> None:
        for fact in facts:
            if fact["question"] not in self.of:
                self.of[fact["question"]] = call("tell", fact)
                self.path.write_text(json.dumps(self.of), "utf-8")


def judge_language(call: Call, facts: list[dict], said: int) -> dict[str, float]:
    """The figures of one language's facts."""
    asked = [
        (part, fact, question)
        for fact in facts
        for part, questions in (
            ("recall", [fact["question"]]),
            ("unseen", fact["unseen"]),
            ("look_alikes", fact["leak"]),
        )
        for question in questions
    ]
    code = facts[0]["language"]
    others = [*load_held_out_anchors(code), *(question for question, _ in probes(code))]
    asked += [("other", {}, question) for question in others]
    found = call("recognised", [question for *_, question in asked])
    told = {fact["question"] for fact in facts[:said]}
    hits: dict[str, list[bool]] = {}
    for (part, fact, question), by in zip(asked, found["by"], strict=True):
        right = by == fact.get("question") if part in ("recall", "unseen") else by != ""
        hits.setdefault(part, []).append(right)
        if part != "other" and fact["question"] in told:
            spoken = bool(by) and call("says", question, find_spelling(fact))
            hits.setdefault("said" if part == "recall" else f"said_{part}", []).append(spoken)
    figures = {part: float(np.mean(one)) for part, one in hits.items()}
    waits = {"ms_question": found["ms"], "ms_reading": found["ms_reading"]}
    return figures | waits | {"bytes_fact": call("bytes_of", facts[-1])}


def find_spelling(fact: dict) -> str:
    """The value in the spelling of the answer."""
    found = re.search(re.escape(fact["key"]), fact["answer"], re.IGNORECASE)
    return found[0] if found else fact["key"]


def judge(call: Call, facts: list[dict], said: int, prefix: str) -> dict[str, float]:
    figures = {}
    for code in sorted({fact["language"] for fact in facts}):
        if mine := [fact for fact in facts if fact["language"] == code]:
            found = judge_language(call, mine, said)
            report.say(prefix, code, found)
            figures |= {f"{prefix}_{code}_{name}": value for name, value in found.items()}
    return figures


def spread_over(facts: list[dict], count: int) -> list[dict]:
    """An even sample with first and last, in pairs so that both languages are in it."""
    pairs = [facts[i : i + 2] for i in range(0, len(facts), 2)]
    chosen = sorted(set(np.linspace(0, len(pairs) - 1, max(1, count // 2)).astype(int)))
    lessons = [Lesson(one["question"], one["answer"], (), one["language"]) for one in facts]
    return [with_look_alikes(fact, lessons) for i in chosen for fact in pairs[i]]


def natively(model: Model, loop, options) -> dict[str, float]:
    figures: dict[str, float] = {}
    folder = options.folder / recipe_id(model)
    call, close = here(model, folder, loop)
    seconds = Seconds(folder / "seconds.json")
    facts = make_facts(max([*options.counts, 0]))
    if facts and not seconds.of:
        call("begin", facts[-1])
    for count in sorted(options.counts):
        if (new := folder / f"{count}.json").exists():
            figures |= json.loads(new.read_text())
            continue
        seconds.tell(call, facts[:count])
        found = judge(call, spread_over(facts[:count], options.asked), options.said, str(count))
        last = [seconds.of[fact["question"]] for fact in facts[:count][-20:]]
        found[f"{count}_seconds_fact"] = float(np.median(last))
        new.write_text(json.dumps(found))
        figures |= found
    close()
    return figures


def judge_untuned(model: Model, loop, name: str, said: int) -> dict[str, float]:
    """The figures of a file's facts, told to an assistant of their own."""
    facts = load_facts(name)
    with tempfile.TemporaryDirectory() as folder:
        call, close = here(model, Path(folder), loop)
        for fact in facts:
            call("tell", fact)
        figures = judge(call, facts, said, name)
        close()
    return figures


def of_languages(model: Model, loop, said: int) -> dict[str, float]:
    """The figures of each language of LANGUAGES, its facts told to an assistant of their own."""
    figures: dict[str, float] = {}
    for code in LANGUAGES:
        facts = [fact for fact in load_facts("languages") if fact["language"] == code]
        for fact in facts:
            fact["key"] = Lesson(fact["question"], fact["answer"], (), code).value
        with tempfile.TemporaryDirectory() as folder:
            call, close = here(model, Path(folder), loop)
            for fact in facts:
                call("tell", fact)
            figures |= judge(call, facts, said, "told")
            close()
    return figures


def in_tab(model: Model, loop, options) -> dict[str, float]:
    """The figures in Chromium without a GPU; only the last facts of a size are told there."""
    figures: dict[str, float] = {}
    native, close = here(model, options.folder / recipe_id(model), loop)
    facts = make_facts(max(options.tab))
    packed = [native("packed", fact) for fact in facts]  # before Playwright takes the event loop
    close()
    with lab.opened() as page:
        lab.call(page, "ours", "load", "/model.gguf")

        def call(name: str, *args):
            return lab.call(page, "ours", "python", "told", name, *args)

        call("begin", facts[-1])
        known = 0
        for count in sorted(options.tab):
            new = max(known, count - TOLD_IN_TAB)
            for at in range(known, new, SENT):
                call("unpacked", packed[at : min(new, at + SENT)])
            times = [call("tell", fact) for fact in facts[new:count]]
            known = count
            asked = spread_over(facts[:count], options.asked_in_tab)
            figures |= judge(call, asked, options.said_in_tab, f"tab_{count}")
            figures[f"tab_{count}_seconds_fact"] = float(np.median(times))
            report.say(count, figures[f"tab_{count}_seconds_fact"])
    return figures


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--model", type=Path)
    ask.add_argument("--counts", type=int, nargs="*", default=[1, 10, 100, 1000])
    ask.add_argument("--asked", type=int, default=40, help="facts asked for at each size")
    ask.add_argument("--said", type=int, default=5, help="of them, a language, with decoding")
    ask.add_argument("--untuned", nargs="*", choices=UNTUNED, default=UNTUNED)
    ask.add_argument("--said-untuned", type=int, default=30)
    ask.add_argument("--tab", type=int, nargs="*", default=[1, 10, 100, 1000])
    ask.add_argument("--asked-in-tab", type=int, default=8)
    ask.add_argument("--said-in-tab", type=int, default=1)
    ask.add_argument("--languages", action="store_true", help="only the facts of LANGUAGES")
    ask.add_argument("--folder", type=Path, default=CACHE / "bench-memory", help="to resume from")
    options = ask.parse_args()
    with closing(open_model(str(options.model or registry.find("smollm2-135m")))) as file:
        with asyncio.Runner() as runner:
            model = runner.run(Model.load(file, Numpy()))
            loop = runner.get_loop()
            if options.languages:
                report.write("memory", of_languages(model, loop, options.said), [])
                return
            figures = natively(model, loop, options)
            for name in options.untuned:
                figures |= judge_untuned(model, loop, name, options.said_untuned)
    if options.tab:
        with asyncio.Runner() as runner:
            figures |= in_tab(model, runner.get_loop(), options)
    report.write("memory", figures, [])


if __name__ == "__main__":
    main()
