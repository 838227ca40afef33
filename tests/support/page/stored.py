"""Prepares a profile's stored records before the page is opened in it for the first time.

A lesson of the demo model by the usual recipe takes a browser fifteen CPU seconds and more. Only
tests of that recipe need it; the others use shorter lessons or stored results.
"""

import json
from base64 import b64encode
from collections.abc import Sequence

from playwright.sync_api import Page

from oneseek.engine.core.storage.store import STEPS

ALL = """async (name) => {
  const open = indexedDB.open("oneseek");
  const db = await new Promise((go) => (open.onsuccess = () => go(open.result)));
  const store = db.transaction(name).objectStore(name), keys = store.getAllKeys();
  const values = store.getAll();
  await new Promise((go) => (values.onsuccess = go));
  db.close();
  return Object.fromEntries(keys.result.map((key, at) => [key, values.result[at]]));
}"""
LIGHT = {"taught_rows": 3, "neighbour_rows": 2, "anchor_rows": 0}
LENGTHY = {"max_steps": 64, "stop_loss": 0.0}
FILLED = """([steps, text]) => {
  const records = JSON.parse(text, (key, value) => value?.$bytes === undefined ? value
    : Uint8Array.from(atob(value.$bytes), (one) => one.charCodeAt(0)));
  const opening = indexedDB.open("oneseek", steps.length);
  opening.onupgradeneeded = () => {
    for (const name of steps.flat()) opening.result.createObjectStore(name);
    for (const [store, key, value] of records)
      opening.transaction.objectStore(store).put(value, key);
  };
  opening.onsuccess = () => opening.result.close();
}"""


def read_store(page: Page, name: str) -> dict:
    """The contents of one of the page's stores, by key."""
    return page.evaluate(ALL, name)


def holds(page: Page, records: list) -> None:
    """Put records, as [store, key, value], into a new profile before the page's own code opens the
    database; database requests are served in order. A profile that has data stays unchanged."""
    text = json.dumps(records, default=lambda data: {"$bytes": b64encode(data).decode()})
    page.add_init_script(f"({FILLED})({json.dumps([STEPS, text])})")


def light_lessons(page: Page) -> None:
    """Use fewer rows for each step, a developer's setting: half the cost, and enough for acts.FACT.
    What else such lessons teach is untested."""
    lessons(page, LIGHT)


def lengthy_lessons(page: Page) -> None:
    """Use all possible steps, so that a lesson is still running when something happens."""
    lessons(page, LENGTHY)


def learns_when_asked(page: Page, records: Sequence[list] = ()) -> None:
    """Put these records into the profile, and a pause so long that no lesson starts by itself."""
    holds(page, [["settings", "page", {"idle_seconds": 600}], *records])


def chat_of(
    *texts: str,
    roles: Sequence[str] = ("user", "assistant"),
    chat: str = "c1-stored",
    title: str = "Stored chat",
) -> list[list]:
    """The records of a chat that opens at the next visit, unless a newer one exists; its turns take
    the roles in rotation."""
    names = [f"m{number:06}" for number in range(len(texts))]
    turns = [
        {
            "id": name, "key": f"{chat}/{name}", "chat": chat, "role": roles[at % len(roles)],
            "text": text, "parent": names[at - 1] if at else "", "language": "", "time": at,
            "version": "v0", "state": "done",
        }
        for at, (name, text) in enumerate(zip(names, texts, strict=True))
    ]  # fmt: skip
    told = {"id": chat, "title": title, "created": 0, "updated": 1, "leaf": names[-1]}
    found = [["messages", one["key"], one] for one in turns]
    return [*found, ["chats", chat, told], ["settings", "open-chat", {"id": chat}]]


def lessons(page: Page, recipe: dict) -> None:
    holds(page, [["settings", "page", {"config_training": {"lesson": recipe}}]])
