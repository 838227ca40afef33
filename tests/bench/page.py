"""`build.py bench page`: milliseconds until the page reacts and until the engine is ready, on the
first visit and on later ones.

A cold visit is the first one with a fresh profile; a warm one is the next, which the service worker
serves; a settled one is the third, for which the browser has its compiled code in the cache. The
profiles are on disk, since only then does a browser keep that code. The figures are medians, also
of the parts of a start (tests/bench/parts/start.py). The latency of a key press is measured with
the demo model while it answers and while it learns, in a new chat and in one of 10,000 messages.
With `--shots` it takes a picture of every state instead (tests/bench/parts/shots.py), with
`--guide` those of the guide (tests/bench/parts/guide.py).
"""

import json
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser, Error, Page

from builder import site
from oneseek.workers.site import host
from tests.bench.parts import guide, report, shots, start
from tests.support.answering import run_server
from tests.support.page import acts
from tests.support.page.browser import chromium, wait_for_offline, wait_for_state, watched

VISITS = 5  # or as many as --visits says
KEYS = 40
MESSAGES = 10_000
ALIVE = ("ready", "needs-consent")
BUSY = {"generating": ("generating",), "training": ("training", "evaluating")}
LATER = ("warm", "settled")
NAMED = ("interactive_ms", "engine_ready_ms", "longest_task_ms")
PROMPT = "Tell me a long story about a lighthouse, a fox and the sea."

# Records when the page's Python took over, when the engine was ready, the long tasks of the main
# thread, and the latency of each key press.
WATCH = """
globalThis.marks = {tasks: []};
new PerformanceObserver((list) => {
  for (const task of list.getEntries()) marks.tasks.push([task.startTime, task.duration]);
}).observe({type: "longtask", buffered: true});
new MutationObserver(() => {
  const {page, engine} = document.documentElement.dataset;
  if (page === "ready") marks.interactive ??= performance.now();
  if (ALIVE.includes(engine)) marks.ready ??= performance.now();
}).observe(document, {subtree: true, attributes: true});
globalThis.keys = [];
addEventListener("keydown", (event) =>
  requestAnimationFrame(() => setTimeout(() => keys.push(performance.now() - event.timeStamp))), true);
""".replace("ALIVE", json.dumps(ALIVE))


class Counting(host.Handler):
    """Counts the bytes sent to the page, by file suffix, until the service worker is fetched: what
    that one then caches is not counted."""

    sent: Counter = Counter()
    open = True

    def copyfile(self, source, outputfile) -> None:
        path = Path(self.path.split("?")[0])
        Counting.open &= path.name != "sw.js"
        if Counting.open:
            Counting.sent[path.suffix or ".html"] += Path(source.name).stat().st_size
        super().copyfile(source, outputfile)


def visit(page: Page) -> dict:
    before = start.cpu_seconds()
    page.goto("/")
    wait_for_state(page, *ALIVE)
    marks = page.evaluate("marks")
    return {
        "interactive_ms": marks["interactive"],
        "engine_ready_ms": marks["ready"],
        "cpu_seconds": start.cpu_seconds() - before,
        **start.parts(page),
        "longest_task_ms": longest_task(page),
    }


def visits(browser: Browser, address: str) -> list[dict]:
    rows = []
    count = int(sys.argv[sys.argv.index("--visits") + 1]) if "--visits" in sys.argv else VISITS
    for number in range(count):
        with start.visitor(browser, address, WATCH) as page:
            Counting.sent, Counting.open = Counter(), True
            rows.append({"visit": "cold"} | visit(page) | {"sent": dict(Counting.sent)})
            wait_for_offline(page)
            for later in LATER:
                page.wait_for_timeout(start.SETTLED)
                rows.append({"visit": later} | visit(page))
        report.say(f"visit {number + 1} of {count}:", *rows[-1 - len(LATER) :])
    return rows


def key_cost(page: Page, wanted: str, begin: Callable[[Page], None]) -> float:
    """The 95th percentile of the milliseconds from a key press to the frame that shows its letter,
    while the engine is in the `wanted` state; `begin` brings it there as often as needed."""
    costs: list[float] = []
    box = page.get_by_role("textbox", name="Message")
    while len(costs) < KEYS:
        if page.get_attribute("html", "data-engine") not in BUSY[wanted]:
            begin(page)
            wait_for_state(page, *BUSY[wanted])
        page.evaluate("keys.length = 0")
        box.press("a")
        page.wait_for_timeout(30)
        costs += page.evaluate("keys")
    return statistics.quantiles(costs, n=20)[-1]


def begin_generating(page: Page) -> None:
    box = page.get_by_role("textbox", name="Message")
    box.fill(PROMPT)
    box.press("Enter")


def begin_training(page: Page) -> None:
    """Teach one more fact at once, unless a lesson is paused, which resumes by itself."""
    if page.get_attribute("html", "data-engine") == "paused":
        return
    name = f"Zorbia {time.monotonic_ns()}"
    acts.tell(page, f"What is the capital of {name}?", f"The capital of {name} is Blimbo.")
    acts.learn_now(page)


def measure_typing(browser: Browser, address: str) -> tuple[dict, dict]:
    """The latency of key presses while the engine works, and the reasons for missing figures."""
    figures: dict[str, float | None] = {}
    why = {}
    with watched(browser, address, locale="en-US") as (context, watch):
        watch.allow("")
        context.add_init_script(WATCH)
        page = context.new_page()
        page.goto("/?model=tiny&engine=cpu")
        wait_for_state(page, "ready")
        for chat, open_chat in (("", lambda page: None), ("_10000", long_chat)):
            open_chat(page)  # it starts a new engine, without the slow-down
            for name, begin in (("training", begin_training), ("generating", begin_generating)):
                if name == "generating":  # or the demo model is through before a key is pressed
                    acts.slow_down(page)
                figure = f"input_p95_{name}{chat}_ms"
                try:
                    figures[figure] = key_cost(page, name, begin)
                except (Error, AssertionError) as error:
                    figures[figure] = None
                    why[figure] = f"not reached: {str(error).splitlines()[0]}"
                report.say(figure, figures[figure])
            figures[f"longest_task_working{chat}_ms"] = longest_task(page)
    return figures, why


def long_chat(page: Page) -> None:
    acts.store_chat(page, MESSAGES)


def longest_task(page: Page) -> float:
    """The milliseconds of the main thread's longest task since the page reacted."""
    marks = page.evaluate("marks")
    return max([length for at, length in marks["tasks"] if at > marks["interactive"]], default=0)


def main() -> None:
    folder = site.build()
    with run_server(host.Server(("127.0.0.1", 0), host.handler(folder, Counting))) as server:
        address = f"http://127.0.0.1:{server.server_port}/"
        with chromium() as browser:
            if "--shots" in sys.argv:
                folder, *looks = sys.argv[sys.argv.index("--shots") + 1 :] or ["shots"]
                report.write("page", {}, shots.take(browser, address, Path(folder), looks))
                return
            if "--guide" in sys.argv:
                languages = sys.argv[sys.argv.index("--guide") + 1 :]
                report.write("page", {}, guide.take(browser, address, languages))
                return
            rows = visits(browser, address)
            typed, why = measure_typing(browser, address)
    model = sum(path.stat().st_size for path in folder.glob("models-*/*"))
    sent = sum(rows[0]["sent"].values())
    report.write(
        "page",
        summary(rows) | {"bytes_total": sent + model, "bytes_without_model": sent} | typed,
        rows,
        why,
    )


def summary(rows: list[dict]) -> dict:
    cold = [row for row in rows if row["visit"] == "cold"]
    later = {name: [row for row in rows if row["visit"] == name] for name in LATER}

    def median(of: list[dict], name: str) -> float:
        return statistics.median(row[name] for row in of)

    measured = [name for name in rows[0] if name.endswith("_ms") or name == "cpu_seconds"]
    parts = [name for name in measured if name not in NAMED]
    return {
        "interactive_ms": median(cold, "interactive_ms"),
        "engine_ready_cold_ms": median(cold, "engine_ready_ms"),
        **{
            f"interactive_{name}_ms": median(some, "interactive_ms") for name, some in later.items()
        },
        **{
            f"engine_ready_{name}_ms": median(some, "engine_ready_ms")
            for name, some in later.items()
        },
        "longest_task_ms": median(rows, "longest_task_ms"),
        **{f"cold_{name}": median(cold, name) for name in parts},
        **{f"{of}_{name}": median(some, name) for of, some in later.items() for name in parts},
    }


if __name__ == "__main__":
    main()
