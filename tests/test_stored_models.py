"""A model in the browser: fetched once, read from OPFS afterwards, by any number of tabs, and never when damaged."""

import time

import pytest
from playwright.sync_api import BrowserContext, Page

from engine import demo
from tests.browser import wait_for_state

pytestmark = pytest.mark.slow

TINY = "/?model=tiny&engine=cpu"
DAMAGE = """async () => {
  const root = await navigator.storage.getDirectory();
  const handle = await (await root.getDirectoryHandle("models")).getFileHandle("tiny.gguf");
  const file = await handle.getFile();
  const bytes = new Uint8Array(await file.arrayBuffer());
  bytes[bytes.length >> 1] ^= 1;
  const writable = await handle.createWritable();
  await writable.write(bytes);
  await writable.close();
}"""
SIZE = """async () => {
  const root = await navigator.storage.getDirectory();
  const handle = await (await root.getDirectoryHandle("models")).getFileHandle("tiny.gguf");
  return (await handle.getFile()).size;
}"""


NAME = "OneSeek-1M-Zero"


def opened(context: BrowserContext) -> Page:
    page = context.new_page()
    page.goto(TINY)
    return page


def loaded(*pages: Page) -> Page:
    """The first of these tabs that has the model, which its name in the header tells."""
    until = time.monotonic() + 120
    while time.monotonic() < until:
        for page in pages:
            if page.get_by_text(NAME).first.is_visible():
                return page
        pages[0].wait_for_timeout(200)
    raise AssertionError("no tab has the model")


def asked_for(context: BrowserContext) -> list[str]:
    """The models the context asks the server for from now on."""
    asked: list[str] = []

    def note(request):
        if request.url.endswith("tiny.gguf") and not request.service_worker:  # or count it twice
            asked.append(request.url)

    context.on("request", note)
    return asked


def test_R12_tabs_take_the_stored_model_over_without_the_network(context: BrowserContext):
    """One tab computes at a time; when it ends without a word, the next one opens the same file."""
    asked = asked_for(context)
    first = loaded(opened(context))
    assert first.evaluate(SIZE) == demo.MODEL.stat().st_size and len(asked) == 1
    others = [opened(context), opened(context)]
    for page in others:
        assert wait_for_state(page, "read-only") == "read-only"
    first.close()
    second = loaded(*others)
    others.remove(second)
    second.close()
    loaded(*others)
    assert len(asked) == 1, "nobody fetched it again"


def test_R10_a_damaged_model_is_refused_by_name_and_fetched_anew(context: BrowserContext):
    asked = asked_for(context)
    page = loaded(opened(context))
    page.evaluate(DAMAGE)
    page.reload()
    page.get_by_text("tiny.gguf: the bytes from 0 on are not those").first.wait_for(timeout=90_000)
    page.reload()
    loaded(page)
    assert len(asked) == 2
