"""Splits a document into passages of sentences, each with its place, without boilerplate.

So a lesson made from a sentence can always show that sentence.
"""

import re
from typing import NamedTuple

from oneseek.importers.document import Block, Document

_ABBREVIATIONS = set(
    "t.ex bl.a d.v.s dvs s.k ca kl nr resp f.d p.g.a pga e.kr f.kr st prof dr mr mrs ms jr sr "
    "vs e.g i.e cf fig approx no vol ed inc ltd co dept est min max tel avd kap jfr inkl exkl ev fr.o.m t.o.m".split()
)
_MAY_END = set("m.m m.fl o.s.v osv etc p.s".split())  # no sentence ends before a lower-case letter
_END = re.compile(
    r"[.!?…]+[\"'”’»)\]]*(?=\s+[\"'“‘«(\[]?[A-ZÅÄÖÉÜ0-9])|[.!?…]+[\"'”’»)\]]*$|\n+", re.M
)
_LAST_WORD = re.compile(r"([\w.]+?)\.+[\"'”’»)\]]*$")
_BOILERPLATE = re.compile(
    r"\b(cookies?|kakor|all rights reserved|alla rättigheter|copyright|©|privacy policy|integritetspolicy|"
    r"terms of (use|service)|användarvillkor|subscribe|prenumerera|nyhetsbrev|newsletter|sign (in|up)|log ?in|"
    r"logga in|dela på|share (on|this)|follow us|följ oss|read more|läs (mer|också|även)|click here|klicka här|"
    r"advertisement|annons|(sidan|senast) uppdaterad|last (updated|modified)|skriv ut|print this page|hoppa till innehåll|skip to content|kommentarer \(\d+\))\b",
    re.IGNORECASE,
)
_LONGEST = 12  # sentences in one passage


class Sentence(NamedTuple):
    text: str
    block: int
    start: int
    end: int


class Passage(NamedTuple):
    title: str
    sentences: list[Sentence]


def sentences_of(text: str) -> list[tuple[int, int]]:
    """The spans of the sentences; a full stop after an abbreviation, initial or ordinal ends
    none."""
    spans, start = [], 0
    for match in _END.finditer(text):
        if match[0][0] != "\n" and not _ends(text[start : match.end()], text[match.end() :]):
            continue
        spans.append((start, match.end()))
        start = match.end()
    spans.append((start, len(text)))
    trimmed = []
    for begin, end in spans:
        piece = text[begin:end]
        begin += len(piece) - len(piece.lstrip())
        end -= len(piece) - len(piece.rstrip())
        if end > begin:
            trimmed.append((begin, end))
    return trimmed


def passages(document: Document, skip: frozenset[int] = frozenset()) -> list[Passage]:
    """The sections in order, long ones split; `skip` holds the numbers of blocks that were seen
    before."""
    found = [Passage(document.title, [])]
    path: list[Block] = []
    for number, block in enumerate(document.blocks):
        if block.kind == "heading":
            path = [above for above in path if above.level < block.level] + [block]
            found.append(Passage(block.text if len(path) > 1 else document.title or block.text, []))
        elif number not in skip and block.kind not in ("code", "exchange"):
            sentences = _sentences(block, number, document.title, document.language)
            if sentences and len(found[-1].sentences) + len(sentences) > _LONGEST:
                found.append(Passage(found[-1].title, []))
            found[-1].sentences.extend(sentences)
    return [passage for passage in found if passage.sentences]


def is_boilerplate(text: str) -> bool:
    """True for a short text that says what every page of a site says."""
    words = len(text.split())
    return words < 25 and len(_BOILERPLATE.findall(text)) * 12 >= words


def _sentences(block: Block, number: int, title: str, language: str) -> list[Sentence]:
    if block.kind == "table":
        said = table_sentences(block.rows, title, language)
        return [Sentence(text, number, 0, len(block.text)) for text in said]
    return [
        Sentence(" ".join(block.text[start:end].split()), number, start, end)
        for start, end in sentences_of(block.text)
        if not is_boilerplate(block.text[start:end])
    ]


def table_sentences(rows: tuple[tuple[str, ...], ...], title: str, language: str) -> list[str]:
    """Each cell as a sentence, if the first row holds headings: "The price of a tour is 50 kronor".

    A table of two columns describes its title: "The weight of the storm lantern is 1.4 kg".
    """
    if len(rows) < 2 or any(re.search(r"\d", cell) for cell in rows[0]):
        return []
    said = []
    for row in rows[1:]:
        for heading, cell in zip(rows[0][1:], row[1:], strict=False):
            what, owner = (row[0], title) if len(rows[0]) == 2 else (heading, row[0])
            if not (what and owner and cell):
                continue
            if language in ("sv", "no", "da"):
                said.append(f"{what} för {_inside(owner)} är {cell}.")
            else:
                said.append(f"The {_inside(what)} of {_inside(owner)} is {cell}.")
    return said


def _inside(phrase: str) -> str:
    """A heading for the middle of a sentence: first letter in lower case, unless it holds a name or
    an acronym."""
    words = phrase.split()
    named = any(word[:1].isupper() for word in words[1:]) or words[0][1:] != words[0][1:].lower()
    return phrase if named or len(words[0]) == 1 else phrase[0].lower() + phrase[1:]


def _ends(sentence: str, rest: str) -> bool:
    if rest and not rest[0].isspace():
        return False
    last = _LAST_WORD.search(sentence)
    if not last or not sentence.rstrip("\"'”’»)]").endswith("."):
        return True
    word = last[1].lower().lstrip("(")
    if word in _ABBREVIATIONS or (len(word) == 1 and word.isalpha() and last[1].isupper()):
        return False
    following = rest.lstrip()[:1]
    if word in _MAY_END:
        return not following.islower()
    return not (word.isdigit() and len(word) <= 2 and following.islower())
