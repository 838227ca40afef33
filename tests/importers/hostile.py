"""Hostile files: each is small, and huge, endless or broken inside."""

import io
import struct
import zipfile
import zlib
from functools import cache

DOCX_PARTS = {
    "[Content_Types].xml": "<Types xmlns='http://schemas.openxmlformats.org/package/2006/content-types'/>",
}
W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def zip_of(members: dict[str, bytes | str]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


def docx(body: str, prolog: str = "") -> bytes:
    document = f'<?xml version="1.0"?>{prolog}<w:document xmlns:w="{W}"><w:body>{body}</w:body></w:document>'
    return zip_of({**DOCX_PARTS, "word/document.xml": document})


def paragraph(text: str) -> str:
    return f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>"


@cache
def zip_bomb(megabytes: int = 150) -> bytes:
    return zip_of({"much.txt": b"a" * (megabytes * 1_000_000)})


def overlapping_zip(times: int = 1500) -> bytes:
    """All members share the same packed bytes, so a small file unpacks to `times` megabytes."""
    single = zip_of({"a.txt": b"a" * 1_000_000})
    end = single.rindex(b"PK\x05\x06")
    start = struct.unpack("<I", single[end + 16 : end + 20])[0]
    entry = single[start:end]
    directory = entry * times
    tail = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, times, times, len(directory), start, 0)
    return single[:start] + directory + tail


def nested_zip(depth: int = 6) -> bytes:
    data = zip_of({"inner.txt": "hej"})
    for _ in range(depth):
        data = zip_of({"inner.zip": data})
    return data


def many_attributes(count: int = 200_000) -> bytes:
    names = b" ".join(b"a%d" % n for n in range(count))
    return b"<html><body><p " + names + b">Hello.</p></body></html>"


def broken_lzma() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a.txt", b"The lighthouse keeper lit the lamp. " * 99)
    data = bytearray(out.getvalue())
    at = data.index(b"a.txt") + 5 + 9  # after the properties of the stream
    data[at : at + 40] = b"\xff" * 40
    return bytes(data)


def entity_bomb_docx() -> bytes:
    names = "".join(f'<!ENTITY l{n} "{"".join(f"&l{n - 1};" * 10)}">' for n in range(1, 10))
    return docx(paragraph("&l9;"), f'<!DOCTYPE x [<!ENTITY l0 "lol">{names}]>')


def outside_entity_docx() -> bytes:
    return docx(paragraph("&x;"), '<!DOCTYPE x [<!ENTITY x SYSTEM "file:///etc/passwd">]>')


def deep_html(depth: int = 100_000) -> bytes:
    return b"<html><body>" + b"<div>" * depth + b"deep" + b"</div>" * depth + b"</body></html>"


def deep_docx(depth: int = 100_000) -> bytes:
    return docx("<w:sdt>" * depth + paragraph("deep") + "</w:sdt>" * depth)


def deep_json(depth: int = 100_000) -> bytes:
    return b'{"messages": ' + b"[" * depth + b"]" * depth + b"}"


def pdf(objects: list[bytes], trailer: bytes = b"") -> bytes:
    """A PDF of numbered objects with a correct cross-reference table."""
    pieces, places = [b"%PDF-1.4\n"], []
    start = len(pieces[0])
    for number, body in enumerate(objects, 1):
        places.append(start)
        pieces.append(b"%d 0 obj\n%s\nendobj\n" % (number, body))
        start += len(pieces[-1])
    size = len(objects) + 1
    pieces.append(b"xref\n0 %d\n0000000000 65535 f \n" % size)
    pieces += [b"%010d 00000 n \n" % place for place in places]
    pieces.append(b"trailer << /Size %d /Root 1 0 R %s>>\n" % (size, trailer))
    pieces.append(b"startxref\n%d\n%%%%EOF" % start)
    return b"".join(pieces)


def many_pages(count: int = 100_000) -> bytes:
    kids = b"".join(b"%d 0 R " % (number + 5) for number in range(count))
    font = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"
    text = b"BT /F 12 Tf 50 700 Td (The quick brown fox was here before us) Tj ET"
    page = b"<< /Type /Page /Parent 2 0 R /Contents 4 0 R >>"
    return pdf(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Count %d /Kids [%s] /MediaBox [0 0 600 800] "
            b"/Resources << /Font << /F 3 0 R >> >> >>" % (count, kids),
            font,
            stream(text),
            *[page] * count,
        ]
    )


def one_page(contents: bytes, resources: bytes = b"") -> bytes:
    return pdf(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
            b"<< /Type /Page /Parent 2 0 R /Contents 4 0 R /MediaBox [0 0 600 800] /Resources "
            b"<< /Font << /F 5 0 R >> %s >> >>" % resources,
            contents,
            b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        ]
    )


def stream(data: bytes, entries: bytes = b"") -> bytes:
    return b"<< /Length %d %s>>\nstream\n%s\nendstream" % (len(data), entries, data)


def spaces(megabytes: int) -> bytes:
    """A zlib stream of so many megabytes of spaces, made by repeating one flushed block."""
    one = zlib.compressobj(9, wbits=-15)
    packed = one.compress(b" " * 1_000_000) + one.flush(zlib.Z_FULL_FLUSH)
    check = zlib.adler32(b" " * megabytes * 1_000_000)
    return b"\x78\xda" + packed * megabytes + b"\x03\x00" + struct.pack(">I", check)


def pdf_bomb(megabytes: int = 120) -> bytes:
    return one_page(stream(spaces(megabytes), b"/Filter /FlateDecode "))


def pdf_bomb_twice(megabytes: int = 300) -> bytes:
    """Deflated twice: a few hundred bytes hold a megabyte, which holds 300 MB."""
    twice = zlib.compress(spaces(megabytes), 9)
    return one_page(stream(twice, b"/Filter [/FlateDecode /FlateDecode] "))


def pdf_loop() -> bytes:
    """A page tree that contains itself."""
    return pdf(
        [b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Count 9 /Kids [2 0 R 2 0 R] >>"]
    )


def pdf_form_loop() -> bytes:
    """A form that draws itself three times: endless without a depth limit, exponential with one."""
    form = stream(b"/A Do /A Do /A Do", b"/Type /XObject /Subtype /Form /BBox [0 0 1 1] /Resources "
                  b"<< /XObject << /A 6 0 R >> >> ")  # fmt: skip
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
        b"<< /Type /Page /Parent 2 0 R /Contents 4 0 R /Resources << /XObject << /A 6 0 R >> >> >>",
        stream(b"/A Do"),
        b"null",
        form,
    ]
    return pdf(objects)


def png_bomb(side: int = 50_000) -> bytes:
    """A valid PNG header that claims 50,000 x 50,000 pixels, with packed zeros as content."""
    head = struct.pack(">IIBBBBB", side, side, 8, 6, 0, 0, 0)
    packed = zlib.compress(b"\x00" * 10_000_000, 9)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", head)
        + _chunk(b"IDAT", packed)
        + _chunk(b"IEND", b"")
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
