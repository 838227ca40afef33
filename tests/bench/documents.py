"""Measures extractive question answering over documents.

`python3 build.py bench documents` imports the documents of a set and asks each question of its own
document, then of all documents at once.  It prints how many questions are answered right, for how
many of the unanswerable ones the reply says so, and how often the quoted place is the right one.
Without `--set NAME` it takes the first of the sets that the thresholds are chosen on.  `--http N`
also asks N questions over HTTP, with decoded answers.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import tempfile
import urllib.request
from collections import Counter
from pathlib import Path

from oneseek.importers.asking.library import Library
from oneseek.importers.sandbox import read_here
from oneseek.workers.server.endpoints.lessons import source_of
from tests.bench.heard import MODEL, Figures, lines, open_assistant, room_of, served
from tests.bench.parts import report
from tests.bench.parts.keys import is_right
from tests.bench.weigh import general

ENOUGH = 0.8  # share of the words of the shorter of two texts
TAGS = re.compile(r"<[^>]+>")
NOTHING = re.compile(r"^(?:That is not in|Exactly that is not in|(?:Det|Precis det) står inte i) ")


def words(text: str) -> Counter[str]:
    return Counter(re.findall(r"\w+", TAGS.sub(" ", text).lower()))


def is_place(quoted: str, place: str) -> bool:
    """Whether the shorter of the two texts has ENOUGH of its words in the other."""
    one, other = words(quoted), words(place)
    return (one & other).total() >= ENOUGH * min(one.total(), other.total()) > 0


def load_set(name: str) -> tuple[list[Path], list[dict]]:
    room = room_of(name)
    questions = lines(room / f"documents_questions_{name}.jsonl")
    return sorted((room / f"documents_{name}").iterdir()), questions


async def judge(name: str, show: bool) -> dict:
    documents, questions = load_set(name)
    figures = Figures()
    with tempfile.TemporaryDirectory() as folder:
        assistant = await open_assistant(folder)
        library = Library(assistant.versions.store, lambda: assistant.mind.memory.reader)
        assistant.read_from(library)
        ids = {}
        for path in documents:
            found = read_here({"text": path.read_text(), "title": path.name})
            record = source_of(found, "", 0)
            await library.add(record)
            ids[path.name] = record["id"]
        for one in questions:
            id, messages = ids[one["document"]], [{"role": "user", "content": one["q"]}]
            for where, source in (("", id), ("all: ", "")):
                read = await assistant.read_sources(None, messages, "", source)
                push = read[1]["push"] if read else None
                places = read[1]["speaking"].places if read else []
                see(figures, where, one, push.text if push else "", places, id, show)
        asked = [{"q": q} for code in ("en", "sv") for q in general(code)[:100]]
        for one in asked:
            said = await library.answer(one["q"], "", "")
            figures.see(said is not None, "general questions answered")
            if said and show:
                report.say("GENERAL", one["q"], "|", said[0])
        await assistant.versions.store.close()
    return figures.means()


def see(
    figures: Figures, where: str, one: dict, answer: str, places: list, id: str, show: bool
) -> None:
    if one.get("unanswerable"):
        honest = NOTHING.match(answer) is not None or not answer
        figures.see(honest, f"{where}honest", f"{where}honest {one['lang']}")
        if show and not honest:
            report.say("SAID", where, one["q"], "|", answer)
        return
    has, sure = is_right(answer, one["keys"]), bool(places)
    figures.see(has, f"{where}right, or in the place that is offered as the nearest")
    right = has and sure
    quotes = any(place["id"] == id and is_place(place["text"], one["quote"]) for place in places)
    names = "", f" {one['lang']}", f", {one['document']}"
    figures.see(right, *(f"{where}right{name}" for name in names))
    if places:
        figures.see(quotes, f"{where}quoted the right place, where one is")
    figures.see(quotes, f"{where}quoted the right place")
    if show and not (right and quotes):
        report.say("MISS", where, one["q"], "|", answer.replace("\n", " / "), "|", one["quote"])


def over_http(name: str, count: int) -> dict[str, float]:
    """The figures of `count` questions asked over HTTP."""
    documents, questions = load_set(name)
    figures = Figures()
    with tempfile.TemporaryDirectory() as folder, served(folder) as address:

        def ask(path: str, body: dict) -> dict:
            head = {"Content-Type": "application/json"}
            request = urllib.request.Request(address + path, json.dumps(body).encode(), head)
            with urllib.request.urlopen(request, timeout=600) as reply:
                return json.load(reply)

        ids = {
            path.name: ask("/api/import", {"text": path.read_text(), "title": path.name})["source"]
            for path in documents
        }
        for one in questions[:: max(1, len(questions) // count)][:count]:
            said = [{"role": "user", "content": one["q"]}]
            wishes = {"source": ids[one["document"]], "learn": False}
            body = {"model": MODEL, "messages": said, "max_tokens": 200, "oneseek": wishes}
            told = ask("/v1/chat/completions", body)
            answer = told["choices"][0]["message"]["content"]
            places = told["oneseek"].get("sources", [])
            see(figures, "http: ", one, answer, places, wishes["source"], False)
    return figures.means()


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--set", default="dev", help="dev, dev2 to dev13, or one of tests/held_out")
    ask.add_argument("--http", type=int, default=0, metavar="N")
    ask.add_argument("--show", action="store_true", help="print the misses")
    options = ask.parse_args()
    figures = asyncio.run(judge(options.set, options.show))
    if options.http:
        figures |= over_http(options.set, options.http)
    report.write("documents", figures, [])


if __name__ == "__main__":
    main()
