"""The result of an import: a document with lessons, a document held for approval, or one sentence
with the reason for a refusal."""

import dataclasses
import hashlib
from collections.abc import Callable

from oneseek.engine.core.collecting.language import detect
from oneseek.engine.learning.lessons.documents import lessons as lessons_of
from oneseek.importers.document import Document
from oneseek.importers.duplicates import Fingerprints, find_seen_blocks
from oneseek.importers.instructions import Suspicion, suspicions
from oneseek.importers.passages import Sentence, passages
from oneseek.importers.readers.moved_in import Message

Lessons = Callable[[list[str], str, str], list[dict]]
_SHORTEST_QUESTION = 3  # words; a shorter later question depends on the turn before it


@dataclasses.dataclass
class ImportResult:
    """One item of an import. A held document yields no examples until `approve` is called."""

    name: str
    document: Document | None = None
    lessons: list[dict] = dataclasses.field(default_factory=list)
    held: list[Suspicion] = dataclasses.field(default_factory=list)
    problem: str = ""
    duplicates: int = 0
    scans: list[int] = dataclasses.field(default_factory=list)
    adapter: bool = False
    chats: list[Message] = dataclasses.field(default_factory=list)  # chats with another assistant
    confidence: float | None = None

    @property
    def state(self) -> str:
        if self.adapter:
            return "adapter"
        if self.chats:
            return "chats"
        if self.problem:
            return "scan" if self.scans else "refused"
        return "held" if self.held else "ready"

    @property
    def examples(self) -> list[dict]:
        return self.lessons if self.state == "ready" else []

    @property
    def examples_generated(self) -> int:
        return len(self.examples)

    def approve(self) -> None:
        """Release the document: a person has seen the held places and wants it learned."""
        self.held = []

    def to_json(self) -> dict:
        return {
            "name": self.name,
            "state": self.state,
            "problem": self.problem,
            "document": self.document.to_json() if self.document else None,
            "lessons": self.lessons,
            "held": [place._asdict() for place in self.held],
            "examples_generated": self.examples_generated,
            "words": self.document.words if self.document else 0,
            "duplicates": self.duplicates,
            "scans": self.scans,
            "chats": self.chats,
            "confidence": self.confidence,
        }


def result_of(
    document: Document,
    index: Fingerprints | None = None,
    lessons: Lessons | None = None,
    language_of: Callable[[str], str] | None = None,
    confidence: float | None = None,
) -> ImportResult:
    """The result of one document: its language, duplicates, suspicions and lessons."""
    index = index if index is not None else Fingerprints()
    language = document.language or (language_of or detect)(document.text[:20_000])
    document = document.with_changes(language=language)
    skip, earlier = find_seen_blocks(document, index)
    result = ImportResult(
        document.title,
        document,
        held=suspicions(document),
        duplicates=len(earlier),
        confidence=confidence,
    )
    result.lessons = _of_exchanges(document, skip) + _of_passages(
        document, skip, lessons or lessons_of
    )
    return result


def make_refusal(name: str, problem: str, scans: list[int] | None = None) -> ImportResult:
    return ImportResult(name, problem=problem, scans=scans or [])


def _of_passages(document: Document, skip: frozenset[int], lessons: Lessons) -> list[dict]:
    found = []
    for passage in passages(document, skip):
        texts = [sentence.text for sentence in passage.sentences]
        for example in lessons(texts, passage.title, document.language):
            sentence = passage.sentences[example.get("source", {}).get("sentence", 0)]
            found.append({**example, "source": _source(document, sentence)})
    return found


def _of_exchanges(document: Document, skip: frozenset[int]) -> list[dict]:
    found = []
    for number, block in enumerate(document.blocks):
        if block.kind != "exchange" or number in skip:
            continue
        turns = list(zip(block.rows, block.rows[1:], strict=False))
        for place, ((role, prompt), (_, answer)) in enumerate(turns):
            if role == "user" and (place == 0 or len(prompt.split()) >= _SHORTEST_QUESTION):
                sentence = Sentence(prompt, number, 0, len(block.text))
                found.append(_example(prompt, answer, document, sentence))
    return found


def _example(prompt: str, answer: str, document: Document, sentence: Sentence) -> dict:
    return {
        "id": hashlib.sha256(f"{prompt}\n{answer}".encode()).hexdigest()[:16],
        "kind": "document",
        "prompt": prompt,
        "answer": answer,
        "phrasings": [],
        "language": document.language,
        "source": _source(document, sentence),
    }


def _source(document: Document, sentence: Sentence) -> dict:
    """What is needed to show the sentence in its place, and to forget the whole document."""
    return {
        "type": "import",
        "document": document.sha256,
        "title": document.title,
        "address": document.address,
        "sentence": sentence.text,
        "block": sentence.block,
        "start": sentence.start,
        "end": sentence.end,
    }
