"""Queues what was trained on other base models, when a new base model takes over.

The memory belongs to no model and needs nothing. Versions and their weights belong to one; their
lessons go back into the queue, each once for each model, and the other models' versions stay.
"""

from __future__ import annotations

from typing import Any

from oneseek.engine.core.collecting.content import prompt_hash
from oneseek.engine.core.exchange.entries import FORGOTTEN
from oneseek.engine.history.naming import LANGUAGES
from oneseek.engine.history.round_plan import LESSON
from oneseek.engine.history.versions import GENERIC, Versions, as_waiting

LINES = (GENERIC, *LANGUAGES)


def make_key(base: str) -> str:
    """Return the key in `state` of the newest version that this base model took lessons from."""
    return f"taken-over.{base}"


async def take_over(versions: Versions) -> list[str]:
    """Queue what the versions in use of other base models stand by and this one never got; return
    the ids."""
    store, key = versions.store, make_key(versions.base)
    records = [record for _, record in await store.all("versions")]
    before = await store.get("state", key)
    since = before["number"] if before else 0
    newest = max([one["number"] for one in records], default=0)
    if newest == since:
        return []
    mine = {id for one in records if one["base"] == versions.base for id in one["lessons"]}
    ops: list[list[Any]] = [["put", "state", key, {"number": newest}]]
    taken = []
    for base in sorted({one["base"] for one in records} - {versions.base}):
        for example in await _list_lessons_since(versions, base, since):
            id = example["id"]
            if id in mine or await _is_gone(store, example) or await store.get("queue", id):
                continue
            mine.add(id)
            taken.append(id)
            ops.append(["put", "queue", id, as_waiting(example)])
    await store.batch(ops)
    return taken


async def _list_lessons_since(versions: Versions, base: str, since: int) -> list[dict]:
    """Return the lessons of a base model's versions in use that are newer than `since`."""
    other = Versions(versions.store, versions.ledger, base, versions.family, versions.clock)
    found = []
    for line in LINES:
        chain = await other.chain(line)
        new = {one["number"] for one in chain if one["kind"] == LESSON and one["number"] > since}
        found += [one for one in await other.pool(line, chain) if one["learned_in"] in new]
    return found


async def _is_gone(store: Any, example: dict) -> bool:
    """Whether an example is forgotten, though a version that is still there has learned it."""
    fact = await store.get("facts", example["id"])
    if fact:
        return "answer" not in fact
    return await store.get(FORGOTTEN, prompt_hash(example["prompt"])) is not None
