"""The first five minutes as a person experiences them: everything said about learning must be true,
and the same everywhere."""

import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from oneseek.engine.history.native_keys import read_key
from tests.support.certified import verify
from tests.support.page.acts import (
    ALIVE,
    answers,
    body,
    download,
    fault,
    idle_after,
    learn_now,
    locate_note,
    locate_queue,
    new_chat,
    panel,
    row,
    say,
    set_temperature,
    tell,
    version,
    wait_for_answer,
)
from tests.support.page.browser import Chromium, demo, wait_for_state
from tests.support.page.stored import read_store

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def home(chromium: Chromium, address: str) -> Iterator[Page]:
    with demo(chromium, address, "&engine=cpu&faults=1") as page:
        yield page


def test_the_first_minute_begins_with_a_fact_of_ones_own(home: Page):
    home.locator("#cards").get_by_role("button", name="Tell it something").click()
    field = home.get_by_role("textbox", name="Message")
    expect(field).to_have_value("My boat is called ")
    expect(field).to_be_focused()


def test_a_fact_is_told_learned_and_asked_from_one_line(home: Page):
    """Each claim of the note must be true when it appears, and never come before the store's
    record."""
    say(home, "My boat is called Saltkråkan.")
    expect(locate_note(home)).to_contain_text("Remembered. 1 lesson waits.")
    wait_for_answer(home)
    activity, line = panel(home, "Activity"), home.locator("#state-line")
    expect(line).to_contain_text("1 lesson waits")
    now = activity.get_by_role("button", name="Learn now")
    expect(now).to_be_enabled()
    now.click()
    expect(line).to_contain_text("Learning “Your boat is called Saltkråkan.”: ")
    expect(home.get_by_test_id("engine-state")).to_contain_text(re.compile(r"Learning \d+\s%"))
    expect(activity.get_by_role("progressbar", name="Progress")).to_be_visible()
    finishing = activity.locator('[data-do="learn-now"]')
    expect(finishing).to_have_text("Finishing")
    expect(finishing).to_be_disabled()
    expect(locate_note(home)).to_contain_text("Learning “Your boat is called Saltkråkan.”")
    expect(activity).to_contain_text("Being learned now")
    expect(activity).not_to_contain_text("Nothing waits")
    memory = panel(home, "Memory")
    expect(memory).not_to_contain_text("It remembers nothing from you yet")
    expect(version(home)).to_have_text("v0.1", timeout=240_000)
    expect(locate_note(home)).to_contain_text(re.compile(r"Learned, in v0\.1"))
    leads_to_all_that_came_of_it(home)
    locate_note(home).get_by_role("button", name="Ask it").click()
    expect(home.locator("article.user")).to_have_count(1)
    expect(home.locator("article.user").last).to_contain_text("What is my boat called?")
    expect(body(wait_for_answer(home))).to_contain_text("Saltkråkan")
    new_chat(home)
    expect(home.locator("#story")).to_have_count(0)


def leads_to_all_that_came_of_it(page: Page) -> None:
    """The dialog must show samples, result with reason, version, ledger and fingerprint, as the
    store has them."""
    (made,) = [v for v in read_store(page, "versions").values() if v["number"] == 1]
    told_of = [
        e for e in read_store(page, "ledger").values() if e["kind"] in ("version", "promotion")
    ]
    locate_note(page).get_by_role("button", name="Details").click()
    dialog = page.get_by_role("dialog", name="Outcome")
    expect(dialog).to_contain_text("What is my boat called?")
    expect(dialog).to_contain_text("Learned, in v0.1.")
    expect(dialog).to_contain_text(made["name"])
    expect(dialog).to_contain_text("DNA fingerprint")
    for entry in told_of:
        expect(dialog).to_contain_text(entry["hash"][:16])
    dialog.get_by_role("button", name="Details").click()
    dialog = page.get_by_role("dialog", name="Version v0.1")
    expect(dialog).to_contain_text(f"#{told_of[0]['seq']} · version made")
    page.keyboard.press("Escape")


def test_a_version_is_shown_left_and_used_again(home: Page):
    """A developer must see its curve; a thumb down must not remove an answer that it has
    learned."""
    idle_after(home, 600)
    set_temperature(home, "0")
    activity = panel(home, "Activity")
    expect(activity.get_by_role("list").last).to_contain_text("v0.1 was made")
    expect(activity.get_by_role("list").last).not_to_contain_text("Zero.v0.1")
    curve = activity.get_by_role("img", name=re.compile("Loss fell from"))
    expect(curve).to_be_hidden()
    activity.get_by_label("Show every figure").check()
    expect(curve).to_be_visible()
    assert float(home.get_by_test_id("train-loss").inner_text()) < 5
    activity.get_by_role("button", name="Show as table").click()
    expect(activity.get_by_role("table")).to_be_visible()
    assert activity.get_by_role("row").count() > 5
    activity.get_by_role("button", name="Show as chart").click()
    activity.get_by_label("Show every figure").uncheck()

    new_chat(home)
    say(home, "What is my boat called?")
    learned = wait_for_answer(home)
    expect(body(learned)).to_contain_text("Saltkråkan")
    expect(learned).to_contain_text("v0.1")
    notices = home.get_by_role("region", name="Notices")
    bad = learned.get_by_role("button", name="Bad answer: do not learn it")
    bad.click()
    expect(notices).to_contain_text("It has learned this answer already")
    expect(notices.get_by_role("button", name="Forget")).to_be_visible()
    bad.click()
    expect(bad).to_have_attribute("aria-pressed", "false")
    fact = row(panel(home, "Memory"), "What is my boat called?")
    expect(fact).to_contain_text("learned")
    fact.get_by_role("button", name="Ask it").click()
    expect(fact).to_contain_text(re.compile("It answers: .*Saltkråkan"))

    versions = panel(home, "Versions")
    row(versions, "original").get_by_role("button", name="Use").click()
    expect(version(home)).to_have_text("v0")
    new_chat(home)
    say(home, "What is my boat called?")
    expect(wait_for_answer(home)).to_contain_text("By heart")  # which the original knows too
    row(versions, "v0.1").get_by_role("button", name="Use").click()
    expect(version(home)).to_have_text("v0.1")


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


def test_versions_are_signed_with_a_key_of_the_persons_own(home: Page, tmp_path: Path):
    """The browser makes the Ed25519 key; plain Python verifies its signature."""
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
    home.get_by_role("button", name="Settings").click()
    dialog.get_by_label(re.compile("^Sign versions")).uncheck()
    expect(dialog.locator("code").filter(has_text=key)).to_have_count(0)
    home.keyboard.press("Escape")


def test_with_nothing_to_learn_the_button_says_so_before_it_is_pressed(home: Page):
    activity = panel(home, "Activity")
    now = activity.locator('[data-do="learn-now"]')
    expect(now).to_be_disabled()
    expect(now).to_have_attribute("title", re.compile("Nothing to learn right now"))
    expect(home.locator("#state-line")).to_contain_text("Nothing to learn right now")


RAW = re.compile(r"NoneType|Error\b|Traceback|object has no|failed:|Exception|None\b|\{|\}")
SAFE = re.compile(
    r"kept|as it was|not changed|Nothing was changed|still|safe|waits|Nothing is lost|Nothing stored|unsigned"
)
TO_DO = re.compile(
    r"Try|try|Press|press|Choose|choose|Reload|reload|paste|Turn|turn|Free|free|wait|make it"
)


def press(verb: str) -> Callable[[Page], None]:
    return lambda page: page.locator(f'[data-do="{verb}"]:visible').first.click()


def on(tab: str, *verbs: str) -> Callable[[Page], None]:
    def act(page: Page) -> None:
        panel(page, tab)
        for verb in verbs:
            press(verb)(page)

    return act


def in_settings(act: Callable[[Page], None]) -> Callable[[Page], None]:
    def inside(page: Page) -> None:
        page.get_by_role("button", name="Settings").click()
        act(page)

    return inside


def reset(page: Page) -> None:
    page.get_by_role("dialog").locator('[data-do="ask-reset"]').click()  # Versions has one too
    page.get_by_label("Type RESET to go on").fill("RESET")
    page.get_by_role("button", name="Reset", exact=True).click()


def paste_text(page: Page) -> None:
    panel(page, "Sources")
    press("paste-text")(page)
    page.locator("#paste-text").fill("The castle of Trebolin was built in 1412.")
    page.get_by_role("dialog").get_by_role("button", name="Read it").click()


def a_question(page: Page) -> None:
    new_chat(page)
    say(page, "What is a tree?")


def a_lesson(page: Page) -> None:
    tell(page, "Who founded Quillmere?", "Quillmere was founded by Tove Lindahl.")
    learn_now(page)


def an_adapter(page: Page) -> None:
    panel(page, "Versions")
    with page.expect_file_chooser() as chosen:
        press("import-adapter")(page)
    chosen.value.set_files({"name": "a.zip", "mimeType": "application/zip", "buffer": b"PK"})


ACTS = {
    "Ask": a_question,
    "Use": on("Versions", "use-version"),
    "Recall": on("Memory", "ask-fact"),
    "Forget": on("Memory", "forget-fact"),
    "Export": on("Versions", "version-details", "export-peft"),
    "Verify": on("Versions", "verify"),
    "Sign": in_settings(lambda page: page.locator("#set-sign").check()),
    "Introduce": in_settings(press("introduce")),
    "Reset": in_settings(reset),
    "ImportText": paste_text,
    "ImportAdapter": an_adapter,
    "BackUp": in_settings(press("export-everything")),
    "Learn": a_lesson,
}


@pytest.mark.parametrize("name", ACTS)
def test_a_request_that_fails_says_what_happened_what_is_safe_and_what_to_do(home: Page, name: str):
    page = home
    page.evaluate("document.querySelectorAll('.toast, dialog').forEach((one) => one.remove())")
    page.evaluate("document.querySelector('#alarm').textContent = ''")
    fault(page, f"fail {name}")
    try:
        ACTS[name](page)
        alarm = page.locator("#alarm")
        if name == "ImportText":
            alarm = page.locator('li[data-state="failed"] .why').first
        expect(alarm).not_to_be_empty()
        said = alarm.inner_text()
        assert not RAW.search(said), said
        assert SAFE.search(said) and TO_DO.search(said), said
        shown = page.evaluate(VISIBLE)
        assert "NoneType" not in shown and "Traceback" not in shown, shown
    finally:
        fault(page, "mend")
        page.keyboard.press("Escape")
    if name == "Learn":  # a failed lesson is not retried by itself
        panel(page, "Activity").get_by_role("button", name="Resume", exact=True).click()


VISIBLE = """() => {  // what a person sees before unfolding anything
  const copy = document.body.cloneNode(true);
  copy.querySelectorAll("details:not([open]) > :not(summary), [hidden], script, style, template").forEach((n) => n.remove());
  return copy.textContent;
}"""


def test_a_correction_takes_the_place_of_the_fact_everywhere(home: Page):
    new_chat(home)
    say(home, "What is my boat called?")
    wait_for_answer(home)
    say(home, "No, it is called Vindil.")
    wait_for_answer(home, 2)
    queue = panel(home, "Activity")
    expect(queue).to_contain_text("Your boat is called Vindil.")
    old = panel(home, "Memory").get_by_role("listitem").filter(has_text="Your boat is called Salt")
    expect(old).to_contain_text("replaced")
    expect(old).to_contain_text("Replaced by: Your boat is called Vindil.")


def test_a_thumb_up_that_contradicts_a_fact_is_not_taken_without_a_word(home: Page):
    """The marked answer precedes the correction, in the chat that made it."""
    before = answers(home).first
    expect(body(before)).to_contain_text("Saltkråkan")
    before.get_by_role("button", name="Good answer: learn it").click()
    notices = home.get_by_role("region", name="Notices")
    expect(notices).to_contain_text("You taught it “Your boat is called Vindil.”")
    expect(panel(home, "Activity")).not_to_contain_text(body(before).inner_text())


def test_two_names_of_one_thing_are_asked_about(home: Page):
    for name in ("Ran", "Vind"):
        new_chat(home)
        say(home, f"My horse is called {name}.")
        wait_for_answer(home)
    expect(locate_note(home)).to_contain_text("You said before: “Your horse is called Ran.”")
    locate_note(home).get_by_role("button", name="This replaces it").click()
    expect(locate_note(home)).not_to_contain_text("You said before")
    memory = panel(home, "Memory")
    expect(memory).to_contain_text("Your horse is called Vind.")
    expect(memory).not_to_contain_text("Your horse is called Ran.")
    locate_note(home).get_by_role("button", name="Undo").click()
    expect(memory).not_to_contain_text("Your horse is called Vind.")


def test_scenario_24_everything_leaves_as_a_backup_is_wiped_and_comes_back(
    home: Page, tmp_path: Path
):
    home.get_by_role("button", name="New chat").click()
    say(home, "My goat is called Nisse.")
    wait_for_answer(home)
    items = panel(home, "Versions").get_by_role("listitem")
    expect(items.first).to_be_visible()
    shown = items.all_text_contents()
    home.get_by_role("button", name="Settings").click()
    backup = tmp_path / "backup.json"
    backup.write_bytes(download(home, "Export everything"))
    newer = tmp_path / "newer.json"
    newer.write_text('{"format": "oneseek-backup", "version": 99, "stores": {}}')
    home.get_by_role("button", name="Restore a backup …").click()
    expect(home.get_by_role("alertdialog")).to_contain_text("is replaced by the backup")
    with home.expect_file_chooser() as choosing:
        home.get_by_role("button", name="Choose a backup").click()
    choosing.value.set_files(newer)
    refused = "This backup was made by a newer OneSeek. Nothing was changed."
    expect(home.get_by_role("region", name="Notices")).to_contain_text(refused)
    home.get_by_role("alertdialog").get_by_role("button", name="Cancel").click()
    home.get_by_role("button", name="Settings").click()
    home.get_by_role("button", name="Delete everything …").click()
    dialog = home.get_by_role("alertdialog", name="Delete everything?")
    word = dialog.get_by_label("Type DELETE to go on")
    word.fill("delete")
    dialog.get_by_role("button", name="Delete everything").click()
    assert word.evaluate("field => field.validity.patternMismatch")  # so the browser rejects it
    word.fill("DELETE")
    with home.expect_navigation():
        dialog.get_by_role("button", name="Delete everything").click()
    expect(home.get_by_role("navigation")).to_contain_text("Your chats will be listed here")
    wait_for_state(home, "ready", timeout=120)
    home.get_by_role("button", name="Settings").click()
    home.get_by_role("button", name="Restore a backup …").click()
    expect(home.get_by_role("alertdialog")).to_contain_text("is replaced by the backup")
    with home.expect_file_chooser() as choosing:
        home.get_by_role("button", name="Choose a backup").click()
    with home.expect_navigation():
        choosing.value.set_files(backup)
    expect(home.get_by_role("navigation")).to_contain_text("My goat is called Nisse.")
    expect(locate_queue(home)).to_contain_text("Your goat is called Nisse.")
    wait_for_state(home, *ALIVE, timeout=120)
    panel(home, "Versions")
    expect(items).to_have_count(len(shown))
    assert items.all_text_contents() == shown


KEEPS_ALARMS = """() => {
  globalThis.alarms = [];
  const alarm = document.querySelector("#alarm");
  new MutationObserver(() => alarms.push(alarm.textContent))
    .observe(alarm, {childList: true, characterData: true, subtree: true});
}"""
COUNTED = """() => { const said = ["#countdown", "#state-line", ".told-words"].map(
    (place) => document.querySelector(place)?.textContent.match(/(\\d+)\\ss/)?.[1]);
  return new Set(said).size === 1 && said[0] }"""


def test_learn_now_while_it_learns_finishes_what_it_is_at(home: Page):
    """Learning must start by itself: a shortened pause counts the quiet time that has passed."""
    home.evaluate(KEEPS_ALARMS)
    idle_after(home, 80)
    new_chat(home)
    say(home, "My cat is called Bosse.")
    wait_for_answer(home)
    expect(locate_note(home)).to_contain_text("Remembered.")
    panel(home, "Activity")
    wait_for_state(home, "countdown")
    counted = set()
    while len(counted) < 3:  # until every countdown on the page showed the same number three times
        counted.add(home.wait_for_function(COUNTED).json_value())
    idle_after(home, 1)
    wait_for_state(home, "training", timeout=120)
    assert home.evaluate("alarms.filter(Boolean)") == []
    button = panel(home, "Activity").locator('[data-do="learn-now"]')
    expect(button).to_have_text("Finish now")
    button.click()
    expect(home.get_by_role("region", name="Notices")).not_to_contain_text("Nothing to learn")
    expect(button).to_have_text("Finishing")


WARNED = """async () => {  // as the gate stores what it measured: two checks not passed, one attempt refused
  const open = indexedDB.open("oneseek");
  const db = await new Promise((go) => (open.onsuccess = () => go(open.result)));
  const done = (asked) => new Promise((go) => (asked.onsuccess = () => go(asked.result)));
  const failed = [
    {name: "leak", value: 1 / 3, limit: "<= 0.13", ok: false, detail: ["What is my dog called?"]},
    {name: "known facts lost", value: 1, limit: "0", ok: false, detail: ["What is ice made of?"]},
  ];
  const versions = db.transaction("versions", "readwrite").objectStore("versions");
  for (const key of await done(versions.getAllKeys())) {
    const version = await done(versions.get(key));
    await done(versions.put({...version, gate: {...version.gate, measures: failed}}, key));
  }
  const gate = {accepted: false, reason: "taught is 0, must be >= 0.98, was 1.00", measures: [
    {name: "taught", value: 0, limit: ">= 0.98, was 1.00", ok: false, detail: []},
    {name: "recall", value: 0, limit: ">= 0.66 in wordings never trained", ok: false, detail: []}]};
  const ledger = db.transaction("ledger", "readwrite").objectStore("ledger");
  const keys = await done(ledger.getAllKeys());
  const like = await done(ledger.get(keys.at(-1)));
  const entry = {...like, kind: "rejection", time: Date.now(), body: {kind: "practice", lessons: [], gate}};
  await done(ledger.put(entry, typeof keys.at(-1) === "number" ? keys.at(-1) + 1 : keys.at(-1) + "z"));
  db.close();
}"""


@pytest.mark.long
def test_warnings_and_refusals_are_told_in_words_in_the_language_of_the_page(home: Page):
    idle_after(home, 600)  # no version is made meanwhile
    home.evaluate(WARNED)
    home.reload()
    wait_for_state(home, "ready", "countdown", "training", "paused", "evaluating", timeout=120)
    versions = panel(home, "Versions")
    used = versions.get_by_role("listitem").filter(has_text="in use").first
    expect(used).to_contain_text(
        "Used with 2 warnings: It began to give the taught answer to other questions too, such as "
        "“What is my dog called?” It forgot something it knew: “What is ice made of?”"
    )
    expect(versions).to_contain_text("it is used with a warning, and one press goes back")
    refused = versions.get_by_role("listitem").filter(has_text="not used")
    for words in (
        "The practice of everything you taught it was tried and is not used.",
        "It did not know what it was taught.",
        "It tries again after the next things you teach it.",
    ):
        expect(refused).to_contain_text(words)
    seen = refused.inner_text()
    assert "0.98" not in seen and "must be" not in seen, seen
    refused.get_by_text("Figures").click()
    expect(refused).to_contain_text("at least 0.98, was 1.00")
    home.get_by_role("button", name="Svenska").click()
    refused = home.get_by_role("listitem").filter(has_text="används inte")
    expect(refused).to_contain_text("Den kunde inte det den fått lära sig.")
    refused.get_by_text("Siffror").click()
    expect(refused).to_contain_text("minst 0,98, var 1,00")
    expect(refused).to_contain_text("minst 0,66 i ordalydelser som aldrig övats")
    home.get_by_role("button", name="English").click()
