"""The lab: the compiled form of a program, and the results of a run.

test_two_origins.py shows that a program cannot reach the chats.
"""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from builder import lab
from tests.support.page.axe import violations
from tests.support.page.browser import wait_for_offline, watched
from tests.support.page.in_lab import make_link, open_lab, run, run_to_end, wait_until_idle

pytestmark = pytest.mark.slow

NAMES = sorted(path.stem for path in lab.EXAMPLES.glob("*.py"))
ALL_DEVICES = "numpy cpu webgpu"
FEW = "for batch in [*batches()][:3]]"  # more take long on an emulated GPU
ENDLESS = "print('begins')\nwhile True:\n    pass\n"
WRONG = """import numpy as np
import oneseek

def product(a, b):
    c = a + 1
    return c @ b

oneseek.jit(product)(np.ones((2, 3), np.float32), np.ones((4, 5), np.float32))
"""


def figures(page: Page) -> list[list[str]]:
    return [row.split("\t") for row in page.locator("#figures tbody").inner_text().splitlines()]


def read_example(name: str) -> str:
    text = (lab.EXAMPLES / f"{name}.py").read_text()
    assert "for batch in batches()]" in text
    return text.replace("for batch in batches()]", FEW)


def expect_losses_of_numpy(page: Page) -> None:
    """Assert that the last run, on processor and GPU, reached numpy's losses."""
    expect(page.locator("#problem")).to_be_hidden()
    rows = figures(page)
    assert [row[0] for row in rows] == ["numpy", "processor", "graphics chip"]
    assert all(row[1] == "3" and float(row[5].replace(",", "")) > 0 for row in rows)
    assert all(float(row[4]) < 1e-4 for row in rows[1:])
    assert page.locator("#curve polyline").count() == 3
    parts = {"forward", "backward", "update"}
    assert set(page.locator("#steps .part").all_inner_texts()) == parts


@pytest.mark.long
@pytest.mark.parametrize("name", NAMES)
def test_each_example_comes_to_the_losses_of_numpy_on_processor_and_chip(page: Page, name):
    open_lab(page, read_example(name), ALL_DEVICES)
    run_to_end(page)
    expect_losses_of_numpy(page)


@pytest.fixture(scope="module")
def started(chromium, address) -> Iterator[Page]:
    """One lab, shared by the tests that need none of their own."""
    with watched(chromium, address) as (context, _):
        yield open_lab(context.new_page())


@pytest.fixture
def anew(started: Page) -> Page:
    """The shared lab with the first example, as if just opened."""
    started.locator("#example").select_option("line")
    wait_until_idle(started)
    return started


def test_a_step_shows_its_shapes_its_line_its_buffers_and_its_kernels(anew: Page):
    page = anew
    run_to_end(page)
    row = page.locator("#steps tbody tr").first
    expect(row).to_contain_text("matmul")
    expect(row).to_contain_text("f32[50,1]")
    row.get_by_role("button").click()
    expect(page.locator(".cm-line.asked")).to_contain_text('x @ w["slope"]')
    expect(page.locator("#kernel")).to_contain_text("@compute")
    page.get_by_role("button", name="WASM").click()
    expect(page.locator("#kernel")).to_contain_text("f32x4.relaxed_madd")
    page.get_by_role("button", name="WGSL").click()
    expect(page.locator("#kernel")).to_contain_text("@compute")
    assert page.locator("#buffers rect").count() > 10
    page.locator(".cm-line", has_text="return oneseek.mean").click()
    assert page.locator("#steps tr.asked").count() > 10


def write(page: Page, program: str) -> None:
    """Replace the lab's program."""
    page.goto(make_link(program))
    first, second = program.splitlines()[:2]
    lines = page.locator(".cm-line")
    expect(lines.nth(0)).to_have_text(first)
    expect(lines.nth(1)).to_have_text(second)


def test_an_error_is_shown_at_its_line(anew: Page):
    page = anew
    write(page, WRONG)
    run_to_end(page)
    expect(page.locator("#problem")).to_contain_text("Line 6: ")
    expect(page.locator("#problem")).to_contain_text("f32[2,3]")
    expect(page.locator(".cm-line.at-fault")).to_have_text("    return c @ b")
    write(page, "x = 1\ny = = 2\n")
    run_to_end(page)
    expect(page.locator("#problem")).to_contain_text("Line 2: SyntaxError")


def test_an_endless_loop_is_stopped_and_the_next_program_runs(anew: Page):
    page = anew
    write(page, ENDLESS)
    run(page)
    expect(page.locator("#output")).to_have_text("begins\n")
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#state")).to_have_text("Stopped")
    page.locator("#example").select_option("line")
    run_to_end(page)
    assert figures(page)[0][:2] == ["numpy", "40"]


def test_it_waits_goes_on_for_one_step_and_to_the_end(anew: Page):
    page = anew
    page.get_by_role("button", name="Step").click()
    expect(page.locator("#state")).to_have_text("Waiting after step 1")
    page.get_by_role("button", name="Step").click()
    expect(page.locator("#state")).to_have_text("Waiting after step 2")
    page.locator("[data-step]").first.click()
    expect(page.locator("#kernel")).to_contain_text("@compute")  # can be viewed meanwhile
    page.get_by_role("button", name="Resume").click()
    wait_until_idle(page)
    assert figures(page)[0][1] == "40"


@pytest.mark.long
def test_a_link_holds_the_program_and_runs_nothing(page: Page):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    open_lab(page)
    page.locator(".cm-content").click()
    page.keyboard.press("Control+Home")
    page.keyboard.type("print('mine')\n")
    expect(page.locator("#example")).to_have_value("")
    page.get_by_role("button", name="Copy a link").click()
    expect(page.locator("#notice")).to_contain_text("copied")
    address = page.evaluate("navigator.clipboard.readText()")
    other = page.context.new_page()
    other.goto(address)
    wait_until_idle(other)
    expect(other.locator("#notice")).to_contain_text("came by a link")
    expect(other.locator(".cm-line").first).to_have_text("print('mine')")
    expect(other.locator("#output")).to_be_empty()
    other.goto("lab#program=nonsense")
    other.reload()
    expect(other.locator("#notice")).to_contain_text("holds no program")
    wait_until_idle(other)


@pytest.mark.long
@pytest.mark.kept_offline
def test_it_runs_without_a_network(page: Page):
    page.goto("")
    wait_for_offline(page)
    page.context.set_offline(True)
    open_lab(page)
    run_to_end(page)
    assert figures(page)[0][1] == "40"


@pytest.mark.long
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_axe_finds_nothing(chromium, address, scheme, width):
    size = {"width": width, "height": 850}
    with watched(chromium, address, viewport=size, color_scheme=scheme) as (context, _):
        page = open_lab(context.new_page())
        assert violations(page) == []
        run_to_end(page)
        page.locator("[data-step]").first.click()
        expect(page.locator("#kernel")).to_contain_text("@compute")
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.long
def test_it_speaks_swedish(page: Page):
    open_lab(page)
    page.get_by_role("button", name="Svenska").click()
    expect(page.locator("html")).to_have_attribute("lang", "sv")
    page.get_by_role("button", name="Kör", exact=True).click()
    wait_until_idle(page)
    expect(page.locator("#figures")).to_contain_text("Första förlust")
    expect(page.locator("#state")).to_have_text("Klart")


def test_a_keyboard_is_all_one_needs(anew: Page):
    page = anew
    page.locator(".cm-content").focus()
    page.keyboard.press("Tab")
    expect(page.locator(".cm-content")).not_to_be_focused()
    page.locator(".cm-content").focus()
    page.keyboard.press("Control+Enter")
    expect(page.locator("#state")).to_have_text("Done")
    page.locator("[data-step]").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#kernel")).to_contain_text("@compute")


def test_an_example_comes_to_the_losses_of_numpy_on_processor_and_chip(anew: Page):
    """Must be the last test of the shared lab, because it selects the GPU."""
    write(anew, read_example("moons"))
    anew.locator("#devices").select_option(ALL_DEVICES)
    run_to_end(anew)
    expect_losses_of_numpy(anew)
