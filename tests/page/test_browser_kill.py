"""A browser is killed while it writes: all acknowledged records must be there, and every record
complete."""

import os
import random
import signal
import tempfile
from pathlib import Path

import pytest

from tests.support.page import bare_page
from tests.support.page.acts import own_chromium
from tests.support.page.browser import served

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    with served(bare_page.write_site(tmp_path_factory.mktemp("bare"))) as address:
        yield address


WRITER = """async () => {
  const store = await storeModule.openStore("kill", '[["snapshots", "state"]]', () => {});
  for (let i = (await store.count("snapshots")) ? JSON.parse((await store.get("state", "current"))[0]).i + 1 : 0; ; i++) {
    const blob = new Uint8Array(1 << 20).fill(i % 256);
    const ops = [["put", "snapshots", "s", { i, blob: { $bytes: 0 } }], ["put", "state", "current", { i }]];
    await store.batch(JSON.stringify(ops), "[]", [blob], "strict");
    console.log("acknowledged " + i);
  }
}"""
READER = """async () => {
  const store = await storeModule.openStore("kill", '[["snapshots", "state"]]', () => {});
  const [text, blob] = await store.get("snapshots", "s");
  const { i } = JSON.parse(text);
  const same = blob.length === 1 << 20 && blob.every((byte) => byte === i % 256);
  return [i, JSON.parse((await store.get("state", "current"))[0]).i, same];
}"""


def start_page(chromium, address, site):
    browser = chromium.browser_type.connect_over_cdp(address)
    page = browser.contexts[0].new_page()
    page.goto(site)
    page.evaluate('import("/store.js").then((module) => { globalThis.storeModule = module; })')
    return page


def kill_while_writing(chromium, site, kills, seed):
    draw = random.Random(seed)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        last = -1
        for _ in range(kills):
            acknowledged = [last]
            with own_chromium(Path(folder)) as (process, address):
                page = start_page(chromium, address, site)
                if last >= 0:
                    number, pointer, whole = page.evaluate(READER)
                    assert number == pointer >= last and whole
                page.on("console", lambda m, seen=acknowledged: seen.append(int(m.text.split()[1])))
                page.evaluate(f"void ({WRITER})()")
                while len(acknowledged) < 2:
                    page.wait_for_timeout(50)
                page.wait_for_timeout(draw.uniform(0, 500))
                os.killpg(process.pid, signal.SIGKILL)
                last = acknowledged[-1]
        assert last >= kills - 1
        with own_chromium(Path(folder)) as (_, address):
            number, pointer, whole = start_page(chromium, address, site).evaluate(READER)
            assert number == pointer >= last and whole


def test_R1_a_killed_browser_loses_no_acknowledged_change(chromium, site):
    kill_while_writing(chromium, site, 1, 1)


@pytest.mark.long
def test_R1_a_browser_killed_at_fifty_random_moments_loses_no_acknowledged_change(chromium, site):
    kill_while_writing(chromium, site, 50, 2)
