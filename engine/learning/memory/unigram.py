"""SentencePiece's unigram model: of all ways to write a text in pieces the likeliest one.

Each piece counts by itself, so the best way to any place is found once."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

SPACE = "▁"
RARER = 10.0  # nats that an unknown letter is less likely than the rarest piece
SPACES = re.compile(r"\s+")


class Unigram:
    """Cuts text into the ids of pieces; control pieces are never read out of text."""

    def __init__(
        self, pieces: Sequence[str], scores: Sequence[float], unknown: int, control: set[int]
    ) -> None:
        self.scores = [float(score) for score in scores]
        self.unknown = unknown
        self.ids = {piece: i for i, piece in enumerate(pieces) if i not in {unknown, *control}}
        self.longest = max(map(len, self.ids))
        self.floor = min(self.scores) - RARER

    def encode(self, text: str) -> list[int]:
        text = SPACES.sub(" ", unicodedata.normalize("NFKC", text)).strip()
        return self.cut(SPACE + text.replace(" ", SPACE)) if text else []

    def cut(self, text: str) -> list[int]:
        best = [0.0] + [float("-inf")] * len(text)
        last = [(0, self.unknown)] * (len(text) + 1)  # where the last piece began, and which it is
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
