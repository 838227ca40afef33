"""The first five minutes by screen reader and keyboard: what is announced, in which order, in both
languages.

The walk below is the specification: what is found by role and name, and every word of the live
regions on the way from an empty page to a learned fact. Nothing may be announced twice, and nothing
every second.
"""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.support.page.acts import wait_until
from tests.support.page.axe import violations
from tests.support.page.browser import Chromium, wait_for_state, watched

pytestmark = pytest.mark.slow

WORDS = {
    "en-US": {
        "landmarks": [
            ("banner", ""),
            ("navigation", "Conversations"),
            ("main", ""),
            ("complementary", "Learning"),
        ],
        "skip": "Skip to the message field",
        "look": "Just look around",
        "field": "Message",
        "panel": "Learning panel",
        "asked": "You said",
        "answered": "OneSeek said",
        "actions": [
            "Copy",
            "Answer again",
            "Good answer: learn it",
            "Bad answer: do not learn it",
            "Correct",
            "Learn this",
        ],
        "tabs": ["Memory", "Activity", "Sources", "Versions"],
        "fact": "My boat is called Saltkråkan.",
        "now": "Learn now",
        "says": ["Answering", "Saltkråkan", r"v0\.1"],
    },
    "sv-SE": {
        "landmarks": [
            ("banner", ""),
            ("navigation", "Samtal"),
            ("main", ""),
            ("complementary", "Lärande"),
        ],
        "skip": "Hoppa till meddelandefältet",
        "look": "Titta bara runt",
        "field": "Meddelande",
        "panel": "Lärandepanelen",
        "asked": "Du sa",
        "answered": "OneSeek sa",
        "actions": [
            "Kopiera",
            "Svara igen",
            "Bra svar: lär in det",
            "Dåligt svar: lär inte in det",
            "Rätta",
            "Lär in",
        ],
        "tabs": ["Minne", "Aktivitet", "Källor", "Versioner"],
        "fact": "Min båt heter Saltkråkan.",
        "now": "Lär nu",
        "says": ["Svarar", "Saltkråkan", r"v0\.1"],
    },
}
LANDMARKS = """() => [...document.querySelectorAll("header.top, nav, main, aside")].map((node) => [
  {HEADER: "banner", NAV: "navigation", MAIN: "main", ASIDE: "complementary"}[node.tagName],
  node.ariaLabel ?? ""])"""
HEAR = """() => { window.heard = [];
  for (const id of ["announcer", "alarm"]) new MutationObserver(() => {
    const said = document.getElementById(id).textContent; if (said) heard.push(said);
  }).observe(document.getElementById(id), {childList: true, characterData: true, subtree: true}); }"""
LIVE = """() => [...document.querySelectorAll("[aria-live], [role=status], [role=alert], [role=log]")]
  .filter((node) => node.ariaLive !== "off" && node.checkVisibility()).map((node) => node.id || node.className)"""


@pytest.fixture(scope="module", params=["en-US", pytest.param("sv-SE", marks=pytest.mark.long)])
def walk(request, chromium: Chromium, address: str) -> Iterator[tuple[Page, dict]]:
    with watched(chromium, address, locale=request.param) as (context, _):
        page = context.new_page()
        page.goto("/")
        wait_for_state(page, "needs-consent", timeout=120)
        page.evaluate(HEAR)
        yield page, WORDS[request.param]


def test_1_the_page_is_laid_out_for_one_who_does_not_see_it(walk):
    page, words = walk
    assert [tuple(one) for one in page.evaluate(LANDMARKS)] == words["landmarks"]
    assert page.get_by_role("heading", level=1).all_inner_texts() == ["OneSeek"]
    assert page.locator("h2:visible, h3:visible").count() >= 2
    first = page.locator("a[href], button, input, textarea, [tabindex='0']").first
    expect(first).to_have_text(words["skip"])
    first.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("textbox", name=words["field"])).to_be_focused()


@pytest.mark.long
def test_2_the_first_question_is_answered_and_heard_once(walk):
    page, words = walk
    page.get_by_role("button", name=words["look"]).press("Enter")
    wait_for_state(page, "ready", timeout=120)
    page.get_by_role("textbox", name=words["field"]).focus()
    page.keyboard.type(words["fact"])
    page.keyboard.press("Enter")
    answer = page.get_by_role("article", name=words["answered"])
    expect(answer.get_by_role("button", name=words["actions"][0])).to_be_attached()
    named = [
        button.get_attribute("aria-label")
        for button in answer.locator(".actions button:visible").all()
    ]
    texts = answer.locator(".actions button:visible").all_inner_texts()
    assert [a or b.strip() for a, b in zip(named, texts, strict=True)] == words["actions"]
    expect(page.get_by_role("article", name=words["asked"])).to_have_count(1)
    expect(page.get_by_role("textbox", name=words["field"])).to_be_focused()


def test_3_the_panel_is_walked_by_arrow_keys(walk):
    page, words = walk
    tabs = page.get_by_role("tab")
    assert [re.sub(r"\W*\d+$", "", tab.inner_text()) for tab in tabs.all()] == words["tabs"]
    tabs.first.focus()
    for _ in range(len(words["tabs"])):
        page.keyboard.press("ArrowRight")
    expect(tabs.first).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tabpanel", name=re.compile("^" + words["tabs"][1]))).to_be_visible()


@pytest.mark.long
def test_4_a_lesson_is_told_when_it_begins_and_when_it_is_in_use_and_never_each_second(walk):
    page, words = walk
    page.get_by_role("button", name=words["now"]).press("Enter")
    expect(page.get_by_test_id("active-version")).to_have_text("v0.1", timeout=240_000)
    wait_until(lambda: any("v0.1" in said for said in page.evaluate("heard")))
    page.wait_for_timeout(500)  # wait for anything announced after it
    heard = page.evaluate("heard")
    print(page.evaluate("document.documentElement.lang"), *heard, sep="\n  ")
    for wanted in words["says"]:
        assert any(re.search(wanted, said) for said in heard), (wanted, heard)
    without_figures = [re.sub(r"\d+", "#", said) for said in heard]
    repeated = {said for said in without_figures if without_figures.count(said) > 2}
    assert not repeated, heard
    assert len(heard) <= 14, heard
    assert set(page.evaluate(LIVE)) <= {"announcer", "alarm", "log"}, page.evaluate(LIVE)


@pytest.mark.parametrize(
    "media",
    [
        {},
        pytest.param({"color_scheme": "dark"}, marks=pytest.mark.long),
        pytest.param({"forced_colors": "active"}, marks=pytest.mark.long),
    ],
)
def test_5_axe_finds_nothing_at_all_in_any_panel(walk, media: dict):
    page, words = walk
    page.emulate_media(**media, reduced_motion="reduce")
    problems = []
    for tab in page.get_by_role("tab").all():
        tab.click()
        page.wait_for_timeout(300)
        problems += [said for _, said in violations(page)]
    assert not problems, "\n".join(problems)


def test_6_nothing_moves_for_who_asked_for_that_and_colours_may_be_forced(walk):
    page, words = walk
    page.emulate_media(reduced_motion="reduce", forced_colors="active")
    moving = page.evaluate(
        "document.getAnimations().filter((one) => one.playState === 'running').length"
    )
    assert moving == 0
    chosen = page.get_by_role("tab", selected=True)
    assert chosen.evaluate("node => getComputedStyle(node).borderTopWidth") == "2px"
