"""The little language of the data files: `(a|b)` is a choice, `{x}` a slot.

The same text matches what a user wrote (`Form.match`) and makes new text (`fill`).  A slot
`{v}` holds one word (no auxiliary), `{a}` up to three, `{a=this|that}` one of a few, any other slot
anything; `{x's}` is the owner's form of x and `{X}` x with a capital.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Sequence

from oneseek.engine.learning.lessons.draw import Draw
from oneseek.engine.turns import pause

PIECES = re.compile(r"(\{[^{}]+\}|[()|])")
CHOICE = re.compile(r"\(([^()]*)\)")
SLOT = re.compile(r"\{(\w+)(?:=([^{}]*))?('s)?\}")
WORD = r"[\w'-]+"
LONGEST = 240  # characters: what is longer is no plain question, and slow to compare

Slots = dict[str, str]  # what each placeholder of a template stands for


def _any(words: Iterable[str]) -> str:
    return "|".join(map(re.escape, words))


def capital(text: str) -> str:
    return text[:1].upper() + text[1:]


@functools.lru_cache(maxsize=64)  # one text is held against every form
def plain(text: str) -> str:
    """One line, straight quotes, no closing punctuation: what forms are matched against."""
    text = text.translate(str.maketrans("’‘“”", "''\"\""))
    return re.sub(r"\s+", " ", text).strip().rstrip(".?! ")


class Form:
    """A pattern of the data file, ready to recognise text."""

    def __init__(
        self,
        pattern: str,
        genitives: Sequence[str] = (),
        auxiliaries: Sequence[str] = (),
        determiners: Sequence[str] = (),
    ) -> None:
        pause()
        owner = f"(?:{_any(genitives)})"
        self.width = {
            "v": rf"(?!(?:{_any(auxiliaries)})\b){WORD}" if auxiliaries else WORD,
            "a": rf"{WORD}(?: {WORD}){{0,2}}",
            # A subject is more than "my", and does not stop at an owner.
            "x": ".+?" + "".join(rf"(?<!\b{word})" for word in determiners),
        }
        seen, out = set(), []
        for piece in PIECES.split(pattern):
            slot = SLOT.fullmatch(piece)
            if slot:
                name = slot[1].lower()
                out.append(f"(?P={name})" if name in seen else self._slot(name, slot[2]))
                out.append(owner if slot[3] else "")
                seen.add(name)
            else:
                out.append({"(": "(?:", ")": ")", "|": "|"}.get(piece, re.escape(piece)))
        self.regex = re.compile("".join(out), re.IGNORECASE)

    def narrow(self, bodies: dict[str, str]) -> None:
        """Let slots hold only what these patterns allow, by the slots' names; the case counts."""
        pattern = self.regex.pattern
        for name, body in bodies.items():
            slot = rf"\(\?P<{name}>[^()]*(?:\([^()]*\)[^()]*)*\)"
            pattern = re.sub(slot, f"(?P<{name}>{body})".replace("\\", r"\\"), pattern)
        self.regex = re.compile(pattern)

    def _slot(self, name: str, choices: str | None) -> str:
        return f"(?P<{name}>{choices or self.width.get(name, '.+?')})"

    def match(self, text: str) -> dict | None:
        """slot -> text, or None."""
        text = plain(text)
        found = self.regex.fullmatch(text) if len(text) <= LONGEST else None
        return found.groupdict() if found else None


@functools.lru_cache(maxsize=4096)
def slots_of(template: str) -> frozenset[str]:
    return frozenset(slot[1].lower() for slot in SLOT.finditer(template))


def fill(template: str, slots: Slots, draw: Draw, genitive: Callable[[str], str]) -> str:
    """One text of the template; `genitive` makes the owner's form of a slot."""
    while found := CHOICE.search(template):
        chosen = draw.choice(found[1].split("|"))
        template = template[: found.start()] + chosen + template[found.end() :]

    def put(slot: re.Match) -> str:
        text = slots[slot[1].lower()]
        text = genitive(text) if slot[3] else text
        return capital(text) if slot[1][0].isupper() else text

    return re.sub(r"\s+", " ", SLOT.sub(put, template)).strip()
