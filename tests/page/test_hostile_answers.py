"""Whatever an answer contains, the page must start and show it."""

import pytest
from playwright.sync_api import Page, expect

from tests.support.page.acts import answers
from tests.support.page.hostile import hostile
from tests.support.page.stored import chat_of, holds

pytestmark = pytest.mark.slow

SHOWN = """() => [...document.querySelectorAll("article")].map((article) => {
  const text = article.querySelector(".text");
  return [text.textContent, text.querySelectorAll("*").length, text.querySelectorAll("button").length,
    [...text.querySelectorAll("script, iframe, img, style, form, [onerror], [id]")].length,
    [...text.querySelectorAll("a[href]")].map((link) => link.protocol)];
})"""
ELEMENTS, BLOCKS = 10_000, 100  # limits for one message: web/lib/markdown.py
READY = 'html[data-page="ready"]'


def open_with(page: Page, texts: list[str]) -> None:
    holds(page, chat_of(*texts, roles=("assistant",)))
    page.goto("/")
    page.wait_for_selector(READY, state="attached")


ABSENT = ("mermaid", "dockerfile", "latex", "http", "csv")  # code languages without highlighting


@pytest.mark.long
def test_code_in_a_language_that_is_not_there_is_shown_plain(page: Page):
    """The page must also start again with it; known languages must be highlighted."""
    unknown = [f"```{language}\nA --> B\n```" for language in ABSENT]
    open_with(page, [*unknown, "```python\nx = 1\n```"])
    for visit in range(2):
        if visit:
            page.reload()
        expect(answers(page).last.locator("code span")).not_to_have_count(0)
        plain = answers(page).locator("code")
        expect(plain).to_have_text(["A --> B\n"] * len(ABSENT) + ["x = 1\n"])
        expect(page.get_by_text("could not start")).to_have_count(0)


@pytest.mark.long
def test_a_chat_of_200_hostile_answers_opens_and_shows_each(page: Page):
    found = list(hostile(200))
    open_with(page, [text for _, text in found])
    earlier = page.get_by_role("button", name="Show earlier messages")
    while (shown := answers(page).count()) < len(found):
        earlier.evaluate_all("(found) => found.forEach((button) => button.click())")
        page.wait_for_function(f"document.querySelectorAll('article').length !== {shown}")
    expect(page.get_by_text("could not start")).to_have_count(0)
    for number, (text, elements, buttons, acting, links) in enumerate(page.evaluate(SHOWN)):
        what = found[number][0]
        assert f"begins{number}" in text and f"ends{number}" in text, what
        assert elements < ELEMENTS and buttons <= BLOCKS, what
        assert not acting and set(links) <= {"http:", "https:", "mailto:", ":"}, (what, links)
