"""Finds near-duplicates by simhash: texts that share nearly all runs of three words have nearly the
same 64 bits."""

import hashlib
import re

BITS = 64
NEAR = 12  # bits that may differ; a changed word in fifty moves about 7, another text about 32
SHORTEST = 8  # words; shorter texts are similar by chance
_WORD = re.compile(r"\w+")
# For each byte, its eight bits in 32-bit lanes of one number, so that a sum counts all bits at
# once.
_SPREAD = [sum(((byte >> bit) & 1) << (32 * bit) for bit in range(8)) for byte in range(256)]


def simhash(text: str) -> int:
    words = _WORD.findall(text.lower())
    runs = [" ".join(words[i : i + 3]) for i in range(max(1, len(words) - 2))]
    counts = [0] * 8
    for run in runs:
        for place, byte in enumerate(hashlib.blake2b(run.encode(), digest_size=8).digest()):
            counts[place] += _SPREAD[byte]
    half = len(runs) / 2
    value = 0
    for place, packed in enumerate(counts):
        for bit in range(8):
            if (packed >> (32 * bit)) & 0xFFFFFFFF > half:
                value |= 1 << (8 * place + bit)
    return value


class Fingerprints:
    """The imported texts: hash -> the document that holds the text."""

    def __init__(self, known: dict[int, str] | None = None):
        self._sources = dict(known or {})

    def add(self, value: int, source: str) -> None:
        self._sources.setdefault(value, source)

    def near(self, value: int) -> str | None:
        """The document that holds nearly the same text, if any."""
        for other, source in self._sources.items():
            if (other ^ value).bit_count() <= NEAR:
                return source
        return None

    def forget(self, source: str) -> None:
        self._sources = {value: s for value, s in self._sources.items() if s != source}

    def list_sources(self) -> dict[int, str]:
        return dict(self._sources)


def find_seen_blocks(document, index: Fingerprints) -> tuple[frozenset[int], dict[int, str]]:
    """The numbers of blocks already seen in this document or an earlier one, and where; remembers
    the new ones."""
    seen: dict[int, str] = {}
    for number, block in enumerate(document.blocks):
        if block.kind == "heading" or len(block.text.split()) < SHORTEST:
            continue
        value = simhash(block.text)
        earlier = index.near(value)
        if earlier is None:
            index.add(value, document.sha256)
        else:
            seen[number] = earlier
    return frozenset(seen), seen
