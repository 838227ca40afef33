"""Text in common encodings, intact or damaged, must be read as it was written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oneseek.importers.document import Document, ImportRefused
from oneseek.importers.encoding import decode, detect_encoding
from oneseek.importers.read import read

TEXT = "Räksmörgås på Östermalm kostar 120 kronor – “dyrt”, tyckte han."


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"]
)
def test_common_encodings_are_recognised(encoding):
    assert decode(TEXT.encode(encoding), "a.txt").lstrip("\ufeff") == TEXT


@given(st.text(st.characters(codec="cp1252", exclude_categories=["Cc", "Cs"]), min_size=1))
def test_windows_text_is_read_or_is_also_valid_utf8(text):
    data = text.encode("cp1252")
    found = data.decode(detect_encoding(data), errors="replace")
    assert found == text or detect_encoding(data) in (
        "utf-8",
        "utf-8-sig",
        "utf-16-le",
        "utf-16-be",
    )


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=3))
def test_utf8_is_always_read_as_utf8(text):
    data = b"text " + text.encode()
    assert data.decode(detect_encoding(data)) == "text " + text


def test_a_cut_utf8_file_is_still_utf8():
    assert decode(TEXT.encode()[:8] + b"\xc3", "a.txt").startswith("Räksmö")


def test_a_declared_encoding_is_used_where_the_bytes_leave_it_open():
    page = '<html><head><meta charset="windows-1251"></head><body><p>%s</p></body></html>' % (
        "Привет мир. " * 30
    )
    ((_, document),) = read(page.encode("cp1251"), "a.html")
    assert isinstance(document, Document) and document.text.startswith("Привет мир.")


def test_bytes_that_are_no_text_are_refused():
    with pytest.raises(ImportRefused, match="does not look like text"):
        decode(bytes(range(256)) * 4, "noise.bin")
