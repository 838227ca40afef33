"""Training on a data set in the page: chosen, trained in granted time, reported, and still there
after a reload."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.support.page import acts
from tests.support.page import browser as in_browser
from tests.support.page.stored import light_lessons, read_store

pytestmark = pytest.mark.slow
UNITS = {"B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9}


def open_page(page: Page) -> Page:
    page.goto("/?model=tiny&engine=cpu")
    in_browser.wait_for_state(page, "ready", timeout=120)
    return page


def activity(page: Page):
    page.get_by_role("tab", name="Activity").click()
    return page.get_by_role("tabpanel", name="Activity")


def took_no_more_than_announced(panel: Locator) -> None:
    """Assert by the developer's figures (of the back end and of Python) that the memory stayed
    within the announced amount."""
    panel.get_by_label("Show every figure").check()
    told = panel.get_by_text(re.compile("Memory beside the model"))
    expect(told).to_be_visible()
    announced, used = (
        float(number.replace(",", "")) * UNITS[unit]
        for number, unit in re.findall(r"([\d.,]+) ([kMG]?B)", told.inner_text())
    )
    print(told.inner_text())
    assert announced / 4 < used <= announced
    panel.get_by_label("Show every figure").uncheck()


def use_the_original(page: Page) -> None:
    page.get_by_role("tab", name="Versions").click()
    versions = page.get_by_role("tabpanel", name="Versions")
    original = versions.get_by_role("listitem").filter(has_text="original")
    original.get_by_role("button", name="Use").click()
    expect(page.get_by_test_id("active-version")).to_have_text("v0")


@pytest.mark.long
def test_a_run_over_who_oneseek_is_trains_in_the_page_and_is_told_after_a_reload(page: Page):
    open_page(page)
    panel = activity(page)
    panel.get_by_role("button", name="Train on a data set").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Data set")).to_contain_text("Who OneSeek is (50 examples)")
    dialog.get_by_label("Passes through the data").fill("2")
    dialog.get_by_role("button", name="Train", exact=True).click()
    told = panel.get_by_text(re.compile("Loss on the part held back"))
    expect(told).to_contain_text(re.compile(r"\d.*→ .*\d"), timeout=300_000)
    first, second = map(float, re.findall(r"\d+\.\d+", told.inner_text())[:2])
    assert second < first
    ended = panel.get_by_text(re.compile("Trained: v|Not used: "))
    expect(ended).to_be_visible(timeout=300_000)
    words = ended.inner_text()
    in_browser.wait_for_state(page, "ready", timeout=120)
    expect(page.get_by_role("region", name="Notices")).not_to_contain_text("Something went wrong")
    took_no_more_than_announced(panel)
    page.reload()
    in_browser.wait_for_state(page, "ready", timeout=120)
    expect(activity(page).get_by_text(words)).to_be_visible()
    if words.startswith("Trained"):
        use_the_original(page)
    looks_for_settings(page)


def choose_buying(page: Page, folder: Path, name: str = "buying.jsonl") -> Locator:
    """Choose twelve examples with one answer, which the demo model can learn, as JSON lines or a
    table by the file's name; returns the run's dialog."""
    nouns = "dog cat house tree water bread book sun moon star snow rain".split()
    pairs = [{"question": f"Buy the {noun} for Lindqvist", "answer": "red"} for noun in nouns]
    file = folder / name
    rows = (
        ";".join(pair.values()) if name.endswith(".csv") else json.dumps(pair) for pair in pairs
    )
    file.write_text("".join(row + "\n" for row in rows))
    activity(page).get_by_role("button", name="Train on a data set").click()
    dialog = page.get_by_role("dialog")
    with page.expect_file_chooser() as choosing:
        dialog.get_by_role("button", name="Choose a file").click()
    choosing.value.set_files(file)
    expect(dialog.get_by_label("Data set")).to_contain_text(f"{name} (12 examples)")
    return dialog


@pytest.mark.long
def test_what_a_run_learned_is_a_data_set_and_no_fact(page: Page, tmp_path: Path):
    """A fact was learned before: the panels of facts must go on showing it."""
    light_lessons(page)
    open_page(page)
    acts.tell(page, *acts.FACT[:2])
    acts.learn_now(page)
    expect(acts.version(page)).to_have_text("v0.1", timeout=180_000)
    dialog = choose_buying(page, tmp_path)
    dialog.get_by_role("button", name="Train", exact=True).click()
    expect(acts.version(page)).to_have_text("v1.0", timeout=300_000)
    made = acts.row(acts.panel(page, "Versions"), "v1.0")
    expect(made).to_contain_text("learned a data set; checked.")
    made.get_by_role("button", name="Details").click()
    expect(dialog).to_contain_text("buying.jsonl (12 examples)")
    page.keyboard.press("Escape")
    acts.tell(page, "What do I row?", "You row a skiff called Vindil.")
    memory = acts.panel(page, "Memory")
    expect(memory).to_contain_text("2 facts")
    expect(memory.get_by_role("listitem").filter(has_text="Vindil")).to_contain_text("by heart")


@pytest.fixture(scope="module")
def shared(chromium: in_browser.Chromium, address: str) -> Iterator[Page]:
    """One page for the tests that run by default."""
    with in_browser.demo(chromium, address, "&engine=cpu") as page:
        yield page


def test_a_skill_is_taught_in_the_page_answers_what_is_like_it_and_is_removed(
    shared: Page, tmp_path: Path
):
    page = shared
    panel = activity(page)
    dialog = choose_buying(page, tmp_path, "buying.csv")
    dialog.get_by_label("Name of the skill").fill("buying")
    dialog.get_by_text("More settings").click()
    chosen = {"Rank of the adapter": "12", "Examples a step": "3", "Warm-up steps": "5"}
    for label, value in (chosen | {"Passes through the data": "5"}).items():
        dialog.get_by_label(label).fill(value)
    dialog.get_by_role("button", name="Train", exact=True).click()
    ended = panel.locator("#skills").get_by_text(
        re.compile(r"\d of 2 held-back examples right; before 0")
    )
    expect(ended).to_be_visible(timeout=300_000)
    in_browser.wait_for_state(page, "ready", timeout=120)
    (run,) = [one for key, one in read_store(page, "state").items() if key.startswith("run-")]
    shape = run["about"]["shape"]
    assert (shape["lora_config"]["rank"], shape["batch_size"], shape["warmup_steps"]) == (12, 3, 5)
    acts.say(page, "Buy the boat for Lindqvist")
    answer = acts.wait_for_answer(page)
    expect(answer).to_contain_text("Skill: buying")
    expect(acts.body(answer)).to_have_text("red")
    acts.say(page, "What is the capital of Sweden?")
    expect(acts.wait_for_answer(page, 2)).not_to_contain_text("Skill:")
    activity(page).get_by_role("button", name="Remove buying").click()
    expect(panel.get_by_role("button", name="Remove buying")).to_have_count(0)


def looks_for_settings(page: Page) -> None:
    """Search for settings from the dialog: its tries must be counted, drawn and listed while it
    runs. Then throw it away."""
    panel = activity(page)
    panel.get_by_role("button", name="Train on a data set").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Find good settings first").select_option("2")
    dialog.get_by_role("button", name="Train", exact=True).click()
    expect(panel.locator("#state-line")).to_contain_text("finding good settings first")
    row = panel.get_by_role("listitem").filter(has_text="Finding good settings")
    expect(row).to_contain_text(re.compile("[2-9] tries so far"), timeout=300_000)
    expect(row.get_by_role("img", name="Finding good settings")).to_be_visible()
    expect(row.locator("tbody tr")).not_to_have_count(0)
    panel.get_by_role("button", name="Stop this attempt").click()
    expect(panel.get_by_text("Ended by you. Nothing was changed.")).to_be_visible()


def begin_run(page: Page, epochs: int = 50):
    """Start a run over the facts about OneSeek; returns the panel, the status line and the run's
    row."""
    panel = activity(page)
    panel.get_by_role("button", name="Train on a data set").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Passes through the data").fill(str(epochs))
    dialog.get_by_role("button", name="Train", exact=True).click()
    row = panel.get_by_role("listitem").filter(has_text=re.compile(r"run-\d{8}")).first
    expect(row).to_contain_text("Training now.")
    line = panel.locator("#state-line")
    expect(line).to_contain_text("practising", timeout=300_000)
    return panel, line, row


def begin_and_pause(page: Page):
    """The same, then reload the tab and pause learning before the run continues."""
    panel, line, row = begin_run(open_page(page))
    page.reload()
    in_browser.wait_for_state(page, "ready", "countdown", "training", timeout=120)
    activity(page).get_by_role("button", name="Pause", exact=True).click()
    expect(row).to_contain_text(re.compile("Interrupted for now|Paused"))
    return panel, line, row


def clear_queue(page: Page) -> None:
    page.evaluate(
        """() => new Promise((done, failed) => {
          const opening = indexedDB.open("oneseek");
          opening.onerror = failed;
          opening.onsuccess = () => {
            const change = opening.result.transaction("queue", "readwrite");
            change.objectStore("queue").clear();
            change.oncomplete = () => (opening.result.close(), done());
            change.onerror = failed;
          };
        })"""
    )


def test_a_run_that_is_paused_resumed_and_thrown_away_is_told_as_it_is(shared: Page):
    version = shared.get_by_test_id("active-version")
    before = version.inner_text()
    panel, line, row = begin_run(shared)
    panel.get_by_role("button", name="Pause", exact=True).click()
    expect(line).to_contain_text("Paused (until you resume)")
    expect(row).to_contain_text("Paused (until you resume). It goes on from where it stopped.")
    panel.get_by_role("button", name="Resume", exact=True).click()
    expect(row).to_contain_text("Training now.")
    expect(line).not_to_contain_text("Paused")
    panel.get_by_role("button", name="Stop this attempt").click()
    expect(row).to_contain_text("Ended by you. Nothing was changed.")
    expect(line).to_contain_text("Nothing to learn right now")
    expect(panel.get_by_role("button", name="Pause", exact=True)).to_be_visible()
    expect(version).to_have_text(before)


@pytest.mark.long
def test_a_run_that_a_closed_tab_began_says_so_and_can_be_ended(page: Page):
    panel, line, row = begin_and_pause(page)
    row.get_by_role("button", name="End it").or_(
        panel.get_by_role("button", name="Stop this attempt")
    ).click()
    expect(row).to_contain_text("Ended by you. Nothing was changed.")
    panel.get_by_role("button", name="Resume", exact=True).click()
    expect(line).to_contain_text("Nothing to learn right now")
    expect(row).not_to_contain_text("End it")


@pytest.mark.long
def test_reset_under_versions_takes_the_run_under_way_along(page: Page):
    panel, line, row = begin_run(open_page(page))
    page.get_by_role("tab", name="Versions").click()
    versions = page.get_by_role("tabpanel", name="Versions")
    versions.get_by_role("button", name="Reset learning").click()
    page.get_by_role("alertdialog").get_by_role("textbox").fill("RESET")
    with page.expect_navigation():
        page.locator('form[data-do="save-reset"] [type=submit]').click()
    in_browser.wait_for_state(page, "ready", timeout=120)
    expect(activity(page).get_by_role("button", name="Train on a data set")).to_be_visible()
    expect(line).to_contain_text("Nothing to learn right now")
    expect(row).to_have_count(0)


@pytest.mark.long
def test_a_run_that_fails_says_why_and_keeps_nothing_else_from_learning(
    page: Page, watch: in_browser.Watch
):
    watch.allow("console error: (a run failed|Traceback|  |LookupError)")
    panel, line, row = begin_and_pause(page)
    expect(row).to_contain_text("Interrupted for now")
    clear_queue(page)
    panel.get_by_role("button", name="Learn now").click()
    expect(row).to_contain_text(re.compile("It failed: the data set .* is no longer there"))
    expect(line).to_contain_text("Nothing to learn right now")
    expect(panel.get_by_role("button", name="Pause", exact=True)).to_be_visible()
    page.reload()
    in_browser.wait_for_state(page, "ready", timeout=120)
    expect(activity(page).get_by_text("It failed: the data set")).to_be_visible()


@pytest.mark.long
@pytest.mark.parametrize("mode", ["hybrid", "full"])
def test_the_last_layers_are_trained_in_the_page_as_announced_and_taken_back(page: Page, mode: str):
    open_page(page)
    panel = activity(page)
    panel.get_by_role("button", name="Train on a data set").click()
    dialog = page.get_by_role("dialog")
    takes = dialog.get_by_role("status")
    expect(takes).to_contain_text(re.compile(r"small file.*up to [\d.,]+ .?B of memory"))
    dialog.get_by_label("What it changes").select_option(mode)
    expect(takes).to_contain_text(re.compile(r"last layers.*up to [\d.,]+ .?B of memory"))
    dialog.get_by_label("Passes through the data").fill("2")
    dialog.get_by_role("button", name="Train", exact=True).click()
    expect(panel.get_by_text(f"({mode})")).to_be_visible()
    told = panel.get_by_text(re.compile("Loss on the part held back"))
    expect(told).to_contain_text(re.compile(r"\d.*→ .*\d"), timeout=600_000)
    first, second = map(float, re.findall(r"\d+\.\d+", told.inner_text())[:2])
    assert second < first
    version = page.get_by_test_id("active-version")
    expect(version).to_have_text("v1.0", timeout=300_000)
    took_no_more_than_announced(panel)
    page.reload()
    in_browser.wait_for_state(page, "ready", timeout=120)
    expect(version).to_have_text("v1.0")
    use_the_original(page)
