"""The page's modules must behave in MicroPython exactly as in CPython."""

import json
import statistics
import subprocess
import sys

import pytest

from builder import ROOT
from tests.support.page import bare_page
from tests.support.page.browser import served, watched

pytestmark = pytest.mark.slow
LIFE = (ROOT / "tests/support/same_in_both.py").read_text()


@pytest.fixture(scope="module")
def page(chromium, tmp_path_factory):
    folder = bare_page.write_site(tmp_path_factory.mktemp("bare"))
    with served(folder) as address, watched(chromium, address) as (context, _):
        page = context.new_page()
        bare_page.start(page)
        yield page


def test_one_life_of_queue_collector_and_scheduler_is_the_same_in_both(page):
    here = subprocess.run(
        [sys.executable, "-m", "tests.support.same_in_both"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    expected = [json.loads(line) for line in here.stdout.decode().splitlines()]
    body = LIFE.split('if __name__ == "__main__":')[0]
    found = bare_page.run(page, body + "\nawait main()\n")
    assert len(expected) > 40
    for mine, theirs in zip(expected, found, strict=True):
        assert theirs == mine


PREPARE = """
import json, js
from oneseek.engine.core.queue.training_queue import CLASSES, TrainingQueue
from oneseek.engine.core.collecting.content import content_hash

queue = TrainingQueue(lambda: 0)

def grow(size):
    first = len(queue.records)
    for i in range(first, size):
        queue.add({"prompt": "q%d" % i, "answer": "yes", "priority": CLASSES[i % 4]})
        queue.changes = {}

def act(i):
    id = content_hash("q%d" % (i * 7 % len(queue.records)), "yes")
    started = js.performance.now()
    if id in queue.records:
        queue.skip(id)
        queue.undo()
    queue.peek(20)
    queue.give_back([one["id"] for one in queue.take(1)])
    queue.changes = {}
    print(json.dumps(js.performance.now() - started))
"""


def typical_cost(page, size):
    """The median cost of an act at this size. The state grows a little at a time, as in the page,
    so that MicroPython collects garbage in between."""
    for count in range(0, size + 1, 500):
        bare_page.run(page, f"grow({count})")
    return statistics.median(bare_page.run(page, f"act({i})")[0] for i in range(200))


@pytest.mark.long
def test_an_operation_at_100_000_items_costs_in_the_page_about_what_it_costs_at_1_000(page):
    bare_page.run(page, PREPARE)
    small, large = typical_cost(page, 1000), typical_cost(page, 100_000)
    print(f"{small:.2f} ms at 1,000, {large:.2f} ms at 100,000")
    assert large < 4 * small
