"""The entry point for web pages: fetched natively, or handed over as HTML that the page fetched,
saved or pasted."""

from oneseek.engine.core.queue.training_queue import TrainingQueue
from oneseek.importers.document import ImportRefused
from oneseek.importers.encoding import decode
from oneseek.importers.limits import Budget
from oneseek.importers.pages.article import read_page
from oneseek.importers.pages.fetch import Fetcher, Page
from oneseek.importers.pages.markup import page_text
from oneseek.importers.read import document
from oneseek.importers.results import ImportResult, make_refusal
from oneseek.importers.text import TextImporter


class WebsiteImporter:
    """Imports pages into `queue` as a TextImporter does, or through a given one, `texts`."""

    def __init__(
        self,
        queue: TrainingQueue | None = None,
        texts: TextImporter | None = None,
        fetcher: Fetcher | None = None,
    ):
        self._texts = texts or TextImporter(queue)
        self._fetcher = fetcher or Fetcher()

    def import_website(self, url: str) -> ImportResult:
        try:
            return self.import_fetched(self._fetcher.page(url))
        except ImportRefused as problem:
            return make_refusal(url, str(problem))

    def import_fetched(self, page: Page) -> ImportResult:
        """Import what a site sent: a page, or a file of any other kind."""
        if page.kind in ("text/html", "application/xhtml+xml"):
            return self.import_html(page_text(page.data, page.address), page.address)
        if page.kind == "text/plain":
            return self._texts.import_text(decode(page.data, page.address), None, page.address)
        results = list(self._texts.import_file(page.data, page.address))
        if len(results) == 1 and isinstance(results[0], ImportResult):
            return results[0]
        return make_refusal(
            page.address, f"{page.address} is no page; download it and add the file."
        )

    def import_html(self, html: str, address: str) -> ImportResult:
        """Import HTML that is already here."""
        budget = Budget(address)
        try:
            data = html.encode("utf-8", "surrogatepass")
            budget.accept(len(data))
            return self._texts.result(
                document(read_page(html, address, budget), data, address, "html")
            )
        except ImportRefused as problem:
            return make_refusal(address, str(problem))
