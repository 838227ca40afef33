"""The calls that the page makes on the importer worker; the same calls work natively.

Every result is the JSON of an `ImportResult`. A recogniser, which may be asynchronous, reads
pictures and scanned pages: in the page it is tesseract.js.
"""

from collections.abc import Awaitable, Callable

from oneseek.importers.document import Block, Document, ImportRefused
from oneseek.importers.duplicates import Fingerprints
from oneseek.importers.limits import Budget
from oneseek.importers.read import IsPicture
from oneseek.importers.readers.moved_in import is_export, messages_in
from oneseek.importers.results import ImportResult, make_refusal
from oneseek.importers.text import TextImporter

Recognise = Callable[[bytes], Awaitable[list]]


class Door:
    def __init__(self, recognise: Recognise, index: Fingerprints | None = None):
        self.texts = TextImporter(index=index)
        self._recognise = recognise

    async def file(self, data: bytes, name: str, budget: Budget) -> list[dict]:
        if is_export(data, name):
            return [self._chats(data, name).to_json()]
        results = []
        for outcome in self.texts.import_file(data, name, budget):
            if isinstance(outcome, IsPicture):
                results.append(await self._picture(outcome.data, outcome.name, budget))
            elif outcome.scans:
                results.append(await self._scan(data, outcome, budget))
            else:
                results.append(outcome)
        return [result.to_json() for result in results]

    def _chats(self, data: bytes, name: str) -> ImportResult:
        try:
            return ImportResult(name, chats=messages_in(data, name))
        except ImportRefused as problem:
            return make_refusal(name, str(problem))

    def text(self, text: str, name: str) -> list[dict]:
        return [self.texts.import_text(text, None, name).to_json()]

    def page(self, html: str, address: str, name: str, whole: bool) -> list[dict]:
        """Import HTML that the page fetched; with `whole`, a pasted selection."""
        from oneseek.importers.website import WebsiteImporter

        if whole:
            return [self.texts.import_text(html, "html", name).to_json()]
        return [WebsiteImporter(texts=self.texts).import_html(html, address).to_json()]

    def edit(self, document: dict, text: str) -> list[dict]:
        """Import a document again with the text that a person edited; it stays the same source."""
        known = {name: document[name] for name in Document.__dataclass_fields__}
        before = Document.from_json(known)
        self.texts.index.forget(before.sha256)
        blocks = tuple(
            Block("paragraph", part.strip()) for part in text.split("\n\n") if part.strip()
        )
        if not blocks:
            return [
                make_refusal(
                    before.title, f"Nothing is left of {before.title}; remove it instead."
                ).to_json()
            ]
        return [self.texts.result(before.with_changes(blocks=blocks)).to_json()]

    def forget(self, sha256: str) -> None:
        self.texts.index.forget(sha256)

    async def _picture(self, data: bytes, name: str, budget: Budget) -> ImportResult:
        from oneseek.importers.image import ImageImporter, prepare_for_ocr

        try:
            lines = await self._recognise(prepare_for_ocr(data, name, budget))
        except ImportRefused as problem:
            return make_refusal(name, str(problem))
        return ImageImporter(texts=self.texts).import_recognised(data, name, lines)

    async def _scan(self, data: bytes, found: ImportResult, budget: Budget) -> ImportResult:
        """Read the pages of a scanned PDF in turn."""
        from oneseek.importers.image import ImageImporter, prepare_for_ocr, renumber
        from oneseek.importers.readers.pdf import extract_scan

        lines: list = []
        try:
            for number, page in enumerate(found.scans):
                budget.step("pages", number + 1, len(found.scans))
                picture = prepare_for_ocr(extract_scan(data, page, budget), found.name, budget)
                lines += renumber(await self._recognise(picture), lines)
        except ImportRefused as problem:
            return make_refusal(found.name, str(problem))
        return ImageImporter(texts=self.texts).import_recognised(data, found.name, lines)
