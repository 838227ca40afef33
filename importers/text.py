"""The entry point for text: pasted text in a named format, or any file."""

from collections.abc import Iterator

from oneseek.engine.core.queue.training_queue import TrainingQueue
from oneseek.importers.document import Document, ImportRefused
from oneseek.importers.duplicates import Fingerprints
from oneseek.importers.kinds import IsAdapter
from oneseek.importers.limits import Budget
from oneseek.importers.read import IsPicture, IsScan, read, read_text
from oneseek.importers.results import ImportResult, Lessons, make_refusal, result_of


class TextImporter:
    """Adds the examples of each import to `queue`, a TrainingQueue; without one they are only in
    the result.

    `index` remembers earlier imports, so that nothing is taught twice.
    """

    def __init__(
        self,
        queue: TrainingQueue | None = None,
        index: Fingerprints | None = None,
        lessons: Lessons | None = None,
        language_of=None,
    ):
        self.queue = queue
        self.index = index if index is not None else Fingerprints()
        self._lessons = lessons
        self._language_of = language_of

    def import_text(
        self, text: str, format: str | None = None, name: str = "pasted text"
    ) -> ImportResult:
        """Import text whose `format` is plain, markdown, html, csv, json or jsonl; None detects
        it."""
        try:
            return self.result(read_text(text, format, name))
        except ImportRefused as problem:
            return make_refusal(name, str(problem))

    def import_file(
        self, data: bytes, name: str, budget: Budget | None = None
    ) -> Iterator[ImportResult | IsPicture]:
        """Yield one result for a file, or one for each member of an archive; pictures are passed on
        for the image importer."""
        for member, outcome in read(data, name, budget):
            if isinstance(outcome, Document):
                yield self.result(outcome)
            elif isinstance(outcome, IsScan):
                yield make_refusal(member, str(outcome), outcome.scans)
            elif isinstance(outcome, IsAdapter):
                yield ImportResult(member, problem=str(outcome), adapter=True)
            elif isinstance(outcome, ImportRefused):
                yield make_refusal(member, str(outcome))
            else:
                yield outcome

    def result(self, document: Document, confidence: float | None = None) -> ImportResult:
        result = result_of(document, self.index, self._lessons, self._language_of, confidence)
        for example in result.examples if self.queue else ():
            source = {**example["source"], "kind": "import"}
            self.queue.add({**example, "priority": "import", "source": source})
        return result
