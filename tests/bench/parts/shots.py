"""Takes a picture of every state of the page: `build.py bench page --shots [FOLDER [LOOK ...]]`."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser

from tests.bench.parts.tours import LEARNS, TOUR, demo
from tests.bench.parts.visit import Visit
from tests.support.page.browser import watched

DESK = {"width": 1440, "height": 900}
PHONE: dict[str, Any] = {"has_touch": True, "is_mobile": True}
LOCALES = {"en": "en-US", "sv": "sv-SE"}


def in_both_schemes(visit: Visit) -> None:
    """Picture the chat, three panels and the settings, in light and in dark."""
    for scheme in ("light", "dark"):
        visit.page.emulate_media(color_scheme=scheme)
        visit.shot(f"{scheme}-chat", Visit.chat)
        for name in ("memory", "activity", "versions"):
            visit.shot(f"{scheme}-{name}", lambda visit, name=name: visit.panel(name))
        visit.shot(f"{scheme}-settings", lambda visit: visit.settings())


def whole(visit: Visit) -> None:
    for state, act in TOUR:
        visit.shot(state, act)


def most_seen(visit: Visit) -> None:
    demo(visit)
    for state, act in LEARNS:
        visit.shot(state, act)
    in_both_schemes(visit)


LOOKS: dict[str, tuple[str, Callable[[Visit], None], dict]] = {
    "light": ("en", whole, {"viewport": DESK, "color_scheme": "light"}),
    "dark": ("en", whole, {"viewport": DESK, "color_scheme": "dark"}),
    "phone": ("en", whole, {"viewport": {"width": 390, "height": 844}, **PHONE}),
    "swedish": ("sv", whole, {"viewport": DESK, "color_scheme": "light"}),
    "small": (
        "sv",
        most_seen,
        {"viewport": {"width": 320, "height": 568}, "reduced_motion": "reduce", **PHONE},
    ),
    "twice": (
        "en",
        most_seen,
        {"viewport": {"width": 640, "height": 360}, "device_scale_factor": 2},
    ),
    "forced": ("en", most_seen, {"viewport": DESK, "forced_colors": "active"}),
}
"""Look: its language, tour and browser options; `twice` is 1280 x 720 at 200 %."""


def take(browser: Browser, address: str, folder: Path, looks: Sequence[str] = ()) -> list[dict]:
    """Do the tour of each look; return a row for each picture."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for look in looks or LOOKS:
        language, tour, options = LOOKS[look]
        with watched(browser, address, locale=LOCALES[language], **options) as (context, watch):
            watch.allow("")
            context.set_default_timeout(20_000)
            page = context.new_page()
            page.goto("/")
            visit = Visit(page, language, folder, look)
            tour(visit)
            rows += visit.rows
    return rows
