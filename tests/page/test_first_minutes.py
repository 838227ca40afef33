"""The first five minutes with the demo model, and with what may come between: what a person reads
is true by the engine's own stores, nothing is raw, nothing is lost."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.bench.minutes import path
from tests.bench.parts.upsets import UPSETS

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("upset", UPSETS)
def test_what_a_stranger_reads_is_true_and_nothing_is_lost(
    chromium: Browser, address: str, tmp_path: Path, upset: str
):
    name = "sv-phone" if upset == "offline" else "en-desktop"
    walked = path(chromium, address, name, tmp_path, upset, "tiny")
    assert walked["untrue"] == []
    assert walked["lost"] == []
    assert walked["raw"] == []
    assert walked["errors"] == []
    assert walked["forgotten"]
