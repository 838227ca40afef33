"""Decodes text of unknown encoding: byte order marks first, then UTF-8, then a guess from the
bytes.

Windows-1252 is the last resort, because it reads every ISO-8859-1 text the same.
"""

import codecs
import re

from oneseek.importers.document import ImportRefused

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f\ufffd]")
_WELL_FORMED = re.compile(
    rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}"
)
_HIGH = re.compile(rb"[\x80-\xff]+")


def detect_encoding(data: bytes, declared: str = "") -> str:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return encoding
    unmarked = _detect_utf16(data[:4096])
    if unmarked:
        return unmarked
    if _is_utf8(data):
        return "utf-8"
    try:
        known = codecs.lookup(declared).name if declared else ""
    except LookupError:
        known = ""
    return known if known and known not in ("utf-8", "ascii", "iso8859-1") else "cp1252"


def decode(data: bytes, name: str, declared: str = "") -> str:
    """The text of `data`; raises ImportRefused if it is not text at all."""
    encoding = detect_encoding(data, declared)
    text = data.decode(encoding, errors="replace")
    odd = len(_CONTROL.findall(text[:100_000]))
    if odd > max(2, len(text[:100_000]) // 50):
        raise ImportRefused(
            f"{name} does not look like text, a page, a document or a picture OneSeek can read; "
            "save it as PDF, DOCX, HTML or plain text and add that."
        )
    return _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def _detect_utf16(head: bytes) -> str:
    """Latin text in UTF-16 has a zero in every other byte; the zeros' positions show the byte
    order."""
    half = len(head) // 2
    if half < 2:
        return ""
    even, odd = head[: half * 2 : 2].count(0), head[1 : half * 2 : 2].count(0)
    if odd > half * 0.7 and even < half * 0.1:
        return "utf-16-le"
    if even > half * 0.7 and odd < half * 0.1:
        return "utf-16-be"
    return ""


def _is_utf8(data: bytes) -> bool:
    """True also with a few broken bytes: a cut or damaged UTF-8 file is still UTF-8."""
    try:
        data.decode("utf-8")
        return True
    except UnicodeDecodeError:
        high = sum(len(run) for run in _HIGH.findall(data))
        good = sum(len(run) for run in _WELL_FORMED.findall(data))
        return good >= high * 0.8
