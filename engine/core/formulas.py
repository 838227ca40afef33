"""Finds formulas in a text: `\\(x\\)`, `\\[x\\]`, `$x$` and `$$x$$`, outside code.

They are taken out before Markdown reads the text, and a mark stands in the place of each. The text
is read once, as bytes: in a string with letters beyond ASCII, MicroPython counts each place from
the beginning.
"""

PAIRS = ((b"\\[", b"\\]", True), (b"$$", b"$$", True), (b"\\(", b"\\)", False), (b"$", b"$", False))
OPENS, CLOSES = "\ue000", "\ue001"  # characters of private use, around a formula's number
UTF8 = ("utf-8", "surrogatepass")  # half a pair is a character like others
LONGEST = 2000  # bytes; what is longer, or has more braces, stays as it was written
BRACES = 100
LOOKS = 4000  # places of one text where something may begin
MOST = 200  # formulas of one text; what follows stays as it was written
SIGNS = (b"`", b"~", b"\\", b"$")  # code or a formula may begin with
FENCE = 3  # signs


class Ahead:
    """Finds marks in bytes that are read once, from the beginning to the end: each is searched for
    once only, however often it is asked for."""

    def __init__(self, data):
        self.data, self.places = data, {}

    def find(self, mark, at):
        """The first place from `at` on; the end of the bytes where the mark does not come again."""
        place = self.places.get(mark, -1)
        if place < at:
            place = self.data.find(mark, at)
            place = self.places[mark] = place if place >= 0 else len(self.data)
        return place


def extract(text):
    """Return the text with a mark in the place of each formula, and the formulas: (source, tex,
    display)."""
    data = text.replace(OPENS, "").replace(CLOSES, "").encode(*UTF8)
    found, parts, at, plain, ahead = [], [], 0, 0, Ahead(data)
    for _ in range(LOOKS):
        at = min(ahead.find(sign, at) for sign in SIGNS)
        if at == len(data) or len(found) == MOST:
            break
        sign = data[at : at + 1]
        if sign in (b"`", b"~"):
            at = after_code(data, at, ahead)
            continue
        formula = formula_at(data, at, ahead)
        if not formula:
            at += 2 if sign == b"\\" else 1
            continue
        parts += [data[plain:at].decode(*UTF8), OPENS + str(len(found)) + CLOSES]
        source, tex, display = formula
        found.append((source.decode(*UTF8), tex.decode(*UTF8), display))
        plain = at = at + len(source)
    return "".join(parts) + data[plain:].decode(*UTF8), found


def after_code(data, at, ahead):
    """Return where the code that begins here ends; the next character where it never does."""
    end = at
    while data[end : end + 1] == data[at : at + 1]:
        end += 1
    mark = data[at:end]
    if mark[:1] == b"~" and len(mark) < FENCE:
        return end
    closed = ahead.find(mark, end)
    if closed < len(data):
        return closed + len(mark)
    return len(data) if len(mark) >= FENCE else end


def formula_at(data, at, ahead):
    for opens, closes, display in PAIRS:
        if data[at : at + len(opens)] == opens:
            end = ahead.find(closes, at + len(opens))
            if end - at > LONGEST or end == len(data):
                return None
            tex = data[at + len(opens) : end]
            if not tex.strip() or b"\n\n" in tex or tex.count(b"{") > BRACES:
                return None
            if opens == b"$" and not is_formula(tex, data[end + 1 : end + 2]):
                return None
            return data[at : end + len(closes)], tex, display
    return None


def is_formula(tex, following):
    """Whether it is one between single dollars: no blank touches them inside, and no number
    follows."""
    return tex[:1] not in b" \n" and tex[-1:] not in b" \n" and not following.isdigit()
