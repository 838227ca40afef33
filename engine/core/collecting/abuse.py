"""Insults of groups of people, and threats, by their words: English and Swedish.

Few phrases, each of which hardly ever means anything else in either language; what is merely rude
is none of them.  It is held back and said, and a person may still teach it.
"""

from oneseek.engine.core.collecting.content import normalise
from oneseek.engine.core.collecting.hint import is_letter

PHRASES = (
    "cunt", "cunts", "faggot", "faggots", "go kill yourself", "gook", "gooks", "hope you die",
    "i will kill you", "kike", "kikes", "kys", "nigger", "niggers", "raghead", "ragheads",
    "subhuman scum", "towelhead", "towelheads", "wetback", "wetbacks",
    "blattejävel", "blattejävlar", "bögjävel", "bögjävlar", "din hora", "döda dig själv",
    "fittjävel", "hoppas att du dör", "hoppas du dör", "horunge", "jag ska döda dig", "judejävel",
    "judejävlar", "judesvin", "jävla bög", "jävla hora", "jävla mongo", "jävla neger", "lappjävel",
    "negerjävel", "negerjävlar", "svartskalle", "svartskallar", "tattarjävel", "zigenarjävel",
    "zigenarjävlar",
)  # fmt: skip


def is_abusive(text):
    """Whether one of them stands in a text, as words of their own."""
    text = normalise(text)
    found = [phrase for phrase in PHRASES if phrase in text]
    if not found:
        return False
    letters = [letter if is_letter(letter) else " " for letter in text]
    words = " %s " % " ".join("".join(letters).split())
    return any([" %s " % phrase in words for phrase in found])
