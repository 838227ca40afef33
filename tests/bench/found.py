"""Measures retrieval from conversations: recall at 1, 5 and 10 of the utterances that hold the
evidence for a question.

`python3 build.py bench found` imports the conversations of a set, each utterance with its speaker
and day in front, and runs the search behind the API's `/api/search` over all of them for each
question.  A question counts as found among the first N when any of its evidence is.  `--set NAME`
takes another set than the first.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections import defaultdict

from oneseek.importers.asking.library import Library
from oneseek.importers.sandbox import read_here
from oneseek.workers.server.endpoints.lessons import source_of
from tests.bench.heard import Figures, lines, open_assistant, room_of
from tests.bench.parts import report

FIRST = 1, 5, 10


async def measure(said: list[dict], questions: list[dict], show: bool) -> dict[str, float]:
    figures = Figures()
    texts: dict[int, list[str]] = defaultdict(list)
    for one in said:
        words = " ".join(one["text"].split())
        texts[one["conversation"]].append(f"{one['speaker']} ({one['day']}): {words}")
    with tempfile.TemporaryDirectory() as folder:
        assistant = await open_assistant(folder)
        library = Library(assistant.versions.store, lambda: assistant.mind.memory.reader)
        for number, utterances in texts.items():
            title = f"conversation {number}"
            found = read_here({"text": "\n\n".join(utterances), "title": title})
            await library.add(source_of(found, "", 0) | {"title": title})
        numbers = {}  # (conversation, offset in it) -> number of the line
        for document in library.documents.values():
            of_it = [
                i for i, one in enumerate(said, 1)
                if document.title == f"conversation {one['conversation']}"
            ]  # fmt: skip
            for number, piece in zip(of_it, document.pieces, strict=True):
                numbers[document.title, piece.start] = number
        for one in questions:
            places = await library.find(one["q"], most=max(FIRST))
            places_at = [numbers.get((place.title, place.piece.start), 0) for place in places]
            for count in FIRST:
                has = bool(set(places_at[:count]) & set(one["evidence"]))
                figures.see(has, f"first {count}", f"first {count} {one['lang']}")
            if show and not set(places_at[:5]) & set(one["evidence"]):
                report.say("MISS", one["q"], "|", *(place.piece.text for place in places[:2]))
        await assistant.versions.store.close()
    return figures.means()


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--set", default="dev", help="dev, dev2, or one of tests/held_out")
    ask.add_argument("--show", action="store_true", help="print the misses")
    options = ask.parse_args()
    name, folder = options.set, room_of(options.set)
    said = lines(folder / f"conversations_{name}.jsonl")
    questions = lines(folder / f"conversations_questions_{name}.jsonl")
    report.write("found", asyncio.run(measure(said, questions, options.show)), [])


if __name__ == "__main__":
    main()
