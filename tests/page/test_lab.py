"""The lab: what the compiler makes of a program and what a run comes to, in a worker from which
nothing of the chats can be read."""

import base64
import re
import zlib
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, Request, expect

from builder import lab
from tests.support.page.axe import violations
from tests.support.page.browser import wait_for_offline, watched

pytestmark = pytest.mark.slow

NAMES = sorted(path.stem for path in lab.EXAMPLES.glob("*.py"))
USUAL = ("moons",)
FEW = "for batch in [*batches()][:3]]"  # a chip that the processor plays takes long
ENDLESS = "print('begins')\nwhile True:\n    pass\n"
WRONG = """import numpy as np
import oneseek

def product(a, b):
    c = a + 1
    return c @ b

oneseek.jit(product)(np.ones((2, 3), np.float32), np.ones((4, 5), np.float32))
"""
ATTEMPTS = """import js
from pyodide.code import run_js
from pyodide.ffi import run_sync

TRIES = {
    "database": "() => new Promise((go, no) => { const asked = indexedDB.open('oneseek');"
                " asked.onsuccess = () => go('opened'); asked.onerror = () => no(asked.error); })",
    "files": "() => navigator.storage.getDirectory()",
    "caches": "() => caches.keys()",
    "locks": "() => navigator.locks.request('any', () => 'got')",
    "page": "async () => (await (await import('HOME' + 'index.html')).text())",
    "script": "() => import('HOME' + 'sw.js')",
    "api": "() => new Promise((go, no) => { const asked = new XMLHttpRequest(); asked.onerror = () => no(Error(1));"
           " asked.onload = go; asked.open('GET', 'HOME' + 'api/memory'); asked.send(); })",
    "worker": "() => new Worker('HOME' + 'sw.js')",
    "parent": "() => parent.document.title",
    "stored": "() => localStorage.length",
}
for name, attempt in TRIES.items():
    try:
        run_sync(run_js("async () => String(await (" + attempt + ")())")())
        print(name, "REACHED")
    except BaseException as refusal:
        print(name, "refused")
js.BroadcastChannel.new("oneseek-test").postMessage("from the lab")
print("origin", js.self.origin)
"""


def make_link(program: str) -> str:
    """The address of the lab with this program in it."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(program.encode()) + packer.flush()
    return "lab#program=" + base64.urlsafe_b64encode(packed).decode().rstrip("=")


def open_lab(page: Page, program: str = "", devices: str = "numpy") -> Page:
    page.goto(make_link(program) if program else "lab")
    idle(page)
    page.locator("#devices").select_option(devices)
    return page


def idle(page: Page) -> None:
    expect(page.locator("html")).to_have_attribute("data-lab", "idle", timeout=180_000)


def run(page: Page) -> None:
    page.get_by_role("button", name="Run", exact=True).click()


def ran(page: Page) -> None:
    run(page)
    idle(page)


def figures(page: Page) -> list[list[str]]:
    return [row.split("\t") for row in page.locator("#figures tbody").inner_text().splitlines()]


@pytest.mark.parametrize(
    "name", [one if one in USUAL else pytest.param(one, marks=pytest.mark.long) for one in NAMES]
)
def test_an_example_comes_to_the_losses_of_numpy_on_processor_and_chip(page: Page, name):
    text = (lab.EXAMPLES / f"{name}.py").read_text()
    assert "for batch in batches()]" in text
    open_lab(page, text.replace("for batch in batches()]", FEW), "numpy cpu webgpu")
    ran(page)
    expect(page.locator("#problem")).to_be_hidden()
    rows = figures(page)
    assert [row[0] for row in rows] == ["numpy", "processor", "graphics chip"]
    assert all(row[1] == "3" and float(row[5].replace(",", "")) > 0 for row in rows)
    assert all(float(row[4]) < 1e-4 for row in rows[1:])
    assert page.locator("#curve polyline").count() == 3
    parts = {"forward", "backward", "update"}
    assert set(page.locator("#steps .part").all_inner_texts()) == parts


@pytest.fixture(scope="module")
def started(chromium, address) -> Iterator[Page]:
    """One lab for the tests that need none of their own."""
    with watched(chromium, address) as (context, _):
        yield open_lab(context.new_page())


@pytest.fixture
def anew(started: Page) -> Page:
    """The lab with the first example, as if it had just been opened."""
    started.locator("#example").select_option("line")
    idle(started)
    return started


def test_a_step_shows_its_shapes_its_line_its_buffers_and_its_kernels(anew: Page):
    page = anew
    ran(page)
    row = page.locator("#steps tbody tr").first
    expect(row).to_contain_text("matmul")
    expect(row).to_contain_text("f32[50,1]")
    row.get_by_role("button").click()
    expect(page.locator(".cm-line.asked")).to_contain_text('x @ w["slope"]')
    expect(page.locator("#kernel")).to_contain_text("@compute")
    page.get_by_role("button", name="WASM").click()
    expect(page.locator("#kernel")).to_contain_text("f32x4.mul")
    page.get_by_role("button", name="WGSL").click()
    expect(page.locator("#kernel")).to_contain_text("@compute")
    assert page.locator("#buffers rect").count() > 10
    page.locator(".cm-line", has_text="return oneseek.mean").click()
    assert page.locator("#steps tr.asked").count() > 10


def write(page: Page, program: str) -> None:
    """A program takes the place of what stands in the lab."""
    page.goto(make_link(program))
    first, second = program.splitlines()[:2]
    lines = page.locator(".cm-line")
    expect(lines.nth(0)).to_have_text(first)
    expect(lines.nth(1)).to_have_text(second)


def test_an_error_is_shown_at_its_line(anew: Page):
    page = anew
    write(page, WRONG)
    ran(page)
    expect(page.locator("#problem")).to_contain_text("Line 6: ")
    expect(page.locator("#problem")).to_contain_text("f32[2,3]")
    expect(page.locator(".cm-line.at-fault")).to_have_text("    return c @ b")
    write(page, "x = 1\ny = = 2\n")
    ran(page)
    expect(page.locator("#problem")).to_contain_text("Line 2: SyntaxError")


def test_an_endless_loop_is_stopped_and_the_next_program_runs(anew: Page):
    page = anew
    write(page, ENDLESS)
    run(page)
    expect(page.locator("#output")).to_have_text("begins\n")
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#state")).to_have_text("Stopped")
    page.locator("#example").select_option("line")
    ran(page)
    assert figures(page)[0][:2] == ["numpy", "40"]


def test_it_waits_goes_on_for_one_step_and_to_the_end(anew: Page):
    page = anew
    page.get_by_role("button", name="Step").click()
    expect(page.locator("#state")).to_have_text("Waiting after step 1")
    page.get_by_role("button", name="Step").click()
    expect(page.locator("#state")).to_have_text("Waiting after step 2")
    page.locator("[data-step]").first.click()
    expect(page.locator("#kernel")).to_contain_text("@compute")  # looked at while it waits
    page.get_by_role("button", name="Resume").click()
    idle(page)
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
    idle(other)
    expect(other.locator("#notice")).to_contain_text("came by a link")
    expect(other.locator(".cm-line").first).to_have_text("print('mine')")
    expect(other.locator("#output")).to_be_empty()
    other.goto("lab#program=nonsense")
    other.reload()
    expect(other.locator("#notice")).to_contain_text("holds no program")
    idle(other)


@pytest.mark.kept_offline
def test_a_program_reaches_nothing_of_the_site(page: Page, watch, address):
    watch.allow("Content Security Policy|Failed to fetch|ERR_|null")
    page.goto("")
    wait_for_offline(page)
    names = page.evaluate("async () => (await indexedDB.databases()).map(({name}) => name)")
    assert "oneseek" in names, "what the program tries to open is there"
    other = page.context.new_page()
    open_lab(other, ATTEMPTS.replace("HOME", address))
    other.evaluate("""() => {
        globalThis.overheard = [];
        new BroadcastChannel("oneseek-test").onmessage = ({data}) => overheard.push(data);
    }""")
    asked: list[Request] = []
    other.on("request", lambda request: asked.append(request))
    ran(other)
    said = dict(line.split(" ", 1) for line in other.locator("#output").inner_text().splitlines())
    assert said.pop("origin") == "null"
    assert len(said) == 10 and set(said.values()) == {"refused"}, said
    assert other.evaluate("overheard") == []
    tried = {one.url: one.failure for one in asked if re.match("https?:", one.url)}
    assert set(tried.values()) == {"csp"}, f"none of them leaves the browser: {tried}"


@pytest.mark.long
@pytest.mark.kept_offline
def test_it_runs_without_a_network(page: Page):
    page.goto("")
    wait_for_offline(page)
    page.context.set_offline(True)
    open_lab(page)
    ran(page)
    assert figures(page)[0][1] == "40"


@pytest.mark.long
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_axe_finds_nothing(chromium, address, scheme, width):
    size = {"width": width, "height": 850}
    with watched(chromium, address, viewport=size, color_scheme=scheme) as (context, _):
        page = open_lab(context.new_page())
        assert violations(page) == []
        ran(page)
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
    idle(page)
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
