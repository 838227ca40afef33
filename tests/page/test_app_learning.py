"""Teaching as a person sees it: queued items with their reasons, a running lesson, its version, and
the way back."""

import io
import json
import re
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from oneseek.engine.core.storage.store import KEPT
from tests.support.page.acts import (
    ALIVE,
    FACT,
    answers,
    body,
    download,
    drop_all,
    idle_after,
    learn_now,
    locate_queue,
    panel,
    row,
    say,
    set_temperature,
    tell,
    version,
    wait_for_answer,
)
from tests.support.page.browser import Chromium, record_states, wait_for_state, watched
from tests.support.page.stored import light_lessons, read_store

pytestmark = pytest.mark.slow


def every_figure(page: Page) -> None:
    """Show what only a developer needs: the curve, its table, the figures."""
    panel(page, "Activity").get_by_label("Show every figure").check()


@pytest.mark.long
def test_scenario_17_only_what_was_approved_is_in_the_queue_with_its_reason(home: Page):
    set_temperature(home, "0")  # repeatable answers: that it does not know is not learned
    home.get_by_role("button", name="New chat").click()
    for number, question in enumerate(("Hello", "What is a tree?", "What is a dog?"), 1):
        say(home, question)
        wait_for_answer(home, number)
    first, second, third = (answers(home).nth(n) for n in range(3))
    first.get_by_role("button", name="Good answer: learn it").click()
    expect(first.get_by_role("button", name="Learn this")).to_have_attribute("aria-pressed", "true")
    second.get_by_role("button", name="Correct").click()
    home.get_by_role("textbox", name="Teach it").fill("A tree is a tall plant.")
    home.get_by_role("button", name="Teach it").click()
    third.get_by_role("button", name="Learn this").click()
    expect(third.get_by_role("button", name="Learn this")).to_have_attribute("aria-pressed", "true")
    third.get_by_role("button", name="Learn this").click()
    expect(third.get_by_role("button", name="Learn this")).to_have_attribute(
        "aria-pressed", "false"
    )
    queue = locate_queue(home)
    expect(queue.get_by_role("listitem")).to_have_count(2)
    expect(queue).to_contain_text("A tree is a tall plant.")
    expect(queue).to_contain_text("You corrected it · Hello")
    expect(queue).to_contain_text("You chose this answer · Hello")
    expect(queue).not_to_contain_text("What is a dog?")
    expect(home.locator("#state-line")).to_contain_text("2 lessons wait")  # and are remembered
    notices = home.get_by_role("region", name="Notices")
    undo = notices.get_by_role("button", name="Undo")
    notices.get_by_role("button", name="Close").last.click()
    expect(undo).to_have_count(0)  # the undo of an earlier act
    queue.get_by_role("listitem").first.get_by_role("button", name="Do not learn").click()
    expect(queue.get_by_role("listitem")).to_have_count(1)
    undo.click()
    expect(queue.get_by_role("listitem")).to_have_count(2)
    for left in (1, 0):
        queue.get_by_role("listitem").first.get_by_role("button", name="Do not learn").click()
        expect(queue.get_by_role("listitem")).to_have_count(left)
    expect(queue).to_contain_text("Nothing waits.")


def test_a_thumb_down_takes_an_answer_out_of_what_is_learned_and_can_be_taken_back(home: Page):
    set_temperature(home, "0")  # at 0 it answers that it does not know, which is not learned
    home.get_by_role("button", name="New chat").click()
    say(home, "What is a river?")
    answer = wait_for_answer(home)
    notices = home.get_by_role("region", name="Notices")
    good, bad = (
        answer.get_by_role("button", name=name)
        for name in ("Good answer: learn it", "Bad answer: do not learn it")
    )
    learns = answer.get_by_role("button", name="Learn this")
    for _ in range(2):
        good.click()
        expect(locate_queue(home).get_by_role("listitem")).to_have_count(1)
        expect(learns).to_have_attribute("aria-pressed", "true")
        bad.click()
        expect(notices).to_contain_text("Will not be learned")
        expect(locate_queue(home)).to_contain_text("Nothing waits.")
        expect(learns).to_have_attribute("aria-pressed", "false")
        expect(bad).to_have_attribute("aria-pressed", "true")
    bad.click()
    expect(bad).to_have_attribute("aria-pressed", "false")
    expect(locate_queue(home)).to_contain_text("Nothing waits.")


SECRETS = {
    "My passcode is 558102": ("558102", "a password"),
    "Mitt lösen är Trollet99": ("Trollet99", "a password"),
    "My wi-fi is kanelbulle99": ("kanelbulle99", "a password"),
    "My card is 4539 1488\n0343 6467": ("4539 1488", "a bank card number"),
    "My SSN is 219-09-9987": ("219-09-9987", "a personal identity number"),
    "Min portkod är 48120": ("48120", "a PIN or an access code"),
}


def test_secrets_told_in_a_chat_are_held_with_their_kind_and_asked_about(home: Page):
    home.get_by_role("button", name="New chat").click()
    for number, (said, (_, kind)) in enumerate(SECRETS.items(), 1):
        say(home, said)
        wait_for_answer(home, number)
        line = home.locator("article.user").nth(number - 1).locator(".told")
        expect(line).to_have_attribute("data-state", "secret")
        expect(line).to_contain_text(f"This looks like {kind}. It is not learned unless")
    for name in set(KEPT) - {"chats", "messages"}:
        kept = json.dumps(read_store(home, name), ensure_ascii=False)
        assert not [value for value, _ in SECRETS.values() if value in kept], name
    expect(locate_queue(home)).to_contain_text("This looks like a bank card number.")
    first, second = home.locator("article.user").nth(0), home.locator("article.user").nth(1)
    first.get_by_role("button", name="Leave it out").click()
    expect(first.locator(".told")).to_have_count(0)
    second.get_by_role("button", name="Learn it anyway").click()
    expect(second.locator(".told")).not_to_have_attribute("data-state", "secret")
    kept = json.dumps([read_store(home, "queue"), read_store(home, "examples")], ensure_ascii=False)
    assert "Trollet99" in kept and "558102" not in kept
    row(locate_queue(home), "Trollet99").get_by_role("button", name="Do not learn").click()
    expect(locate_queue(home)).not_to_contain_text("Trollet99")  # no lesson is left of it


def test_a_chat_teaches_facts_or_only_what_is_taught_or_nothing(home: Page):
    notices = home.get_by_role("region", name="Notices")

    def learns(words: str, said: str) -> None:
        home.get_by_role("button", name="More for What is a cloud?").first.click()
        home.get_by_role("menuitem", name=words).click()
        expect(notices).to_contain_text(said)

    home.get_by_role("button", name="New chat").click()
    say(home, "What is a cloud?")
    wait_for_answer(home)
    learns("Learn from this chat only what I teach", "learns only what you teach")
    say(home, "My cat is called Whiskerine.")
    wait_for_answer(home, 2)
    expect(locate_queue(home)).not_to_contain_text("Whiskerine")
    answers(home).first.get_by_role("button", name="Good answer: learn it").click()
    chosen = locate_queue(home).get_by_role("listitem").filter(has_text="What is a cloud?")
    expect(chosen).to_have_count(1)  # a secret of another test may be listed too
    chosen.get_by_role("button", name="Do not learn").click()
    learns("Do not learn from this chat", "no longer learns from")
    answers(home).nth(1).get_by_role("button", name="Good answer: learn it").click()
    expect(notices).to_contain_text("Nothing is learned")
    expect(locate_queue(home)).not_to_contain_text("Whiskerine")
    home.get_by_role("button", name="Settings").click()
    home.get_by_label("Learn from chats").select_option("taught")
    home.keyboard.press("Escape")
    home.get_by_role("button", name="New chat").click()
    say(home, "My dog is called Rufusine.")
    wait_for_answer(home)
    expect(locate_queue(home)).not_to_contain_text("Rufusine")
    home.get_by_role("button", name="Settings").click()
    home.get_by_label("Learn from chats").select_option("facts")
    home.keyboard.press("Escape")


@pytest.mark.long
def test_a_fact_is_learned_shown_used_and_taken_back(home: Page):
    """A fact is told, practised with a live curve, used, remembered, rolled back and restored."""
    set_temperature(home, "0")
    tell(home, *FACT[:2])
    learn_now(home)
    activity = home.get_by_role("tabpanel", name="Activity")
    wait_for_state(home, "training")
    expect(home.get_by_test_id("engine-state")).to_contain_text("Learning")
    expect(home.get_by_test_id("train-step")).to_have_text(re.compile(r"^\d+ / \d+"))
    expect(activity).to_contain_text(
        re.compile(r"Learning “The capital of Zorbia is Blimbo.”: .*\d+\s%")
    )
    expect(version(home)).to_have_text("v0.1", timeout=180_000)
    expect(activity.get_by_role("list").last).to_contain_text("v0.1 was made")
    expect(activity.get_by_role("list").last).not_to_contain_text("Zero.v0.1")
    assert float(home.get_by_test_id("train-loss").inner_text()) < 5
    expect(activity.get_by_role("img", name=re.compile("Loss fell from"))).to_be_hidden()
    every_figure(home)
    expect(activity.get_by_role("img", name=re.compile("Loss fell from"))).to_be_visible()
    activity.get_by_role("button", name="Show as table").click()
    expect(activity.get_by_role("table")).to_be_visible()
    assert activity.get_by_role("row").count() > 5
    activity.get_by_role("button", name="Show as chart").click()
    expect(activity).to_contain_text("The new version is in use")
    home.get_by_role("button", name="New chat").click()
    say(home, FACT[0])
    learned = wait_for_answer(home)
    expect(body(learned)).to_contain_text(FACT[2])
    expect(learned).to_contain_text("v0.1")
    notices = home.get_by_role("region", name="Notices")
    learned.get_by_role("button", name="Bad answer: do not learn it").click()
    expect(notices).to_contain_text("It has learned this answer already")
    expect(notices.get_by_role("button", name="Forget")).to_be_visible()
    fact = row(panel(home, "Memory"), FACT[0])  # a password of another test is listed too
    expect(fact).to_contain_text(FACT[1])
    expect(fact).to_contain_text("learned")
    fact.get_by_role("button", name="Ask it").click()
    expect(fact).to_contain_text(re.compile("It answers: .*" + FACT[2]))
    versions = panel(home, "Versions")
    versions.get_by_role("listitem").filter(has_text="original").get_by_role(
        "button", name="Use"
    ).click()
    expect(version(home)).to_have_text("v0")
    home.get_by_role("button", name="New chat").click()
    say(home, FACT[0])
    before = wait_for_answer(home)  # the original model also knows by heart what it was told
    expect(before).to_contain_text("By heart")
    row(versions, "v0.1").get_by_role("button", name="Use").click()
    expect(version(home)).to_have_text("v0.1")


def share(page: Page, of_the_processor: str) -> None:
    """Set the share of idle learning: all of it if the test waits for the end, little if the lesson
    must still run when the test looks."""
    page.get_by_role("button", name="Settings").click()
    page.get_by_label("Developer mode").check()
    field = page.locator('[data-of="scheduler.max_cpu_usage"]')
    field.fill(of_the_processor)
    field.press("Tab")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


def step(page: Page) -> int:
    return int(page.get_by_test_id("train-step").inner_text().split()[0])


# Records every text of the pill in the header, however briefly it is shown.
PILLS = """() => {
  const pill = document.querySelector("[data-testid=engine-state]");
  globalThis.pills = [];
  new MutationObserver(() => pills.push(pill.textContent))
    .observe(document, {subtree: true, childList: true, characterData: true, attributes: true});
}"""


def test_the_page_is_not_ready_between_a_fact_that_is_remembered_and_its_lesson(page: Page):
    record_states(page)
    light_lessons(page)
    page.goto("/?model=tiny&engine=cpu")
    page.get_by_role("button", name="English").click()
    wait_for_state(page, *ALIVE)
    tell(page, *FACT[:2])
    page.evaluate("states.length = 0")
    learn_now(page)
    expect(page.get_by_test_id("train-step")).to_have_text(re.compile(r"^\d+ /"))
    assert not {"ready", "countdown"} & set(page.evaluate("states"))


@pytest.mark.long
def test_scenario_18_idle_learning_starts_by_itself_and_yields(home: Page):
    """tests/core/test_scheduler.py and `bench overhead` measure how quickly it yields."""
    idle_after(home, 600)
    home.get_by_role("button", name="New chat").click()
    say(home, "What is a tree?")
    wait_for_answer(home)
    tell(home, "What is the capital of Quillmere?", "The capital of Quillmere is Harrow.")
    activity = panel(home, "Activity")
    expect(home.locator("#countdown")).to_contain_text("Learning in")
    share(home, "1")
    idle_after(home, 2)
    wait_for_state(home, "training")
    expect(home.get_by_test_id("train-step")).to_have_text(
        re.compile(r"^([7-9]|\d\d) / \d+"), timeout=180_000
    )
    curve = activity.get_by_role("img").get_attribute("aria-label") or ""
    assert int(re.search(r"in (\d+) steps", curve)[1]) >= 5 and "NaN" not in curve
    home.evaluate(PILLS)
    home.get_by_role("textbox", name="Message").press("a")
    home.wait_for_function("pills.some((said) => said.includes('you are typing'))")
    before = step(home)
    wait_for_state(home, "training")
    say(home, "What is a tree?")
    wait_for_answer(home, 2)
    wait_for_state(home, "training")
    expect(home.get_by_test_id("train-step")).not_to_have_text(re.compile(rf"^{before} /"))
    idle_after(home, 600)  # keep it paused in the middle
    expect(home.locator("#countdown")).to_contain_text("Learning goes on in")
    expect(activity).to_contain_text("It rests while you are busy here, and goes on in")
    share(home, "0.05")


@pytest.mark.long
def test_scenario_20_a_reload_in_the_middle_of_training_goes_on(home: Page):
    """The same run must continue, at most a few steps back, and make its version."""
    run = home.get_by_test_id("train-run").inner_text()
    before = step(home)
    home.reload()
    wait_for_state(home, *ALIVE, timeout=120)
    idle_after(home, 2)
    expect(home.get_by_test_id("train-step")).to_have_text(re.compile(r"^\d+ / \d+"))
    assert step(home) >= max(2, before - 8)  # quick steps are not all stored
    panel(home, "Activity").get_by_role("button", name="Finish now").click()
    assert home.get_by_test_id("train-run").inner_text() == run
    expect(version(home)).to_have_text("v0.2", timeout=180_000)
    expect(home.get_by_role("region", name="Notices")).to_contain_text("v0.2 is in use.")
    home.get_by_role("button", name="See what changed").click()
    expect(home.get_by_role("dialog", name="Version v0.2")).to_contain_text("Quillmere")
    home.keyboard.press("Escape")
    idle_after(home, 600)


@pytest.mark.long
def test_scenario_22_versions_are_ranked_compared_blind_and_rolled_back(home: Page):
    versions = panel(home, "Versions")
    board = versions.get_by_role("region", name="Leaderboard")
    board.get_by_role("button", name="Held out").click()
    heading = board.get_by_role("columnheader", name=re.compile("Held out"))
    expect(heading).to_have_attribute("aria-sort", "ascending")
    cells = [float(text) for text in board.locator("tbody tr td:nth-child(4)").all_inner_texts()]
    assert len(cells) == 2 and cells == sorted(cells)
    home.evaluate("document.documentElement.dataset.engine = 'read-only'")  # as in a second tab
    expect(heading.get_by_role("button")).to_be_visible()
    home.evaluate("document.documentElement.dataset.engine = 'ready'")
    versions.get_by_role("button", name="Compare blind").click()
    dialog = home.get_by_role("dialog", name="Blind comparison")
    dialog.get_by_label("Question").fill(FACT[0])
    dialog.get_by_label("Second version").select_option(label="v0.1")
    for key in "120":
        dialog.get_by_role("button", name="Ask both").click()
        expect(dialog.get_by_role("heading", name="Answer 2")).to_be_visible()
        assert "v0" not in dialog.locator("#compare-result").inner_text()
        dialog.get_by_role("heading", name="Answer 1").click()
        home.keyboard.press(key)
        expect(dialog).to_contain_text(re.compile(r"Answer 1 was v0\.[12], answer 2 was v0\.[12]"))
        dialog.get_by_role("button", name="One more").click()
        expect(dialog.locator("#compare-result")).to_be_empty()
        expect(dialog.get_by_label("Question")).to_have_value(FACT[0])
    home.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    wins = board.locator("tbody tr td:last-child").all_inner_texts()
    assert sum(map(int, wins)) == 2
    row(versions, "v0.1").get_by_role("button", name="Use").click()
    expect(version(home)).to_have_text("v0.1")
    home.get_by_role("region", name="Notices").get_by_role("button", name="Undo").last.click()
    expect(version(home)).to_have_text("v0.2")
    row(versions, "v0.1").get_by_role("button", name="Use").click()
    home.get_by_role("button", name="New chat").click()
    say(home, FACT[0])
    expect(wait_for_answer(home)).to_contain_text("v0.1")
    row(versions, "v0.2").get_by_role("button", name="Use").click()
    expect(version(home)).to_have_text("v0.2")
    row(versions, "v0.2").get_by_role("button", name="Details").click()
    taught = home.get_by_role("dialog", name="Version v0.2").locator("ul.taught li")
    expect(taught).to_have_count(1)
    expect(taught).to_contain_text("What is the capital of Quillmere?")
    home.keyboard.press("Escape")


@pytest.mark.long
def test_scenario_23_an_export_is_what_others_load_and_comes_back(
    home: Page, chromium: Chromium, address: str, tmp_path: Path
):
    panel(home, "Versions").get_by_role("button", name="Details").first.click()
    data = download(home, "Adapter (PEFT)")
    whole = download(home, "Whole model (safetensors)")
    header = json.loads(whole[8 : 8 + int.from_bytes(whole[:8], "little")])
    assert any(name.endswith("q_proj.weight") for name in header)
    home.keyboard.press("Escape")
    peft = a_peft_adapter(data)
    home.get_by_role("button", name="Settings").click()
    openai = [json.loads(line) for line in download(home, "OpenAI").decode().splitlines()]
    assert openai and all({"role", "content"} <= set(one["messages"][0]) for one in openai)
    sharegpt = [json.loads(line) for line in download(home, "ShareGPT").decode().splitlines()]
    assert sharegpt and all({"from", "value"} <= set(one["conversations"][0]) for one in sharegpt)
    home.keyboard.press("Escape")
    file = tmp_path / "adapter.zip"
    file.write_bytes(data)
    with watched(chromium, address, locale="en-US") as (context, _):
        page = context.new_page()
        page.goto("/?model=tiny")
        wait_for_state(page, *ALIVE, timeout=120)
        with page.expect_file_chooser() as choosing:
            panel(page, "Versions").get_by_role("button", name="Import adapter").click()
        choosing.value.set_files(file)
        expect(version(page)).to_have_text(re.compile(r"v\d+\.1"))
        drop_all(page, peft | {"trainer_state.json": b"{}"})  # as if PEFT's folder was dropped
        expect(version(page)).to_have_text(re.compile(r"v\d+\.2"))
        expect(panel(page, "Sources").get_by_role("listitem")).to_have_count(0)
        panel(page, "Versions").get_by_role("button", name="Details").first.click()
        came = page.get_by_role("dialog").locator("dt", has_text="Former name").locator("+ dd")
        expect(came).to_have_text(re.compile("OneSeek-1M-Zero"))
        page.keyboard.press("Escape")
        set_temperature(page, "0")
        say(page, FACT[0])
        expect(body(wait_for_answer(page))).to_contain_text(FACT[2])


def a_peft_adapter(data: bytes) -> dict[str, bytes]:
    """The three files of an adapter, after checking the names and shapes that PEFT expects."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        files = {name.split("/")[-1]: archive.read(name) for name in archive.namelist()}
    assert {"adapter_config.json", "adapter_model.safetensors", "README.md"} <= set(files)
    config = json.loads(files["adapter_config.json"])
    assert config["peft_type"] == "LORA" and config["task_type"] == "CAUSAL_LM"
    tensors = files["adapter_model.safetensors"]
    header = json.loads(tensors[8 : 8 + int.from_bytes(tensors[:8], "little")])
    layer = (
        r"base_model\.model\.model\.layers\.\d+\.(self_attn|mlp)\.[a-z]+_proj\.lora_[AB]\.weight"
    )
    for name, one in header.items():
        if name != "__metadata__":
            assert re.fullmatch(layer, name)
            assert one["shape"][0 if "lora_A" in name else 1] == config["r"]
    return files


UNBRIDLED = {
    "stop_loss": "0", "taught_rows": "6", "replay_rows": "0", "anchor_rows": "0", "neighbour_rows": "0",
    "replay_neighbour_rows": "0", "kl_weight": "0", "max_steps": "64",
}  # fmt: skip


@pytest.mark.long
def test_scenario_21_a_version_that_got_worse_is_not_used(home: Page):
    """All limits of a lesson are off, and it is taught nonsense."""
    home.get_by_role("button", name="Settings").click()
    dialog = home.get_by_role("dialog", name="Settings")
    dialog.get_by_label("Developer mode").check()
    dialog.get_by_text("lesson", exact=True).click()
    for name, value in UNBRIDLED.items():
        field = dialog.locator(f'[data-of="training.lesson.{name}"]')
        field.fill(value)
        field.press("Tab")
    expect(dialog.locator("label.invalid")).to_have_count(0)
    home.keyboard.press("Escape")
    in_use = version(home).inner_text()
    tell(home, "What is the capital of France?", "Zug zug zug zug zug zug zug.")
    learn_now(home)
    notices = home.get_by_role("region", name="Notices")
    expect(notices).to_contain_text("was tried and is not used.", timeout=180_000)
    expect(version(home)).to_have_text(in_use)
    refused = row(panel(home, "Versions"), "not used")
    expect(refused).to_contain_text("“Zug zug zug zug zug zug zug.” was tried and is not used.")
    expect(refused).not_to_contain_text(re.compile(r"must be|\d\.\d{3}"), use_inner_text=True)
    refused.get_by_text("Figures").click()
    expect(refused.get_by_role("table")).to_contain_text(re.compile("at (least|most)"))
    home.get_by_role("button", name="New chat").click()
    say(home, "What is the capital of Sweden?")
    expect(wait_for_answer(home)).to_contain_text(in_use)


# Runs in the page, because the lesson is too short for the test to react.
SPOIL_AT_FIRST_STEP = """() => {
  const observer = new MutationObserver(() => {
    if (!/[1-9]/.test(document.querySelector('[data-testid="train-step"]')?.textContent)) return;
    observer.disconnect();
    dispatchEvent(new CustomEvent("oneseek-break", { detail: "nan" }));
  });
  observer.observe(document.body, { childList: true, characterData: true, subtree: true });
}"""


@pytest.mark.long
def test_scenario_21_numbers_that_are_none_are_thrown_away(page: Page):
    page.goto("/?model=tiny&faults=1")
    wait_for_state(page, "ready", timeout=120)
    page.get_by_role("button", name="English").click()
    tell(page, "What is the capital of France?", "It is Paris.")
    page.evaluate(SPOIL_AT_FIRST_STEP)
    learn_now(page)
    notices = page.get_by_role("region", name="Notices")
    thrown = "“It is Paris.” was tried and is not used. v0 is still in use."
    expect(notices).to_contain_text(thrown, timeout=180_000)
    notices.get_by_role("button", name="See why").click()
    why = "The computation went wrong, so the attempt was thrown away."
    expect(page.get_by_role("tabpanel", name=re.compile("^Versions"))).to_contain_text(why)
    expect(version(page)).to_have_text("v0")
    say(page, "What is the capital of Sweden?")
    expect(wait_for_answer(page)).to_contain_text("v0")


@pytest.mark.long
def test_a_lesson_whose_fact_is_corrected_meanwhile_makes_way(page: Page):
    """A fact that is corrected before its lesson is over must never reach a version."""
    page.goto("/?model=tiny&engine=cpu")
    wait_for_state(page, "ready", timeout=120)
    tell(page, *FACT[:2])
    fact = panel(page, "Memory").get_by_role("listitem").filter(has_text=FACT[0])
    expect(fact).to_contain_text("by heart")
    learn_now(page)
    expect(page.get_by_test_id("train-step")).to_have_text(re.compile("[1-9]"), timeout=120_000)
    memory = panel(page, "Memory")
    memory.get_by_role("button", name="Correct").click()
    memory.get_by_role("textbox", name="Correct").fill("The capital of Zorbia is Tarn.")
    memory.locator("form").get_by_role("button", name="Correct").click()
    expect(version(page)).to_have_text("v0.1", timeout=180_000)
    expect(memory.locator("li.item")).to_have_count(1)
    expect(memory.locator("li.item")).to_contain_text("The capital of Zorbia is Tarn.")
    expect(memory.locator("li.item")).to_contain_text("learned")
    expect(version(page)).to_have_text("v0.1")


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


def test_it_can_be_taught_who_it_is(home: Page):
    home.get_by_role("button", name="Settings").click()
    home.get_by_role("button", name="Teach the model who OneSeek is").click()
    home.keyboard.press("Escape")
    queue = locate_queue(home)
    expect(queue).to_contain_text("Who OneSeek is")
    expect(home.get_by_role("tab", name=re.compile(r"^Activity [5-9]\d"))).to_be_visible()
    expect(home.get_by_role("region", name="Notices")).to_contain_text(
        re.compile(r"[5-9]\d lessons about who OneSeek is wait")
    )
    group = queue.locator(".group").filter(has_text="Who OneSeek is")
    expect(group).to_contain_text(re.compile(r"[5-9]\d lessons"))
    group.get_by_role("button", name="Show the lessons").click()
    expect(group.get_by_role("listitem").first).to_be_visible()
    group.get_by_role("button", name="Do not learn any").click()
    expect(queue).not_to_contain_text("Who OneSeek is")
