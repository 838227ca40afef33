"""A hostile file must end in one clear sentence, soon and in bounded memory, and the reader must
survive."""

import re
import resource
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from oneseek.importers.document import Document, ImportRefused
from oneseek.importers.image import prepare_for_ocr
from oneseek.importers.limits import Budget, Cancelled, Limits
from oneseek.importers.pages import article
from oneseek.importers.read import read
from tests.importers import hostile
from tests.importers.measure import FILES

HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (bytes, "is empty"),
    "zip bomb": (hostile.zip_bomb, "unpacks to far more"),
    "overlapping zip": (
        hostile.overlapping_zip,
        "unpacks to far more|damaged|more than 20 million",
    ),  # newer Pythons detect the overlap
    "nested zip": (hostile.nested_zip, "archive inside archives"),
    "too many members": (
        lambda: hostile.zip_of({f"{n}.txt": "x" for n in range(2001)}),
        "2,001 files",
    ),
    "entity bomb": (hostile.entity_bomb_docx, "declares XML entities"),
    "entity that reads a file": (hostile.outside_entity_docx, "declares XML entities"),
    "deep docx": (hostile.deep_docx, "is damaged"),
    "deep json": (hostile.deep_json, "is not whole JSON"),
    "truncated docx": (
        lambda: (FILES / "libreoffice_sv.docx").read_bytes()[:5000],
        "damaged or cut short",
    ),
    "encrypted pdf": (lambda: (FILES / "encrypted.pdf").read_bytes(), "locked by a password"),
    "truncated pdf": (
        lambda: (FILES / "groff_en.pdf").read_bytes()[:900],
        "damaged|No text|pictures",
    ),
    "pdf bomb": (hostile.pdf_bomb, "No text|pictures"),
    "pdf bomb packed twice": (hostile.pdf_bomb_twice, "No text|pictures"),
    "pdf that contains itself": (hostile.pdf_loop, "damaged"),
    "pdf of forms in forms": (hostile.pdf_form_loop, "No text|pictures"),
    "noise": (lambda: bytes(range(256)) * 1000, "does not look like text"),
    "old word": (lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "old Word"),
    "film": (lambda: b"\x00\x00\x00\x18ftypmp42" + bytes(500), "film"),
    "deep html": (hostile.deep_html, "No main text"),
    "a tag of many attributes": (hostile.many_attributes, "more than 1,000 attributes"),
    "broken lzma": (hostile.broken_lzma, "damaged or cut short"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_R28_a_hostile_file_ends_in_one_sentence(name):
    make, words = HOSTILE[name]
    data = make()
    begun = time.process_time()
    *_, (name_of_it, outcome) = read(data, "it.bin")
    assert name_of_it.startswith("it.bin") and isinstance(outcome, ImportRefused), outcome
    sentence = str(outcome)
    assert re.search(words, sentence), sentence
    assert len(sentence) < 300 and sentence.endswith(".") and "Traceback" not in sentence
    assert time.process_time() - begun < 20


def test_R28_pictures_that_are_huge_or_broken_are_refused():
    for data, words in [
        (hostile.png_bomb(), "at most 40 million pixels"),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), "damaged"),
        ((FILES / "turned.jpg").read_bytes()[:400], "damaged"),
        (b"SIMPLE  =                    T", "damaged"),
    ]:
        with pytest.raises(ImportRefused, match=words):
            prepare_for_ocr(data, "picture.png")


@pytest.mark.long
@pytest.mark.slow
def test_R28_a_page_of_half_a_million_links_is_read_without_looking_for_an_article(monkeypatch):
    def never(*given, **more):
        raise AssertionError("it takes most of a millisecond for each element")

    monkeypatch.setattr(article, "bare_extraction", never)
    page = b"<html><body><p>" + b"<a href=x>on</a> " * 500_000 + b"</p></body></html>"
    ((_, document),) = read(page, "links.html", Budget("links.html", Limits(seconds=600)))
    assert document.words == 500_000 and "over 50,000 elements" in document.notes[0]
    ((_, refused),) = read(page, "links.html", Budget("links.html", Limits(seconds=0.5)))
    assert "took longer than" in str(refused)


def test_what_only_looks_like_many_attributes_is_read():
    told = b"<p>The lighthouse keeper lit the lamp and wrote the hour in a book. </p>" * 9
    page = (b"<html><body><main><!-- <p " + b"x " * 3000 + b"--><script>" + b"a <b && c " * 3000
            + b"</script><svg><path d='M" + b" 1 2/3" * 3000 + b"'/></svg>" + told
            + b"</main></body></html>")  # fmt: skip
    ((_, document),) = read(page, "page.html")
    assert "lighthouse keeper" in document.text


@pytest.mark.slow
def test_R28_a_pdf_of_a_hundred_thousand_pages_gives_its_first_five_hundred():
    ((_, document),) = read(hostile.many_pages(), "long.pdf")
    assert isinstance(document, Document)
    assert document.text.count("quick brown fox") == 500
    assert document.notes == ("Only the first 500 of 100,000 pages were read.",)


def test_R28_a_file_over_the_limit_is_refused_by_its_size_alone():
    with pytest.raises(ImportRefused, match="is 1,000 MB; at most 50 MB"):
        Budget("big.iso").accept(1_000_000_000)


def test_R28_time_runs_out_and_cancel_is_heard():
    data = hostile.many_pages(400)
    ((_, outcome),) = read(data, "slow.pdf", Budget("slow.pdf", Limits(seconds=0.001)))
    assert "took longer than" in str(outcome)
    with pytest.raises(Cancelled):
        list(read(data, "gone.pdf", Budget("gone.pdf", cancelled=lambda: True)))


OTHER_BOMBS = "pdf_bomb", "deep_html", "many_pages"
CHILD = """
import resource, sys
from oneseek.importers.read import read
from tests.importers import hostile
read_nothing = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
data = getattr(hostile, sys.argv[1])()
made = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
list(read(data, "it.bin"))
print(max(0, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - made))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "bomb",
    [
        "zip_bomb",
        "pdf_bomb_twice",
        *(pytest.param(one, marks=pytest.mark.long) for one in OTHER_BOMBS),
    ],
)
def test_R28_memory_stays_bounded(bomb):
    answer = subprocess.run(
        [sys.executable, "-c", CHILD, bomb], capture_output=True, text=True, timeout=120, check=True
    )
    assert int(answer.stdout) * 1024 < 512_000_000


@pytest.mark.slow
@pytest.mark.parametrize(
    "bombs", [["zip bomb"], pytest.param([*HOSTILE], marks=pytest.mark.long)], ids=["one", "every"]
)
def test_the_reader_works_after_bombs(bombs):
    for name in bombs:
        list(read(HOSTILE[name][0](), "it.bin"))
    ((_, document),) = read((FILES / "libreoffice_sv.docx").read_bytes(), "a.docx")
    assert isinstance(document, Document) and document.words > 400
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > 0
