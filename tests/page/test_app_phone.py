"""The page on a phone: everything in reach, nothing wider than the screen, nothing in the way."""

import contextlib
import json
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.support.offered import DEVICES, tells
from tests.support.page.acts import answers, say, wait_for_answer
from tests.support.page.browser import Chromium, wait_for_state, watched
from tests.support.page.stored import chat_of, holds

pytestmark = pytest.mark.slow
DOWNLOAD = '#consent [data-do="download"][data-of="smollm2-135m"]'
FETCH = "#consent .choice.first button.primary"
SMALL, COMMON = (320, 568), (360, 740)
PHONES = [SMALL, COMMON]
WIDER = """() => [...document.querySelectorAll("body *")].filter((node) => {
  if (!node.checkVisibility({visibilityProperty: true}) || node.closest(".sprite, .sr, .skip"))
    return false;
  const scrolls = node.closest("pre, .text table, .table-wrap, .tabs");
  const box = (scrolls ?? node).getBoundingClientRect();
  return box.right > innerWidth + 1 || box.left < -1;
}).map((node) => node.outerHTML.slice(0, 90))"""


CODE = (
    "```\n" + "long_line_of_code(" * 60 + "\n```\n\n| " + "a column | " * 14 + "\n|" + "---|" * 14
)
CODE += "\n| " + "words in it | " * 14


def at_each_size(page: Page) -> Iterator[None]:
    for width, height in PHONES:
        page.set_viewport_size({"width": width, "height": height})
        yield


@contextlib.contextmanager
def a_phone(chromium: Chromium, address: str) -> Iterator[Page]:
    size = {"width": SMALL[0], "height": SMALL[1]}
    options = {"viewport": size, "has_touch": True, "is_mobile": True, "locale": "en-US"}
    with watched(chromium, address, **options) as (context, _):
        yield context.new_page()


@pytest.fixture
def phone(chromium: Chromium, address: str) -> Iterator[Page]:
    """A phone on its first visit."""
    with a_phone(chromium, address) as page:
        yield page


@pytest.fixture(scope="module")
def used(chromium: Chromium, address: str) -> Iterator[Page]:
    """A phone with the demo model, shared by the tests that only look."""
    with a_phone(chromium, address) as page:
        holds(page, chat_of("What is long?", "This is long.\n\n" + CODE))
        with_demo(page)
        yield page


def expect_no_overflow(page: Page) -> None:
    assert not page.evaluate(WIDER)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def with_demo(page: Page) -> None:
    page.goto("/?model=tiny")
    wait_for_state(page, "ready", timeout=120)


def the_learning_panel(page: Page) -> None:
    if not page.get_by_role("complementary", name="Learning").is_visible():
        page.get_by_role("button", name="Learning panel").click()


def comes_to(page: Page, selector: str, what: str) -> None:
    """Wait until `what` holds for the element: after a resize, scrolling ends a moment later. The
    element is looked up each time, because it may be redrawn."""
    page.wait_for_function(f"({what})(document.querySelector({json.dumps(selector)}))")


@pytest.mark.long
def test_what_is_recommended_is_seen_at_once_and_no_button_moves_when_it_is_known(phone: Page):
    phone.add_init_script(tells(DEVICES["phone"]["pace"]))
    phone.goto("/")
    wait_for_state(phone, "needs-consent", timeout=120)
    before = places_of_the_download(phone)
    expect(phone.locator(FETCH)).to_be_attached(timeout=120_000)
    assert places_of_the_download(phone) == before
    for _ in at_each_size(phone):
        comes_into_sight(phone, FETCH)
    comes_into_sight(phone, DOWNLOAD)


def places_of_the_download(phone: Page) -> list[int]:
    """The distance from the card's top to the button, at each size."""
    places = []
    for _ in at_each_size(phone):
        expect_no_overflow(phone)
        card, button = (phone.locator(one).bounding_box() for one in ("#consent", DOWNLOAD))
        assert card and button
        places.append(round(button["y"] - card["y"]))
    return places


def comes_into_sight(phone: Page, selector: str) -> None:
    """Wait until the element is fully visible, with nothing over it."""
    expect(phone.locator(selector)).to_be_in_viewport(ratio=1)
    expect(phone.get_by_role("button", name="To latest")).to_be_hidden()
    comes_to(
        phone,
        selector,
        """node => { const box = node.getBoundingClientRect();
        return node.contains(document.elementFromPoint(box.x + box.width / 2, box.bottom - 3)); }""",
    )


def test_long_lines_scroll_in_themselves_and_the_buttons_stay(used: Page):
    answer = answers(used).first
    code, table = answer.locator("pre"), answer.locator("table").first
    for _ in at_each_size(used):
        width = used.viewport_size["width"]
        comes_to(used, "article pre", "node => node.scrollWidth > node.clientWidth + 500")
        assert code.bounding_box()["width"] <= width
        assert table.evaluate("node => { node.scrollLeft = 99; return node.scrollLeft > 0; }")
        for name in ("Copy", "Answer again", "Good answer: learn it"):
            box = answer.get_by_role("button", name=name).last.bounding_box()
            assert box["x"] >= 0 and box["x"] + box["width"] <= width


def test_the_keyboard_leaves_the_message_and_the_answer_in_sight(used: Page):
    used.get_by_role("textbox", name="Message").focus()
    for width, height in PHONES:
        used.set_viewport_size({"width": width, "height": height - 270})
        expect(used.get_by_role("textbox", name="Message")).to_be_in_viewport(ratio=1)
        expect(used.get_by_role("button", name="Send")).to_be_in_viewport(ratio=1)
        assert used.get_by_role("log").bounding_box()["height"] >= 120


@pytest.mark.long
def test_a_notice_reads_as_lines_not_as_letters(used: Page):
    before = answers(used).count()
    say(used, "My boat is called Saltkråkan.")
    wait_for_answer(used, before + 1)
    the_learning_panel(used)
    used.get_by_role("tab", name=re.compile("^Activity")).click()
    used.get_by_role("button", name="Learn now").click()
    details = used.locator('[data-do="version-details"]')
    learned = used.locator(".toast", has=details)
    details = learned.locator(details)
    expect(details).to_be_visible(timeout=240_000)
    details.focus()  # a notice with the focus does not disappear
    for _ in at_each_size(used):
        assert learned.locator("p").bounding_box()["width"] >= 150
        assert learned.bounding_box()["height"] <= 130
        expect_no_overflow(used)
    details.click()
    expect(used.get_by_role("dialog")).to_be_visible()
    for _ in at_each_size(used):
        expect_no_overflow(used)
    used.keyboard.press("Escape")


def test_nothing_scrolls_sideways_in_any_panel(used: Page):
    the_learning_panel(used)
    for tab in used.get_by_role("tab").all():
        tab.click()
        panel = used.locator(f"#{tab.get_attribute('aria-controls')}")
        expect(panel.locator("> *").first).to_be_attached()
        for _ in at_each_size(used):
            expect_no_overflow(used)
            assert panel.evaluate("node => node.scrollWidth <= node.clientWidth")
    used.keyboard.press("Escape")
    expect(used.get_by_role("complementary", name="Learning")).to_be_hidden()


def test_what_the_header_has_no_room_for_is_in_the_settings(used: Page):
    for _ in at_each_size(used):
        for button, words in (
            ("Help", "The guide, in eleven steps"),
            ("Everything stays on this device", "Nothing you write, drop or teach is sent"),
        ):
            used.get_by_role("button", name="Settings").click()
            used.get_by_role("dialog").get_by_role("button", name=button).click()
            expect(used.get_by_role("dialog", name=button)).to_contain_text(words)
            expect_no_overflow(used)
            used.keyboard.press("Escape")


def test_escape_closes_what_asks_for_a_drop(used: Page):
    used.evaluate(
        """() => { const data = new DataTransfer(); data.items.add(new File(["x"], "x.txt"));
        for (const kind of ["dragenter", "dragenter", "dragover"]) document.body.dispatchEvent(
          new DragEvent(kind, {bubbles: true, cancelable: true, dataTransfer: data})); }"""
    )
    expect(used.get_by_text("Drop to teach")).to_be_visible()
    used.keyboard.press("Escape")
    expect(used.get_by_text("Drop to teach")).to_be_hidden()


def test_at_twice_the_size_most_of_the_window_is_the_chat(used: Page):
    """1280 x 720 at 200 % is 640 x 360."""
    used.set_viewport_size({"width": 640, "height": 360})
    assert used.get_by_role("log").bounding_box()["height"] >= 220


@pytest.mark.long
def test_a_phone_that_can_install_it_is_offered_that_once_it_is_useful(phone: Page):
    phone.goto("/")
    wait_for_state(phone, "needs-consent", timeout=120)
    phone.evaluate(
        """() => { const event = new Event("beforeinstallprompt", {cancelable: true});
        event.prompt = async () => { window.prompted = true; return {outcome: "accepted"}; };
        dispatchEvent(event); }"""
    )
    install = phone.get_by_role("button", name="Install OneSeek")
    expect(install).to_have_count(0)  # not offered before the page is useful
    phone.get_by_role("button", name="Just look around").click()
    wait_for_state(phone, "ready", timeout=120)
    expect(install).to_be_visible()
    install.click()
    phone.wait_for_function("window.prompted")
    expect(install).to_have_count(0)
