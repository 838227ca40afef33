"""Joins the text pieces of PDF pages to paragraphs: finds lines, running headers, headings and
hyphens at line ends."""

import re
from collections import Counter
from dataclasses import dataclass

from oneseek.importers.document import Block
from oneseek.importers.readers.pdf_runs import Run

_BULLET = re.compile(r"^([•‣◦▪■●○–—*·-]|[\ue000-\uf8ff])\s*(?=\S)|^\(?(\d{1,2}|[a-z])[.)]\s+(?=\S)")
_PAGE_NUMBER = re.compile(
    r"^\W*((page|sida|sid\.?|s\.)\s*)?(\d{1,4}|[ivxlc]{1,7})(\s*(/|of|av)\s*\d+)?\W*$", re.I
)
_SENTENCE_END = re.compile(r"[.!?:;…][\"'”’»)\]]*$")
_CUT_WORD = re.compile(r"(\w+)-$")
_WORD = re.compile(r"\w+(?:-\w+)*")


@dataclass
class Line:
    text: str
    x: float
    end: float
    y: float
    size: float
    page: int


def lines_of(runs: list[Run], page: int) -> list[Line]:
    """Join runs at one height, left to right, to lines; a gap of half a space or more becomes a
    space."""
    lines: list[Line] = []
    sizes: Counter[float] = Counter()
    for run in runs:
        line = lines[-1] if lines else None
        if (
            line
            and abs(run.y - line.y) < 0.5 * max(run.size, line.size)
            and run.x > line.end - run.size
        ):
            wide = max(0.5 * run.space, 0.1 * run.size)
            apart = (
                run.x - line.end > wide
                and not line.text.endswith(" ")
                and not run.text.startswith(" ")
            )
            line.text += (" " if apart else "") + run.text
            line.end = max(line.end, run.end)
            sizes[round(run.size, 1)] += len(run.text)
            line.size = sizes.most_common(1)[0][0]
        elif run.text.strip():
            sizes = Counter({round(run.size, 1): len(run.text)})
            lines.append(Line(run.text, run.x, run.end, run.y, round(run.size, 1), page))
    for line in lines:
        line.text = " ".join(line.text.split())
    return [line for line in lines if line.text]


def without_running_lines(pages: list[list[Line]]) -> list[list[Line]]:
    """Drop page numbers, and lines with the same words at the same height on many pages."""
    seen: Counter[tuple[str, int]] = Counter()
    for lines in pages:
        seen.update({_place(line) for line in _edges(lines)})
    often = max(2, len(pages) // 4)
    kept = []
    for lines in pages:
        edges = _edges(lines)
        drop = {
            id(line)
            for line in edges
            if (len(pages) > 1 and seen[_place(line)] >= often) or _is_page_number(line, lines)
        }
        kept.append([line for line in lines if id(line) not in drop] or lines)
    return kept


def paragraphs(pages: list[list[Line]]) -> list[Block]:
    lines = [line for page in pages for line in page]
    if not lines:
        return []
    words = Counter(word.lower() for line in lines for word in _WORD.findall(line.text))
    chars: Counter[float] = Counter()
    for line in lines:
        chars[line.size] += len(line.text)
    body = chars.most_common(1)[0][0]
    headings = sorted((size for size in chars if size > body * 1.12), reverse=True)
    groups = [[lines[0]]]
    for above, line in zip(lines, lines[1:], strict=False):
        if _begins(groups[-1], above, line, lines):
            groups.append([line])
        else:
            groups[-1].append(line)
    return [_block(group, body, headings, words) for group in groups]


def _begins(group: list[Line], above: Line, line: Line, lines: list[Line]) -> bool:
    """True if `line` starts a new paragraph."""
    if abs(line.size - above.size) > 0.08 * max(line.size, above.size):
        return True
    if _BULLET.match(line.text):
        return True
    ended = bool(_SENTENCE_END.search(above.text))
    down = above.y - line.y
    if line.page != above.page or down < -0.5 * line.size:  # a new page or column
        return (
            ended
            or line.text[:1].isupper()
            and not _CUT_WORD.search(above.text)
            and _is_short(above, lines)
        )
    leading = _measure_leading(group, line.size)
    if down > leading * 1.22:
        return True
    indented = line.x - above.x > 0.8 * line.size
    if indented and ended and not _BULLET.match(group[0].text) and len(group) > 1:
        return True
    return ended and _is_short(above, lines) and line.text[:1].isupper()


def _measure_leading(group: list[Line], size: float) -> float:
    gaps = [
        a.y - b.y for a, b in zip(group, group[1:], strict=False) if a.page == b.page and a.y > b.y
    ]
    return min(gaps) if gaps else 1.25 * size


def _is_short(line: Line, lines: list[Line]) -> bool:
    """True if a line ends well before the right margin of the lines with the same start."""
    right = max(o.end for o in lines if o.page == line.page and abs(o.x - line.x) < 2 * line.size)
    return right - line.end > 0.12 * (right - line.x)


def _block(group: list[Line], body: float, headings: list[float], words: Counter) -> Block:
    text = group[0].text
    for line in group[1:]:
        text = _join(text, line.text, words)
    size = group[0].size
    if size in headings and len(text) < 200:
        return Block("heading", text, min(6, headings.index(size) + 1))
    bullet = _BULLET.match(text)
    if bullet and not (bullet[2] and len(group) == 1 and len(text) > 200):
        return Block("item", text[bullet.end() :] if bullet[1] else text, 1)
    return Block("paragraph", text)


def _join(text: str, following: str, words: Counter) -> str:
    """Join two lines: a word cut at the line's end is joined, unless the hyphen belongs to it
    (AGA-lampa, well-known)."""
    cut = _CUT_WORD.search(text)
    after = _WORD.match(following)
    if not cut or not after:
        return f"{text} {following}"
    first, rest = cut[1], after[0]
    whole, hyphenated = words[(first + rest).lower()], words[f"{first}-{rest}".lower()]
    own = not rest[0].islower() or (len(first) > 1 and first.isupper()) or first[-1].isdigit()
    if own or (hyphenated and not whole):
        return text + following
    return text[:-1] + following


def _edges(lines: list[Line]) -> list[Line]:
    """The three highest and the three lowest lines of a page."""
    by_height = sorted(lines, key=lambda line: -line.y)
    return by_height[:3] + by_height[3:][-3:]


def _place(line: Line) -> tuple[str, int]:
    return re.sub(r"\d+", "#", line.text), round(line.y)


def _is_page_number(line: Line, lines: list[Line]) -> bool:
    """A number alone in the highest or lowest line, with nothing beside it."""
    heights = [other.y for other in lines]
    edge = line.y >= max(heights) - 1 or line.y <= min(heights) + 1
    alone = sum(abs(other.y - line.y) < line.size for other in lines) == 1
    return edge and alone and len(lines) > 2 and bool(_PAGE_NUMBER.match(line.text))
