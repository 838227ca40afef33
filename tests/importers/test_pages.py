"""The main text of saved pages like those of real sites: the article, and nothing around it."""

import pytest

from oneseek.importers.document import ImportRefused
from oneseek.importers.read import read
from tests.importers.measure import HERE
from tests.support.files import PAGES, WITH_TEXT, scores


@pytest.mark.parametrize("page", WITH_TEXT, ids=lambda page: page.stem)
def test_the_main_text_is_found(page):
    assert scores(page)[2] >= 0.95


def test_there_are_at_least_twenty_pages_in_two_languages():
    assert len(PAGES) >= 20 and len([p for p in PAGES if "_sv" in p.stem]) >= 8


@pytest.mark.parametrize(
    ("name", "words"),
    [("portal_none", "No main text was found"), ("login_none", "asks you to log in first")],
)
def test_a_page_without_main_text_is_refused_with_what_to_do(name, words):
    ((_, outcome),) = read((HERE / "pages" / f"{name}.html").read_bytes(), name)
    assert isinstance(outcome, ImportRefused) and words in str(outcome)


def test_title_author_and_date_come_from_the_page():
    page = HERE / "pages" / "news_sv_1.html"
    ((_, document),) = read(page.read_bytes(), page.name)
    assert (document.title, document.author, document.date) == (
        "Hamnen i Västerfjärd får ny pir", "Lina Berg", "2026-05-12",
    )  # fmt: skip
