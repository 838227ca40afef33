"""A network's name and then what opens it, of plain words too: "the wifi is called Larch, password
warm socks"."""

from oneseek.engine.core.collecting.secrets.values import may_be
from oneseek.engine.core.collecting.secrets.vocabulary import ABOUT, STATE_ENDS, STILL, VERBS

NETWORKS = set("network ssid wifi wi-fi wlan natet nat natverk natverket netz netzwerk red".split())
KEYS = set(
    "password passcode pass key losen losenord losenordet nyckel nyckeln nyckelord kennwort passwort "
    "schlussel clave contrasena".split()
)
BETWEEN = (",", "and", "och", "und", "y", "\x01", ";", "the", "is")
REACH = 12  # words between the two
EDGES = ".,!'"


def opens_network(plain):
    """Whether a network is named among a text's folded words, and not far behind it what opens it
    is named with its value."""
    for i, word in enumerate(plain):
        if word.strip(EDGES) in NETWORKS:
            for at in range(i + 2, min(i + REACH, len(plain) - 1)):
                if plain[at].strip(EDGES) in KEYS and _is_told(plain, at):
                    return True
    return False


def _is_told(plain, at):
    """Whether a value stands behind the name of what opens it."""
    told, value = plain[at - 1] in BETWEEN, at + 1
    while value < len(plain) and (plain[value] in VERBS or plain[value] in STILL):
        told, value = True, value + 1
    if plain[value : value + 1] == ['"']:
        value += 1
    if not told or value >= len(plain):
        return False
    word = plain[value].strip(EDGES)
    if len(word) < 3 or word in ABOUT or not may_be(word):
        return False
    return not any([word.endswith(end) for end in STATE_ENDS])
