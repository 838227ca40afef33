"""Teaching, as a person sees it: what is queued and why, a lesson that runs, its version, and the way back."""

import re
import zipfile

import pytest
from playwright.sync_api import Locator, Page, expect

from engine.signing import read_key
from tests.browser import wait_for_state
from tests.test_app_chat import answers, body, finished, say, set_temperature
from tests.test_certified import verify

pytestmark = pytest.mark.slow
ALIVE = ("ready", "countdown", "paused", "training", "evaluating")
FACT = ("What is the capital of Zorbia?", "The capital of Zorbia is Blimbo.", "Blimbo")


def panel(page: Page, name: str) -> Locator:
    page.get_by_role("tab", name=re.compile("^" + name)).click()
    return page.get_by_role("tabpanel", name=re.compile("^" + name))


def tell(page: Page, question: str, answer: str) -> None:
    """A fact, told in the Memory panel."""
    panel(page, "Memory").get_by_role("button", name="Tell it a fact").click()
    page.get_by_label("When asked …").fill(question)
    page.get_by_label("… it should say").fill(answer)
    page.get_by_role("dialog").get_by_role("button", name="Teach", exact=True).click()
    expect(page.get_by_role("region", name="Notices")).to_contain_text("Noted")


def learn_now(page: Page) -> None:
    panel(page, "Activity").get_by_role("button", name="Learn now").click()


def version(page: Page) -> Locator:
    return page.get_by_test_id("active-version")


def test_only_what_was_approved_is_in_the_queue_with_its_reason(home: Page):
    home.get_by_role("button", name="New chat").click()
    for number, question in enumerate(("Hello", "What is a tree?", "What is a fish?"), 1):
        say(home, question)
        finished(home, number)
    first, second, third = (answers(home).nth(n) for n in range(3))
    first.get_by_role("button", name="Good answer: learn it").click()
    expect(first.get_by_role("button", name="Learn this")).to_have_attribute("aria-pressed", "true")
    second.get_by_role("button", name="Teach").click()
    home.get_by_role("textbox", name="Teach it").fill("A tree is a tall plant.")
    home.get_by_role("button", name="Teach it").click()
    third.get_by_role("button", name="Learn this").click()
    expect(third.get_by_role("button", name="Learn this")).to_have_attribute("aria-pressed", "true")
    third.get_by_role("button", name="Learn this").click()
    expect(third.get_by_role("button", name="Learn this")).to_have_attribute(
        "aria-pressed", "false"
    )
    queue = panel(home, "Queue")
    expect(queue.get_by_role("listitem")).to_have_count(2)
    expect(queue).to_contain_text("A tree is a tall plant.")
    expect(queue).to_contain_text("You corrected it · Hello")
    expect(queue).to_contain_text("You chose this answer · Hello")
    expect(queue).not_to_contain_text("What is a fish?")
    queue.get_by_role("listitem").first.get_by_role("button", name="Skip").click()
    expect(queue.get_by_role("listitem")).to_have_count(1)
    home.get_by_role("region", name="Notices").get_by_role("button", name="Undo").last.click()
    expect(queue.get_by_role("listitem")).to_have_count(2)
    for _ in range(2):
        queue.get_by_role("listitem").first.get_by_role("button", name="Skip").click()
        home.wait_for_timeout(400)
    expect(queue).to_contain_text("Nothing to learn yet.")


def test_what_looks_like_a_secret_waits_outside_the_store(home: Page):
    home.get_by_role("button", name="New chat").click()
    say(home, "My password is hunter2secret99")
    finished(home)
    assert "hunter2secret99" not in home.evaluate(
        """async () => {
          const open = indexedDB.open("oneseek");
          const db = await new Promise((go) => (open.onsuccess = () => go(open.result)));
          const all = db.transaction("queue").objectStore("queue").getAll();
          const found = await new Promise((go) => (all.onsuccess = () => go(all.result)));
          db.close();
          return JSON.stringify(found);
        }"""
    )


def test_a_fact_is_learned_shown_used_and_taken_back(home: Page):
    """Told, practised with a live curve, in use, asked, remembered, rolled back and brought back."""
    set_temperature(home, "0")
    tell(home, *FACT[:2])
    learn_now(home)
    activity = home.get_by_role("tabpanel", name="Activity")
    wait_for_state(home, "training", timeout=30)
    expect(home.get_by_test_id("engine-state")).to_contain_text("Practising")
    expect(home.get_by_test_id("train-step")).to_have_text(
        re.compile(r"^\d+ / \d+"), timeout=60_000
    )
    expect(activity).to_contain_text(re.compile(r"Learning something new · \d+ of \d+ steps"))
    expect(version(home)).to_have_text("v0.1", timeout=180_000)
    assert float(home.get_by_test_id("train-loss").inner_text()) < 5
    expect(activity.get_by_role("img", name=re.compile("Loss fell from"))).to_be_visible()
    activity.get_by_role("button", name="Show as table").click()
    expect(activity.get_by_role("table")).to_be_visible()
    assert activity.get_by_role("row").count() > 5
    expect(activity).to_contain_text("The new version is in use")
    home.get_by_role("button", name="New chat").click()
    say(home, FACT[0])
    learned = finished(home)
    expect(body(learned)).to_contain_text(FACT[2])
    expect(learned).to_contain_text("v0.1")
    memory = panel(home, "Memory")
    expect(memory).to_contain_text(FACT[1])
    expect(memory).to_contain_text("learned")
    memory.get_by_role("button", name="Ask it").click()
    expect(memory).to_contain_text(re.compile("It answers: .*" + FACT[2]), timeout=30_000)
    versions = panel(home, "Versions")
    versions.get_by_role("listitem").filter(has_text="original").get_by_role(
        "button", name="Use"
    ).click()
    expect(version(home)).to_have_text("v0", timeout=5_000)
    home.get_by_role("button", name="New chat").click()
    say(home, FACT[0])
    before = finished(home)
    expect(body(before)).not_to_contain_text(FACT[2])
    home.get_by_role("region", name="Notices").get_by_role("button", name="Undo").last.click()
    expect(version(home)).to_have_text("v0.1", timeout=5_000)


def test_a_version_tells_what_it_learned_and_what_was_checked(home: Page):
    versions = panel(home, "Versions")
    versions.get_by_role("button", name="Details").first.click()
    dialog = home.get_by_role("dialog", name="Version v0.1")
    expect(dialog).to_contain_text("OneSeek-1M-Zero.v0.1")
    expect(dialog.get_by_role("row", name=re.compile("Taught questions right"))).to_contain_text(
        "passed"
    )
    home.keyboard.press("Escape")
    versions.get_by_role("button", name="Verify all").click()
    expect(home.get_by_role("region", name="Notices")).to_contain_text("All hashes hold.")


def test_two_versions_are_compared_blind_with_the_keys(home: Page):
    versions = panel(home, "Versions")
    versions.get_by_role("button", name="Compare blind").click()
    dialog = home.get_by_role("dialog", name="Blind comparison")
    dialog.get_by_label("Question").fill(FACT[0])
    dialog.get_by_role("button", name="Ask both").click()
    expect(dialog.get_by_role("heading", name="Answer 2")).to_be_visible(timeout=60_000)
    shown = dialog.locator("#compare-result").inner_text()
    assert "v0" not in shown
    dialog.get_by_role("heading", name="Answer 1").click()
    home.keyboard.press("0")
    expect(dialog).to_contain_text(re.compile(r"Answer 1 was v0(\.1)?, answer 2 was v0"))
    home.keyboard.press("Escape")


def test_typing_pauses_learning_and_a_reload_shows_the_same(home: Page):
    tell(home, "What is the capital of Quillmere?", "The capital of Quillmere is Harrow.")
    learn_now(home)
    expect(home.get_by_test_id("train-step")).to_have_text(
        re.compile(r"^([3-9]|\d\d) / \d+"), timeout=90_000
    )
    home.get_by_role("textbox", name="Message").press("a")
    expect(home.get_by_test_id("engine-state")).to_contain_text("you are typing", timeout=1_000)
    step = int(home.get_by_test_id("train-step").inner_text().split()[0])
    home.reload()
    wait_for_state(home, *ALIVE, timeout=120)
    expect(version(home)).to_have_text("v0.1")
    panel(home, "Activity")
    shown = home.get_by_test_id("train-step")
    expect(shown).to_have_text(re.compile(r"^\d+"), timeout=30_000)
    assert int(shown.inner_text().split()[0]) >= step - 1


def test_bad_settings_are_refused_by_name_and_good_ones_kept(home: Page):
    home.get_by_role("button", name="Settings").click()
    dialog = home.get_by_role("dialog", name="Settings")
    dialog.get_by_label("Developer mode").check()
    field = dialog.get_by_label(re.compile("^learning_rate"))
    field.fill("7")
    field.press("Tab")
    expect(dialog).to_contain_text("it must be a number from")
    field.fill("0.0005")
    field.press("Tab")
    expect(dialog).not_to_contain_text("it must be a number from")
    home.keyboard.press("Escape")


def test_versions_are_signed_with_a_key_of_the_persons_own(home: Page, tmp_path):
    """The key is the browser's own Ed25519; what it signed is checked with nothing but Python."""
    home.get_by_role("button", name="Settings").click()
    dialog = home.get_by_role("dialog", name="Settings")
    dialog.get_by_label(re.compile("^Sign versions")).check()
    key = dialog.locator("code").filter(has_text=re.compile("^[0-9a-f]{64}$")).inner_text()
    with home.expect_download() as waiting:
        dialog.get_by_role("button", name="Save the key").click()
    pem = tmp_path / "key.pem"
    waiting.value.save_as(pem)
    assert read_key(pem).public_key == key
    home.keyboard.press("Escape")
    panel(home, "Versions").get_by_role("button", name="Details").first.click()
    with home.expect_download() as waiting:
        home.get_by_role("button", name="Certified folder").click()
    waiting.value.save_as(tmp_path / "version.zip")
    folder = tmp_path / "version"
    zipfile.ZipFile(tmp_path / "version.zip").extractall(folder)
    assert verify(folder, "--key", key)[0] == 0
    code, output = verify(folder, "--key", "00" * 32)
    assert code == 1 and "not by the key you gave" in output
    home.keyboard.press("Escape")


def test_it_can_be_taught_who_it_is(home: Page):
    home.get_by_role("button", name="Settings").click()
    home.get_by_role("button", name="Teach it who it is").click()
    home.keyboard.press("Escape")
    queue = panel(home, "Queue")
    expect(queue).to_contain_text("Who it is")
    expect(home.get_by_role("tab", name=re.compile("^Queue 5[01]"))).to_be_visible()
