"""Measures how well the memory keeps what people type and answers questions about it.

`python3 build.py bench heard` tells the statements of a set to one memory, each in a chat of its
own (a correction in the next turn), and asks two questions and a hard negative (look-alike) about
each.  It also has messages that state nothing, questions about one's own things that nothing
answers, and general ones.  A second memory is told one person's statements over forty days, each on
its day, and asked what holds at the end and what held before.  An answer is right when it holds one
of each list of its keys; for the others the figures count the causes (tests/bench/parts/causes.py).
Without `--set` it takes the first development set, tests/bench/heard_dev*; `--set dev2` to `dev13`
and `dev17` to `dev21` are the others, `dev14` to `dev16` only statements over forty days, and other
names are sets of tests/held_out.  `--part N` takes every Nth line of a fixed shuffle.  `--http N`
also tells and asks the first N statements over HTTP, with decoded answers.  `--beside N` instead
measures the milliseconds of a question beside N other statements, made from the templates that the
reader is trained on, with and without read-ahead; with `--tab` in Chromium, on one thread.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import json
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import msgpack

from builder import ROOT
from oneseek.engine.assistant import Assistant
from oneseek.engine.core.collecting.collector import DataCollector
from oneseek.engine.core.collecting.statements import STATEMENT
from oneseek.engine.core.queue.saved import SavedQueue
from oneseek.engine.core.queue.training_queue import TrainingQueue
from oneseek.engine.core.storage.sqlite import SqliteStore
from oneseek.engine.learning.lessons import guess
from oneseek.engine.learning.memory.saying import Saying
from oneseek.engine.learning.memory.statements.statement import StatementEncoding
from oneseek.engine.open import assistant_over, clock, model_named
from tests.bench.parts import lab, report
from tests.bench.parts import told as parts_told
from tests.bench.parts.causes import CAUSES, OFFERS, denies, find_cause
from tests.bench.parts.keys import is_right, stands
from tests.bench.weigh import general
from tests.golden.statements import Maker
from tests.golden.statements.told import LEARNED

HERE, HELD_OUT = Path(__file__).parent, ROOT / "tests/held_out"
MODEL = "smollm2-135m"
BESIDE = 20  # statements that `--beside` asks about
SENT = 500  # statements sent to the tab in one call
DAYS, DAY_MS = 40, 24 * 3600 * 1000


def room_of(name: str) -> Path:
    """The folder of the sets of this name."""
    return HERE if name.startswith("dev") else HELD_OUT


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


class Told:
    """One memory behind the calls that the page and the API make."""

    def __init__(self, assistant: Assistant, now: Callable[[], int] = clock) -> None:
        self.assistant, self.mind = assistant, assistant.mind
        self.mind.memory.clock = now
        self.queue = SavedQueue(TrainingQueue(now), assistant.versions.store)
        self.collector = DataCollector(self.queue, auto_collect=False, understand=self.understand)

    async def understand(self, text: str, earlier: list[str]) -> list[dict]:
        return [one.to_dict() for one in await self.mind.hear(text, earlier)]

    async def tell(self, messages: list[str], chat: str) -> list[dict]:
        """Send the messages as the page does; return the statements that were kept."""
        kept = []
        for i, text in enumerate(messages):
            message = {"id": f"{chat}/{i}", "role": "user", "content": text, "chat": chat}
            found = await self.collector.log_message(message)
            sure = [one for one in found if one["state"] != "held"]
            kept += [one for one in sure if (await self.mind.keep(one))["facts"]]
            answer = {"id": f"{chat}/{i}a", "role": "assistant", "content": "I see.", "chat": chat}
            await self.collector.log_message(answer)
        return kept

    async def ask(self, question: str) -> str:
        """The answer from memory; empty if the base model answers."""
        speaking = await self.mind.decide_answer(0, question)
        if isinstance(speaking.push, Saying):
            facts = self.mind.memory.facts
            return " ".join(facts[one["id"]]["answer"] for one in speaking.facts)
        return speaking.push.text if speaking.push else ""


async def open_assistant(folder: str) -> Assistant:
    model = await model_named(MODEL, "cpu")
    return assistant_over(model, SqliteStore(Path(folder) / "told.sqlite"), model.fingerprint)


class Figures:
    def __init__(self) -> None:
        self.seen: dict[str, list[float]] = defaultdict(list)

    def see(self, value: bool, *names: str) -> None:
        for name in names:
            self.seen[name].append(float(value))

    def means(self) -> dict[str, float]:
        return {name: round(sum(some) / len(some), 3) for name, some in self.seen.items()}


async def judge(told: Told, given: dict[str, list[dict]], show: bool) -> dict[str, Any]:
    figures, memory, seconds = Figures(), told.mind.memory, []
    for one in given["unknown"]:
        figures.see(denies(await told.ask(one["q"])), "unknown, empty memory")
    for i, one in enumerate(given["nothing"]):
        kept = await told.tell([one["text"]], f"nothing/{i}")
        figures.see(bool(kept), "kept of nothing")
        if kept and show:
            report.say("KEPT", one["text"])
        await memory.forget([record["id"] for record in kept])
    for i, one in enumerate(given["heard"]):
        began = time.monotonic()
        kept = await told.tell(one["messages"], f"said/{i}")
        seconds.append((time.monotonic() - began) / len(one["messages"]))
        one["ids"] = [record["id"] for record in kept]
        if one.get("told_only"):
            continue
        figures.see(bool(kept), "kept", f"kept {one['lang']}")
        if not kept and show:
            report.say("LOST", one["messages"])
    asked = []
    for one in given["heard"]:
        if one.get("told_only"):
            continue
        change = len(one["messages"]) > 1
        for question in one["questions"]:
            began = time.monotonic()
            answer = await told.ask(question["q"])
            asked.append(time.monotonic() - began)
            offers = answer.startswith(OFFERS)
            figures.see(offers and is_right(answer, question["keys"]), "right, offered")
            right = is_right(answer, question["keys"]) and not offers
            known = bool(answer) and not denies(answer)
            names = "", f" {one['lang']}", f", {one['form']}"
            for name in (*names, *([", corrections"] if change else [])):
                figures.see(right, f"right{name}")
            figures.see(known and not right, "wrong")
            wanted = question["q"], question["keys"], answer
            cause = "" if right else await find_cause(memory, one["ids"], *wanted)
            for name in CAUSES:
                figures.see(name == cause, f"not right: {name}")
            if show and not right:
                report.say("MISS", cause, "|", question["q"], "|", answer, "|", one["messages"])
        if alike := one.get("lookalike"):
            answer = await told.ask(alike["q"])
            offers = answer.startswith(OFFERS)
            figures.see(offers, "look-alikes, offered")
            said = bool(answer) and not denies(answer)
            figures.see(said, "look-alikes", f"look-alikes {one['lang']}")
            if show and said:
                report.say("ALIKE", alike["q"], "|", answer)
    for one in given["unknown"]:
        answer = await told.ask(one["q"])
        figures.see(denies(answer), "unknown, full memory")
        figures.see(answer.startswith(OFFERS), "unknown, offered")
        if show and not denies(answer):
            report.say("UNKNOWN", one["q"], "|", answer)
    for one in given["general"]:
        answer = await told.ask(one["q"])
        figures.see(denies(answer), "general, told nothing")
        figures.see(bool(answer) and not denies(answer), "general, from memory")
        if show and answer:
            report.say("GENERAL", one["q"], "|", answer)
    more = {
        "s_kept": sum(seconds) / max(1, len(seconds)),
        "ms_question": 1e3 * sum(asked) / max(1, len(asked)),
    }
    return figures.means() | {name: round(value, 4) for name, value in more.items()}


async def pack_statements(given: dict[str, list[dict]], many: int) -> list[str]:
    """BESIDE statements of a set and `many` others, each packed with its embeddings in base64."""
    with tempfile.TemporaryDirectory() as folder:
        assistant = await open_assistant(folder)
        told, memory, maker = Told(assistant), assistant.mind.memory, Maker(7)
        for i, one in enumerate(given["heard"][:BESIDE]):
            await told.tell(one["messages"], f"said/{i}")
        meanings = dict(await assistant.versions.store.all("meanings"))
        kept = [(memory.facts[one["of"]], one["data"]) for one in meanings.values()]
        made = [maker.family(maker.draw.choice(maker.families))[0] for _ in range(many)]
        unlike = sorted(set(made), key=len)
        places = dict(zip(unlike, await memory.reader.locate_answers(unlike), strict=True))
        for i, text in enumerate(made):
            fact = {
                "id": f"made/{i}", "kind": STATEMENT, "question": text, "answer": text,
                "value": text, "phrasings": [], "language": guess(text), "source": {}, "time": i,
                "also": [],
            }  # fmt: skip
            encoding = StatementEncoding(places[text].whole, places[text].terms.pack())
            kept.append((fact, encoding.pack()))
        await assistant.versions.store.close()
    return [base64.b64encode(msgpack.packb(one)).decode() for one in kept]


async def cost_natively(packed: list[str], asked: list[str]) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        store = SqliteStore(Path(folder) / "beside.sqlite")
        told = parts_told.Told(await model_named(MODEL, "cpu"), store)
        await told.keep(packed)
        figures = await told.decided(asked)
        await store.close()
    return figures


def cost_in_tab(packed: list[str], asked: list[str]) -> dict[str, float]:
    """The same in Chromium without a GPU, on one thread."""
    with lab.opened(peers={}) as page:
        lab.call(page, "ours", "load", "/model.gguf")
        lab.call(page, "ours", "python", "threads", 1)
        for at in range(0, len(packed), SENT):
            lab.call(page, "ours", "python", "told", "keep", packed[at : at + SENT])
        return lab.call(page, "ours", "python", "told", "decided", asked)


def beside(options: argparse.Namespace) -> dict[str, float]:
    """Milliseconds of a question beside so many statements, natively or in a tab."""
    given = part_of(sets(options.set), options.part)
    asked = [q["q"] for one in given["heard"][:BESIDE] for q in one["questions"]]
    packed = asyncio.run(pack_statements(given, options.beside))
    if options.tab:
        found = cost_in_tab(packed, asked)
    else:
        found = asyncio.run(cost_natively(packed, asked))
    return {name: round(value, 1) for name, value in found.items()}


async def over_days(assistant: Assistant, given: dict[str, list[dict]], show: bool) -> dict:
    """Tell each statement on its day, ask on the day after the last; return the figures."""
    figures, began = Figures(), clock() - DAYS * DAY_MS
    at = [began]
    told = Told(assistant, lambda: at[0])
    for i, one in enumerate(given["timeline"]):
        at[0] = began + one["day"] * DAY_MS + i * 1000
        kept = await told.tell([one["text"]], f"day/{i}")
        figures.see(bool(kept), "days: kept")
    at[0] = began + (DAYS + 1) * DAY_MS
    for one in given["timeline_questions"]:
        answer = await told.ask(one["q"])
        offers, has = answer.startswith(OFFERS), is_right(answer, one["keys"])
        right = has and not offers
        figures.see(right, f"days: {one['about']}")
        figures.see(has and offers, f"days: {one['about']}, offered")
        figures.see(
            not right and any(stands(answer, value) for value in one.get("wrong", ())),
            "days: what no longer holds",
        )
        if show and not right:
            report.say("DAYS", one["about"], one["q"], "|", answer)
    return figures.means()


def over_http(folder: str, given: list[dict]) -> dict[str, float]:
    """Tell each statement over HTTP in a chat of its own, then ask; return the figures."""
    figures = Figures()
    with served(folder) as address:

        def say(*messages: str) -> dict:
            said = [{"role": "user", "content": text} for text in messages]
            body = {"model": MODEL, "messages": said, "max_tokens": 60, "temperature": 0}
            request = urllib.request.Request(
                f"{address}/v1/chat/completions",
                json.dumps(body).encode(),
                {"Content-Type": "application/json"},
            )
            with urllib.request.urlopen(request, timeout=600) as reply:
                return json.load(reply)

        for one in given:
            replies = [say(*one["messages"][: i + 1]) for i in range(len(one["messages"]))]
            figures.see(any(r["oneseek"]["remembered"] for r in replies), "http: remembered")
        for one in given:
            for question in one["questions"]:
                answer = say(question["q"])["choices"][0]["message"]["content"]
                figures.see(is_right(answer, question["keys"]), "http: right")
    return figures.means()


@contextlib.contextmanager
def served(folder: str) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ["--model", MODEL, "--backend", "cpu", "--port", str(port), "--folder", folder]
    server = subprocess.Popen(
        [sys.executable, "-m", "oneseek.workers.server.headless", *words],
        cwd=ROOT,
        stderr=subprocess.DEVNULL,
    )
    address, until = f"http://127.0.0.1:{port}", time.monotonic() + 300
    try:
        while True:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{address}/healthz", timeout=5).close()
                break
            if time.monotonic() > until:
                raise TimeoutError("the server did not begin to answer")
            time.sleep(0.5)
        yield address
    finally:
        server.terminate()
        server.wait(60)


def sets(name: str) -> dict[str, list[dict]]:
    kinds = ("heard", "nothing", "unknown", "general", "timeline", "timeline_questions")
    if name and not name.startswith("dev"):
        return {kind: lines(HELD_OUT / f"{kind}_{name}.jsonl") for kind in kinds}
    name = name or "dev"
    found = {key: lines(HERE / f"heard_{name}_{key}.jsonl") for key in ("nothing", "unknown")}
    for kind in ("heard", "timeline", "timeline_questions"):
        found[kind] = lines(HERE / f"{kind}_{name}.jsonl")
    asked = [{"q": q} for code in ("en", "sv") for q in general(code)]
    return found | {"general": lines(HERE / f"heard_{name}_general.jsonl") or asked}


def part_of(given: dict[str, list[dict]], every: int) -> dict[str, list[dict]]:
    """Every nth line of a fixed shuffle; the timeline is used whole or, with a part, not at all."""
    found = dict(given) if every == 1 else dict.fromkeys(given, [])
    for kind in ("heard", "nothing", "unknown", "general"):
        shuffled = sorted(given[kind], key=lambda one: Random(json.dumps(one)).random())
        found[kind] = shuffled[::every]
    return found


def unseen(given: dict[str, list[dict]], name: str) -> dict[str, list[dict]]:
    """The set without the lines that the reader is trained on; their statements are still told."""
    if f"heard_{name}" not in LEARNED:
        return given
    kinds = ("nothing", "unknown", "general")
    asked = [{**one, "told_only": i % 2 == 0} for i, one in enumerate(given["heard"])]
    return {**given, "heard": asked, **{kind: given[kind][1::2] for kind in kinds}}


async def measure(options: argparse.Namespace) -> dict[str, Any]:
    given = part_of(sets(options.set), options.part)
    if options.unseen:
        given = unseen(given, options.set)
    with tempfile.TemporaryDirectory() as folder:
        assistant = await open_assistant(folder)
        figures = await judge(Told(assistant), given, options.show)
        await assistant.versions.store.close()
    with tempfile.TemporaryDirectory() as folder:
        assistant = await open_assistant(folder)
        if given["timeline"]:
            figures |= await over_days(assistant, given, options.show)
        await assistant.versions.store.close()
    if options.http:
        with tempfile.TemporaryDirectory() as folder:
            figures |= await asyncio.to_thread(over_http, folder, given["heard"][: options.http])
    return figures


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--set", default="", help="dev2 to dev21, or one of tests/held_out")
    ask.add_argument("--part", type=int, default=1, metavar="N", help="only every Nth line")
    ask.add_argument("--http", type=int, default=0, metavar="N")
    ask.add_argument("--beside", type=int, default=0, metavar="N", help="only time a question")
    ask.add_argument("--tab", action="store_true", help="with --beside: in a tab")
    ask.add_argument("--unseen", action="store_true", help="without training lines")
    ask.add_argument("--show", action="store_true", help="print the misses")
    options = ask.parse_args()
    figures = beside(options) if options.beside else asyncio.run(measure(options))
    report.write("heard", figures, [])


if __name__ == "__main__":
    main()
