"""Cuts text into the pieces of a SentencePiece unigram vocabulary, as the sentence encoder reads
them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

SPACE = "▁"
RARER = 10.0  # nats by which an unknown letter is rarer than the rarest piece
SPACES = re.compile(r"\s+")


def normalize(text: str) -> str:
    """A text in the form of the vocabulary: NFKC, with single spaces."""
    return SPACES.sub(" ", unicodedata.normalize("NFKC", text)).strip()


class Unigram:
    """SentencePiece's unigram model: cuts text into the likeliest sequence of pieces and returns
    their ids. Control pieces are never read out of text. Pieces are independent of each other, so
    the best path to each place is computed once (Viterbi)."""

    def __init__(
        self, pieces: Sequence[str], scores: Sequence[float], unknown: int, control: set[int]
    ) -> None:
        self.scores = [float(score) for score in scores]
        self.pieces = [SPACE if id == unknown else piece for id, piece in enumerate(pieces)]
        self.unknown = unknown
        self.ids = {piece: i for i, piece in enumerate(pieces) if i not in {unknown, *control}}
        self.longest = max(map(len, self.ids))
        self.floor = min(self.scores) - RARER

    def encode(self, text: str) -> list[int]:
        text = normalize(text)
        return self.cut(SPACE + text.replace(" ", SPACE)) if text else []

    def cut(self, text: str) -> list[int]:
        best = [0.0] + [float("-inf")] * len(text)
        last = [(0, self.unknown)] * (len(text) + 1)  # start and id of the last piece
        for start in range(len(text)):
            for end in range(start + 1, min(len(text), start + self.longest) + 1):
                id = self.ids.get(text[start:end])
                if id is None and end > start + 1:
                    continue
                score = best[start] + (self.floor if id is None else self.scores[id])
                if score > best[end]:
                    best[end], last[end] = score, (start, self.unknown if id is None else id)
        found, at = [], len(text)
        while at:
            at, id = last[at]
            found.append(id)
        return found[::-1]
