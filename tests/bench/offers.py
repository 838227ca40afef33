"""Pictures of the page's first card on four made-up devices, in Swedish and English: `python3
build.py bench offers [FOLDER]`.

The card is the page's own; only the memory that the browser reports and the measured speed are
replaced by those of the device. FOLDER, by default shots/offers, gets a picture of each.
"""

import argparse
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from builder import ROOT, site
from tests.bench.parts import report
from tests.support.offered import DEVICES
from tests.support.page.browser import chromium, served, wait_for_state, watched

SIZES = {"phone": (390, 1100)}  # long enough for the whole card
USUAL = (1440, 900)
LOCALES = {"en": "en-US", "sv": "sv-SE"}
SPEED = {"en": "tokens a second", "sv": "token i sekunden"}
MEMORY = """(memory) =>
  Object.defineProperty(WorkerNavigator.prototype, "deviceMemory", { get: () => memory })"""
PACE = """async (pace) => {
  const open = indexedDB.open("oneseek");
  const db = await new Promise((go) => (open.onsuccess = () => go(open.result)));
  const change = db.transaction("state", "readwrite"), state = change.objectStore("state");
  const keys = state.getAllKeys();
  await new Promise((go) => (keys.onsuccess = go));
  const known = keys.result.filter((key) => key.startsWith("pace:"));
  for (const key of known) state.put(pace, key);
  await new Promise((go) => (change.oncomplete = go));
  db.close();
  return known;
}"""


def wait_for_speed(page: Page, language: str) -> None:
    wait_for_state(page, "needs-consent", timeout=300)
    expect(page.locator("#consent")).to_contain_text(SPEED[language], timeout=300_000)


def card(browser: Browser, address: str, name: str, language: str, folder: Path) -> dict:
    """Picture the card with the stored speed of this machine replaced by that of the device."""
    device, (width, height) = DEVICES[name], SIZES.get(name, USUAL)
    size = {"viewport": {"width": width, "height": height}}
    with watched(browser, address, locale=LOCALES[language], **size) as (context, watch):
        watch.allow("")
        page = context.new_page()
        page.goto(f"/?engine={device['kind']}")
        wait_for_speed(page, language)
        known = page.evaluate(PACE, device["pace"])
        with page.expect_worker() as worker:
            page.reload()
        worker.value.evaluate(MEMORY, device["memory"])
        wait_for_speed(page, language)
        shown = page.locator("#consent")
        path = folder / f"{name}-{language}.png"
        shown.screenshot(path=path)
        names = shown.locator(".choice h3").all_inner_texts()
        return {"device": name, "language": language, "offers": names, "measured": known}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "shots/offers")
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    with served(site.build()) as address, chromium() as browser:
        for name in DEVICES:
            for language in LOCALES:
                rows.append(card(browser, address, name, language, folder))
                report.say(rows[-1])
    report.write("offers", {"cards": len(rows)}, rows)


if __name__ == "__main__":
    main()
