"""Texts, files and pages that are imported, and what is made of them."""

from oneseek.engine.core.messages.worker import Event, Request
from oneseek.engine.core.wire import Message, message


@message
class Imports(Message):
    """What was read: one ImportResult.to_json() for each item, at least one.

    A document comes without its blocks: its text lies in OPFS importer/ as SHA256.txt, its lessons'
    questions as SHA256.json, and `editable` tells whether the text is all of it.
    """

    fields = {"items": list}


@message
class ImportText(Request):
    """Read pasted text; Reading events carry the same `id`."""

    worker = "importer"
    fields = {"id": str, "name": str, "text": str}
    answer = Imports


@message
class ImportFile(Request):
    """Read the file `name`, which the page put into OPFS inbox/ as `file`; it is deleted there
    afterwards."""

    worker = "importer"
    fields = {"id": str, "name": str, "file": str}
    answer = Imports


@message
class ImportPage(Request):
    """Read the HTML of a page, fetched or saved at `address`, or, with `whole`, of a pasted
    selection."""

    worker = "importer"
    fields = {"id": str, "name": str, "address": str, "html": str, "whole": bool}
    answer = Imports


@message
class ImportEdited(Request):
    """Make the lessons of a document (an item of Imports) anew, because a person has corrected its
    text."""

    worker = "importer"
    fields = {"id": str, "document": dict, "text": str}
    answer = Imports


@message
class TextInPicture(Message):
    """The text that was read in a picture, without uncertain parts; often empty."""

    fields = {"text": str}


@message
class ReadPicture(Request):
    """Read the text in the picture `name`, which the page put into OPFS inbox/ as `file`; it is
    deleted there afterwards. It does not become a source."""

    worker = "importer"
    fields = {"id": str, "name": str, "file": str}
    answer = TextInPicture


@message
class StopImport(Request):
    """Stop reading the item `id`; its request is then Failed with the detail "stopped"."""

    worker = "importer"
    fields = {"id": str}


@message
class ForgetImport(Request):
    """The document with this hash was removed: the same text may be imported again."""

    worker = "importer"
    fields = {"document": str}


@message
class Reading(Event):
    """How far an import is: `done` of `total` pages, members or pictures."""

    fields = {"id": str, "done": int, "total": int}


@message
class Questions(Message):
    """Held-out questions, each {"question", "answer", "value"}, in wordings that no lesson uses."""

    fields = {"items": list}


@message
class AskAbout(Request):
    """Make at most `count` questions to test what was learned from these lessons."""

    worker = "importer"
    fields = {"lessons": list, "count": int}
    answer = Questions


@message
class Finding(Message):
    """How many statements about the person stand in some messages, and the first of them in
    words."""

    fields = {"count": int, "first": list}


@message
class LookIn(Request):
    """Find what a person states in their messages to another assistant, which lie in OPFS importer/
    as `file`; Reading events carry the same `id`."""

    fields = {"id": str, "file": str}
    answer = Finding


@message
class MovedIn(Message):
    """How many statements are known now."""

    fields = {"kept": int}


@message
class MoveIn(Request):
    """Keep what LookIn found in `file`, each statement with the day on which it was said."""

    fields = {"id": str, "file": str}
    answer = MovedIn
