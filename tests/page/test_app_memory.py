"""A memory with many facts: found by words, source and language, and forgotten together."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.support.page.acts import idle_after, locate_note, panel, say, tell
from tests.support.page.browser import Chromium, demo, wait_for_state

pytestmark = pytest.mark.slow
MANY = """async (count) => {
  const open = indexedDB.open("oneseek");
  const db = await new Promise((go) => (open.onsuccess = () => go(open.result)));
  const change = db.transaction("examples", "readwrite");
  for (let n = 0; n < count; n++) {
    const id = n.toString(16).padStart(16, "0");
    change.objectStore("examples").put({
      id, prompt: `What is the code of door ${n}?`, answer: `The code of door ${n} is ${n}7.`,
      kind: "document", language: n % 2 ? "sv" : "en", time: n, priority: "import", learned_in: null,
      state: "learned", phrasings: [], source: { kind: "import", title: "Doors" },
    }, id);
  }
  await new Promise((go) => (change.oncomplete = go));
  db.close();
}"""


@pytest.fixture(scope="module")
def home(chromium: Chromium, address: str) -> Iterator[Page]:
    with demo(chromium, address, "&engine=cpu") as page:
        idle_after(page, 3600)
        yield page


@pytest.mark.long
def test_facts_are_found_by_words_and_language_and_forgotten_together(home: Page):
    tell(home, "What is the capital of Zorbia?", "The capital of Zorbia is Blimbo.")
    tell(home, "Vad heter min båt?", "Din båt heter Saltkråkan.")
    tell(home, "Vad heter min hund?", "Din hund heter Borris.")
    memory = panel(home, "Memory")
    facts = memory.locator("li.item")
    expect(facts).to_have_count(3)
    expect(memory.get_by_role("button", name="Forget these")).to_have_count(0)
    memory.get_by_label("In every language").select_option("sv")
    expect(facts).to_have_count(2)
    memory.get_by_role("searchbox").fill("hund")
    expect(facts).to_have_count(1)
    memory.get_by_role("searchbox").fill("")
    memory.get_by_role("button", name="Forget these 2").click()
    home.get_by_role("alertdialog").get_by_role("button", name="Forget").click()
    expect(home.get_by_role("region", name="Notices")).to_contain_text(
        "Forgotten: no answer uses it from the next"
    )
    expect(facts).to_have_count(0)
    memory.get_by_label("In every language").select_option("")
    expect(facts).to_have_count(1)
    expect(facts).to_contain_text("Blimbo")


@pytest.mark.long
def test_a_thousand_facts_come_some_at_a_time(home: Page):
    home.evaluate(MANY, 1000)
    home.reload()
    wait_for_state(home, "ready", "countdown", "training", timeout=120)
    memory = panel(home, "Memory")
    expect(memory).to_contain_text("1,001 facts")
    facts = memory.locator("li.item")
    expect(facts).to_have_count(50)
    memory.get_by_role("button", name="Show 50 more").click()
    expect(facts).to_have_count(100)
    memory.get_by_label("From everywhere").select_option("import")
    expect(memory).to_contain_text("1,000 facts")
    memory.get_by_role("searchbox").fill("door 999")
    expect(facts).to_have_count(1)


@pytest.mark.long
def test_what_is_being_typed_outlives_what_changes_around_it(home: Page):
    memory = panel(home, "Memory")
    memory.get_by_role("searchbox").fill("door 999")
    memory.get_by_role("button", name="Correct").click()
    field = memory.get_by_role("textbox", name="Correct")
    field.fill("The code of door 999 is 1.")
    say(home, "My cat is called Mjauritz.")
    expect(locate_note(home)).to_contain_text("Remembered.")
    expect(field).to_have_value("The code of door 999 is 1.")
    memory.locator("form").get_by_role("button", name="Correct").click()
    expect(memory.locator("form")).to_have_count(0)
    expect(memory.locator("li.item").first).to_contain_text("The code of door 999 is 1.")
