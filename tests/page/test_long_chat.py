"""A chat longer than any model's context: opening it must read only its end, and earlier messages
must come on request."""

import pytest
from playwright.sync_api import Page, expect

from oneseek.engine.core.conversation import MANY
from tests.support.page.acts import say, store_chat

pytestmark = pytest.mark.slow

COUNT_READ = """globalThis.read = {};
const next = IDBCursor.prototype.continue;
IDBCursor.prototype.continue = function (...to) {
  const name = this.source.name;
  read[name] = (read[name] ?? 0) + 1;
  return next.apply(this, to);
};"""


@pytest.mark.long
def test_opening_it_reads_its_end_only_and_it_goes_on_from_there(chat: Page):
    chat.add_init_script(COUNT_READ)
    store_chat(chat, 4 * MANY)
    assert chat.evaluate("read.messages") <= MANY
    say(chat, "Hello!")
    expect(chat.locator("article.user").last).to_contain_text("Hello!")
    last = chat.get_by_role("article").last
    expect(last.get_by_role("button", name="Copy")).to_be_visible()
    assert chat.evaluate("read.messages") <= MANY


@pytest.mark.long
def test_a_search_finds_what_was_said_before_that_and_jumps_there(chat: Page):
    store_chat(chat, MANY + 40)
    chat.get_by_role("searchbox", name="Search chats").fill("Line 35 of")
    listed = chat.get_by_role("navigation")
    listed.get_by_role("button", name="Stored chat", exact=True).first.click()
    found = chat.locator("article.found")
    expect(found).to_contain_text("Line 35 of", timeout=120_000)
    expect(found).to_be_in_viewport()
