"""A linear classifier: from features of a word (its shape, the topics of the words around, how the
two are joined) it judges whether the word is somebody's secret. tests/bench/weigh_secrets.py fitted
the weights (weights.py).

The rules beside this module know names and forms exactly; this one judges what they do not know.
"""

from oneseek.engine.core.collecting.secrets.context import (
    digits_of,
    of_code,
    of_letters,
    stems_of,
    words_around,
)
from oneseek.engine.core.collecting.secrets.cues import (
    ACCOUNT,
    ACT,
    ANSWER,
    CARD,
    CODE,
    DIAL,
    ID,
    KEEP,
    KEY,
    LOGIN,
    NAMING,
    OPEN,
    OTHER,
    OUTBUILDINGS,
    PASS,
    PICK,
    RECOVERY,
    SECURITY,
    SERVICE,
    TALK,
    USER,
    WIFI,
    cues_of,
)
from oneseek.engine.core.collecting.secrets.letters import (
    count_letters,
    is_digits,
)
from oneseek.engine.core.collecting.secrets.shapes import (
    EDGES,
    MEASURES,
    PHRASE,
    PLAIN,
    STRANGE,
    TITLE,
    WORD,
    shape_of,
)
from oneseek.engine.core.collecting.secrets.values import is_clock
from oneseek.engine.core.collecting.secrets.vocabulary import HAS, STATE_ENDS, UNITS, VERBS, WITH
from oneseek.engine.core.collecting.secrets.weights import LIMIT, WEIGHTS
from oneseek.engine.core.collecting.secrets.whole import PIECE, of_pieces

AMOUNTS = (UNITS | MEASURES) - set(  # a number before one of these is an amount
    "h s a e d k c f x l v w am pm st nd rd th pt min sms m times people".split()
)
AMOUNTS.update("wide bred breit members steps steg pounds songs points poang metres meter".split())
REACH = 12  # words at most between a value and a cue about it
FEW = 6  # words at most of a text that counts as a note
LONGEST = 400  # words of a text that are read
ENDS = (".", "!", "?", "\x01")
SIGNS = (":", "=", '"', "->")
JOINTS = set(
    "to till til auf a as som als como with med mit con by av pa i using use uses anvand is".split()
)
STRONG = (PASS, WIFI, ANSWER)  # topics that may have a plain word as the value
DIRECT = (ACT, PICK, KEEP)  # topics right before a plain word that is to be typed
OWN = set(
    "my our mine i min mitt mina var vart mein meine unser mi nuestra vores his her hans hennes their mum dad mamma pappa".split()
)
ASKING = set(
    "how what why which is are hur vad varfor vilken ar wie was warum ist cual como que hvordan hva hvad".split()
)
BEFORE_TIMES = set(
    "at kl klockan um from till to ab bis las opens oppnas oppnar offnet closes shuts starts stanger borjar beginnt abre cierra ses in".split()
)
ALONE = set(  # shapes that may be a secret without a cue
    "signed mark dig word+d mixed joined joined0 camel caps+d short long spell one hex caps dashed d4 d5 d6 d7 g3 "
    "g8 pair tag door born clock seq turns tens letters id".split()
)
CALLED = set(
    "called named heter heisst hette llama kallas hedder known ssid name namn nombre".split()
)
# Topics against a secret in its line, topics for one, and shapes that names have too.
LONG = (ACCOUNT, ID, CARD, RECOVERY, CODE)
AGAINST = (OTHER, USER, TALK)
FOR = (PASS, CODE, OPEN, DIAL, ACT, KEY, LOGIN, WIFI, SECURITY, SERVICE, PICK)
SOFT = ("caps+d", "camel", "dashed", "snake", "tag", "door", "caps", "long")
OPENED = (OPEN, DIAL, SECURITY, WIFI, LOGIN, ACT, CARD, RECOVERY)
NUMERIC = set(
    "d3 d4 d5 d6 d7 d9 grp one spell mark g3 g8 g16 phone dig year clock born seq turns tens sharp letters".split()
)
KINDS = {
    PASS: "password", WIFI: "password", LOGIN: "password", ANSWER: "password", SERVICE: "password",
    CODE: "code", KEY: "key", RECOVERY: "recovery", ID: "identity", CARD: "card",
    ACCOUNT: "account",
}  # fmt: skip


def weigh(marked, plain):
    """Return the kind of secret that a text, as written and folded, most likely holds, in a set;
    empty if no score is above LIMIT."""
    values, pieces = _parts(marked[:LONGEST], plain[:LONGEST])
    of_piece = [_sum(piece) for piece in pieces]
    best, found = LIMIT, set()
    for at, signs, about in values:
        total = _sum(signs) + of_piece[at]
        if total > best:
            best, found = total, {about}
    return found


def _sum(signs):
    return sum([WEIGHTS.get(sign, 0) for sign in set(signs)])


def candidates(marked, plain):
    """[(features, kind)] of each value that a text may hold, with the features of its piece."""
    values, pieces = _parts(marked[:LONGEST], plain[:LONGEST])
    return [(signs + pieces[at], about) for at, signs, about in values]


def _parts(marked, plain):
    """Return ([(index of its piece, features, kind)] of each value, the features of each piece)."""
    cues = cues_of(plain)
    asked, stems = _find_text_signs(plain), stems_of(plain)
    code = of_code(plain)
    found, places, i = [], [], 0
    while i < len(plain):
        shape, size = shape_of(marked, plain, i)
        if shape is None or (shape in PLAIN and cues[i] is not None):
            i += 1
            continue
        group = group_of(shape)
        if shape == PHRASE or shape not in PLAIN:
            places.append((i, size, group))
        signs, about = _signs(plain, cues, i, size, shape, asked, marked[i])
        if signs is not None:
            signs += words_around(stems, i, i + size, group)
            word, digits = marked[i].strip(EDGES), digits_of(plain, i, i + size)
            signs += of_letters(word, plain[i].strip(EDGES), digits, group, shape)
            signs.append("code:%d&%s" % (code, group))
            found.append((i // PIECE, signs, about))
        i += size
    count = "values:%d" % min(len(found), 5)
    for _, signs, _ in found:
        signs.append(count)
    pieces = of_pieces(marked, plain, cues, stems, places)
    about = "code" if places else "password"
    return found + [(at, ["whole", count], about) for at in range(len(pieces))], pieces


def group_of(shape):
    return "num" if shape in NUMERIC else "plain" if shape in PLAIN else "odd"


def _find_text_signs(plain):
    """Return features of the whole text."""
    signs = []
    if plain and plain[-1] == "?":
        signs.append("asks")
    if plain and plain[0] in ASKING:
        signs.append("begins-asking")
    if any([word in OWN for word in plain]):
        signs.append("own")
    return signs


def _is_measure(plain, cues, i, size):
    """Whether it is a time, a score, a scale, or is said to be something else."""
    if size == 1 and i and plain[i - 1] in BEFORE_TIMES and is_clock(plain[i].strip(".,!?")):
        return True
    if i > 1 and plain[i - 1] == ":" and is_digits(plain[i - 2]) and is_digits(plain[i][:2]):
        return len(plain[i].strip(".,!?")) < 4
    return i > 1 and plain[i - 1] in (":", "=") and cues[i - 2] == OTHER and is_digits(plain[i])


def _signs(plain, cues, i, size, shape, asked, written):
    end = i + size
    if _is_measure(plain, cues, i, size):
        return None, None
    group = group_of(shape)
    near, distance, after = _nearest(cues, i, end, STRONG if group == "plain" else None)
    quoted = group == "plain" and i > 0 and (plain[i - 1] == '"' or shape == PHRASE)
    if group == "plain" and (quoted or (i and cues[i - 1] in DIRECT)) and near is None:
        near, distance, after = _nearest(cues, i, end, None)
    if near is None and shape not in ALONE:
        return None, None
    signs = ["bias", "shape:" + shape] + asked + [sign + "&" + group for sign in asked]
    before = plain[i - 1] if i else ""
    if group == "num" and end < len(plain) and plain[end].strip(".,!") in AMOUNTS:
        return None, None
    link = _link(plain, cues, i, end, near, distance, after)
    state = shape in (WORD, TITLE) and _is_state(plain[i].strip(".,!'"))
    if state or (group == "plain" and before == ":" and plain[i - 2] == '"'):
        return None, None
    if group == "plain" and (link in ("none", "far") or near not in STRONG):
        if not (before in WITH and i > 1 and cues[i - 2] == ACT) and not quoted:
            if not (i and cues[i - 1] in DIRECT and near in FOR):
                return None, None
    classes = _around(cues, plain, i, end)
    if shape == "phone" and not any([name in classes for name in LONG]):
        return None, None
    outbuilding = group == "num" and any(
        [word == "barn" or word.startswith(OUTBUILDINGS) for word in plain]
    )
    called = any([word in CALLED for word in plain[max(0, i - 2) : i]])
    signs += _of_classes(classes, called, asked, group, shape, written)
    about = near
    if len(plain) <= FEW:
        few = "few:%d&%s" % (len(plain), group)
        signs += [few, few + "&" + str(near), "few&" + str(near) + "&" + shape]
    if near is None:
        signs += ["alone", "alone&" + shape]
    else:
        place = "after" if after else "before"
        reach = "0" if distance == 0 else "1" if distance == 1 else "3" if distance < 4 else "far"
        signs += [
            "cue:" + near, "cue:" + near + "&" + group, "cue:" + near + "&" + shape,
            "link:" + link, "link:" + link + "&" + group, "cue:" + near + "&" + link,
            "cue:" + near + "&" + link + "&" + group, "reach:" + reach, "reach:" + reach + "&" + group,
            "place:" + place + "&" + group,
        ]  # fmt: skip
        if CODE in classes and OPEN in classes:
            signs.append("code+open&" + group)
    if called:
        if near == WIFI and PASS not in classes and KEY not in classes:
            return None, None  # a network's name is public
        signs += ["called", "called&" + group]
    if outbuilding:
        other = any([name in classes for name in (OPEN, DIAL, PASS, WIFI)])
        signs += ["outbuilding", "outbuilding&" + str(other)]
    if CODE in classes and not any([name in classes for name in OPENED]):
        signs += ["code-only&" + group, "code-only&" + shape]
    signs += _of_place(plain, cues, i, end, group)
    code = group == "num" or about in (OPEN, DIAL)
    return signs, KINDS.get(about, "code" if code else "password")


def _of_classes(classes, called, asked, group, shape, written):
    """Return features for the topics of the line, and whether a line without an objection has a
    hard or numeric value."""
    signs = []
    clear = not called and not any([name in classes for name in AGAINST])
    clear = clear and "asks" not in asked and "begins-asking" not in asked
    hard = group == "odd" and shape not in SOFT and _is_hard(written.strip(".,'"))
    if hard:
        signs += ["hard"] + ["hard&" + name for name in classes]
    if clear and (hard or group == "num"):
        sign = "clear-hard" if hard else "clear&" + shape
        signs += [sign, sign + "&" + ("act" if any([name in classes for name in FOR]) else "none")]
        signs += ["clear&" + group + "&" + name for name in classes]
    for name in classes:
        signs += ["near:" + name, "near:" + name + "&" + group, "near:" + name + "&" + shape]
    return signs


def _of_place(plain, cues, i, end, group):
    """Return features for the place of the value: what stands before and after it."""
    signs, before = [], plain[i - 1] if i else ""
    previous = [cue for cue in cues[max(0, i - 2) : i] if cue is not None]
    if previous:
        signs += ["previous:" + previous[-1], "previous:" + previous[-1] + "&" + group]
    following = plain[end].strip(".,!") if end < len(plain) else ""
    if following in UNITS or following in MEASURES or cues[end : end + 1] == [OTHER]:
        signs += ["unit", "unit&" + group]
    if before in SIGNS and (before != '"' or plain[:i].count('"') % 2):
        signs += ["sign:" + before, "sign:" + before + "&" + group]
    if before in VERBS or before in JOINTS:
        signs.append("joint&" + group)
    if before == "#" or before in ("$", "£", "€"):
        signs.append("price")
    if end >= len(plain) or plain[end] in ENDS or plain[end] == ",":
        signs += ["ends", "ends&" + group]
    if group == "plain" and len(plain[i]) >= 10:
        signs.append("long")
    signs += [sign + "&" + group for sign in _beside(plain, i, end)]
    if i == 0:
        signs += ["begins", "begins&" + group]
    return signs


def _beside(plain, i, end):
    """Return features for the words beside the value: three before it, two after."""
    before = [word.strip(".,!'*") for word in plain[max(0, i - 3) : i]]
    after = [word.strip(".,!'*") for word in plain[end : end + 2]]
    signs = ["b:" + word for word in before if word.isalpha()]
    signs += ["a:" + word for word in after if word.isalpha()]
    if before and before[-1].isalpha():
        signs.append("1:" + before[-1])
        if len(before) > 1 and before[-2].isalpha():
            signs += ["2:" + before[-2], "12:" + before[-2] + "_" + before[-1]]
    if after and after[0].isalpha():
        signs.append("-1:" + after[0])
    return signs


def _is_hard(word):
    """Whether it has five letters or more with digits at its end or a sign within, as people turn a
    known word into a password."""
    letters = count_letters(word)
    signs = any([sign in word for sign in STRANGE])
    return letters >= 5 and (signs or is_digits(word[-1])) and len(word) <= 24


def _is_state(word):
    """Whether a word looks like the state of a password: expired, ridiculous, ogiltigt."""
    return any([word.endswith(state) for state in STATE_ENDS])


def _around(cues, plain, i, end):
    """Return the topics of the words around in the line, each once."""
    names = []
    for at in range(max(0, i - REACH), min(len(plain), end + REACH)):
        if not i <= at < end and cues[at] is not None and cues[at] not in names:
            names.append(cues[at])
    return names


def _nearest(cues, i, end, these):
    """Return (the topic of the nearest naming word, words between, whether the value comes after
    it); among `these` topics alone if given."""
    found, distance, after = None, 99, True
    for step in range(REACH):
        for at, behind in ((i - 1 - step, True), (end + step, False)):
            if not 0 <= at < len(cues) or cues[at] is None or (these and cues[at] not in these):
                continue
            weight = step + (0 if cues[at] in NAMING else 6) + (0 if behind else 1)
            if cues[at] != TALK and weight < distance:
                found, distance, after = cues[at], weight, behind
    return found, distance, after


def _link(plain, cues, i, end, near, distance, after):
    """Return how the value is joined to the naming word."""
    if near is None:
        return "none"
    if after:
        between = plain[max(0, i - distance - 1) : i]
        if i and plain[i - 1] in SIGNS and (plain[i - 1] != '"' or plain[:i].count('"') % 2):
            return "sign"
        if any([word in VERBS or word in HAS for word in between[-3:]]):
            return "verb"
        if PICK in cues[max(0, i - 3) : i]:
            return "pick"
        if any([word in JOINTS for word in between[-2:]]):
            return "joint"
        if any([word in VERBS or word in SIGNS for word in between]):
            return "far"
        return "next" if distance == 0 else "none"
    following = plain[end : end + distance + 1]
    if any([word in VERBS for word in following[:2]]):
        return "is"
    return "back" if distance <= 1 else "none"
