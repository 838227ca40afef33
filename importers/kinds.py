"""Detects the kind of a file, and so its reader, from its content; its name never counts."""

import io
import json
import re
import zipfile

from oneseek.importers.document import ImportRefused
from oneseek.importers.encoding import decode

PICTURES = ((b"\x89PNG\r\n\x1a\n", "png"), (b"\xff\xd8\xff", "jpeg"), (b"GIF8", "gif"))


class IsAdapter(ImportRefused):
    """The file is a trained adapter; the page offers to make it a version."""


_REFUSED = (
    (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        "an old Word, Excel or PowerPoint file; save it as DOCX or PDF",
    ),
    (b"II*\x00", "a TIFF picture; save it as PNG or JPEG"),
    (b"MM\x00*", "a TIFF picture; save it as PNG or JPEG"),
    (b"BM", "a BMP picture; save it as PNG or JPEG"),
    (b"SIMPLE  =", "a FITS picture; save it as PNG or JPEG"),
    (b"\x1f\x8b", "a gzip archive; unpack it and add what is inside"),
    (b"BZh", "a bzip2 archive; unpack it and add what is inside"),
    (b"\xfd7zXZ\x00", "an xz archive; unpack it and add what is inside"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive; unpack it and add what is inside"),
    (b"Rar!", "a RAR archive; unpack it and add what is inside"),
    (b"\x7fELF", "a program, not a document"),
    (b"MZ", "a program, not a document"),
    (b"GGUF", "a language model; load it with the model picker"),
    (b"ID3", "a sound file, and OneSeek reads only text and pictures"),
    (b"OggS", "a sound file, and OneSeek reads only text and pictures"),
    (b"\x1aE\xdf\xa3", "a film, and OneSeek reads only text and pictures"),
)
_MAIL_HEADER = re.compile(
    r"^(from|to|cc|subject|date|received|return-path|message-id|mime-version|content-type|delivered-to"
    r"|snapshot-content-location|reply-to|x-[\w-]+|dkim-signature|authentication-results):",
    re.IGNORECASE,
)
_HTML = re.compile(
    r"<(!doctype html|html|head|body|article|main|title|meta|div|table|p|ul|h[1-6])\b[^<]*>", re.I
)
_MARKDOWN = re.compile(
    r"^(#{1,6} \S|```|~~~|> \S|[-*+] \S|\d+\. \S|\|.+\|$|(=|-){3,}$)|\*\*\S[^*]*\*\*|`[^`\n]+`|\[[^\]\n]+\]\([^)\n]+\)",
    re.MULTILINE,
)


def kind_of(data: bytes, name: str) -> str:
    """pdf, docx, epub, zip, rtf, png, jpeg, gif, webp, mail, html, json, jsonl, csv, markdown or
    plain."""
    if b"%PDF-" in data[:1024]:
        return "pdf"
    if data.startswith(b"{\\rtf"):
        return "rtf"
    if data.startswith((b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")):
        return _kind_of_zip(data, name)
    for magic, kind in PICTURES:
        if data.startswith(magic):
            return kind
    if data[:4] == b"RIFF":
        if data[8:12] == b"WEBP":
            return "webp"
        raise ImportRefused(
            f"{name} is a sound or film file, and OneSeek reads only text and pictures."
        )
    if data[4:8] == b"ftyp":
        raise ImportRefused(
            f"{name} is a film or a HEIC/AVIF picture; save a picture as PNG or JPEG."
        )
    for magic, what in _REFUSED:
        if data.startswith(magic) and (len(magic) > 2 or b"\x00" in data[:512]):
            raise ImportRefused(f"{name} is {what}.")
    return kind_of_text(decode(data, name))


def kind_of_text(text: str) -> str:
    head = text.lstrip("\ufeff \t\n")[:20_000]
    if head[:1] in "{[":
        found = _kind_of_json(text, head)
        if found:
            return found
    if _is_mail(head):
        return "mail"
    tags = len(_HTML.findall(head))
    if tags >= 3 or (tags and head.startswith("<")):
        return "html"
    if _is_csv(head):
        return "csv"
    return "markdown" if _MARKDOWN.search(head) else "plain"


def _kind_of_zip(data: bytes, name: str) -> str:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError, EOFError) as error:
        raise ImportRefused(
            f"{name} is damaged or cut short; nothing could be read from it. Download or save it "
            "again."
        ) from error
    if any(n.rsplit("/", 1)[-1] == "adapter_config.json" for n in names):
        raise IsAdapter(f"{name} is an adapter, not a document; load it as a version.")
    if "word/document.xml" in names:
        return "docx"
    if "META-INF/container.xml" in names:
        return "epub"
    if any(n.startswith("xl/") for n in names):
        raise ImportRefused(f"{name} is a spreadsheet; save the sheet as CSV and add that.")
    if any(n.startswith("ppt/") for n in names):
        raise ImportRefused(f"{name} is a presentation; save it as PDF and add that.")
    if "content.xml" in names and "mimetype" in names:
        raise ImportRefused(f"{name} is an OpenDocument file; save it as DOCX or PDF and add that.")
    return "zip"


def _kind_of_json(text: str, head: str) -> str:
    lines = [line for line in head.splitlines() if line.strip()]
    if lines and lines[0].lstrip()[0] == "{" and _parses(lines[0]):
        return "json" if len(lines) == 1 else "jsonl"
    if re.match(r'\{\s*"|\[\s*[\[{"]', head) and (len(text) > len(head) or _parses(text)):
        return "json"
    return ""


def _parses(text: str) -> bool:
    try:
        json.loads(text)
        return True
    except (ValueError, RecursionError):
        return False


def _is_mail(head: str) -> bool:
    names = set()
    for line in head.split("\n\n", 1)[0].splitlines():
        match = _MAIL_HEADER.match(line)
        if match:
            names.add(match[1].lower())
    first = head.split("\n", 1)[0]
    return len(names) >= 3 and bool(_MAIL_HEADER.match(first) or first.startswith("From "))


def _is_csv(head: str) -> bool:
    from oneseek.importers.readers.tables import delimiter_of

    return bool(delimiter_of(head))
