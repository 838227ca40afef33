"""The entry point for pictures: prepared with Pillow, read by a given recogniser, kept with its
confidence.

In the page the recogniser is tesseract.js; natively it is the command `tesseract`, if installed.
"""

import io
import os
import shutil
import subprocess
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageOps

from oneseek.engine.core.queue.training_queue import TrainingQueue
from oneseek.importers.document import Block, Document, ImportRefused, fingerprint
from oneseek.importers.limits import Budget
from oneseek.importers.results import ImportResult, make_refusal
from oneseek.importers.text import TextImporter

_FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
_LARGE = 5_000_000  # pixels; more reads no better and takes longer. Long screenshots stay readable
_SMALL = 1000  # pixels; a smaller picture is enlarged: letters of screenshots are too small for OCR
_SECONDS = 60
_UNSURE = 30.0  # per cent; text with less confidence is noise
_SURE = 60.0  # least confidence of a line that is given to a model unasked
_LETTERS = 3  # least letters of such a line


class Recognised(NamedTuple):
    """One line of text in a picture; lines with the same `paragraph` belong together."""

    text: str
    confidence: float
    paragraph: int


Recogniser = Callable[[bytes, tuple[str, ...]], list[Recognised]]


class ImageImporter:
    """Imports pictures into `queue` as a TextImporter does, or through a given one, `texts`."""

    def __init__(
        self,
        queue: TrainingQueue | None = None,
        texts: TextImporter | None = None,
        recognise: Recogniser | None = None,
    ):
        self._texts = texts or TextImporter(queue)
        self._recognise = recognise or tesseract

    def import_image_file(
        self, file: str | Path | bytes, name: str = "", caption: str = ""
    ) -> ImportResult:
        name = name or (str(file) if not isinstance(file, bytes) else "picture")
        try:
            data = file if isinstance(file, bytes) else Path(file).read_bytes()
            lines = self._recognise(prepare_for_ocr(data, name), ("sv", "en"))
            return self.import_recognised(data, name, lines, caption)
        except ImportRefused as problem:
            return make_refusal(name, str(problem))
        except OSError as error:
            return make_refusal(name, f"{name} could not be opened ({error.strerror}).")

    def import_scan(self, data: bytes, name: str, scans: list[int], budget: Budget) -> ImportResult:
        """Import the pages of a PDF that are pictures, in turn."""
        from oneseek.importers.readers.pdf import extract_scan

        lines: list[Recognised] = []
        try:
            for number, page in enumerate(scans):
                budget.step("pages", number + 1, len(scans))
                picture = prepare_for_ocr(extract_scan(data, page, budget), name, budget)
                lines += renumber(self._recognise(picture, ("sv", "en")), lines)
        except ImportRefused as problem:
            return make_refusal(name, str(problem))
        return self.import_recognised(data, name, lines)

    def import_recognised(
        self,
        data: bytes,
        name: str,
        lines: list[Recognised],
        caption: str = "",
        made_with: str = "tesseract",
    ) -> ImportResult:
        """Import the text recognised in a picture, together with the user's caption."""
        read = [
            line
            for line in lines
            if line.confidence >= _UNSURE and any(map(str.isalnum, line.text))
        ]
        blocks = [Block("paragraph", caption.strip())] if caption.strip() else []
        for number in dict.fromkeys(line.paragraph for line in read):
            text = " ".join(line.text.strip() for line in read if line.paragraph == number)
            blocks.append(Block("picture", text))
        if not blocks:
            return make_refusal(
                name,
                f"No text was found in {name}. Handwriting cannot be read; write a caption to teach what it shows.",
            )
        document = Document(
            title=caption.strip()[:80] or name,
            address=name,
            language="",
            blocks=tuple(blocks),
            made_with=made_with,
            sha256=fingerprint(data),
        )
        letters = sum(len(line.text) for line in read)
        sure = sum(line.confidence * len(line.text) for line in read)
        return self._texts.result(document, sure / letters if letters else None)


def sure_text(lines: list[Recognised]) -> str:
    """The text that was read with some certainty, one line for each paragraph. Photographs without
    text yield noise that reads as letters."""
    sure = [
        line
        for line in lines
        if line.confidence >= _SURE and sum(map(str.isalnum, line.text)) >= _LETTERS
    ]
    paragraphs = dict.fromkeys(line.paragraph for line in sure)
    return "\n".join(
        " ".join(line.text.strip() for line in sure if line.paragraph == number)
        for number in paragraphs
    )


def renumber(page: list[Recognised], before: list[Recognised]) -> list[Recognised]:
    """The lines of a further page, their paragraph numbers continued from the pages before."""
    first = 1 + max((line.paragraph for line in before), default=-1)
    return [line._replace(paragraph=first + line.paragraph) for line in page]


def prepare_for_ocr(data: bytes, name: str, budget: Budget | None = None) -> bytes:
    """A grey PNG for OCR: upright, of a readable size, dark on light."""
    budget = budget or Budget(name)
    picture = _resize(upright(data, name, budget).convert("L"))
    picture = ImageOps.autocontrast(picture, cutoff=1)
    if _brightness(picture) < 110:
        picture = ImageOps.invert(picture)
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def upright(data: bytes, name: str, budget: Budget) -> Image.Image:
    """The picture as a viewer shows it: upright, its first frame, on white."""
    budget.accept(len(data))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about damaged metadata, which is not used
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            opened = Image.open(io.BytesIO(data), formats=_FORMATS)
            if opened.width * opened.height > budget.limits.pixels:
                raise _too_large(name, budget, f"{opened.width} x {opened.height} pixels")
            return _on_white(ImageOps.exif_transpose(opened))
        except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
            raise _too_large(name, budget, str(error)) from error
        except (OSError, ValueError, SyntaxError, EOFError, TypeError, IndexError, KeyError, OverflowError,
                AttributeError, ZeroDivisionError) as error:  # fmt: skip
            raise ImportRefused(
                f"{name} is damaged or no picture OneSeek can open; save it as PNG or JPEG."
            ) from error


def _too_large(name: str, budget: Budget, size: str) -> ImportRefused:
    most = budget.limits.pixels // 1_000_000
    return ImportRefused(
        f"{name} is too large ({size.split(',')[0]}); at most {most} million pixels are read. "
        "Crop it or make it smaller."
    )


def _on_white(picture: Image.Image) -> Image.Image:
    """The picture on white, in grey or RGB."""
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        paper = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(paper, picture)
    return picture.convert("L" if picture.mode == "L" or picture.mode[0] in "1IF" else "RGB")


def _brightness(picture: Image.Image) -> float:
    total = sum(count * value for value, count in enumerate(picture.histogram()))
    return total / (picture.width * picture.height)


def _resize(picture: Image.Image) -> Image.Image:
    area = picture.width * picture.height
    if area <= _LARGE and max(picture.size) >= _SMALL:
        return picture
    scale = (_LARGE / area) ** 0.5 if area > _LARGE else 2.0
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    return picture.resize(size, Image.Resampling.LANCZOS)


def tesseract(png: bytes, languages: tuple[str, ...]) -> list[Recognised]:
    """Read with the command `tesseract`; raises ImportRefused with the way to install it if it is
    missing."""
    if not shutil.which("tesseract"):
        raise ImportRefused(
            "Reading text in pictures needs the program tesseract; "
            "install it (Debian: apt install tesseract-ocr tesseract-ocr-swe) and try again."
        )
    names = "+".join({"sv": "swe", "en": "eng"}[language] for language in languages)
    try:
        answer = subprocess.run(
            ["tesseract", "stdin", "stdout", "-l", names, "tsv"],
            input=png,
            capture_output=True,
            timeout=_SECONDS,
            env={
                **os.environ,
                "OMP_THREAD_LIMIT": "1",
            },  # its threads wait for each other by spinning
        )
    except subprocess.TimeoutExpired as error:
        raise ImportRefused(
            f"Reading the picture took longer than {_SECONDS} seconds and was stopped."
        ) from error
    if answer.returncode:
        reason = answer.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
        raise ImportRefused(f"tesseract could not read the picture ({' '.join(reason)[:120]}).")
    return _lines(answer.stdout.decode("utf-8", "replace"))


def _lines(table: str) -> list[Recognised]:
    """tesseract's table of words, joined to lines."""
    lines: dict[tuple[str, ...], list[tuple[str, float]]] = {}
    for row in table.splitlines()[1:]:
        cells = row.split("\t")
        if len(cells) == 12 and cells[0] == "5" and cells[11].strip():
            lines.setdefault(tuple(cells[1:5]), []).append((cells[11].strip(), float(cells[10])))
    paragraphs = {key[:3]: number for number, key in enumerate(dict.fromkeys(k[:3] for k in lines))}
    found = []
    for key, words in lines.items():
        confidence = sum(sure for _, sure in words) / len(words)
        found.append(
            Recognised(" ".join(word for word, _ in words), confidence, paragraphs[key[:3]])
        )
    return found
