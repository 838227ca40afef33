"""A person's acts in the lab."""

import base64
import zlib

from playwright.sync_api import Page, expect


def make_link(program: str) -> str:
    """The address of the lab with this program in it."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(program.encode()) + packer.flush()
    return "lab#program=" + base64.urlsafe_b64encode(packed).decode().rstrip("=")


def open_lab(page: Page, program: str = "", devices: str = "numpy") -> Page:
    page.goto(make_link(program) if program else "lab")
    wait_until_idle(page)
    page.locator("#devices").select_option(devices)
    return page


def wait_until_idle(page: Page) -> None:
    expect(page.locator("html")).to_have_attribute("data-lab", "idle", timeout=180_000)


def run(page: Page) -> None:
    page.get_by_role("button", name="Run", exact=True).click()


def run_to_end(page: Page) -> None:
    run(page)
    wait_until_idle(page)
