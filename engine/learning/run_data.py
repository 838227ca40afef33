"""Finds the data sets that a run can train on, by name.

The store holds a data set with its text, so that a run resumes after a restart and is repeated
exactly when something is forgotten.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from oneseek.engine.core import conversation
from oneseek.engine.history.round_plan import DATA_SET
from oneseek.engine.learning.datasets import PLAIN, TABLES, data_set_record
from oneseek.engine.learning.taste.taste import NAME as TASTE
from oneseek.engine.learning.taste.taste import taste_record
from oneseek.engine.turns import beside

IDENTITY, LEARNED, CHATS = "identity", "learned", "chats"
DOCUMENTED = {"oneseek_identity_v1": IDENTITY}  # as the documents call them
KINDS = {IDENTITY: "identity", CHATS: "chat"}  # of source, for the version's name; others are text
UNFIT = re.compile(r"[^\w .-]")  # for the name of a file
IDENTITY_FILE = Path(__file__).with_name("identity_v1.jsonl")  # half Swedish, half English
LARGEST = 16 << 20  # bytes of a data set that is kept in the store
BROUGHT = "dataset."  # key in `state` of an imported data set; its id follows


class NoDataSet(LookupError):
    """There is no data set of that name, or it is empty."""


def identity_examples() -> list[dict]:
    """Return examples of who OneSeek is, as the queue takes them: version 1.0 learns them by the
    same path as every other example."""
    found = []
    for i, line in enumerate(IDENTITY_FILE.read_text(encoding="utf-8").splitlines()):
        record = json.loads(line)
        prompt = "\n".join(part for part in (record["instruction"], record["input"]) if part)
        found.append(
            {
                "kind": "fact",
                "prompt": prompt,
                "answer": record["output"],
                "language": ("en", "sv")[i % 2],
                "priority": "approved",
                "source": {"kind": "identity"},
                "why": "identity",
            }
        )
    return found


def lines_of(examples: list[dict]) -> str:
    pairs = [{"prompt": one["prompt"], "completion": one["answer"]} for one in examples]
    return "".join(json.dumps(pair, ensure_ascii=False) + "\n" for pair in pairs)


async def load_learned(store: Any) -> str:
    """Return everything that was learned, as lines of prompt and completion."""
    return lines_of([one for _, one in await store.all("examples") if one["kind"] != DATA_SET])


async def chats(store: Any) -> str:
    """The shown branch of every chat, from its first message to its last, in ShareGPT lines."""
    said: dict[str, list] = {}
    for key, turn in await store.all("messages"):
        said.setdefault(key.partition("/")[0], []).append(turn)
    branches = [
        conversation.Tree(said.get(id, [])).branch(chat["leaf"])
        for id, chat in await store.all("chats")
    ]
    lines = [conversation.as_sharegpt(shown) for shown in branches if len(shown) > 1]
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


async def load_imported(store: Any, source: str) -> str:
    """Return the lessons of one import as lines, queued or learned."""
    both = [*await store.all("queue"), *await store.all("examples")]
    return lines_of([one for _, one in both if one["source"].get("id") == source])


async def read_brought(store: Any) -> AsyncIterator[dict]:
    """Yield the imported data sets one at a time: they may be large, and one may be deleted while
    another is read."""
    for key in await store.keys("state"):
        if str(key).startswith(BROUGHT) and (record := await store.get("state", key)):
            yield record


async def load_data_set(store: Any, name: str) -> dict:
    """The stored record of an imported data set by its id or name; empty where there is none."""
    async for record in read_brought(store):
        if name in (record["id"], record["name"]):
            return record
    return {}


async def bring_in(store: Any, name: str, text: str) -> dict:
    """Store a data set for runs; DataError when nothing can be learned from it."""
    record = await beside(record_of, name, text)
    kept = {"id": record["id"], "name": name, "text": text, "examples": record["examples"]}
    await store.batch([["put", "state", f"{BROUGHT}{record['id']}", kept]])
    return {key: kept[key] for key in ("id", "name", "examples")}


async def available(store: Any) -> list[dict]:
    """List the data sets that `find` can return, except the taste's choices."""
    found = []
    for id, text in (
        (IDENTITY, lines_of(identity_examples())),
        (LEARNED, await load_learned(store)),
        (CHATS, await chats(store)),
    ):
        if text:
            found.append({"id": id, "name": id, "examples": record_of(id, text)["examples"]})
    for id, source in await store.all("sources"):
        if text := await load_imported(store, id):
            count = record_of(id, text)["examples"]
            found.append({"id": id, "name": source["title"], "examples": count})
    async for record in read_brought(store):
        found.append({name: record[name] for name in ("id", "name", "examples")})
    return found


async def find(store: Any, wanted: str) -> dict:
    """Return the queue record of the data set of that name; of a skill's own examples, also how
    many a person corrected. NoDataSet says which there are."""
    if wanted == TASTE:
        return await taste_record(store)
    made = {LEARNED: load_learned, CHATS: chats}
    if kept := await load_data_set(store, wanted):
        more = {name: kept[name] for name in ("skill_own", "corrected") if kept.get(name)}
        return record_of(kept["name"], kept["text"]) | more
    name = wanted = DOCUMENTED.get(wanted, wanted)
    if wanted == IDENTITY:
        text = lines_of(identity_examples())
    elif wanted in made:
        text = await made[wanted](store)
        if not text:
            raise NoDataSet(f"the data set {wanted!r} is empty: nothing to train on yet")
    else:
        text = await load_imported(store, wanted)
    if not text:
        known = ", ".join(one["id"] for one in await available(store))
        raise NoDataSet(f"there is no data set {wanted!r}; there are: {known}")
    return {**record_of(name, text), "source": {"kind": KINDS.get(wanted, "text")}}


def record_of(name: str, text: str) -> dict:
    """Return the queue record of a data set with its text; its state keeps it for a run, out of
    lessons."""
    with tempfile.TemporaryDirectory() as folder:
        path = write_file(Path(folder), name, text)
        found = data_set_record(path)
    own = {"prompt": name, "answer": f"{found['examples']} examples", "about": found["id"]}
    more = {"text": text, "suffix": path.suffix, "state": "run", "priority": "approved"}
    return {**found, **own, **more, "phrasings": [], "seq": 0, "seen": 1}


def write_file(folder: Path, name: str, text: str) -> Path:
    """Write the text to a file whose ending says its form: JSON lines where the name says none."""
    path = folder / (UNFIT.sub("_", Path(name).name)[:60] or "data")
    if path.suffix.lower() not in (*PLAIN, *TABLES):
        path = path.with_suffix(".jsonl")
    path.write_text(text, "utf-8")
    return path
