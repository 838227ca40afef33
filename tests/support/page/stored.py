"""What a profile holds before the page is opened in it for the first time.

A lesson of the demo model by its usual recipe takes a browser fifteen processor seconds and more.
Tests of that recipe pay them; those that only need a lesson, or something learned, do with less.
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
    """All that one of the page's stores holds, by its keys."""
    return page.evaluate(ALL, name)


def holds(page: Page, records: list) -> None:
    """A new profile has these records, as [store, key, value], before anything of the page looks:
    whoever opens a database waits for those who asked before. One that is not new stays as it
    is."""
    text = json.dumps(records, default=lambda data: {"$bytes": b64encode(data).decode()})
    page.add_init_script(f"({FILLED})({json.dumps([STEPS, text])})")


def light_lessons(page: Page) -> None:
    """Fewer rows a step, as whoever develops it can set them: half of what a lesson takes, and
    enough for acts.FACT. What else it teaches, nobody has looked at."""
    lessons(page, LIGHT)


def lengthy_lessons(page: Page) -> None:
    """All the steps there can be, so that a lesson is still under way when something happens."""
    lessons(page, LENGTHY)


def learns_when_asked(page: Page, records: Sequence[list] = ()) -> None:
    """Nothing is learned by itself, however long a test looks on; these records are there too."""
    holds(page, [["settings", "page", {"idle_seconds": 600}], *records])


def chat_of(
    *texts: str,
    roles: Sequence[str] = ("user", "assistant"),
    chat: str = "c1-stored",
    title: str = "Stored chat",
) -> list[list]:
    """The records of a chat, which opens at the next visit unless another one comes after it; the
    roles of its turns come again and again."""
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
