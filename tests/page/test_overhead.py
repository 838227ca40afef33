"""The cost of learning for a person who asks, by the page's own figures, with limits for a busy
machine.

`bench overhead` measures the same at length; tests/learning/test_overhead.py measures CPU time.
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
LOADED = 20  # factor that a busy machine may add


@pytest.mark.long
def test_an_answer_asked_while_it_learns_waits_for_the_rest_of_a_slice(page: Page):
    page.add_init_script(WATCH)
    page.goto("/?model=tiny&engine=cpu&debug=1")
    wait_for_state(page, "ready", timeout=120)
    page.get_by_role("button", name="English").click()
    ask(page, "Hello")  # the first answer compiles, which does not count
    teach(page)
    yields = []
    for number in range(SENDS):
        panel(page, "Activity").locator('[data-do="learn-now"]').click()  # or *Finish now*
        until_training(page, 180)
        ask(page, f"What is {number} times two?")
        page.wait_for_timeout(1100)  # the figures are updated once a second
        yields.append(scheduler(page)["last_yield_ms"])  # 0 until a question met a slice under way
    told, slice_ms = scheduler(page), SchedulerConfig().max_idle_time_ms
    print(told, yields)
    assert told["used_ms"] / told["training_count"] <= 2 * LONG_MS
    # The least wait: an engine that never yields delays every question, a stalled machine only one.
    assert 0 < min(filter(None, yields), default=0) <= LOADED * slice_ms
