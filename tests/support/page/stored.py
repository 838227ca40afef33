"""What a profile holds before the page is opened in it for the first time.

A lesson of the demo model by its usual recipe takes a browser fifteen processor seconds and more.
Tests of that recipe pay them; those that only need a lesson, or something learned, do with less.
"""

import json

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
FILLED = """([steps, records]) => {
  const opening = indexedDB.open("oneseek", steps.length);
  opening.onupgradeneeded = () => {
    for (const name of steps.flat()) opening.result.createObjectStore(name);
    for (const [store, key, value] of records)
      opening.transaction.objectStore(store).put(value, key);
  };
  opening.onsuccess = () => opening.result.close();
}"""


def stored(page: Page, name: str) -> dict:
    """All that one of the page's stores holds, by its keys."""
    return page.evaluate(ALL, name)


def holds(page: Page, records: list) -> None:
    """A new profile has these records, as [store, key, value], before anything of the page looks:
    whoever opens a database waits for those who asked before. One that is not new stays as it
    is."""
    page.add_init_script(f"({FILLED})({json.dumps([STEPS, records])})")


def light_lessons(page: Page) -> None:
    """Fewer rows a step, as whoever develops it can set them: half of what a lesson takes, and
    enough for acts.FACT. What else it teaches, nobody has looked at."""
    lessons(page, LIGHT)


def lengthy_lessons(page: Page) -> None:
    """All the steps there can be, so that a lesson is still under way when something happens."""
    lessons(page, LENGTHY)


def lessons(page: Page, recipe: dict) -> None:
    holds(page, [["settings", "page", {"config_training": {"lesson": recipe}}]])
