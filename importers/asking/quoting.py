"""Words the reply to a question about documents: first the quoted place, then the answer taken from
it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from oneseek.engine.learning.lessons import guess
from oneseek.engine.learning.memory.statements.said import FUNCTION_WORDS, stems
from oneseek.importers.asking.pieces import Piece

WORDS = {
    "en": {
        "from": "In “{title}”: “{text}”",
        "also": "Also in “{title}”: “{text}”",
        "nothing": "That is not in {titles}.",
        "not_exactly": "Exactly that is not in {titles}. The nearest is: “{text}”",
        "then": "Then: “{text}”",
        "title": "“{title}”",
        "or": " or ",
    },
    "sv": {
        "from": "I ”{title}”: ”{text}”",
        "also": "Också i ”{title}”: ”{text}”",
        "nothing": "Det står inte i {titles}.",
        "not_exactly": "Precis det står inte i {titles}. Närmast är: ”{text}”",
        "then": "Därefter: ”{text}”",
        "title": "”{title}”",
        "or": " eller ",
    },
}


@dataclass(frozen=True)
class Place:
    """A piece of a document that may answer, with its score in nats."""

    source: str
    title: str
    piece: Piece
    score: float
    text: str  # the piece with its neighbours
    start: int
    end: int
    covered: float = 0.0  # share of the question that the piece holds

    def to_dict(self) -> dict:
        place = {"text": self.text, "start": self.start, "end": self.end}
        return {
            "id": self.source,
            "title": self.title,
            "score": round(self.score, 3),
            "sentence": self.piece.text,
            **place,
        }


def answer_from(place: Place, question: str, also: Place | None = None) -> str:
    """The quotation, followed by the sentence or cell that answers if that is only a part of it;
    then the quotation of another place."""
    words = WORDS.get(guess(question), WORDS["en"])
    said = [words["from"].format(title=place.title, text=place.text)]
    answer = cell(place, question) if place.piece.cells else place.piece.text
    said += [answer] if answer != place.text else []
    said += [words["also"].format(title=also.title, text=also.text)] if also else []
    return "\n\n".join(said)


def explain_absence(titles: list[str], question: str, near: Sequence[Place]) -> str:
    """The reply that the sources do not say; with the places near the question, the nearest
    first."""
    words = WORDS.get(guess(question), WORDS["en"])
    named = words["or"].join(words["title"].format(title=one) for one in titles)
    if not near:
        return words["nothing"].format(titles=named)
    said = [words["not_exactly"].format(titles=named, text=near[0].text)]
    said += [words["then"].format(text=one.text) for one in near[1:]]
    return "\n\n".join(said)


def cell(place: Place, question: str) -> str:
    """The row's subject with the cells whose headings the question names; the whole row if it names
    none."""
    piece = place.piece
    asked = set(stems(question)) - FUNCTION_WORDS
    named = [one for one in piece.cells[piece.names :] if asked & set(stems(one[0]))]
    told = "\n".join(f"{piece.subject}: {name} {value}" for name, value in named if value)
    return told or piece.read
