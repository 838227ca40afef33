"""Where a text holds formulas: `\\(x\\)`, `\\[x\\]`, `$x$` and `$$x$$`, outside code.

They are taken out before Markdown reads the text, and a mark stands in the place of each.
"""

PAIRS = (("\\[", "\\]", True), ("$$", "$$", True), ("\\(", "\\)", False), ("$", "$", False))
OPENS, CLOSES = "\ue000", "\ue001"  # characters of private use, around a formula's number
FENCES = ("```", "~~~")


def taken(text):
    """The text with a mark in the place of each formula, and the formulas: (source, tex,
    display)."""
    text = text.replace(OPENS, "").replace(CLOSES, "")
    found, parts, at, plain = [], [], 0, 0
    while at < len(text):
        if text[at] in "`~":
            at = after_code(text, at)
            continue
        formula = formula_at(text, at) if text[at] in "\\$" else None
        if not formula:
            at += 2 if text[at] == "\\" else 1
            continue
        parts += [text[plain:at], OPENS + str(len(found)) + CLOSES]
        found.append(formula)
        plain = at = at + len(formula[0])
    return "".join(parts) + text[plain:], found


def after_code(text, at):
    """Where the code that begins here ends; the next character where it never does."""
    run = 1
    while text[at : at + run + 1] == text[at] * (run + 1):
        run += 1
    mark = text[at] * run
    if text[at] == "~" and run < len(FENCES[0]):
        return at + run
    end = text.find(mark, at + run)
    if end >= 0:
        return end + run
    return len(text) if mark[:3] in FENCES else at + run


def formula_at(text, at):
    for opens, closes, display in PAIRS:
        if text[at : at + len(opens)] == opens:
            end = text.find(closes, at + len(opens))
            tex = text[at + len(opens) : end]
            if end < 0 or not tex.strip() or "\n\n" in tex:
                return None
            if opens == "$" and not is_formula(tex, text[end + 1 : end + 2]):
                return None
            return text[at : end + len(closes)], tex, display
    return None


def is_formula(tex, following):
    """Between single dollars: nothing but a formula touches both, and no number follows."""
    return tex[0] not in " \n" and tex[-1] not in " \n" and not following.isdigit()
