"""Where a text holds formulas: `\\(x\\)`, `\\[x\\]`, `$x$` and `$$x$$`, outside code.

They are taken out before Markdown reads the text, and a mark stands in the place of each.  The text
is gone through once, as bytes: of a string with letters beyond ASCII the page's Python counts each
place from the beginning.
"""

PAIRS = ((b"\\[", b"\\]", True), (b"$$", b"$$", True), (b"\\(", b"\\)", False), (b"$", b"$", False))
OPENS, CLOSES = "\ue000", "\ue001"  # characters of private use, around a formula's number
UTF8 = ("utf-8", "surrogatepass")  # half a pair is a character like others
LONGEST = 2000  # bytes; what is longer, or has more braces, stays as it was written
BRACES = 100
MOST = 200  # formulas of one text; those that follow stay as they were written
FENCE = 3  # signs


def taken(text):
    """The text with a mark in the place of each formula, and the formulas: (source, tex,
    display)."""
    data = text.replace(OPENS, "").replace(CLOSES, "").encode(*UTF8)
    found, parts, at, plain, unclosed = [], [], 0, 0, set()
    while at < len(data) and len(found) < MOST:
        at = next_sign(data, at)
        sign = data[at : at + 1]
        if sign in (b"`", b"~"):
            at = after_code(data, at, unclosed)
            continue
        formula = formula_at(data, at) if sign else None
        if not formula:
            at += 2 if sign == b"\\" else 1
            continue
        parts += [data[plain:at].decode(*UTF8), OPENS + str(len(found)) + CLOSES]
        source, tex, display = formula
        found.append((source.decode(*UTF8), tex.decode(*UTF8), display))
        plain = at = at + len(source)
    return "".join(parts) + data[plain:].decode(*UTF8), found


def next_sign(data, at):
    """Where the next character stands that may begin code or a formula; the end without one."""
    while at < len(data) and data[at] not in b"`~\\$":
        at += 1
    return at


def after_code(data, at, unclosed):
    """Where the code that begins here ends; the next character where it never does. `unclosed` are
    the marks that are known not to come again."""
    end = at
    while data[end : end + 1] == data[at : at + 1]:
        end += 1
    mark = data[at:end]
    if mark[:1] == b"~" and len(mark) < FENCE:
        return end
    closed = -1 if mark in unclosed else data.find(mark, end)
    if closed >= 0:
        return closed + len(mark)
    unclosed.add(mark)
    return len(data) if len(mark) >= FENCE else end


def formula_at(data, at):
    for opens, closes, display in PAIRS:
        if data[at : at + len(opens)] == opens:
            end = data.find(closes, at + len(opens), at + LONGEST)
            tex = data[at + len(opens) : end]
            if end < 0 or not tex.strip() or b"\n\n" in tex or tex.count(b"{") > BRACES:
                return None
            if opens == b"$" and not is_formula(tex, data[end + 1 : end + 2]):
                return None
            return data[at : end + len(closes)], tex, display
    return None


def is_formula(tex, following):
    """Between single dollars: nothing but a formula touches both, and no number follows."""
    return tex[:1] not in b" \n" and tex[-1:] not in b" \n" and not following.isdigit()

