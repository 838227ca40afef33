"""Measures what background learning costs the chat: `python3 build.py bench overhead`.

First some facts are told.  In part `asking` the same questions are asked by turns with learning
paused and with a round under way that does not wait for quiet, each in a chat of its own; measured
are the latency of the first words and tokens a second.  In part `quiet` somebody reads, and the
share of time that training takes is compared with the share asked for; then nobody is there, and
training may take all of it.  Long tasks of the page's main thread are recorded throughout.
The model is the default one, or ONESEEK_BENCH_MODEL (`tiny` is the demo model).
"""

import argparse
import json
import os
import re
import statistics
import time

from playwright.sync_api import Page, expect

from builder import site
from oneseek.engine.core.scheduler import AWAY_MS
from oneseek.engine.core.settings import TARGETS
from oneseek.engine.model.llama import Config
from oneseek.engine.model.trainable import Trained
from tests.bench.parts import report
from tests.support.page.acts import new_chat
from tests.support.page.browser import chromium, served, wait_for_state, watched

MODEL = os.environ.get("ONESEEK_BENCH_MODEL", "smollm2-135m")
QUESTIONS = ("Why is the sky blue?", "What is a lighthouse?", "Name three colours.", "Say hello.")
TIMES = 3  # that each question is asked in each phase
FACTS = (
    ("What is the code of the boat house?", "The code of the boat house is 7391."),
    ("Who founded Quillmere?", "Quillmere was founded by Tove Lindahl."),
    ("What is my sister's cat called?", "Your sister's cat is called Pumpernickel."),
    ("When is the spring fair?", "The spring fair is on the ninth of May."),
)
QUIET_SECONDS = 40
READER_MOVES = 5  # seconds between two movements of the pointer
OPENING = "opening"  # the page loads and cannot be used yet; `bench page` measures it
USED = ("training", "evaluating", "promoting")
IN_USE = ("ready", "countdown", "paused", *USED)
WATCH = """
globalThis.tasks = [];
new PerformanceObserver((list) => {
  for (const task of list.getEntries()) tasks.push([task.startTime, task.duration]);
}).observe({type: "longtask", buffered: true});
globalThis.firstWords = (question) => new Promise((told) => {
  const before = document.querySelectorAll("article.assistant").length;
  const began = performance.now();
  const look = new MutationObserver(() => {
    const all = document.querySelectorAll("article.assistant");
    if (all.length > before && all[all.length - 1].querySelector(".text")?.textContent.trim()) {
      look.disconnect();
      told(performance.now() - began);
    }
  });
  look.observe(document.querySelector("#log"), {subtree: true, childList: true, characterData: true});
  const field = document.querySelector("#composer-text");
  field.value = question;
  field.dispatchEvent(new KeyboardEvent("keydown", {key: "Enter", bubbles: true}));
});
"""
# SmolLM2-135M: the bytes of its adapter are computed from it.
SMOLLM2 = Config(vocab=49152, width=576, layers=30, heads=9, kv_heads=3, head_width=64, hidden=1536)


def scheduler(page: Page) -> dict:
    return json.loads(page.get_attribute("html", "data-scheduler") or "{}")


def ask(page: Page, question: str) -> dict:
    """Ask a question; return the milliseconds to the first words and the tokens a second."""
    first = page.evaluate("(question) => firstWords(question)", question)
    answer = page.get_by_role("article", name="OneSeek said").last
    expect(answer.get_by_role("button", name="Copy")).to_be_visible(timeout=300_000)
    rate = re.search(r"([\d.,]+) tokens/s", answer.text_content() or "")
    return {"first_ms": first, "rate": float(rate[1].replace(",", ".")) if rate else None}


def teach(page: Page) -> None:
    for question, answer in FACTS:
        page.get_by_role("tab", name=re.compile("^Memory")).click()
        page.get_by_role("button", name="Tell it a fact").click()
        page.get_by_label("When asked …").fill(question)
        page.get_by_label("… it should say").fill(answer)
        page.get_by_role("dialog").get_by_role("button", name="Teach", exact=True).click()


def learn_now(page: Page) -> None:
    """Press *Learn now*: the current or the next round runs to its end without pauses."""
    page.get_by_role("tab", name=re.compile("^Activity")).click()
    button = page.locator('[data-do="learn-now"]')  # its label varies
    expect(button).to_be_visible()
    if button.is_enabled():  # else it was pressed before
        button.click()


def pause_or_resume(page: Page) -> None:
    page.get_by_role("tab", name=re.compile("^Activity")).click()
    page.locator('[data-do="pause-learning"]').click()


def until_training(page: Page, seconds: float) -> None:
    """Wait until slices are being trained and nothing holds training back."""
    end = time.monotonic() + seconds
    before = scheduler(page).get("training_count", 0)
    while time.monotonic() < end:
        facts = scheduler(page)
        if facts.get("training_count", 0) > before + 2 and not facts["paused_because"]:
            return
        page.wait_for_timeout(200)
    raise TimeoutError(f"training did not start within {seconds} s: {scheduler(page)}")


def long_tasks(page: Page) -> list[float]:
    """The milliseconds of each long task (over 50 ms) since the last call."""
    return [length for _, length in page.evaluate("tasks.splice(0)")]


def measure(page: Page, parts: list[str]) -> list[dict]:
    page.get_by_role("button", name="English").click()
    teach(page)
    known = page.get_by_role("listitem").filter(has_text="by heart")
    expect(known).to_have_count(len(FACTS), timeout=60_000)
    rows = [{"phase": "teaching", "long_tasks": long_tasks(page)}]
    for part in parts:
        rows += PARTS[part][0](page)
    return rows


def ask_in_turns(page: Page) -> list[dict]:
    """A row for each question in each phase."""
    rows = []
    for question in ("Hello", *QUESTIONS):  # the first answers compile programs and are not counted
        new_chat(page)
        ask(page, question)
    long_tasks(page)
    for question in QUESTIONS * TIMES:
        for phase in ("paused", "learning"):
            new_chat(page)
            pause_or_resume(page)
            if phase == "learning":  # at full share, so that Send comes during a slice
                learn_now(page)
                until_training(page, 180)
            row = {"phase": phase, "question": question} | ask(page, question)
            rows.append(row | {"long_tasks": long_tasks(page), "scheduler": scheduler(page)})
            report.say(rows[-1])
    return rows


def in_the_quiet(page: Page) -> list[dict]:
    """The share of time that training takes while somebody reads, and when nobody is there."""
    page.reload()  # the round goes on without the effect of *Learn now*
    wait_for_state(page, *IN_USE, timeout=600)
    until_training(page, 300)
    rows = [{"phase": OPENING, "long_tasks": long_tasks(page)}]
    rows.append({"phase": "reading"} | while_quiet(page, reader=True))
    page.wait_for_timeout(AWAY_MS)
    rows.append({"phase": "alone"} | while_quiet(page, reader=False))
    return rows


def while_quiet(page: Page, reader: bool) -> dict:
    """The share of QUIET_SECONDS that training takes; a `reader` moves the pointer now and then."""
    before, began = scheduler(page), time.monotonic()
    for move in range(QUIET_SECONDS // READER_MOVES):
        if reader:
            page.mouse.move(300 + move, 300)
        page.wait_for_timeout(READER_MOVES * 1000)
    after, passed = scheduler(page), time.monotonic() - began
    told = {"before": before, "scheduler": after, "seconds": passed}
    used = (after["used_ms"] - before["used_ms"]) / (1000 * passed)
    return told | {"duty": used, "long_tasks": long_tasks(page)}


def figures(rows: list[dict], parts: list[str]) -> dict:
    tasks = [t for row in rows if row["phase"] != OPENING for t in row["long_tasks"]]
    found = {"longest_task_ms": max(tasks, default=0), "lora_bytes": lora_bytes()}
    for part in parts:
        found |= PARTS[part][1](rows)
    return found


def of_the_asking(rows: list[dict]) -> dict:
    def median(phase: str, name: str) -> float:
        return statistics.median(row[name] for row in rows if row["phase"] == phase)

    return {
        "added_latency_ms": median("learning", "first_ms") - median("paused", "first_ms"),
        "first_ms_paused": median("paused", "first_ms"),
        "first_ms_learning": median("learning", "first_ms"),
        "rate_paused": median("paused", "rate"),
        "rate_learning": median("learning", "rate"),
        "token_ms_paused": 1000 / median("paused", "rate"),
        "token_ms_learning": 1000 / median("learning", "rate"),
        "send_to_last_submit_ms": max(
            row["scheduler"]["last_yield_ms"] for row in rows if row["phase"] == "learning"
        ),
    }


def of_the_quiet(rows: list[dict]) -> dict:
    def slices(*phases: str) -> float:
        return max(row["scheduler"]["longest_slice_ms"] for row in rows if row["phase"] in phases)

    reading, alone = (next(r for r in rows if r["phase"] == name) for name in ("reading", "alone"))
    asked = reading["before"]["duty_asked"]
    return {
        "slice_ms": slices("reading"),
        "slice_ms_unshared": slices("learning", "alone"),
        "duty_asked": asked,
        "duty_measured": reading["duty"],
        "duty_off_by": reading["duty"] / asked - 1,
        "duty_alone": alone["duty"],
    }


PARTS = {"asking": (ask_in_turns, of_the_asking), "quiet": (in_the_quiet, of_the_quiet)}


def lora_bytes() -> int:
    """Bytes of training a rank-8 adapter on all seven projections: weights, gradient and both Adam
    moments in float32."""
    trained = Trained.lora(SMOLLM2, 8, 16, TARGETS)
    return 4 * 4 * trained.size


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--only", nargs="*", choices=PARTS, default=list(PARTS))
    parts = options.parse_args().only
    names = ("added_latency_ms", "slice_ms", "duty_asked", "duty_measured", "longest_task_ms")
    with (
        served(site.build()) as address,
        chromium() as browser,
        watched(browser, address, locale="en-US") as (context, watch),
    ):
        watch.allow("")
        context.add_init_script(WATCH)
        page = context.new_page()
        page.goto(f"/?model={MODEL}&debug=1")
        wait_for_state(page, *IN_USE, timeout=600)
        try:
            rows = measure(page, parts)
            found, why = figures(rows, parts), {}
        except (TimeoutError, statistics.StatisticsError) as reason:
            rows, why = [], dict.fromkeys(names, str(reason))
            found = dict.fromkeys(names) | {"lora_bytes": lora_bytes()}
    report.write("overhead", found, rows, why)


if __name__ == "__main__":
    main()
