"""Secrets that are told without their name, or far from it: the turns of a dial, a password letter
by letter, a network and later its password, of plain words too: "the wifi is called Larch, password
warm socks"."""

from oneseek.engine.core.collecting.secrets.labels import opens
from oneseek.engine.core.collecting.secrets.letters import is_digits
from oneseek.engine.core.collecting.secrets.values import may_be
from oneseek.engine.core.collecting.secrets.vocabulary import (
    ABOUT,
    LEFT,
    OPENING_WORDS,
    RIGHT,
    STATE_ENDS,
    STILL,
    TO,
    VERBS,
)

ONWARD = set("forward forwards fram framat vor vorwarts adelante".split())
BACK = set("back backwards tillbaka bakat zuruck ruckwarts atras".split())
SPINS = set(
    "spin spins turn turns twist dial vrid vrider snurra snurrar dreh drehe drehst drehen gira giras girar".split()
)
STOPS = TO | set("at pa bei en".split())
CAPITAL = set("capital capitals uppercase upper-case big stort versalt grosses mayuscula".split())
THEN = set("then sen sedan dann luego despues followed".split())
TURNS = 32  # words of a window in which a dial is turned
SPELLING = 18  # words in which a password is spelled out
NETWORKS = set("network ssid wifi wi-fi wlan natet nat natverk natverket netz netzwerk red".split())
KEYS = set(
    "password passcode pass key losen losenord losenordet nyckel nyckeln nyckelord kennwort passwort "
    "schlussel clave contrasena".split()
)
BETWEEN = (",", "and", "och", "und", "y", "\x01", ";", "the", "is")
BEHIND = 12  # words between the two
EDGES = ".,!'"


def is_dialled(plain):
    """Whether a text's folded words give the turns of a dial: "32 left, 8 right, 17 left", "stop at
    33, back to 12, forward to 27"."""
    if sum([len(word.strip(EDGES)) <= 2 and is_digits(word.strip(EDGES)) for word in plain]) < 3:
        return False
    opened = any([opens(word) or word in OPENING_WORDS for word in plain])
    for start in range(0, len(plain), TURNS // 2):
        if _turns(plain[start : start + TURNS], opened):
            return True
    return False


def _turns(plain, opened):
    turns, sides, reached, before = 0, set(), 0, ""
    for word in plain:
        bare = word.strip(EDGES)
        for side, names in enumerate((LEFT, RIGHT, ONWARD, BACK)):
            if bare in names:
                sides.add(side)
        turn = len(bare) <= 2 and is_digits(bare)
        turns, reached = turns + turn, reached + (turn and before in STOPS)
        before = bare
    if turns < 3 or not sides:
        return False
    if sides >= {0, 1}:
        return opened or reached >= 3
    spun = opened or any([word in SPINS for word in plain])
    return spun and reached >= 2 and (len(sides) > 1 or reached >= 3)


def is_spelled_out(plain):
    """Whether a password is given in parts: "capital T, then rombone, then 61"."""
    for i in range(len(plain) - 4):
        if plain[i].strip(EDGES) in CAPITAL and _is_letter(plain[i + 1].strip(EDGES)):
            rest = plain[i + 2 : i + SPELLING]
            if sum([word.strip(EDGES) in THEN for word in rest]) >= 2:
                return True
    return False


def _is_letter(word):
    return len(word) == 1 and word.isalpha()


def opens_network(plain):
    """Whether a text's folded words name a network, and not far after it its password with a
    value."""
    for i, word in enumerate(plain):
        if word.strip(EDGES) in NETWORKS:
            for at in range(i + 2, min(i + BEHIND, len(plain) - 1)):
                if plain[at].strip(EDGES) in KEYS and _is_told(plain, at):
                    return True
    return False


def _is_told(plain, at):
    """Whether a value stands after the name of the password."""
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
