"""Measures answers to questions that need several statements, or more than a quotation.

`python3 build.py bench composed` tells the statements of each example of a set to a memory of its
own and asks its question as the HTTP API does.  An answer is right when it holds one of each list
of its keys; to a yes-or-no question it also has to begin with the right one of the two.  Without
`--set NAME` it takes the first set that the rules are developed on.  With `--beside NAME` the
memory also holds the statements of every third example of that set, told days before, the examples
an hour apart; it then measures which share of the statements that the answers use is of those.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from oneseek.engine.assistant import Assistant
from oneseek.engine.core.queue.saved import SavedQueue
from oneseek.engine.core.queue.training_queue import TrainingQueue
from oneseek.engine.core.storage.sqlite import SqliteStore
from oneseek.engine.learning.memory.statements.quoting import Quoting
from oneseek.engine.model.loaded import Model
from oneseek.engine.open import assistant_over, clock, model_named
from tests.bench.heard import MODEL, Figures, lines, room_of
from tests.bench.parts import report
from tests.bench.parts.causes import OFFERS, denies
from tests.bench.parts.keys import is_right

LONGEST = 160  # tokens of an answer
HOUR_MS = 3600 * 1000
DAY_MS, DAYS_BEFORE = 24 * HOUR_MS, 5
YES = re.compile(r"\W*(?:yes|ja|jo)\b", re.I)
NO = re.compile(r"\W*(?:no|nej|nä)\b", re.I)


async def tell(assistant: Assistant, statements: list[str], now: Callable[[], int] = clock) -> int:
    """Tell the statements one after the other in one chat; return how many were kept."""
    queue = SavedQueue(TrainingQueue(now), assistant.versions.store)
    chat: list[dict] = []
    kept = []
    for text in statements:
        chat.append({"role": "user", "content": text})
        kept.append(await assistant.hear(chat, queue))
        chat.append({"role": "assistant", "content": "I see."})
    return sum(map(bool, kept))


async def ask(assistant: Assistant, question: str) -> str:
    """The answer that the API gives; a mere quotation is taken without decoding it."""
    messages = [{"role": "user", "content": question}]
    _, more = await assistant.speaker(0, None, messages)
    push = more["push"] if more else None
    if isinstance(push, Quoting):
        return push.text
    sampling = assistant.model.manner.make_sampling(
        None, None, steer=True, seed=1, max_tokens=LONGEST
    )
    answer, _ = await assistant.answer(messages, sampling, "asked")
    return answer.text


def is_right_answer(answer: str, one: dict) -> bool:
    if "yes" in one and not (YES if one["yes"] else NO).match(answer):
        return False
    if answer.startswith(OFFERS):
        return False
    return is_right(answer, one["keys"])


async def tell_before(model: Model, examples: list[dict], path: Path) -> None:
    """Write a store of examples told days before, each an hour after the previous one."""
    store = SqliteStore(path)
    assistant = assistant_over(model, store, model.fingerprint)
    for i, one in enumerate(examples):
        since = DAYS_BEFORE * DAY_MS - i * HOUR_MS
        await tell(assistant, one["statements"], lambda since=since: clock() - since)
    await store.close()


async def measure(
    examples: list[dict], model: Model, show: bool, others: list[dict] | None = None
) -> dict[str, float]:
    figures = Figures()
    kept_before = tempfile.TemporaryDirectory()
    before = Path(kept_before.name) / "before.sqlite"
    await tell_before(model, others or [], before)
    for one in examples:
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(before, Path(folder) / "told.sqlite")
            store = SqliteStore(Path(folder) / "told.sqlite")
            assistant = assistant_over(model, store, model.fingerprint)
            kept = await tell(assistant, one["statements"])
            answer = await ask(assistant, one["q"])
            if others:
                used = await assistant.decide_answer(0, one["q"], None, True, False, "")
                facts = [assistant.mind.memory.facts[told["id"]] for told in used.facts]
                for fact in facts:
                    figures.see(fact["time"] < clock() - DAY_MS, "used what is another's")
            await store.close()
        right, kind = is_right_answer(answer, one), one["kind"]
        figures.see(kept == len(one["statements"]), "all statements kept")
        for name in ("right", f"right, {kind}", f"right {one['lang']}"):
            figures.see(right, name)
        figures.see(denies(answer), "told that nothing was told")
        if show and not right:
            answer = answer.replace("\n", " / ")
            report.say("MISS", kind, one["q"], "|", answer, "|", one["statements"])
    kept_before.cleanup()
    return figures.means()


async def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--set", default="dev", help="dev, dev2 to dev17, or one of tests/held_out")
    ask.add_argument("--kind", default="", help="only examples of this kind")
    ask.add_argument("--beside", default="", help="a set whose statements are told before")
    ask.add_argument("--show", action="store_true", help="print the misses")
    options = ask.parse_args()
    path = room_of(options.set) / f"composed_{options.set}.jsonl"
    examples = [one for one in lines(path) if options.kind in ("", one["kind"])]
    model = await model_named(MODEL, "cpu")
    name = options.beside
    others = lines(room_of(name) / f"composed_{name}.jsonl")[::3] if name else []
    report.write("composed", await measure(examples, model, options.show, others), [])


if __name__ == "__main__":
    asyncio.run(main())
