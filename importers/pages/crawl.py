"""Reads a whole site, natively: one page at a time, as slowly as the site asks, from a list that
survives a stop."""

import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urldefrag, urljoin, urlsplit

from oneseek.importers.document import ImportRefused
from oneseek.importers.limits import PAGES
from oneseek.importers.pages.fetch import Fetcher
from oneseek.importers.pages.markup import page_text, parse
from oneseek.importers.results import ImportResult, make_refusal
from oneseek.importers.website import WebsiteImporter

PAUSE = 1.0
_SKIPPED = (
    ".jpg",
    ".jpeg",
    ".png",
    ".gif",
    ".webp",
    ".svg",
    ".css",
    ".js",
    ".zip",
    ".mp3",
    ".mp4",
    ".ico",
    ".xml",
)


class Crawl:
    """`state` is the file of the list: pages that wait (address, depth) and pages that are done."""

    def __init__(
        self, start: str, depth: int, state: Path, pages: int = PAGES, pause: float = PAUSE
    ):
        self.depth, self.pages, self.pause, self.path = depth, pages, pause, state
        self.waiting: list[tuple[str, int]] = [(urldefrag(start)[0], 0)]
        self.done: list[str] = []
        self.host = urlsplit(start).netloc
        if state.exists():
            saved = json.loads(state.read_text("utf-8"))
            if saved["host"] == self.host:
                self.waiting = [(address, level) for address, level in saved["waiting"]]
                self.done = saved["done"]

    def run(
        self,
        importer: WebsiteImporter,
        fetcher: Fetcher,
        sleep: Callable[[float], None] = time.sleep,
    ) -> Iterator[ImportResult]:
        while self.waiting and len(self.done) < self.pages:
            address, level = self.waiting[0]
            try:
                page = fetcher.page(address)
                result = importer.import_fetched(page)
                if level < self.depth and page.kind == "text/html":
                    self._follow(page_text(page.data, address), page.address, level + 1)
            except ImportRefused as problem:
                result = make_refusal(address, str(problem))
            self.waiting.pop(0)
            self.done.append(address)
            self._save()
            yield result
            if self.waiting:
                sleep(min(10.0, max(self.pause, fetcher.delay(address))))
        self.path.unlink(missing_ok=True)

    def _follow(self, html: str, address: str, level: int) -> None:
        """Queue the links to other pages of the same site that are not known yet."""
        tree = parse(html)
        known = set(self.done) | {waiting for waiting, _ in self.waiting}
        for link in tree.iter("a") if tree is not None else ():
            try:
                target = urldefrag(urljoin(address, link.get("href") or ""))[0]
                parts = urlsplit(target)
            except ValueError:
                continue
            if (
                parts.netloc == self.host
                and parts.scheme in ("http", "https")
                and target not in known
            ):
                if not parts.path.lower().endswith(_SKIPPED):
                    known.add(target)
                    self.waiting.append((target, level))

    def _save(self) -> None:
        beside = self.path.with_suffix(".tmp")
        record = {"host": self.host, "waiting": self.waiting, "done": self.done}
        beside.write_text(json.dumps(record, ensure_ascii=False), "utf-8")
        os.replace(beside, self.path)
