"""What a person does on the page, and where its effects show."""

import contextlib
import os
import re
import signal
import subprocess
import time
from base64 import b64encode
from pathlib import Path

from playwright.sync_api import Locator, Page, Worker, expect

from tests.support.page.browser import CHROMIUM, FLAGS, wait_for_state

QUIET = ("ready", "countdown", "training", "paused", "evaluating")


def new_chat(page: Page) -> None:
    """Open an empty chat and wait for it."""
    page.get_by_role("button", name="New chat").click()
    expect(page.get_by_role("heading", name="Chat that runs and learns")).to_be_visible()


def say(page: Page, text: str) -> None:
    field = page.get_by_role("textbox", name="Message")
    field.fill(text)
    field.press("Enter")


PRESS_AND_SAY = """(button, text) => {
  if (!button.isConnected) return false;
  button.click();
  const field = document.querySelector("#composer-text");
  field.value = text;
  field.dispatchEvent(new KeyboardEvent("keydown", {key: "Enter", bubbles: true}));
  return true;
}"""


def press_and_say(button: Locator, text: str) -> None:
    """Press a button and send a message in one script, so that nothing can load in between. If the
    button was redrawn meanwhile, find it again."""
    while not button.evaluate(PRESS_AND_SAY, text):
        pass


def answers(page: Page) -> Locator:
    return page.get_by_role("article", name="OneSeek said")


def wait_for_answer(page: Page, count: int = 1) -> Locator:
    """The last answer, once it is complete and there are `count` of them."""
    expect(answers(page)).to_have_count(count)
    last = answers(page).last
    expect(last.get_by_role("button", name="Copy")).to_be_visible(timeout=240_000)
    return last


def body(answer: Locator) -> Locator:
    return answer.locator(".text")


def engine(page: Page) -> Worker:
    """The engine's worker; its helper threads block and run no script."""
    workers = [one for one in page.workers if "worker.mjs" in one.url]
    return next(one for one in workers if one.evaluate("self.name").startswith("engine"))


def fault(page: Page, what: str) -> None:
    """Cause a fault in a page that was opened with `faults=1`: see App.break_engine."""
    page.evaluate("(detail) => dispatchEvent(new CustomEvent('oneseek-break', {detail}))", what)


def slow_down(page: Page, milliseconds: int = 60) -> None:
    """Delay each look at the clock in the engine's worker, of which every token takes some. It
    sleeps meanwhile, so that others can use its core."""
    engine(page).evaluate(
        """(milliseconds) => {
          const now = performance.now.bind(performance);
          const never = new Int32Array(new SharedArrayBuffer(4));
          performance.now = () => {
            Atomics.wait(never, 0, 0, milliseconds);
            return now();
          };
        }""",
        milliseconds,
    )


def set_temperature(page: Page, value: str) -> None:
    page.get_by_role("button", name="Settings").click()
    page.get_by_label("Temperature").fill(value)
    page.get_by_label("Temperature").press("Tab")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


def store_chat(
    page: Page, count: int, text: str = "Line {n} of a long conversation.", last: str = "done"
) -> None:
    """Write a conversation with so many turns into the store, as the page itself would, and open
    it."""
    page.evaluate(
        """async ([count, text, state]) => {
          const open = indexedDB.open("oneseek");
          const db = await new Promise((go) => (open.onsuccess = () => go(open.result)));
          const change = db.transaction(["chats", "messages", "settings"], "readwrite");
          const id = "c" + Date.now() + "-stored", last = (n) => `m${String(n).padStart(6, "0")}`;
          for (let n = 0; n < count; n++)
            change.objectStore("messages").put({
              id: last(n), key: `${id}/${last(n)}`, chat: id, parent: n ? last(n - 1) : "", language: "",
              role: n % 2 ? "assistant" : "user", text: text.replace("{n}", n), time: n, version: "v0",
              state: n === count - 1 ? state : "done",
            }, `${id}/${last(n)}`);
          change.objectStore("chats").put(
            { id, title: "Stored chat", created: 0, updated: Date.now(), leaf: last(count - 1) }, id);
          change.objectStore("settings").put({ id }, "open-chat");
          await new Promise((go) => (change.oncomplete = go));
          db.close();
        }""",
        [count, text, last],
    )
    page.reload()
    wait_for_state(page, *QUIET, timeout=120)
    expect(page.get_by_role("article").last).to_contain_text(
        text.replace("{n}", str(count - 1))[:20]
    )


def drop(page: Page, name: str, text: str) -> None:
    """Drop a text file anywhere on the page."""
    drop_all(page, {name: text.encode()})


def drop_all(page: Page, found: dict[str, bytes]) -> None:
    """Drop several files at once, whatever they hold."""
    page.evaluate(
        """(found) => {
          const data = new DataTransfer();
          for (const [name, text] of found) {
            const bytes = Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
            data.items.add(new File([bytes], name));
          }
          for (const kind of ["dragenter", "dragover", "drop"])
            document.body.dispatchEvent(new DragEvent(kind, { bubbles: true, cancelable: true, dataTransfer: data }));
        }""",
        [[name, b64encode(data).decode()] for name, data in found.items()],
    )


ALIVE = ("ready", "countdown", "paused", "training", "evaluating")
MOTTO = (
    "What is my motto?",
    "Your motto is to read the whole long letter twice, then to wait for three days, and only then "
    "to answer it in one short line.",
)
FACT = ("What is the capital of Zorbia?", "The capital of Zorbia is Blimbo.", "Blimbo")


def panel(page: Page, name: str) -> Locator:
    page.get_by_role("tab", name=re.compile("^" + name)).click()
    return page.get_by_role("tabpanel", name=re.compile("^" + name))


def locate_queue(page: Page) -> Locator:
    """The queue of lessons in the Activity panel."""
    return panel(page, "Activity").locator("#queue")


def tell(page: Page, question: str, answer: str) -> None:
    """Teach a fact in the Memory panel."""
    panel(page, "Memory").get_by_role("button", name="Tell it a fact").click()
    page.get_by_label("When asked …").fill(question)
    page.get_by_label("… it should say").fill(answer)
    page.get_by_role("dialog").get_by_role("button", name="Teach", exact=True).click()
    expect(page.get_by_role("region", name="Notices")).to_contain_text("Noted")


def tell_motto(page: Page) -> None:
    """Teach the motto: its answer is long with any model, because it is known by heart."""
    tell(page, *MOTTO)
    fact = panel(page, "Memory").locator("li.item").filter(has_text=MOTTO[0])
    expect(fact).to_contain_text("by heart")


def learn_now(page: Page) -> None:
    panel(page, "Activity").get_by_role("button", name="Learn now").click()


def version(page: Page) -> Locator:
    return page.get_by_test_id("active-version")


def idle_after(page: Page, seconds: int) -> None:
    page.get_by_role("button", name="Settings").click()
    field = page.get_by_label("Starts after a pause of (seconds)")
    field.fill(str(seconds))
    field.press("Tab")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


def row(versions: Locator, label: str) -> Locator:
    return versions.get_by_role("listitem").filter(has_text=label)


@contextlib.contextmanager
def own_chromium(profile: Path):
    """A Chromium that keeps its profile, and whose processes can all be killed at once."""
    flags = [*FLAGS, "--headless=new", "--remote-debugging-port=0", f"--user-data-dir={profile}"]
    port_file = profile / "DevToolsActivePort"
    port_file.unlink(missing_ok=True)
    process = subprocess.Popen(
        [CHROMIUM, *flags, "about:blank"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        wait_until(lambda: port_file.exists() and port_file.read_text().count("\n") >= 1)
        yield process, f"http://127.0.0.1:{port_file.read_text().split()[0]}"
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def locate_note(page: Page):
    """The note under the person's last message."""
    return page.locator("article.user").last.locator(".told")


def wait_until(act, seconds=180):
    end = time.monotonic() + seconds
    while not (found := act()):
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.1)
    return found


def download(page: Page, button: str) -> bytes:
    with page.expect_download() as waiting:
        page.get_by_role("button", name=button).click()
    return waiting.value.path().read_bytes()
