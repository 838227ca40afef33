"""What learning costs who asks, by the page's own figures, with bounds that a loaded machine keeps.

`bench overhead` measures the same at length, tests/learning/test_overhead.py in the processor's
time.
"""

import pytest
from playwright.sync_api import Page

from oneseek.engine.core.scheduler import LONG_MS
from oneseek.engine.core.settings import SchedulerConfig
from tests.bench.overhead import WATCH, ask, scheduler, teach, until_training
from tests.support.page.acts import panel
from tests.support.page.browser import wait_for_state

pytestmark = pytest.mark.slow
SENDS = 3
LOADED = 20  # times as long may anything take on a machine that does other things too


@pytest.mark.long
def test_an_answer_asked_while_it_learns_waits_for_the_rest_of_a_slice(page: Page):
    page.add_init_script(WATCH)
    page.goto("/?model=tiny&engine=cpu&debug=1")
    wait_for_state(page, "ready", timeout=120)
    page.get_by_role("button", name="English").click()
    ask(page, "Hello")  # what is compiled at the first answer is not counted
    teach(page)
    yields = []
    for number in range(SENDS):
        panel(page, "Activity").locator('[data-do="learn-now"]').click()  # or *Finish now*
        until_training(page, 180)
        ask(page, f"What is {number} times two?")
        page.wait_for_timeout(1100)  # the figures are told once a second
        yields.append(scheduler(page)["last_yield_ms"])  # 0 until one met a slice under way
    told, slice_ms = scheduler(page), SchedulerConfig().max_idle_time_ms
    print(told, yields)
    assert told["used_ms"] / told["training_count"] <= 2 * LONG_MS
    # An engine that does not yield makes every Send wait, a machine that stands still only one.
    assert 0 < min(filter(None, yields), default=0) <= LOADED * slice_ms
