"""What is said of the place of a document that answers a question: its words first, then the answer
taken from it."""

from __future__ import annotations

from dataclasses import dataclass

from oneseek.engine.learning.lessons import guess
from oneseek.engine.learning.memory.statements.said import FUNCTION_WORDS, stems
from oneseek.importers.asking.pieces import Piece

WORDS = {
    "en": {
        "from": "In “{title}”: “{text}”",
        "nothing": "That is not in {titles}.",
        "title": "“{title}”",
        "or": " or ",
        "nearest": "The nearest is: “{text}”",
    },
    "sv": {
        "from": "I ”{title}”: ”{text}”",
        "nothing": "Det står inte i {titles}.",
        "title": "”{title}”",
        "or": " eller ",
        "nearest": "Närmast är: ”{text}”",
    },
}


@dataclass(frozen=True)
class Place:
    """A piece of a document that may answer, and how sure that is, in nats."""

    source: str
    title: str
    piece: Piece
    score: float
    text: str  # the piece with its neighbours
    start: int
    end: int
    covered: float = 0.0  # how much of what is asked for stands there

    def to_dict(self) -> dict:
        place = {"text": self.text, "start": self.start, "end": self.end}
        return {
            "id": self.source,
            "title": self.title,
            "score": round(self.score, 3),
            "sentence": self.piece.text,
            **place,
        }


def answer_from(place: Place, question: str) -> str:
    """The quotation, and behind it the sentence or the cell that answers where that is less."""
    words = WORDS.get(guess(question), WORDS["en"])
    said = words["from"].format(title=place.title, text=place.text)
    answer = cell(place, question) if place.piece.cells else place.piece.text
    return said if answer == place.text else f"{said}\n\n{answer}"


def explain_absence(titles: list[str], question: str, nearest: Place | None) -> str:
    """That it is not there, and what is nearest where that may help."""
    words = WORDS.get(guess(question), WORDS["en"])
    named = words["or"].join(words["title"].format(title=one) for one in titles)
    said = words["nothing"].format(titles=named)
    return f"{said} {words['nearest'].format(text=nearest.text)}" if nearest else said


def cell(place: Place, question: str) -> str:
    """The cell of a row whose heading the question names, behind what the row is of; the whole row
    where it names none."""
    piece = place.piece
    asked = set(stems(question)) - FUNCTION_WORDS
    named = [one for one in piece.cells[piece.names :] if asked & set(stems(one[0]))]
    told = "\n".join(f"{piece.subject}: {name} {value}" for name, value in named if value)
    return told or piece.read
