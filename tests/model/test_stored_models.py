"""A model in the browser must be fetched once, then read from OPFS by any number of tabs, and never
be used when damaged."""

import re
import time

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from oneseek.engine.model import demo
from tests.support import tiny
from tests.support.page.acts import panel, tell
from tests.support.page.browser import wait_for_state

pytestmark = [pytest.mark.slow, pytest.mark.long]

ALIVE = ("ready", "countdown", "paused", "training", "evaluating")
TINY = "/?model=tiny&engine=cpu"
DEFAULT = "/?model=smollm2-135m&engine=cpu"
CHUNK = 4 << 20
DAMAGE = """async (name) => {
  const root = await navigator.storage.getDirectory();
  const handle = await (await root.getDirectoryHandle("models")).getFileHandle(name);
  const file = await handle.getFile();
  const bytes = new Uint8Array(await file.arrayBuffer());
  bytes[bytes.length >> 1] ^= 1;
  const writable = await handle.createWritable();
  await writable.write(bytes);
  await writable.close();
}"""
SIZE = """async (name) => {
  try {
    const root = await navigator.storage.getDirectory();
    const handle = await (await root.getDirectoryHandle("models")).getFileHandle(name);
    return (await handle.getFile()).size;
  } catch { return 0; }
}"""


def open_page(context: BrowserContext, address: str = TINY) -> Page:
    page = context.new_page()
    page.goto(address)
    return page


def wait_for_model(*pages: Page) -> Page:
    """The first of these tabs whose state shows a loaded model."""
    until = time.monotonic() + 120
    while time.monotonic() < until:
        for page in pages:
            if page.get_attribute("html", "data-engine") in ALIVE:
                return page
        pages[0].wait_for_timeout(200)
    raise AssertionError("no tab has the model")


def note_requests(context: BrowserContext, file: str = "tiny.gguf") -> list[int]:
    """A list that receives the start offset of each later request for the model's file."""
    asked: list[int] = []

    def note(request):
        if request.url.endswith(file) and not request.service_worker:  # those would count twice
            asked.append(int(re.sub(r"\D", "", request.headers.get("range", "0"))))

    context.on("request", note)
    return asked


def wait_for_refusal(page: Page, raw: str) -> None:
    """The page must show plain words, with the raw text folded below them."""
    page.get_by_text("What was read is damaged or incomplete").first.wait_for()
    page.get_by_text(raw).first.wait_for(state="attached")


def test_R12_tabs_take_the_stored_model_over_without_the_network(context: BrowserContext):
    """One tab computes at a time; when it closes, the next one must open the same file."""
    asked = note_requests(context)
    first = wait_for_model(open_page(context))
    assert first.evaluate(SIZE, "tiny.gguf") == demo.MODEL.stat().st_size and len(asked) == 1
    others = [open_page(context), open_page(context)]
    for page in others:
        assert wait_for_state(page, "read-only") == "read-only"
    first.close()
    second = wait_for_model(*others)
    others.remove(second)
    second.close()
    wait_for_model(*others)
    assert len(asked) == 1, "nobody fetched it again"


def test_R10_a_damaged_model_is_refused_by_name_and_fetched_anew(context: BrowserContext):
    asked = note_requests(context)
    page = wait_for_model(open_page(context))
    page.evaluate(DAMAGE, "tiny.gguf")
    page.reload()
    wait_for_refusal(page, "tiny.gguf: the bytes from 0 on are not those")
    page.reload()
    wait_for_model(page)
    assert len(asked) == 2


def test_a_damaged_encoder_is_fetched_anew_before_anything_is_told(context: BrowserContext):
    asked = note_requests(context, "encoder.gguf")
    page = wait_for_model(open_page(context))
    told = panel(page, "Memory").get_by_role("listitem")
    tell(page, "What is my boat called?", "Your boat is called Vindil.")
    expect(told.filter(has_text="Vindil")).to_contain_text("by heart", timeout=60_000)
    page.evaluate(DAMAGE, "encoder.gguf")
    page.reload()
    wait_for_model(page)
    tell(page, "Who founded Quillmere?", "Quillmere was founded by Tove Lindahl.")
    expect(told.filter(has_text="Tove")).to_contain_text("by heart", timeout=60_000)
    assert asked == [0, 0]


def test_R11_a_tab_that_dies_while_downloading_costs_at_most_a_chunk(context: BrowserContext):
    asked = note_requests(context, "smollm2-135m.gguf")
    page = open_page(context, DEFAULT)
    until = time.monotonic() + 120
    while not (kept := page.evaluate(SIZE, "smollm2-135m.gguf") // CHUNK):
        assert time.monotonic() < until, "no chunk was ever stored"
        page.wait_for_timeout(20)
    page.close()
    wait_for_model(open_page(context, DEFAULT))
    assert asked[0] == 0 and len(asked) == 2
    assert asked[1] % CHUNK == 0 and asked[1] >= (kept - 1) * CHUNK


def test_a_persons_own_file_opens_on_every_visit_and_a_broken_one_is_named(context: BrowserContext):
    page = open_page(context, "/?engine=cpu")
    wait_for_state(page, "needs-consent", timeout=120)
    data = tiny.gguf("qwen2", "Q8_0")
    for name, content in (("broken.gguf", data[: len(data) // 2]), ("mine.gguf", data)):
        button = page.locator("#consent").get_by_role("button", name="Choose file")
        with page.expect_file_chooser() as choosing:
            button.click()
        choosing.value.set_files({"name": name, "mimeType": "", "buffer": content})
        told = page.get_by_role("dialog", name="Chosen files")
        use = told.get_by_role("button", name="Use")
        if name == "broken.gguf":
            expect(told).to_contain_text("broken.gguf: tensor")
            expect(use).to_have_count(0)
            page.reload()
            wait_for_state(page, "needs-consent", timeout=120)
    use.click()
    wait_for_model(page)
    page.reload()
    wait_for_model(page)


def test_a_model_this_site_does_not_carry_is_not_fetched_unasked(context: BrowserContext):
    page = open_page(context, "/?engine=cpu&model=qwen3-0.6b")
    how = "no other site was asked. Choose it under Models to download it (639 MB)."
    page.get_by_text(how).first.wait_for()
