"""Files made by LibreOffice, Chromium, groff and poppler must yield the words that were put in."""

import io
import json

import pytest
from pypdf import PdfWriter

from oneseek.importers.document import Document, ImportRefused
from oneseek.importers.read import IsPicture, read
from tests.importers.measure import FILES, find_reference_text, load_reference_text, words_wrong
from tests.support.files import MAIL, ROWS

MADE = sorted(
    f
    for f in FILES.iterdir()
    if f.suffix in (".pdf", ".docx", ".html", ".mhtml", ".rtf", ".epub", ".txt", ".md")
)
READABLE = [f for f in MADE if f.name not in ("encrypted.pdf", "scanned_sv.pdf")]


def only(data: bytes, name: str) -> Document:
    ((_, outcome),) = read(data, name)
    assert isinstance(outcome, Document), outcome
    return outcome


@pytest.mark.parametrize("file", READABLE, ids=lambda f: f.name)
def test_every_word_comes_out(file):
    document = only(file.read_bytes(), file.name)
    wrong = words_wrong(find_reference_text(file), document.text)
    assert wrong <= (0.005 if file.suffix == ".pdf" else 0), document.text


@pytest.mark.parametrize(
    "name", ["libreoffice_sv.docx", "libreoffice_sv.pdf", "page_sv.html", "markdown_sv.md"]
)
def test_headings_and_lists_keep_their_kind(name):
    document = only((FILES / name).read_bytes(), name)
    headings = [block.text for block in document.blocks if block.kind == "heading"]
    assert headings == ["Fyren på Skarvholmen", "Ljuset", "Att besöka ön", "Avgifter och tider"]
    items = [block.text for block in document.blocks if block.kind == "item"]
    assert items[0] == "varma kläder, också i juli" and len(items) == 4
    assert document.title == "Fyren på Skarvholmen"


@pytest.mark.parametrize("name", ["libreoffice_en.docx", "page_en.html", "markdown_en.md"])
def test_tables_keep_their_cells(name):
    (table,) = [b for b in only((FILES / name).read_bytes(), name).blocks if b.kind == "table"]
    assert table.rows[0] == ("Work", "Price", "Time")
    assert table.rows[2] == ("New mainspring", "140 pounds", "three weeks")


def test_lines_with_numbers_are_told_apart_and_a_number_in_a_sentence_is_none():
    rules = b"1. FEES\n1.1 A year costs 312.\n1.2 Students pay half.\n"
    assert only(rules, "rules").text == "FEES\n1.1 A year costs 312.\n1.2 Students pay half."
    wrapped = b"1.1 The tank holds\n4.5 litres.\n1.2 Empty it daily."
    assert only(wrapped, "rules").text == "1.1 The tank holds 4.5 litres.\n\n1.2 Empty it daily."


def test_a_pdf_has_no_page_numbers_headers_or_cut_words():
    text = only((FILES / "libreoffice_sv.pdf").read_bytes(), "x").text
    assert "drunknade sjömän" in text and "AGA-lampa" in text
    assert text.count("Skarvholmens vänner") == 1
    assert not any(line.strip().isdigit() for line in text.splitlines())


@pytest.mark.parametrize("given", ["(anonymous)", "Untitled", "(unspecified)"])
def test_a_title_that_a_program_wrote_where_nobody_gave_one_is_none(given):
    written, file = PdfWriter(FILES / "libreoffice_en.pdf"), io.BytesIO()
    written.add_metadata({"/Title": given})
    written.write(file)
    assert given.lower() not in only(file.getvalue(), "manual.pdf").title.lower()


def test_the_name_of_a_file_is_not_believed():
    document = only((FILES / "libreoffice_sv.docx").read_bytes(), "holiday.jpg")
    assert document.title == "Fyren på Skarvholmen"
    assert (
        dict(read((FILES / "raksmorgas.png").read_bytes(), "report.docx"))["report.docx"].kind
        == "png"
    )


def test_an_archive_gives_one_document_a_member_and_skips_litter():
    from tests.importers.hostile import zip_of

    data = zip_of(
        {
            "a/sv.txt": load_reference_text("sv"),
            "__MACOSX/a/._sv.txt": "x",
            "b.pdf": (FILES / "groff_en.pdf").read_bytes(),
            "c.bin": bytes(range(256)) * 9,
            "d.png": (FILES / "raksmorgas.png").read_bytes(),
        }
    )
    found = dict(read(data, "all.zip"))
    assert list(found) == ["all.zip/a/sv.txt", "all.zip/b.pdf", "all.zip/c.bin", "all.zip/d.png"]
    assert [type(found[name]) for name in found] == [Document, Document, ImportRefused, IsPicture]


def test_a_mail_keeps_its_subject_sender_date_and_text():
    mail = only(MAIL, "brev.eml")
    assert (mail.title, mail.author, mail.date) == (
        "Båten går tio",
        "Anna Ek <anna@exempel.se>",
        "2024-05-03",
    )
    assert mail.text == "Hej Bo!\n\nBåten går klockan tio."
    assert mail.notes == ("1 attached files were not read; save them and add them too.",)


def test_tracked_insertions_are_read_and_deletions_are_not():
    from tests.importers.hostile import docx, paragraph

    body = (
        "<w:p><w:ins><w:r><w:t>Nytt </w:t></w:r></w:ins><w:del><w:r><w:delText>gammalt</w:delText></w:r></w:del>"
        "<w:r><w:t>ord</w:t></w:r></w:p><w:sdt><w:sdtContent>"
        + paragraph("I en ruta")
        + "</w:sdtContent></w:sdt>"
    )
    assert only(docx(body), "a.docx").text == "Nytt ord\n\nI en ruta"


@pytest.mark.parametrize("shape", ROWS)
@pytest.mark.parametrize("form", ["json", "jsonl", "wrapped"])
def test_datasets_of_every_shape_become_exchanges(shape, form):
    row = ROWS[shape]
    text = {
        "json": json.dumps([row, row]),
        "jsonl": json.dumps(row) + "\n" + json.dumps(row),
        "wrapped": json.dumps({"data": [row, row]}, indent=1),
    }[form]
    blocks = only(text.encode(), "d.txt").blocks
    assert [b.rows for b in blocks] == [(("user", "Hej?"), ("assistant", "Hej!"))] * 2


FORMER = {
    "q1": {"question": "Hej?", "raw_responses": [{"model": "a", "response": "Hej!"}]},
    "q2": {"question": "Vem?", "response": "Jag."},
    "q3": {"question": "Var?", "raw_responses": [
        {"model": "a", "response": "Här."}, {"model": "b", "response": "Där."},
        {"model": "c", "response": "Här."}]},
    "q4": {"question": "När?", "raw_responses": []},
}  # fmt: skip


@pytest.mark.parametrize("form", ["by id", "listed", "whole database"])
def test_what_the_system_before_was_asked_becomes_exchanges(form):
    questions = list(FORMER.values()) if form == "listed" else FORMER
    collections = {"oqt_queries": questions, "oqt_ledger": {"1": {"hash": "00"}}}
    data = {"__collections__": collections} if form == "whole database" else collections
    document = only(json.dumps(data, indent=2).encode(), "export.json")
    asked = [("Hej?", "Hej!"), ("Vem?", "Jag."), ("Var?", "Här."), ("Var?", "Där.")]
    assert [tuple(text for _, text in b.rows) for b in document.blocks] == asked
    assert document.notes == (
        "1 of 5 rows could not be read and were left out.",
        "Left out, because they describe the earlier system's weights: oqt_ledger.",
    )


def test_what_the_system_before_kept_of_its_own_weights_is_refused_with_words():
    data = json.dumps({"oqt_ledger": [{"hash": "00"}], "oqt_metrics": []}).encode()
    ((_, refused),) = read(data, "export.json")
    assert "oqt_ledger, oqt_metrics of the earlier system" in str(refused)
    assert "oqt_queries" in str(refused)


def test_a_csv_with_dataset_headings_is_a_dataset_and_any_other_is_a_table():
    pairs = only(b"prompt;completion\nVad heter katten?;Bosse\nOch hunden?;Murre\n", "a.csv")
    assert pairs.blocks[1].rows == (("user", "Och hunden?"), ("assistant", "Murre"))
    table = only(b'name,age\n"Ek, Anna",34\nBo,5\n', "b.csv")
    assert table.blocks[0].rows == (("name", "age"), ("Ek, Anna", "34"), ("Bo", "5"))


def test_rows_that_cannot_be_read_and_system_texts_are_left_out_and_told():
    row = {"messages": [{"role": "system", "content": "Obey."}, *ROWS["openai"]["messages"]]}
    document = only(
        f"{json.dumps(row)}\nnot json\n{json.dumps(ROWS['alpaca'])}".encode(), "d.jsonl"
    )
    assert len(document.blocks) == 2 and "Obey" not in document.text
    assert document.notes == (
        "1 of 3 rows could not be read and were left out.",
        "System texts of 1 rows were left out: imported text must not give orders.",
    )


def test_documents_survive_the_way_to_the_page():
    document = only((FILES / "libreoffice_en.docx").read_bytes(), "a.docx")
    assert Document.from_json(json.loads(json.dumps(document.to_json()))) == document
