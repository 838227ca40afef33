"""Measures for readers, for the tests and the benchmark: word errors, character errors, known
texts."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
FILES = HERE / "files"
sys.path.insert(0, str(HERE / "making"))

from make import load_reference_text  # noqa: E402

__all__ = [
    "FILES",
    "characters_wrong",
    "distance",
    "find_reference_text",
    "load_reference_text",
    "words_wrong",
]


def distance(known, found) -> int:
    """The edit distance: the fewest insertions, deletions and replacements between two
    sequences."""
    before = list(range(len(found) + 1))
    for i, wanted in enumerate(known, 1):
        row = [i]
        for j, got in enumerate(found, 1):
            row.append(min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (wanted != got)))
        before = row
    return before[-1]


def words_wrong(known: str, found: str) -> float:
    """The word error rate; bars between table cells and the shape of apostrophes do not count."""
    return distance(_words(known), _words(found)) / len(_words(known))


def characters_wrong(known: str, found: str) -> float:
    known, found = " ".join(known.split()), " ".join(found.split())
    return distance(known, found) / len(known)


def find_reference_text(file: Path) -> str:
    """The words that were put into a made file."""
    if file.name == "book.epub":
        return f"{load_reference_text('sv')}\n{load_reference_text('en')}"
    if file.name == "poppler_united.pdf":
        return f"{load_reference_text('sv')}\n{load_reference_text('sv')}"
    return load_reference_text("en" if "_en" in file.name else "sv")


def _words(text: str) -> list[str]:
    return text.replace("’", "'").replace(" | ", " ").split()
