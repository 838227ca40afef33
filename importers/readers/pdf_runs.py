"""The text pieces of a PDF page as they are drawn, with their start and end positions.

pypdf opens the file, unpacks streams and knows fonts. This module follows the pen itself, because
the words and lines that pypdf assembles lose or gain spaces where the typesetter stretched them.
"""

from collections.abc import Iterator
from typing import NamedTuple

from pypdf import PageObject
from pypdf.errors import PyPdfError
from pypdf.generic import ContentStream, DictionaryObject
from pypdf.generic._font import Font

from oneseek.importers.limits import Budget

_FORM_DEPTH = 8
_LIGATURES = {"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st"}
_CLEAN = str.maketrans({**_LIGATURES, "\u00a0": " ", "\u00ad": "-", "\u2010": "-", "\u2011": "-"})
Matrix = tuple[float, float, float, float, float, float]
_UNIT: Matrix = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)


class Run(NamedTuple):
    text: str
    x: float
    end: float
    y: float
    size: float
    space: float  # the width of a space here


def runs_of(page: PageObject, budget: Budget) -> list[Run]:
    pen = _Pen(budget)
    contents = page.get("/Contents")
    if contents is not None:
        pen.draw(contents.get_object(), _dictionary(page.get("/Resources")), 0)
    return pen.runs


class _Pen:
    """The part of the PDF graphics state that affects text (ISO 32000-1, 9.3 and 9.4)."""

    def __init__(self, budget: Budget):
        self.budget = budget
        self.runs: list[Run] = []
        self.page: Matrix = _UNIT
        self.line: Matrix = _UNIT
        self.text: Matrix = _UNIT
        self.font: Font | None = None
        self.size = 0.0
        self.spacing = self.word_spacing = self.leading = self.rise = 0.0
        self.stretch = 1.0
        self.saved: list[tuple] = []

    def draw(self, stream, resources: DictionaryObject, depth: int) -> None:
        fonts: dict[str, Font] = {}
        for number, (operands, operator) in enumerate(_operations(stream)):
            if number % 2000 == 0:
                self.budget.step()
            try:
                if operator == b"Tf":
                    self.font = self._font(str(operands[0]), resources, fonts)
                    self.size = float(operands[1])
                elif operator == b"Do" and depth < _FORM_DEPTH:
                    self._form(str(operands[0]), resources, depth)
                else:
                    self._operate(operator, operands)
            except (TypeError, ValueError, IndexError, AttributeError, KeyError, OverflowError):
                continue  # skip one malformed operator and keep the rest of the page

    def _operate(self, operator: bytes, operands: list) -> None:
        if operator == b"Tj":
            self._show(operands[0])
        elif operator == b"TJ":
            for piece in operands[0]:
                if isinstance(piece, (bytes, str)):
                    self._show(piece)
                else:
                    self._advance(-float(piece) / 1000 * self.size * self.stretch)
        elif operator == b"Td" or operator == b"TD":
            if operator == b"TD":
                self.leading = -float(operands[1])
            self._move(float(operands[0]), float(operands[1]))
        elif operator == b"Tm":
            self.line = self.text = _matrix(operands)
        elif operator == b"T*":
            self._move(0.0, -self.leading)
        elif operator == b"'":
            self._move(0.0, -self.leading)
            self._show(operands[0])
        elif operator == b'"':
            self.word_spacing, self.spacing = float(operands[0]), float(operands[1])
            self._move(0.0, -self.leading)
            self._show(operands[2])
        elif operator == b"BT":
            self.line = self.text = _UNIT
        elif operator == b"q":
            self.saved.append((self.page, self.font, self.size, self.spacing, self.word_spacing,
                               self.leading, self.rise, self.stretch))  # fmt: skip
        elif operator == b"Q" and self.saved:
            (self.page, self.font, self.size, self.spacing, self.word_spacing,
             self.leading, self.rise, self.stretch) = self.saved.pop()  # fmt: skip
        elif operator == b"cm":
            self.page = _times(_matrix(operands), self.page)
        else:
            self._set(operator, operands)

    def _set(self, operator: bytes, operands: list) -> None:
        if operator == b"Tc":
            self.spacing = float(operands[0])
        elif operator == b"Tw":
            self.word_spacing = float(operands[0])
        elif operator == b"TL":
            self.leading = float(operands[0])
        elif operator == b"Ts":
            self.rise = float(operands[0])
        elif operator == b"Tz":
            self.stretch = float(operands[0]) / 100

    def _font(self, name: str, resources: DictionaryObject, known: dict[str, Font]) -> Font | None:
        if name not in known:
            font = _dictionary(_dictionary(resources.get("/Font")).get(name))
            known[name] = Font.from_font_resource(font)
        return known[name]

    def _form(self, name: str, resources: DictionaryObject, depth: int) -> None:
        """Draw the text of a form: a page inside the page, with its own fonts."""
        form = _dictionary(resources.get("/XObject")).get(name)
        form = form.get_object() if form is not None else None
        if form is None or form.get("/Subtype") != "/Form":
            return
        kept = self.page, self.font, self.size, len(self.saved)
        if "/Matrix" in form:
            self.page = _times(_matrix(form["/Matrix"]), self.page)
        self.draw(form, _dictionary(form.get("/Resources")) or resources, depth + 1)
        self.page, self.font, self.size, level = kept
        del self.saved[level:]

    def _move(self, x: float, y: float) -> None:
        self.line = self.text = _times((1.0, 0.0, 0.0, 1.0, x, y), self.line)

    def _advance(self, x: float) -> None:
        self.text = _times((1.0, 0.0, 0.0, 1.0, x, 0.0), self.text)

    def _show(self, data: bytes | str) -> None:
        font = self.font
        if font is None:
            return
        raw, text = _decode(font, data)
        width = 0.0
        for char in raw:
            is_space = char == font.space_char
            wide = font.space_width if is_space else font.get_text_width(char)
            width += wide / 1000 * self.size + self.spacing + self.word_spacing * is_space
        before = _times(self.text, self.page)
        self._advance(width * self.stretch)
        after = _times(self.text, self.page)
        size = abs(self.size) * (before[2] ** 2 + before[3] ** 2) ** 0.5
        upright = abs(before[1]) <= abs(before[0]) and before[0] > 0
        if text and upright and size > 0:
            space = font.space_width / 1000 * size * self.stretch
            text = self.budget.keep(text.translate(_CLEAN))
            lift = self.rise * before[3]
            self.runs.append(Run(text, before[4], after[4], before[5] + lift, size, space))


def _operations(stream) -> Iterator[tuple[list, bytes]]:
    try:
        yield from ContentStream(stream, None, "bytes").operations
    except (
        PyPdfError,
        ValueError,
        TypeError,
        IndexError,
        KeyError,
        AttributeError,
        RecursionError,
    ):
        return  # the text drawn before the damage is kept


def _decode(font: Font, data: bytes | str) -> tuple[str, str]:
    """The codes as one character each, for their widths, and the text that they encode."""
    if isinstance(data, str):
        return data, data
    if isinstance(font.encoding, str):
        raw = data.decode(font.encoding, "replace")
        return raw, "".join(font.character_map.get(char, char) for char in raw)
    raw = "".join(map(chr, data))
    chars = [font.encoding.get(code, chr(code)) for code in data]
    return raw, "".join(font.character_map.get(char, char) for char in chars)


def _dictionary(value) -> DictionaryObject:
    value = value.get_object() if value is not None else None
    return value if isinstance(value, DictionaryObject) else DictionaryObject()


def _matrix(operands) -> Matrix:
    a, b, c, d, e, f = (float(number) for number in operands)
    return (a, b, c, d, e, f)


def _times(m: Matrix, n: Matrix) -> Matrix:
    return (
        m[0] * n[0] + m[1] * n[2],
        m[0] * n[1] + m[1] * n[3],
        m[2] * n[0] + m[3] * n[2],
        m[2] * n[1] + m[3] * n[3],
        m[4] * n[0] + m[5] * n[2] + n[4],
        m[4] * n[1] + m[5] * n[3] + n[5],
    )
