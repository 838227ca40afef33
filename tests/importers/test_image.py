"""Pictures must be turned upright and dark on light, read with their confidence, or refused with a
reason."""

import io
import shutil

import pytest
from PIL import Image

from oneseek.importers import image
from oneseek.importers.image import ImageImporter, Recognised, prepare_for_ocr, sure_text
from tests.importers.measure import FILES, characters_wrong, load_reference_text

LINES = [
    Recognised("Räksmörgås på", 91.0, 0),
    Recognised("Östermalm", 95.0, 0),
    Recognised("~~ |", 5.0, 1),
]


def open_image(png: bytes) -> Image.Image:
    return Image.open(io.BytesIO(png))


def test_a_photo_is_turned_as_the_camera_was_held():
    upright, turned = (
        open_image(prepare_for_ocr((FILES / "raksmorgas.png").read_bytes(), "a")),
        FILES / "turned.jpg",
    )
    with Image.open(turned) as stored:
        assert stored.height > stored.width
    assert open_image(prepare_for_ocr(turned.read_bytes(), "b")).size == pytest.approx(
        upright.size, abs=4
    )


def test_light_text_on_dark_becomes_dark_on_light():
    dark = Image.new("RGB", (400, 100), "black")
    dark.paste("white", (20, 40, 60, 60))
    out = io.BytesIO()
    dark.save(out, "PNG")
    assert open_image(prepare_for_ocr(out.getvalue(), "a")).getpixel((5, 5)) > 200


def test_large_pictures_shrink_and_small_ones_grow():
    for size, wide in ((4000, 2236), (300, 600)):
        out = io.BytesIO()
        Image.new("L", (size, size), 255).save(out, "PNG")
        assert open_image(prepare_for_ocr(out.getvalue(), "a")).width == wide


def test_what_is_read_is_kept_with_its_confidence_and_noise_is_left_out():
    result = ImageImporter(recognise=lambda png, languages: LINES).import_image_file(
        FILES / "raksmorgas.png", caption="Lunch 3 maj"
    )
    assert [block.text for block in result.document.blocks] == [
        "Lunch 3 maj",
        "Räksmörgås på Östermalm",
    ]
    assert 90 < result.confidence < 95 and result.document.language == "sv"


def test_a_picture_without_text_says_so_unless_it_has_a_caption():
    nothing = ImageImporter(recognise=lambda png, languages: [])
    result = nothing.import_image_file(FILES / "raksmorgas.png")
    assert result.state == "refused" and "Handwriting cannot be read" in result.problem
    assert (
        nothing.import_image_file(FILES / "raksmorgas.png", caption="Min katt Bosse").state
        == "ready"
    )


def test_a_missing_tesseract_is_said_with_how_to_get_it(monkeypatch):
    monkeypatch.setattr(image.shutil, "which", lambda name: None)
    result = ImageImporter().import_image_file(FILES / "raksmorgas.png")
    assert result.state == "refused" and "apt install tesseract-ocr" in result.problem


def test_a_missing_file_is_said():
    assert "could not be opened" in ImageImporter().import_image_file("/nowhere/a.png").problem


def test_tesseracts_table_of_words_becomes_lines():
    row = "5\t1\t1\t{}\t{}\t1\t0\t0\t9\t9\t{}\t{}"
    table = "\n".join(
        [
            "head",
            row.format(1, 1, 90, "Hej"),
            row.format(1, 1, 80, "du"),
            row.format(2, 1, 70, "Nytt"),
        ]
    )
    assert image._lines(table) == [Recognised("Hej du", 85.0, 0), Recognised("Nytt", 70.0, 1)]


@pytest.mark.slow
@pytest.mark.parametrize("language", ["sv", "en"])
def test_printed_text_is_read_by_the_command_where_it_is_installed(language):
    if not shutil.which("tesseract"):
        result = ImageImporter().import_image_file(FILES / f"print_{language}_14.png")
        assert "needs the program tesseract" in result.problem
        return
    result = ImageImporter().import_image_file(FILES / f"print_{language}_14.png")
    known = next(line for line in load_reference_text(language).split("\n")[1:])
    assert characters_wrong(known, result.document.text) < 0.02


def test_what_is_told_unasked_was_read_with_certainty():
    lines = [Recognised("Harbour", 91.0, 0), Recognised("tickets ", 64.0, 0),
             Recognised("x~ ;", 88.0, 1), Recognised("leaves", 40.0, 2),
             Recognised("1931", 95.0, 3)]  # fmt: skip
    assert sure_text(lines) == "Harbour tickets\n1931"
    assert sure_text([]) == ""
