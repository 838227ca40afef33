"""A quick guess at the language of a message, for the moment before langdetect has its say.

It only decides between Swedish, English and not knowing.
"""

from engine.core.collecting.content import normalise

SWEDISH = set(
    "och att det som en ett är jag du inte på med för av den till har vi kan om var min mitt mina din "
    "ditt hej vad heter hur mår när varför vem vilken ska vill bor tycker tack ja nej också".split()
)
ENGLISH = set(
    "the and to of a an is are i you it that my your what how when why who which where in on for with "
    "not can do does did have has was were will would hello hi please thanks yes no about tell".split()
)


def guess(text):
    """sv, en, or an empty string."""
    text = normalise(text)
    words = "".join(c if c.isalpha() or c > "\x7f" else " " for c in text).split()
    swedish = sum(1 for word in words if word in SWEDISH)
    english = sum(1 for word in words if word in ENGLISH)
    swedish += sum(1 for word in words if any(letter in word for letter in "åäö"))
    if swedish == english:
        return ""
    return "sv" if swedish > english else "en"
