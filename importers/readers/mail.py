"""Reads mails (EML) and saved pages (MHTML), which are mails that hold a page."""

import email
import email.policy
from email.message import EmailMessage

from oneseek.importers.document import Block, ImportRefused, Reading
from oneseek.importers.limits import Budget
from oneseek.importers.pages.article import read_page
from oneseek.importers.pages.markup import blocks_of, clean, page_text, parse
from oneseek.importers.readers.plain import read_plain


def read_message(data: bytes, budget: Budget) -> Reading:
    message: EmailMessage = email.message_from_bytes(data, policy=email.policy.default)
    if message.get_content_type() == "multipart/related" or "Snapshot-Content-Location" in message:
        return read_page(*extract_page(message, budget), budget)
    return read_mail(message, budget)


def extract_page(message: EmailMessage, budget: Budget) -> tuple[str, str]:
    """The HTML of an MHTML file and the address it was saved from."""
    for part in message.walk():
        if part.get_content_type() in ("text/html", "application/xhtml+xml"):
            data = _data(part)
            address = _header(message, "Snapshot-Content-Location") or _header(
                part, "Content-Location"
            )
            text = page_text(data, budget.name, part.get_content_charset() or "")
            return budget.keep(text), address if address.startswith("http") else ""
    raise ImportRefused(f"{budget.name} is a saved page without content; save it again.")


def read_mail(message: EmailMessage, budget: Budget) -> Reading:
    blocks: list[Block] = []
    left_out = 0
    chosen = _body(message)
    for part in message.walk():
        if part is chosen:
            data = _data(part)
            text = page_text(data, budget.name, part.get_content_charset() or "")
            blocks = (
                _html(text, budget)
                if part.get_content_type() == "text/html"
                else read_plain(text, budget).blocks
            )
        elif part.get_content_disposition() == "attachment":
            left_out += 1
    reading = Reading(blocks, _header(message, "Subject"), _header(message, "From"), _date(message))
    if left_out:
        reading.notes.append(
            f"{left_out} attached files were not read; save them and add them too."
        )
    return reading


def _body(message: EmailMessage) -> EmailMessage | None:
    """The plain text part if there is one, otherwise the HTML."""
    texts = [
        part
        for part in message.walk()
        if part.get_content_maintype() == "text" and part.get_content_disposition() != "attachment"
    ]
    plain = [part for part in texts if part.get_content_subtype() == "plain"]
    return next(iter(plain or texts), None)


def _data(part) -> bytes:
    data = part.get_payload(decode=True)
    return data if isinstance(data, bytes) else b""


def _html(text: str, budget: Budget) -> list[Block]:
    tree = parse(text)
    if tree is None:
        return []
    body = tree.find(".//body")
    body = tree if body is None else body
    clean(body, budget)
    blocks = blocks_of(body, budget)
    for block in blocks:
        budget.keep(block.text)
    return blocks


def _header(message, name: str) -> str:
    try:
        return " ".join(str(message[name] or "").split())
    except Exception:  # the standard library raises many kinds of error for a malformed header
        return ""


def _date(message: EmailMessage) -> str:
    try:
        when = message["Date"].datetime
        return when.date().isoformat() if when else ""
    except Exception:  # as above
        return ""
