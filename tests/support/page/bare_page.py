"""A page with only web/static/store.js, web/static/lock.js and MicroPython with the page's modules.

For tests of storage and page code in their real interpreter and browser, without waiting for the
rest of the page.
"""

import json
import textwrap
from pathlib import Path

from playwright.sync_api import Page

from builder import ROOT, fetch, site, wheels

BARE = """<!doctype html><meta charset="utf-8"><title>bare</title><link rel="icon" href="data:,">"""
START = """async (files) => {
  const { loadMicroPython } = await import("/micropython.mjs");
  globalThis.lines = [];
  const stdout = (line) => lines.push(line);
  globalThis.mp = await loadMicroPython({ heapsize: 64 * 2 ** 20, stdout });
  globalThis.storeModule = await import("/store.js");
  globalThis.lockModule = await import("/lock.js");
  for (const [name, text] of Object.entries(files)) {
    const folder = name.split("/").slice(0, -1).join("/");
    if (!mp.FS.analyzePath(folder).exists) mp.FS.mkdirTree(folder);
    mp.FS.writeFile(name, text);
  }
}"""
RUN = """async (code) => {
  lines.length = 0;
  try {
    await mp.runPythonAsync(code);
  } catch (error) {
    throw new Error(String(error.message).slice(0, 3000));
  }
  return lines.join("\\n");
}"""


def write_site(folder: Path) -> Path:
    for name in ("store.js", "lock.js"):
        (folder / name).write_bytes((ROOT / "web/static" / name).read_bytes())
    part = fetch.part("npm/@micropython/micropython-webassembly-pyscript")
    engine = wheels.unpack(part, ".")
    for name in ("micropython.mjs", "micropython.wasm"):
        (folder / name).write_bytes(engine[name])
    (folder / "index.html").write_text(BARE)
    return folder


def page_modules() -> dict[str, str]:
    return {wheels.place(path): path.read_text() for path in site.page_python()}


def start(page: Page) -> None:
    """Load MicroPython with web/ and the parts of engine/ that it needs."""
    page.goto("/")
    page.evaluate(START, page_modules())


def run(page: Page, code: str) -> list:
    """Run Python in the page; returns the JSON values that it prints, one on each line."""
    return [json.loads(line) for line in page.evaluate(RUN, textwrap.dedent(code)).splitlines()]
