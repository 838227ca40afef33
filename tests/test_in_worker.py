"""One suite, two homes: what bears `pytest.mark.in_worker` passes inside the page's worker too."""

import json

import pytest

from builder import ROOT, site
from tests.browser import served, watched

pytestmark = pytest.mark.slow

FILES = sorted(
    path.relative_to(ROOT).as_posix()
    for path in (ROOT / "tests").rglob("test_*.py")
    if "mark.in_worker\n" in path.read_text() and path.name != "test_in_worker.py"
)

RUN = """async ([arguments, core]) => {
  const facts = JSON.parse(document.querySelector("#site").textContent);
  const address = (name) => new URL(facts.files[name], document.baseURI).href;
  const own = facts.workers.tests;
  const channel = "tests-" + crypto.randomUUID();
  const settings = {...own, worker: "tests", channel, build: facts.build, arguments,
    wheel: address(own.wheel), scripts: Object.fromEntries(own.scripts.map((s) => [s, address(s)]))};
  const events = [];
  const heard = new Promise((done) => {
    new BroadcastChannel(channel).onmessage = ({data}) => {
      const event = JSON.parse(JSON.parse(data).event);
      events.push(event);
      if (event.type === "Finished" || event.type === "Broken") done();
    };
  });
  const script = document.createElement("script");
  script.type = "py";
  script.src = address("workers/boot.py");
  script.setAttribute("worker", "");
  script.setAttribute("name", "tests");
  script.setAttribute("config",
    JSON.stringify({interpreter: address("pyodide.mjs"), plugins: ["!error"], oneseek: settings}));
  document.body.append(script);
  await heard;
  return events;
}"""


@pytest.fixture(scope="module")
def suite_address():
    with served(site.build(tests=True)) as address:
        yield address


def run_inside(chromium, address: str, *arguments: str) -> list[dict]:
    """The events of one run of pytest inside the worker."""
    with watched(chromium, address) as (context, watch):
        watch.allow("")  # kernels that must not compile are part of the suite
        page = context.new_page()
        page.goto("/tests.html")
        return page.evaluate(RUN, [list(arguments), ""])


@pytest.mark.parametrize("file", FILES)
def test_it_passes_inside_the_worker_too(chromium, suite_address, file):
    events = run_inside(chromium, suite_address, file)
    failed = [event for event in events if event.get("outcome") == "failed"]
    assert not failed, "\n\n".join(f"{e['test']}\n{e['detail']}" for e in failed)
    assert events[-1] == {"type": "Finished", "code": 0}, json.dumps(events[-1], indent=1)
    assert any(event.get("outcome") == "passed" for event in events)
