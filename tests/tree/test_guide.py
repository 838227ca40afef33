"""The guide: one source, two languages, eleven steps, and every statement true."""

import json
import re
import subprocess

import pytest

from builder import ROOT, guide, site
from tests.documents import CLASS_NAMES, ENDPOINTS
from tests.support.texts import MANUAL, README

TEXTS = {language: (guide.GUIDE / f"{language}.md").read_text("utf-8") for language in guide.PAGES}
PROGRAMS = ("oneseek", "python3", "torchrun", "flwr", "pip")
MADE_FIRST = "python3 build.py headless --help"
KILOBYTES = 400
NAMED_THERE = "TrainingConfig SchedulerConfig DataCollector TrainingQueue BatchManager".split()


def commands(text: str) -> list[str]:
    """The commands in a text: lines of blocks, and code in backquotes."""
    found = re.findall(r"^    (.+)$", text, re.M) + re.findall(r"`([^`]+)`", text)
    return [one.partition(" #")[0].strip() for one in found if one.split()[0] in PROGRAMS]


def test_both_languages_say_the_same_in_eleven_steps():
    for text in TEXTS.values():
        assert re.findall(r"^## (\d+)\. ", text, re.M) == [str(n) for n in range(1, 12)]
    parts = [re.split(r"^## ", text, flags=re.M) for text in TEXTS.values()]
    for english, swedish in zip(*parts, strict=True):
        assert commands(english) == commands(swedish)
        assert re.findall(r"\]\((.*?)\)", english) == re.findall(r"\]\((.*?)\)", swedish)


def test_an_appendix_maps_the_eleven_steps_of_the_documents():
    for text in TEXTS.values():
        appendix = text.rpartition("\n## ")[2]
        assert re.findall(r"^(\d+)\. ", appendix, re.M) == [str(n) for n in range(1, 12)]
        routes = re.findall(r"`(POST /api/[^`]+)`", appendix)
        assert len(routes) == 3 and not set(routes) - set(ENDPOINTS)
        assert not [name for names in CLASS_NAMES.values() for name in names.split()
                    if name in NAMED_THERE and f"`{name}`" not in appendix]  # fmt: skip


def test_every_command_is_one_that_the_tests_of_the_manual_run():
    asked = [one for one in commands(TEXTS["en"]) if one != MADE_FIRST]
    assert len(asked) > 12
    missing = [one for one in asked if one not in commands(MANUAL)]
    assert not missing, missing


def test_the_readme_says_why_no_package_is_installed_at_run_time():
    assert "`micropip` would ask PyPI" in README
    page = [*ROOT.glob("web/**/*.py"), *ROOT.glob("workers/**/*.py"), *ROOT.glob("workers/*.mjs")]
    assert not [path for path in page if "micropip" in path.read_text("utf-8")]


def test_what_makes_the_environment_runs():
    subprocess.run(MADE_FIRST, shell=True, cwd=ROOT, check=True, capture_output=True, timeout=300)


@pytest.mark.parametrize("language", guide.PAGES)
def test_what_stands_out_is_what_the_page_says(language):
    words = json.loads((ROOT / f"web/static/i18n/{language}.json").read_text("utf-8"))
    said = {value.split("{")[0].strip() for value in words.values() if isinstance(value, str)}
    assert not set(re.findall(r"\*\*(.+?)\*\*", TEXTS[language])) - said


def test_it_is_pages_of_the_site_that_work_offline_with_pictures_of_a_modest_size():
    made = site.Site()
    made.add("page", {"icon.svg": b""})
    made.add("guide", guide.files())
    pages = guide.pages(made.names)
    assert set(pages) == set(guide.PAGES.values())
    for language, name in guide.PAGES.items():
        text = pages[name].decode()
        named = re.findall(r'(?:src|href)="([^"]+)"', text)
        assert all(one in made.files or one in pages or one == "./" for one in named), named
        assert len(re.findall("<h2>", text)) == 12 and f'lang="{language}"' in text
        assert site.how_kept(name) == "now"
    assert all(site.how_kept(path) == "now" for path in made.files)
    sizes = [path.stat().st_size for path in (guide.GUIDE / "pictures").iterdir()]
    assert sum(sizes) < KILOBYTES * 1000 and min(sizes) > 2000
