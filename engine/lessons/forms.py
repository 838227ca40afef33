"""The little language of the data files: `(a|b)` is a choice, `{x}` a slot.

The same text matches what a user wrote (`Form.match`) and makes new text (`fill`).  A slot
`{v}` holds one word (no auxiliary), `{a}` up to three, any other slot anything; `{x's}` is the owner's form
of x and `{X}` x with a capital.
"""

import functools
import re

PIECES = re.compile(r"(\{[^{}]+\}|[()|])")
CHOICE = re.compile(r"\(([^()]*)\)")
SLOT = re.compile(r"\{(\w+)('s)?\}")
WORD = r"[\w'-]+"


def capital(text):
    return text[:1].upper() + text[1:]


def plain(text):
    """One line, straight quotes, no closing punctuation: what forms are matched against."""
    text = text.translate(str.maketrans("’‘“”", "''\"\""))
    return re.sub(r"\s+", " ", text).strip().rstrip(".?! ")


class Form:
    """A pattern of the data file, ready to recognise text."""

    def __init__(self, pattern, genitives, auxiliaries=()):
        verb = "(?!(?:" + "|".join(auxiliaries) + r")\b)" + WORD if auxiliaries else WORD
        width = {"v": verb, "a": rf"{WORD}(?: {WORD}){{0,2}}"}
        owner = "(?:" + "|".join(re.escape(g) for g in genitives) + ")"
        seen, out = set(), []
        for piece in PIECES.split(pattern):
            slot = SLOT.fullmatch(piece)
            if slot:
                name = slot[1].lower()
                body = f"(?P={name})" if name in seen else f"(?P<{name}>{width.get(name, '.+?')})"
                seen.add(name)
                out.append(body + (owner if slot[2] else ""))
            else:
                out.append({"(": "(?:", ")": ")", "|": "|"}.get(piece, re.escape(piece)))
        self.regex = re.compile("".join(out), re.IGNORECASE)

    def match(self, text):
        """slot -> text, or None."""
        found = self.regex.fullmatch(plain(text))
        return found.groupdict() if found else None


@functools.lru_cache(maxsize=4096)
def slots_of(template):
    return frozenset(name.lower() for name, _ in SLOT.findall(template))


def fill(template, slots, draw, genitive):
    """One text of the template; `genitive` makes the owner's form of a slot."""
    while found := CHOICE.search(template):
        chosen = draw.choice(found[1].split("|"))
        template = template[: found.start()] + chosen + template[found.end() :]

    def put(slot):
        text = slots[slot[1].lower()]
        text = genitive(text) if slot[2] else text
        return capital(text) if slot[1][0].isupper() else text

    return re.sub(r"\s+", " ", SLOT.sub(put, template)).strip()
