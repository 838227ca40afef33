"""Each reader must answer thousands of damaged files with a document or one sentence, never
anything else."""

import json
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oneseek.importers.document import Document, ImportRefused
from oneseek.importers.image import prepare_for_ocr
from oneseek.importers.limits import Budget, Limits
from oneseek.importers.read import IsPicture, read
from tests.importers import hostile
from tests.importers.measure import FILES
from tests.support.files import MAIL, ROWS

SMALL_PDF = hostile.one_page(
    hostile.stream(b"BT /F 12 Tf 50 700 Td (The tower was built in 1911) Tj ET")
)
SEEDS = {
    "pdf": [SMALL_PDF, (FILES / "groff_en.pdf").read_bytes()],
    "docx": [(FILES / "libreoffice_en.docx").read_bytes(), hostile.docx(hostile.paragraph("Hej"))],
    "epub": [(FILES / "book.epub").read_bytes()],
    "rtf": [(FILES / "libreoffice_en.rtf").read_bytes()[:3000]],
    "mail": [MAIL, (FILES / "chromium_en.mhtml").read_bytes()],
    "html": [(FILES / "page_en.html").read_bytes()],
    "markdown": [(FILES / "markdown_sv.md").read_bytes()],
    "csv": [b"name,age\nAnna,34\nBo,51\n"],
    "json": [
        json.dumps([*ROWS.values()]).encode(),
        "\n".join(map(json.dumps, ROWS.values())).encode(),
    ],
    "picture": [(FILES / "raksmorgas.png").read_bytes(), (FILES / "turned.jpg").read_bytes()],
    "noise": [b""],
}
LIMITS = Limits(seconds=20)


def damage(data: bytes, seed: int) -> bytes:
    """The data with a few faults drawn from one seed: cut, flipped, doubled, mixed with noise."""
    draw = random.Random(seed)
    hurt = bytearray(data or draw.randbytes(draw.randrange(400)))
    for _ in range(draw.choice((1, 1, 2, 5, 20))):
        place = draw.randrange(len(hurt) + 1)
        kind = draw.randrange(5)
        if kind == 0:
            del hurt[place:]
        elif kind == 1:
            hurt[place : place + draw.randrange(1, 9)] = draw.randbytes(draw.randrange(9))
        elif kind == 2:
            hurt[place:place] = hurt[max(0, place - draw.randrange(200)) : place]
        elif kind == 3 and hurt:
            hurt[min(place, len(hurt) - 1)] ^= 1 << draw.randrange(8)
        else:
            del hurt[place : place + draw.randrange(1, 200)]
    return bytes(hurt)


def survives(kind: str, seed: int) -> None:
    data = damage(SEEDS[kind][seed % len(SEEDS[kind])], seed)
    for _, outcome in read(data, "it", Budget("it", LIMITS)):
        assert isinstance(outcome, (Document, ImportRefused, IsPicture))
        if isinstance(outcome, IsPicture):
            try:
                assert prepare_for_ocr(outcome.data, "it").startswith(b"\x89PNG")
            except ImportRefused as refused:
                outcome = refused
        if isinstance(outcome, Document):
            assert outcome.text.strip()
        elif isinstance(outcome, ImportRefused):
            assert str(outcome).endswith(".")


@pytest.mark.parametrize("kind", SEEDS)
@settings(max_examples=15, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32))
def test_R28_no_damage_gets_past_a_reader(kind, seed):
    survives(kind, seed)


@pytest.mark.long
@pytest.mark.parametrize("kind", SEEDS)
def test_R28_ten_thousand_damaged_files(kind):
    for seed in range(10_000):
        survives(kind, seed)


def test_R28_control_characters_behind_what_is_dropped_are_dropped_too():
    survives("html", 2296052)
