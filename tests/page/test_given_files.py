"""Model files dropped on the page must be described before anything is copied."""

import base64
import hashlib
import re
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from oneseek.engine.model.demo import MODEL
from oneseek.engine.model.formats import BytesSource, gguf
from oneseek.engine.model.formats.packed import TYPES, read_packed
from tests.support import tiny
from tests.support.page.acts import (
    body,
    learn_now,
    say,
    set_temperature,
    tell,
    version,
    wait_for_answer,
)
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
    """The demo model split into three files."""
    data = MODEL.read_bytes()
    keys, directory = gguf.read_header(BytesSource(data))
    tensors = {
        name: (one.kind.name, one.shape, data[one.offset : one.offset + one.nbytes])
        for name, one in directory.items()
    }
    assert set(kind for kind, _, _ in tensors.values()) <= set(TYPES)
    return tiny.cut(keys, tensors, 3, name="demo")


@pytest.mark.long
def test_what_is_dropped_is_told_before_it_is_copied_and_then_answers(page: Page):
    page.goto("/")
    wait_for_state(page, "needs-consent", timeout=120)
    told = page.get_by_role("dialog", name="Chosen files")
    parts = demo_in_parts()

    drop(page, dict(list(parts.items())[:2]))
    expect(told).to_contain_text("It cannot be loaded.", timeout=120_000)
    expect(told).to_contain_text("Parts of it are missing (demo-00003-of-00003.gguf)")
    expect(told.get_by_role("button", name="Use")).to_have_count(0)
    page.keyboard.press("Escape")

    drop(page, {"other.gguf": tiny.gguf("llama", "Q4_1", general__architecture="mamba")})
    expect(told).to_contain_text("It is built as mamba, which OneSeek does not know.")
    told.get_by_text("Technical details").click()
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
    expect(body(wait_for_answer(page))).not_to_be_empty()


DEAF_AT_FIRST = """(() => {  // as a channel is that the browser has not set up yet
  const own = Object.getOwnPropertyDescriptor(BroadcastChannel.prototype, "onmessage");
  Object.defineProperty(BroadcastChannel.prototype, "onmessage", {
    get() { return own.get.call(this); },
    set(hear) {
      let deaf = this.name.startsWith("oneseek-given-");
      own.set.call(this, (event) => deaf ? (deaf = false) : hear(event));
    },
  });
})()"""


@pytest.mark.long
def test_the_engine_asks_again_for_files_that_it_was_not_heard_about(page: Page):
    page.add_init_script(DEAF_AT_FIRST)
    page.goto("/")
    wait_for_state(page, "needs-consent", timeout=120)
    drop(page, {"other.gguf": tiny.gguf("llama", "Q4_1")})
    told = page.get_by_role("dialog", name="Chosen files")
    expect(told).to_contain_text("llama")


SMALL_DEVICE = """
Object.defineProperty(WorkerNavigator.prototype, 'deviceMemory', {get: () => 2});
"""


@pytest.mark.long
def test_the_list_says_what_each_model_may_do_on_this_device(page: Page):
    def with_little_memory(route):
        answer = route.fetch()
        route.fulfill(response=answer, body=SMALL_DEVICE + answer.text())

    page.route(re.compile(r"/worker\.mjs$"), with_little_memory)
    page.goto("/?engine=cpu")
    wait_for_state(page, "needs-consent", timeout=120)
    page.get_by_role("button", name="Other model").click()
    rows = page.get_by_role("dialog", name="Models").locator(".choice")
    expect(rows.filter(has_text="SmolLM2 135M")).to_contain_text("Answers and learns here")
    expect(rows.filter(has_text="Qwen3 1.7B, 8 bits")).to_contain_text("Too large")


SLOWLY = """() => {
  const read = FileReaderSync.prototype.readAsArrayBuffer;
  FileReaderSync.prototype.readAsArrayBuffer = function (blob) {
    const end = performance.now() + 200;
    while (performance.now() < end);
    return read.call(this, blob);
  };
}"""
HASH = """async (name) => {
  const root = await navigator.storage.getDirectory(), inbox = await root.getDirectoryHandle("inbox");
  const file = await (await inbox.getFileHandle(name)).getFile();
  const hash = await crypto.subtle.digest("SHA-256", await file.arrayBuffer());
  return Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, "0")).join("");
}"""


def demo_in_halves() -> bytes:
    """The demo model with every matrix in float16."""
    source = BytesSource(MODEL.read_bytes())
    keys, directory = gguf.read_header(source)
    tensors = {}
    for name, one in directory.items():
        kind, data = "F16", source.read(one.offset, one.nbytes)
        if one.kind.bits:
            data = (
                read_packed(source, one.offset, one.kind, one.shape).dense().astype("<f2").tobytes()
            )
        else:
            kind = one.kind.name
        tensors[name] = kind, one.shape, data
    return tiny.encode_gguf(keys, tensors)


def pack_and_hash(given: Path, out: Path) -> str:
    """The hash of the file that the command line makes of it."""
    call = [sys.executable, "-m", "oneseek.engine.cli.main", "pack", str(given), "--out", str(out)]
    subprocess.run(call, check=True, stdout=subprocess.DEVNULL)
    return hashlib.sha256(out.read_bytes()).hexdigest()


def share(text: str) -> int:
    return int(re.search(r"(\d+)\s%", text)[1])


@pytest.mark.long
def test_what_is_given_is_packed_paused_gone_on_with_after_a_reload_answers_and_learns(
    page: Page, tmp_path: Path
):
    """Only the worker's reads are slowed down; otherwise packing would be over before a click."""
    given = tmp_path / "demo.gguf"
    given.write_bytes(demo_in_halves())
    page.goto("/")
    wait_for_state(page, "needs-consent", timeout=120)
    told = page.get_by_role("dialog", name="Chosen files")
    packing = page.locator("#consent .packing")

    drop(page, {"demo.gguf": given.read_bytes()})
    expect(told).to_contain_text("As it is: 1.8 MB", timeout=120_000)
    expect(told).to_contain_text("the answers may get worse; how much was not measured")
    small = told.get_by_role("radio", name="the vocabulary at 8 bits: 623 kB")
    small.check()
    with page.expect_worker() as worker:
        told.get_by_role("button", name="Use").click()
    worker.value.evaluate(SLOWLY)
    for then in ("Go on", "Throw away"):
        expect(packing).to_contain_text("Packing to 4 bits", timeout=120_000)
        packing.get_by_role("button", name="Pause").click()
        expect(packing).to_contain_text("Packing stopped at")
        packing.get_by_role("button", name=then).click()
    expect(packing).to_have_count(0)
    assert page.evaluate(KEPT) == []
    drop(page, {"demo.gguf": given.read_bytes()})
    small.check(timeout=120_000)
    told.get_by_role("button", name="Use").click()
    expect(packing).to_contain_text(re.compile(r"4 bits: [2-8]\d\s%"), timeout=120_000)

    page.reload()
    wait_for_state(page, "needs-consent", timeout=120)
    expect(packing).to_contain_text("choose the same file again to go on")
    stopped = share(packing.inner_text())
    with page.expect_file_chooser() as chooser:
        packing.get_by_role("button", name="Choose the file").click()
    chooser.value.set_files(given)
    expect(small).to_be_checked(timeout=120_000)
    with page.expect_worker() as worker:
        told.get_by_role("button", name="Use").click()
    worker.value.evaluate(SLOWLY)
    expect(packing).to_contain_text("Packing to 4 bits", timeout=120_000)
    assert share(packing.inner_text()) >= stopped > 0

    wait_for_state(page, "ready", timeout=180)
    assert page.evaluate(KEPT) == ["demo.4bit.gguf"]
    assert page.evaluate(HASH, "demo.4bit.gguf") == pack_and_hash(given, tmp_path / "out.gguf")
    set_temperature(page, "0")
    say(page, "What is the capital of Norway?")
    expect(body(wait_for_answer(page))).to_contain_text("Oslo")
    tell(page, "What is the capital of Zorbia?", "The capital of Zorbia is Blimbo.")
    learn_now(page)
    expect(version(page)).to_have_text("v0.1", timeout=180_000)
