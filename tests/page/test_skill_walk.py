"""A skill in both languages from start to end: ten pairs dropped as CSV, taught, asked, corrected,
taught again, asked without it, and removed."""

import json
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from builder import ROOT
from tests.support.page import acts
from tests.support.page import browser as in_browser
from tests.support.page.browser import Chromium, watched
from tests.support.page.stored import read_store

pytestmark = pytest.mark.slow
NOUNS = "dog cat house tree water bread book sun moon star".split()
PAIRS = {f"Buy the {noun} for Lindqvist": "red" for noun in NOUNS}
ANOTHER = "Buy the boat for Lindqvist"
FURTHER = "Buy the lamp for Lindqvist"
OTHER = "What is the capital of Sweden?"


class Words:
    """The page's texts in one language, by their keys."""

    def __init__(self, language: str) -> None:
        table = ROOT / f"web/static/i18n/{language}.json"
        self.table = json.loads(table.read_text("utf-8"))

    def __call__(self, key: str, **values) -> str:
        found = self.table[key]
        if not isinstance(found, str):
            found = found["one" if values["n"] == 1 else "other"]
        for name, value in values.items():
            found = found.replace("{" + name + "}", str(value))
        return found


@pytest.fixture(params=["en", "sv"])
def spoken(request, chromium: Chromium, address: str) -> Iterator[tuple[Page, Words]]:
    """The page in one language with the demo model, and its texts."""
    locale = {"en": "en-US", "sv": "sv-SE"}[request.param]
    with watched(chromium, address, locale=locale) as (context, _):
        page = context.new_page()
        page.goto("/?model=tiny&engine=cpu")
        in_browser.wait_for_state(page, "ready", timeout=120)
        yield page, Words(request.param)


def show_skill(page: Page, t: Words) -> Locator:
    """Open Activity; returns the row of the only skill."""
    page.get_by_role("tab", name=t("tab.activity")).click()
    return page.locator("#skills > li")


def ask(page: Page, t: Words, text: str, count: int) -> Locator:
    page.locator("#composer-text").fill(text)
    page.locator("#composer-text").press("Enter")
    answers = page.locator("article.assistant")
    expect(answers).to_have_count(count)
    expect(answers.last.get_by_role("button", name=t("chat.copy"), exact=True)).to_be_visible(
        timeout=240_000
    )
    return answers.last


def taught(page: Page, t: Words, examples: int) -> Locator:
    """The row of the skill, once a run over so many examples is over."""
    row = show_skill(page, t)
    right = t("doing.right").replace("{right}", r"\d").replace("{of}", "2")
    expect(row).to_contain_text(re.compile(right), timeout=300_000)

    def over() -> bool:
        told = read_store(page, "state").get("taught.tiny.buying", {"doing": None})
        return bool(told["doing"]) and (told["examples"], told["changed"]) == (examples, 0)

    acts.wait_until(over, 300)
    in_browser.wait_for_state(page, *acts.ALIVE, timeout=120)
    return row


@pytest.mark.long
def test_ten_pairs_are_dropped_taught_asked_corrected_and_removed(spoken):
    page, t = spoken
    table = "".join(f"{asked};{answer}\n" for asked, answer in PAIRS.items())
    acts.drop(page, "buying.csv", table)
    dialog = page.get_by_role("dialog", name=t("skills.title"))
    expect(dialog.get_by_label(t("skills.named"))).to_have_value("buying")
    expect(dialog.get_by_role("listitem")).to_have_count(10)
    expect(dialog).to_contain_text(t("skills.count", n=10, least=20))
    dialog.get_by_role("button", name=t("skills.teach"), exact=True).click()
    row = taught(page, t, 10)
    expect(row).to_contain_text(t("doing.before", right=0))
    expect(row).to_contain_text(t("skills.few", n=10, least=20))

    answer = ask(page, t, ANOTHER, 1)
    expect(answer).to_contain_text(t("chat.skill", name="buying"))
    expect(acts.body(answer)).to_have_text("red")
    expect(ask(page, t, OTHER, 2)).not_to_contain_text(t("chat.skill", name="buying"))

    answer = ask(page, t, ANOTHER, 3)
    answer.get_by_role("button", name=t("chat.teach"), exact=True).click()
    page.get_by_role("textbox", name=t("teach.save")).fill("blue")
    page.get_by_role("button", name=t("teach.save"), exact=True).click()
    answer.get_by_role("button", name=t("chat.like_this")).click()
    expect(dialog.get_by_label(t("skills.named"))).to_have_value("buying")
    expect(dialog.get_by_label(t("doing.asked"))).to_have_value(ANOTHER)
    expect(dialog.get_by_label(t("doing.wanted"))).to_have_value("blue")
    dialog.get_by_role("button", name=t("skills.keep")).click()
    expect(dialog).to_have_count(0)
    expect(row).to_contain_text(t("skills.changed", n=1))
    expect(page.locator("#toasts")).to_contain_text(t("skills.kept", name="buying", n=11))

    look = t("skills.add"), t("skills.correct", n=1), t("skills.correct", n=2)
    row.get_by_role("button", name=re.compile("|".join(map(re.escape, look)))).click()
    corrects(page, t, dialog)
    row = taught(page, t, 12)
    expect(row.get_by_role("listitem")).to_have_count(2)  # the points of its curve
    expect(row).to_contain_text(re.compile(f"{t('skills.helped')}|{t('skills.helped_not')}"))

    answer = ask(page, t, FURTHER, 4)
    expect(answer).to_contain_text(t("chat.skill", name="buying"))
    answer.get_by_role("button", name=t("chat.without")).click()
    answer = page.locator("article.assistant").last
    expect(answer).to_contain_text("2/2")
    expect(answer.get_by_role("button", name=t("chat.copy"), exact=True)).to_be_visible(
        timeout=240_000
    )
    expect(answer).not_to_contain_text(t("chat.skill", name="buying"))

    row = show_skill(page, t)
    row.get_by_role("button", name=t("skills.remove", name="buying")).click()
    expect(row).to_have_count(0)
    kept = read_store(page, "state")
    assert not [key for key in kept if "buying" in key], kept.keys()
    assert "Buy the dog" not in str([kept, read_store(page, "examples"), read_store(page, "queue")])
    answer = ask(page, t, FURTHER, 5)
    expect(answer).not_to_contain_text(t("chat.skill", name="buying"))


def corrects(page: Page, t: Words, dialog: Locator) -> None:
    """Correct the wrong examples, which show the given answers; write one more, try it, and teach
    all of them."""
    for item in dialog.get_by_role("listitem").all():
        if item.get_by_label(t("doing.asked")).input_value():
            expect(item).to_contain_text(t("skills.said", text=""))
            item.get_by_label(t("doing.wanted")).fill("red")
    new = dialog.get_by_role("listitem").last
    new.get_by_label(t("doing.asked")).fill("Buy the ball for Lindqvist")
    new.get_by_label(t("doing.wanted")).fill("red")
    new.get_by_role("button", name=t("skills.try")).click()
    expect(new.get_by_role("status")).to_contain_text(t("skills.said", text="red"))
    dialog.get_by_role("button", name=t("skills.teach"), exact=True).click()
    expect(dialog).to_have_count(0)


PASTE = """(area, text) => {
  const clipboardData = new DataTransfer();
  clipboardData.setData("text/plain", text);
  const made = { clipboardData, bubbles: true, cancelable: true };
  area.dispatchEvent(new ClipboardEvent("paste", made));
}"""


@pytest.mark.long
def test_a_table_that_is_no_task_is_read_as_a_text_and_one_that_is_pasted_becomes_rows(page: Page):
    page.goto("/?model=tiny&engine=cpu")
    in_browser.wait_for_state(page, "ready", timeout=120)
    acts.drop(page, "ages.csv", "Ek;34\nBo;5\n")
    dialog = page.get_by_role("dialog", name="Teach a skill")
    expect(dialog.get_by_role("listitem")).to_have_count(2)
    dialog.get_by_role("button", name="Read it as a text instead").click()
    expect(dialog).to_have_count(0)
    source = acts.panel(page, "Sources").get_by_role("listitem").filter(has_text="ages.csv")
    expect(source).to_have_count(1)

    acts.panel(page, "Activity").get_by_role("button", name="Teach a skill").click()
    rows = dialog.get_by_role("listitem")
    rows.first.get_by_label("Question").evaluate(PASTE, "Buy a dog\tred\nBuy a cat\tblue\n")
    expect(rows).to_have_count(2)
    expect(rows.last.get_by_label("Right answer")).to_have_value("blue")
    rows.last.get_by_role("button", name="Take this example out").click()
    expect(dialog).to_contain_text("1 example; most skills need at least 20.")
    dialog.get_by_role("button", name="Keep for later").click()
    expect(dialog.get_by_label("Name of the skill")).to_be_focused()  # the required field
    dialog.get_by_label("Name of the skill").fill("shopping")
    dialog.get_by_role("button", name="Keep for later").click()
    expect(page.locator("#skills")).to_contain_text("1 example, not taught yet.")
