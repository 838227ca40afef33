"""Model files dropped on the page: what they are is told before anything of them is copied."""

import base64

import pytest
from playwright.sync_api import Page, expect

from engine.model.demo import MODEL
from engine.model.formats import BytesSource, gguf
from engine.model.formats.packed import TYPES
from tests.support import tiny
from tests.support.page.acts import body, finished, say
from tests.support.page.browser import wait_for_state

pytestmark = pytest.mark.slow

DROP = """(files) => {
  const data = new DataTransfer();
  for (const [name, text] of Object.entries(files)) {
    const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    data.items.add(new File([bytes], name));
  }
  for (const kind of ["dragenter", "dragover", "drop"])
    document.body.dispatchEvent(
      new DragEvent(kind, { bubbles: true, cancelable: true, dataTransfer: data }));
}"""
KEPT = """async () => {
  const root = await navigator.storage.getDirectory(), names = [];
  for await (const [name, handle] of root.entries())
    if (name === "inbox") for await (const inside of handle.keys()) names.push(inside);
  return names;
}"""


def drop(page: Page, files: dict[str, bytes]) -> None:
    page.evaluate(DROP, {name: base64.b64encode(data).decode() for name, data in files.items()})


def demo_in_parts() -> dict[str, bytes]:
    """The demo model cut in three."""
    data = MODEL.read_bytes()
    keys, directory = gguf.read_header(BytesSource(data))
    tensors = {
        name: (one.kind.name, one.shape, data[one.offset : one.offset + one.nbytes])
        for name, one in directory.items()
    }
    assert set(kind for kind, _, _ in tensors.values()) <= set(TYPES)
    return tiny.cut(keys, tensors, 3, name="demo")


def test_what_is_dropped_is_told_before_it_is_copied_and_then_answers(page: Page):
    page.goto("/")
    wait_for_state(page, "needs-consent", timeout=120)
    told = page.get_by_role("dialog", name="What these files are")
    parts = demo_in_parts()

    drop(page, dict(list(parts.items())[:2]))
    expect(told).to_contain_text("It cannot be loaded.", timeout=120_000)
    expect(told).to_contain_text("demo-00003-of-00003.gguf of 3 parts is missing")
    expect(told.get_by_role("button", name="Use")).to_have_count(0)
    page.keyboard.press("Escape")

    drop(page, {"other.gguf": tiny.gguf("llama", "Q4_1", general__architecture="mamba")})
    expect(told).to_contain_text("the architecture 'mamba' is not supported")
    page.keyboard.press("Escape")

    folder = tiny.folder("qwen2", "F16", shards=2) | {"vocab.json": b"{}"}
    drop(page, folder)
    expect(told).to_contain_text("safetensors")
    expect(told).to_contain_text("qwen2")
    expect(told).to_contain_text("Answers and learns here")
    page.keyboard.press("Escape")

    drop(page, parts)
    expect(told).to_contain_text("3 files")
    expect(told).to_contain_text("apache-2.0")
    assert page.evaluate(KEPT) == []
    told.get_by_role("button", name="Use").click()
    wait_for_state(page, "ready", timeout=120)
    say(page, "Hello")
    expect(body(finished(page))).not_to_be_empty()
    page.reload()
    wait_for_state(page, "ready", timeout=120)


def test_the_list_says_what_each_model_may_do_on_this_device(page: Page):
    page.goto("/?engine=cpu")
    wait_for_state(page, "needs-consent", timeout=120)
    page.get_by_role("button", name="Other model").click()
    rows = page.get_by_role("dialog", name="Models").locator(".choice")
    expect(rows.filter(has_text="SmolLM2 135M")).to_contain_text("Answers and learns here")
    expect(rows.filter(has_text="AI Sweden")).to_contain_text("Too large")
