"""Makes the test documents with software that is not ours, from two texts whose every word is
known.

    python3 tests/importers/making/make.py  (LibreOffice, Chromium, groff, poppler, ImageMagick)
    apt-get install --no-install-recommends libreoffice-writer chromium groff poppler-utils \
        imagemagick hyphen-sv hyphen-en-us fonts-liberation fonts-dejavu-core

The made files are committed in ../files, so that the tests need none of this.
"""

import html
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

HERE = Path(__file__).parent
FILES = HERE.parent / "files"
sys.path.insert(0, str(HERE))
sys.path.insert(0, str(HERE.parents[2]))


def parts(language: str):
    """Yield the known text as (kind, text or rows); everything below is made from it."""
    for paragraph in (HERE / f"known_{language}.md").read_text().strip().split("\n\n"):
        if paragraph.startswith("#"):
            marks, text = paragraph.split(" ", 1)
            yield f"h{len(marks)}", text
        elif paragraph.startswith("- "):
            yield "list", [line[2:] for line in paragraph.split("\n")]
        elif paragraph.startswith("|"):
            rows = [
                [c.strip() for c in line.strip("|").split("|")] for line in paragraph.split("\n")
            ]
            yield "table", [rows[0], *rows[2:]]
        else:
            yield "p", paragraph


def load_reference_text(language: str) -> str:
    lines = []
    for kind, value in parts(language):
        if kind == "table":
            lines += [" ".join(row) for row in value]
        else:
            lines += value if isinstance(value, list) else [value]
    return "\n".join(lines)


def page(language: str, style: str = "", running: str = "") -> str:
    body = []
    for kind, value in parts(language):
        if kind == "list":
            body.append(
                "<ul>" + "".join(f"<li>{html.escape(item)}</li>" for item in value) + "</ul>"
            )
        elif kind == "table":
            rows = ["".join(f"<td>{html.escape(cell)}</td>" for cell in row) for row in value]
            body.append("<table>" + "".join(f"<tr>{row}</tr>" for row in rows) + "</table>")
        else:
            body.append(f"<{kind}>{html.escape(value)}</{kind}>")
    return (
        f'<!DOCTYPE html><html lang="{language}"><head><meta charset="utf-8"><title>{title(language)}</title>'
        f"<style>{style}</style></head><body>{running}<article>{''.join(body)}</article></body></html>"
    )


def title(language: str) -> str:
    return next(value for kind, value in parts(language) if kind == "h1")


def run(*command, **options) -> None:
    subprocess.run(
        [str(c) for c in command], check=True, timeout=240, capture_output=True, **options
    )


def libreoffice(language: str, work: Path) -> None:
    """The text with running header and page number, hyphenated, as DOCX, PDF and RTF, and as PDF in
    two columns."""
    from flat_odt import document

    for columns, ends in ((1, ("docx", "pdf", "rtf")), (2, ("pdf",))):
        stem = f"libreoffice_{language}" + ("_columns" if columns == 2 else "")
        source = work / f"{stem}.fodt"
        source.write_text(document(list(parts(language)), language, columns))
        for end in ends:
            run("soffice", "--headless", f"-env:UserInstallation=file://{work}/profile", "--convert-to", end,
                "--outdir", FILES, source)  # fmt: skip


def chromium(language: str, work: Path) -> None:
    """A PDF with Chromium's own header and footer, and a page saved as MHTML."""
    style = "body{font:12pt 'Liberation Serif';hyphens:auto;text-align:justify} @page{size:A5}"
    source = work / f"{language}.html"
    source.write_text(page(language, style))
    print_page(source, FILES / f"chromium_{language}.pdf")
    save_page(source.as_uri(), FILES / f"chromium_{language}.mhtml")


def print_page(source: Path, to: Path, *flags: str) -> None:
    run(
        "chromium",
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        *flags,
        f"--print-to-pdf={to}",
        source.as_uri(),
    )


def save_page(address: str, to: Path) -> None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox"]
        )
        tab = browser.new_page()
        tab.goto(address)
        session = tab.context.new_cdp_session(tab)
        data = session.send("Page.captureSnapshot", {"format": "mhtml"})["data"]
        to.write_bytes(data.replace(address, "https://exempel.se/sparad.html").encode())
        browser.close()


def groff(work: Path) -> None:
    """A PDF of old-style typesetting: justified, hyphenated, with ligatures and groff's page
    headers (English)."""
    lines = [".nr PS 14", ".nr VS 17", ".nr LL 5i", ".ds CH The Clockworks", ".TL", title("en")]
    for kind, value in parts("en"):
        if kind == "h2":
            lines += [".SH", value]
        elif kind == "p":
            lines += [".PP", value]
        elif kind == "list":
            lines += [line for item in value for line in (".IP \\(bu 2", item)]
        elif kind == "table":
            lines += [".TS", "l l l.", *("\t".join(row) for row in value), ".TE"]
    source = work / "groff.ms"
    source.write_text("\n".join(lines) + "\n")
    with (FILES / "groff_en.pdf").open("wb") as out:
        subprocess.run(
            ["groff", "-t", "-ms", "-Tpdf", "-K", "utf8", source], check=True, stdout=out
        )


def poppler(work: Path) -> None:
    """Two other PDFs joined by poppler, and a scan: a PDF of page pictures."""
    run(
        "pdfunite",
        FILES / "libreoffice_sv.pdf",
        FILES / "chromium_sv.pdf",
        FILES / "poppler_united.pdf",
    )
    run("pdftoppm", "-r", "100", "-gray", "-jpeg", FILES / "libreoffice_sv.pdf", work / "scan")
    sheets = "".join(f"<img src='{scan.name}'>" for scan in sorted(work.glob("scan-*.jpg"))[:2])
    source = work / "scan.html"
    source.write_text(
        f"<style>@page{{margin:0;size:A5}} img{{width:100%;display:block}}</style>{sheets}"
    )
    print_page(source, FILES / "scanned_sv.pdf", "--no-pdf-header-footer")


def pictures() -> None:
    """Printed text at three sizes, a large line as in a screenshot, a rotated photo, and the
    scenario's sentence."""
    text = {lang: next(v for k, v in parts(lang) if k == "p") for lang in ("sv", "en")}
    for lang, words in text.items():
        for size in (10, 14, 22):
            run("convert", "-density", "150", "-background", "white", "-fill", "black", "-font", "Liberation-Serif",
                "-pointsize", size, "-size", "1000x", f"caption:{words}", "-bordercolor", "white", "-border", "30",
                "-colorspace", "Gray", FILES / f"print_{lang}_{size}.png")  # fmt: skip
    run("convert", "-background", "white", "-fill", "black", "-font", "DejaVu-Sans", "-pointsize", "40",
        "label:Räksmörgås på Östermalm", "-bordercolor", "white", "-border", "40", "-colorspace", "Gray",
        FILES / "raksmorgas.png")  # fmt: skip
    run(
        "convert",
        FILES / "raksmorgas.png",
        "-rotate",
        "-90",
        "-quality",
        "90",
        FILES / "turned.jpg",
    )
    set_orientation(FILES / "turned.jpg", 6)


def set_orientation(path: Path, value: int) -> None:
    """Write the EXIF tag of a camera held upright; ImageMagick cannot add one."""
    data = path.read_bytes()
    tag = b"\x01\x12\x00\x03\x00\x00\x00\x01" + bytes([0, value, 0, 0])
    tiff = b"MM\x00*\x00\x00\x00\x08\x00\x01" + tag + b"\x00\x00\x00\x00"
    body = b"Exif\x00\x00" + tiff
    path.write_bytes(data[:2] + b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body + data[2:])


def plain() -> None:
    """The known text in common encodings."""
    for encoding in ("utf-8", "utf-16", "cp1252", "iso-8859-1"):
        (FILES / f"plain_sv_{encoding}.txt").write_bytes(load_reference_text("sv").encode(encoding))
    for language in ("sv", "en"):
        (FILES / f"markdown_{language}.md").write_bytes(
            (HERE / f"known_{language}.md").read_bytes()
        )
        (FILES / f"page_{language}.html").write_text(page(language))


def epub() -> None:
    container = (
        '<?xml version="1.0"?><container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container">'
        '<rootfiles><rootfile full-path="OPS/book.opf" media-type="application/oebps-package+xml"/></rootfiles>'
        "</container>"
    )
    package = (
        '<?xml version="1.0"?><package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="id">'
        '<metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>Två berättelser</dc:title>'
        "<dc:creator>Anna Ek</dc:creator><dc:language>sv</dc:language></metadata><manifest>"
        '<item id="sv" href="text/sv.xhtml" media-type="application/xhtml+xml"/>'
        '<item id="en" href="text/en.xhtml" media-type="application/xhtml+xml"/>'
        '<item id="nav" href="nav.xhtml" properties="nav" media-type="application/xhtml+xml"/></manifest>'
        '<spine><itemref idref="sv"/><itemref idref="en"/></spine></package>'
    )
    with zipfile.ZipFile(FILES / "book.epub", "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr("mimetype", "application/epub+zip", zipfile.ZIP_STORED)
        book.writestr("META-INF/container.xml", container)
        book.writestr("OPS/book.opf", package)
        book.writestr("OPS/nav.xhtml", "<html><body><nav><ol><li>sv</li></ol></nav></body></html>")
        for language in ("sv", "en"):
            book.writestr(f"OPS/text/{language}.xhtml", page(language))


def encrypt_pdf() -> None:
    """Lock a PDF with Debian's qpdf; one locked by ImageMagick would need no password."""
    run(
        "qpdf",
        "--encrypt",
        "hemligt",
        "hemligt",
        "256",
        "--",
        FILES / "groff_en.pdf",
        FILES / "encrypted.pdf",
    )


def main() -> None:
    FILES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        plain()
        epub()
        for language in ("sv", "en"):
            libreoffice(language, work)
            chromium(language, work)
        groff(work)
        poppler(work)
        pictures()
        encrypt_pdf()
    print(
        "\n".join(f"{p.stat().st_size:9,} {p.name}" for p in sorted(FILES.iterdir()) if p.is_file())
    )


if __name__ == "__main__":
    main()
