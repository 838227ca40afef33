"""The engine's worker hangs, dies or runs out of space: the page must go on, and nothing stored may
be lost."""

import re
import time

import pytest
from playwright.sync_api import Page, expect

from tests.support.page.acts import (
    ALIVE,
    answers,
    body,
    fault,
    idle_after,
    learn_now,
    panel,
    say,
    tell,
    version,
    wait_for_answer,
)
from tests.support.page.browser import (
    FILL,
    Watch,
    record_states,
    wait_for_offline,
    wait_for_state,
)
from tests.support.page.stored import light_lessons

pytestmark = pytest.mark.slow
REPLACED_WITHIN = 20


@pytest.mark.long
def test_R22_an_engine_that_hangs_is_replaced_and_the_round_goes_on(page: Page):
    light_lessons(page)
    page.goto("/?model=tiny&faults=1")
    wait_for_state(page, *ALIVE)
    page.get_by_role("button", name="English").click()
    say(page, "Hello")
    said = body(wait_for_answer(page)).inner_text()
    tell(page, "What is the capital of Zorbia?", "The capital of Zorbia is Blimbo.")
    learn_now(page)
    expect(page.get_by_test_id("train-step")).to_have_text(re.compile(r"^\d+ /"))
    began = time.monotonic()
    fault(page, "hang")
    wait_for_state(page, "recovering", timeout=REPLACED_WITHIN + 5)
    assert time.monotonic() - began < REPLACED_WITHIN
    expect(page.get_by_text("The engine stopped answering and is started again")).to_be_visible()
    expect(version(page)).to_have_text("v0.1", timeout=180_000)
    say(page, "Hello")
    expect(body(wait_for_answer(page, 2))).to_have_text(said)


@pytest.mark.long
@pytest.mark.parametrize("what", ["thread", "stuck"])
def test_a_thread_that_dies_or_hangs_is_replaced_and_the_round_goes_on(page: Page, what: str):
    record_states(page)
    light_lessons(page)
    page.goto("/?model=tiny&faults=1&engine=cpu")
    wait_for_state(page, *ALIVE)
    page.get_by_role("button", name="English").click()
    tell(page, "What is the capital of Zorbia?", "The capital of Zorbia is Blimbo.")
    learn_now(page)
    expect(page.get_by_test_id("train-step")).to_have_text(re.compile(r"^\d+ /"))
    fault(page, what)
    if what == "stuck":
        page.wait_for_function("states.includes('recovering')", timeout=1e3 * REPLACED_WITHIN)
    expect(version(page)).to_have_text("v0.1", timeout=180_000)


@pytest.mark.long
@pytest.mark.kept_offline
def test_R6_a_full_disk_leaves_the_version_in_use_and_says_so(
    page: Page, watch: Watch, address: str
):
    watch.allow("")
    light_lessons(page)
    page.goto("/?model=tiny")
    wait_for_state(page, *ALIVE)
    page.get_by_role("button", name="English").click()
    idle_after(page, 300)  # nothing is learned before the disk is full
    tell(page, "What is the capital of Zorbia?", "The capital of Zorbia is Blimbo.")
    wait_for_offline(page)
    session = page.context.new_cdp_session(page)
    room = {"origin": address.rstrip("/"), "quotaSize": 128_000_000}
    session.send("Storage.overrideQuotaForOrigin", room)
    page.evaluate(FILL)
    learn_now(page)
    notices = page.get_by_role("region", name="Notices")
    expect(notices).to_contain_text("no more room", timeout=120_000)
    expect(version(page)).to_have_text("v0")
    say(page, "Hello")
    wait_for_answer(page)
    page.evaluate("indexedDB.deleteDatabase('filler')")
    learn_now(page)
    expect(version(page)).to_have_text("v0.1", timeout=180_000)


DAMAGE = """async () => {
  const open = indexedDB.open("oneseek");
  const db = await new Promise((go) => { open.onsuccess = () => go(open.result); });
  const store = db.transaction("snapshots", "readwrite").objectStore("snapshots");
  const all = await new Promise((go) => { const a = store.getAllKeys(); a.onsuccess = () => go(a.result); });
  const key = all.find((one) => typeof one === "number");
  const record = await new Promise((go) => { const a = store.get(key); a.onsuccess = () => go(a.result); });
  record.data = record.data.slice();
  record.data[record.data.length - 9] ^= 1;
  await new Promise((go) => { const a = store.put(record, key); a.onsuccess = go; });
  db.close();
}"""


@pytest.mark.long
def test_a_snapshot_that_was_damaged_is_trained_again_to_the_same_bits(page: Page, watch: Watch):
    watch.allow("")
    light_lessons(page)
    page.goto("/?model=tiny")
    wait_for_state(page, *ALIVE)
    page.get_by_role("button", name="English").click()
    tell(page, "What is the capital of Zorbia?", "The capital of Zorbia is Blimbo.")
    learn_now(page)
    expect(version(page)).to_have_text("v0.1", timeout=180_000)
    verify = panel(page, "Versions").get_by_role("button", name="Verify all")
    page.evaluate(DAMAGE)
    verify.click()
    expect(page.get_by_role("dialog")).to_contain_text("is damaged")
    page.reload()
    wait_for_state(page, *ALIVE)
    say(page, "What is the capital of Zorbia?")
    expect(body(wait_for_answer(page))).to_contain_text("Blimbo", timeout=120_000)
    expect(answers(page).last).to_contain_text("v0.1")
    verify.click()
    expect(page.get_by_role("region", name="Notices")).to_contain_text("All hashes hold.")
