"""Tests marked `pytest.mark.in_worker` must pass inside the page's worker too."""

import json

import pytest

from builder import ROOT, site
from tests.support.page.browser import Chromium, served, watched

pytestmark = [pytest.mark.slow, pytest.mark.long]

FILES = {
    path.relative_to(ROOT).as_posix(): path.read_text()
    for path in sorted((ROOT / "tests").rglob("test_*.py"))
    if "mark.in_worker" in path.read_text() and path.name != "test_in_worker.py"
}
USUAL = [name for name, text in FILES.items() if "mark.in_worker\n" in text]  # not only long tests
FEW = [name for name in USUAL if name.split("/")[-1] in (
    "test_webgpu.py", "test_tiers.py", "test_programs.py", "test_memory_blocks.py",
)]  # fmt: skip
"""What the page has of its own: the graphics chip, threads and memory. The compiler in Python runs
there in the lab, see test_lab.py."""
LONG_IN_A_TAB = [name for name, text in FILES.items() if "LONG_IN_A_TAB" in text]

RUN = """async (asked) => {
  const facts = JSON.parse(document.querySelector("#site").textContent);
  const address = (name) => new URL(facts.files[name], document.baseURI).href;
  const own = facts.workers.tests;
  const channel = "tests-" + crypto.randomUUID();
  const settings = {...own, worker: "tests", channel, build: facts.build, arguments: asked,
    scripts: Object.fromEntries(own.scripts.map((s) => [s, address(s)]))};
  const events = [];
  const heard = new Promise((done) => {
    new BroadcastChannel(channel).onmessage = ({data}) => {
      const event = JSON.parse(JSON.parse(data).event);
      events.push(event);
      if (event.type === "Finished" || event.type === "Broken") done();
    };
  });
  new Worker(address("worker.mjs"), {type: "module"}).postMessage(settings);
  await heard;
  return events;
}"""


def run_in_worker(chromium: Chromium, marks: str, files: list[str]) -> list[dict]:
    """Run these files' tests with these marks in the worker; returns its events."""
    with served(site.build(tests=True)) as address, watched(chromium, address) as (context, watch):
        watch.allow("")  # the suite includes kernels that must not compile
        page = context.new_page()
        page.goto("/tests.html")
        return page.evaluate(RUN, ["-m", marks, *files])


@pytest.fixture(scope="module")
def events(chromium: Chromium) -> list[dict]:
    return run_in_worker(chromium, "in_worker and not slow and not long", FEW)


def test_the_suite_inside_the_worker_ends_well(events):
    assert events[-1] == {"type": "Finished", "code": 0}, json.dumps(events[-1], indent=1)


@pytest.mark.parametrize("file", FEW)
def test_it_passes_inside_the_worker_too(events, file):
    told = [event for event in events if event.get("test", "").startswith(file)]
    failed = [event for event in told if event["outcome"] == "failed"]
    assert not failed, "\n\n".join(f"{e['test']}\n{e['detail']}" for e in failed)
    assert any(event["outcome"] == "passed" for event in told), f"no test of {file} ran"


@pytest.mark.parametrize(
    "marks, files",
    [("in_worker and not long", USUAL), ("in_worker and long", LONG_IN_A_TAB)],
)
def test_what_takes_long_in_a_tab_passes_there_too(chromium, marks, files):
    for event in run_in_worker(chromium, marks, files):
        assert event.get("outcome") != "failed", f"{event['test']}\n{event['detail']}"
    assert event == {"type": "Finished", "code": 0}
