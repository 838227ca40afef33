"""Secrets that a name announces: "lösenord: hunter2", "the door code is 4711", in English, Swedish,
German, Spanish, Norwegian and Danish.

A name alone is no secret: a value of its kind must stand beside it, after a sign or a verb, or
before it ("hunter2 is my password"). A text that only talks about passwords passes.
"""

from oneseek.engine.core.collecting.secrets.letters import count_digits, count_letters, is_digits
from oneseek.engine.core.collecting.secrets.values import (
    is_announced,
    is_call,
    is_date,
    is_hours,
    is_phrase,
    is_plain_password,
    is_spelled,
    is_strong,
    is_value,
    may_be,
    stands_alone,
)
from oneseek.engine.core.collecting.secrets.vocabulary import (
    ABOUT,
    ACCOUNT,
    ANSWER,
    AS,
    ASKED,
    BACKS,
    BEGIN_PAIRS,
    CARDS,
    CHANGES,
    CODE,
    CVC,
    ENDINGS,
    ENDS,
    FICTION,
    HAS,
    HEAD,
    HEAD_ENDINGS,
    IDENTITY,
    IDENTITY4,
    KEY,
    KIND,
    LABELS,
    LOGIN,
    NAMES,
    NEAR,
    NOT_BEFORE,
    NOT_THESE,
    OPENING,
    OPENING_WORDS,
    OPENS,
    OPENS_AS,
    PAIRS,
    PAPER,
    PARTS,
    PASSWORD,
    PHRASE,
    REACH,
    RECOVERY,
    SIGNS,
    STILL,
    TO,
    UNITS,
    USERS,
    VERBS,
    WEAK,
    WIFI,
    WITH,
)

NETWORKS = ("wifi", "wi-fi", "wi fi", "wlan", "nett", "natverk", "wireless")


class Words:
    """The words of a text, as written and folded; signs are words of their own."""

    def __init__(self, text, low):
        self.low = low
        self.marked = [] if not any([sign in low for sign in SIGNS]) else split_marks(text)
        self.plain = [] if not self.marked else split_marks(low)
        self.quoted, within = [], False  # whether each stands inside quotation marks
        for word in self.plain:
            self.quoted.append(within)
            within = within != (word == '"')

    def after(self, i, count):
        """Yield the indices of the words from `i` on, `count` at most, up to the end of their
        sentence."""
        for at in range(i, min(i + count, len(self.plain))):
            yield at
            word = self.marked[at]
            if word == "?" or (word[-1] == "." and at > i and not is_digits(word[:-1])):
                return


def split_marks(text):
    for sign in ':="`;,()[]{}<>|':
        if sign in text:
            text = text.replace(sign, " " + sign + " ")
    if "?" in text:
        text = _split_questions(text)
    return text.replace("\n", " \x01 ").replace(" '", " ").replace("' ", " ").split()


def _split_questions(text):
    """Split a question mark from the word before it, unless the word goes on: Bramble?Gate3."""
    parts = text.split("?")
    joined = parts[0]
    for part in parts[1:]:
        within = count_letters(part[:1]) or is_digits(part[:1])
        joined += ("?" if within and count_letters(joined[-1:]) else " ? ") + part
    return joined


def find_labelled(words):
    """Return the set of kinds of secrets that names in the text announce."""
    found = set()
    plain = words.plain
    wifi = any([sign in words.low for sign in NETWORKS])
    i = 0
    while i < len(plain):
        label, size = _label_at(words, i, wifi)
        if plain[i][-1] == "#" and 3 <= len(plain[i]) <= 7 and is_digits(plain[i][:-1].strip("*")):
            found.add(KIND[CODE])  # as typed at a door
        if "@" in plain[i] and "@sha" not in plain[i] and _has_login(words, i, 0):
            found.add(KIND[LOGIN])
        if label is not None and KIND.get(label) not in found:
            if _has_value(words, i, i + size, label, wifi):
                found.add(KIND[label])
        i += size
    return found


def _label_at(words, i, wifi):
    """Return (what the word at `i` names or None, how many words the name has)."""
    plain = words.plain
    word = plain[i].strip(".,!'*-/")
    if len(word) < 2 or word[0] == "$":
        return None, 1
    if word in BACKS:
        return (CVC if any([card in words.low for card in CARDS]) else None), 1
    if word in OPENING_WORDS:
        return (OPENING if _is_opened(words, i) else None), 1
    if word in BEGIN_PAIRS and i + 1 < len(plain):
        pair = PAIRS.get(word + " " + plain[i + 1].strip(".,!'-"))
        if pair == ANSWER and not any([asked in words.low for asked in ASKED]):
            pair = None  # about a family, not an account
        if pair is not None:
            return pair, 2
    if word[-2:] == "'s":
        word = word[:-2]
    label = LABELS.get(word)
    if label is None and len(word) > 3 and any([part in word for part in PARTS]):
        label = _compound(word, words.marked[i])
    if label is None:
        return None, 1
    if word in NOT_THESE or (i and plain[i - 1] in NOT_BEFORE):
        return None, 1
    if i + 1 < len(plain) and plain[i + 1].strip(".,!'") in ABOUT:
        return None, 1
    if any([told.strip(".,!'") in FICTION for told in plain[i + 1 : i + 4]]):
        return None, 1
    if label == WEAK and word[:5] == "clave" and _is_opened(words, i):
        return CODE, 1
    return (_classify_head(words, i, wifi) if label == HEAD else label), 1


def _compound(word, written):
    """Return what a compound names: wifi-losenord, db_password, larmkoden, wlanschlussel."""
    joined = word.replace("-", "").replace("_", "").replace(".", "").replace("/", "")
    label = LABELS.get(joined)
    if label is not None or joined in NOT_THESE:
        return label
    parts = word.replace("-", "_").replace(".", "_").split("_")
    if len(parts) > 1:
        last = LABELS.get(parts[-1])
        if last in (PASSWORD, PHRASE, KEY, CODE):
            return last
        if last == WEAK and written == written.upper():  # DB_PASS, not boarding_pass
            return PASSWORD
        pair = PAIRS.get(parts[-2] + " " + parts[-1])
        if pair is not None:
            return pair
    for ending, named in ENDINGS:
        if joined.endswith(ending):
            return named
    for ending in HEAD_ENDINGS:
        if joined.endswith(ending) and len(joined) > len(ending):
            start = joined[: len(joined) - len(ending)]
            if any([name in start for name in ("wifi", "wlan", "natverk", "nettverk")]):
                return PASSWORD if ending not in ("kod", "koden", "kode", "code") else WIFI
            if start in ("api", "licens", "produkt", "secret", "access", "private"):
                return KEY
            if start in OPENS or _begins(start, OPENS_AS):
                return CODE
    return None


def _classify_head(words, i, wifi):
    """Return what a code or key is for, by the words around it."""
    if wifi:
        return WIFI
    is_key = words.plain[i].strip(".,!'") == "key"  # a door key: it has no value to tell
    return CODE if not is_key and _is_opened(words, i) else None


def _is_opened(words, i):
    """Whether the words around are about something that a code opens."""
    around = words.plain[max(0, i - 4) : i] + [words.plain[at] for at in words.after(i + 1, 6)]
    return any([opens(word) for word in around])


def opens(word):
    """Whether a folded word names something that a code opens."""
    word = word.strip(".,!'")
    return word in OPENS or (len(word) > 4 and _begins(word, OPENS_AS))


def _begins(word, beginnings):
    return any([word.startswith(beginning) for beginning in beginnings])


# ----------------------------------------------------------------------------------------- values


def _has_value(words, i, start, label, wifi):
    if label in (IDENTITY, PAPER, ACCOUNT, RECOVERY):
        return _has_number(words, start, label)
    if label == OPENING:
        return _opens_with(words, i)
    if label in (CVC, IDENTITY4):
        return _has_short_number(words, start)
    if label == LOGIN:
        return _has_login(words, start, 1) or _stands_before(words, i, label)
    return _follows(words, i, start, label, wifi) or _stands_before(words, i, label)


def _has_number(words, start, label):
    """Whether enough digits follow the name, in a row of numbers."""
    least = {IDENTITY: 7, PAPER: 7, ACCOUNT: 6, RECOVERY: 6}[label]
    near = label == PAPER or words.plain[start - 1].strip(".,") in NEAR
    digits, least = 0, 7 if near else least
    for at in words.after(start, 4 if near else 2 * REACH):
        word = words.marked[at].strip(".,-#")
        number = count_digits(word)
        enough = number >= (2 if label == RECOVERY else count_letters(word))
        if number and enough and word.strip("0-") and not is_date(word) and not is_hours(word):
            digits += number
            following = words.plain[at + 1].strip(".,!") if at + 1 < len(words.plain) else ""
            mixed = label in (IDENTITY, PAPER) and len(word) >= 8 and 5 <= number < len(word)
            mixed = mixed or (label == RECOVERY and "-" in word and len(word) >= 8)
            if (digits >= least or mixed) and following not in UNITS:
                return True
        elif word and words.marked[at] not in (",", "\x01") and len(word) > 1:
            if label != RECOVERY or count_letters(word) > 3:
                digits = 0
    return False


def _has_short_number(words, start):
    for at in words.after(start, REACH):
        word = words.marked[at].strip(".,!")
        if (is_digits(word) and len(word) in (3, 4)) or is_spelled(words, at, 3):
            return True
    return False


def _has_login(words, start, first):
    """Whether a name and a password stand there with a sign or "and" between."""
    places = list(words.after(start, REACH if first else 3))
    for at in places[1:-1]:
        if words.plain[at] in ("/", "|", ":", "and", "och", "und", "y", "og") or (
            first and words.plain[at] == ","
        ):
            value = words.marked[at + 1]
            if "@" not in value[1:-1].partition(".")[0] and is_strong(value):
                return True
    return False


def _opens_with(words, i):
    """ "the safe opens with 12-34-56", "5544 opens the garage"."""
    if i and is_value(words, i - 1, CODE, True):
        return True
    plain = words.plain
    for at in range(i + 1, min(i + 5, len(plain) - 1)):
        if plain[at] in WITH:
            return is_value(words, at + 1, CODE, True)
    return False


def _follows(words, i, start, label, wifi):
    """Whether a value stands after the name: at once, or after a sign or a verb."""
    said = "verb" if words.plain[i].rstrip(".,").endswith("'s") else ""
    changed = any([word in CHANGES for word in words.plain[max(0, i - 5) : i]])
    quoted = closed = False
    for at in words.after(start, REACH):
        word, low = words.marked[at], words.plain[at]
        if low in (":", "="):
            said = "sign"
        elif low == '"':
            within = words.quoted[i]
            if at == start and not within:
                said = "sign"
            if within and at > start and not closed:
                return False  # a prompt: "Password: "
            quoted, closed = bool(said), closed or within
            if words.plain[at + 1 : at + 2] == ['"']:
                return False
        elif low == "," and at == start:
            if at + 1 < len(words.plain) and words.plain[at + 1] not in VERBS:
                return is_value(words, at + 1, label, True)
        elif low == "?":
            if at + 1 >= len(words.plain):
                return False
            if words.plain[at + 1] != "\x01":
                return is_value(words, at + 1, label, True)
            return _answers(words, at + 2, label)
        elif low == "\x01":
            if at > start and words.plain[at - 1] not in (":", "=", '"'):
                return False
            if words.plain[at + 2 : at + 3] in (["="], [":"]) and words.plain[at + 1] != "value":
                return False  # the next line names something else
            said = said or "verb"
        elif not said and at == start and is_value(words, at, label, False):
            return True
        elif not said and at == start and label == PASSWORD and _is_used(words, i, low):
            return True
        elif not said and at == start and label == PASSWORD and is_announced(words, i, at):
            return True
        elif not said and label == CODE and at > start and opens(words.plain[at - 1]):
            least = 3 if at + 1 == len(words.plain) else 4
            if is_value(words, at, label, True) and count_digits(word) >= least:
                return True
            said = "verb" if low in VERBS or low in HAS else said
        elif label == WIFI and low in NAMES:
            return False
        elif low in VERBS or (label == CODE and low in HAS):
            said = "verb" if low not in ("-", ">") or not said else said
        elif changed and (low in TO or low in AS):
            return at + 1 < len(words.plain) and is_value(words, at + 1, label, True)
        elif said:
            found = None if low in STILL else _is_told(words, at, label, said == "sign", quoted)
            if found is not None:
                return found
    return False


def _is_told(words, at, label, signed, quoted):
    """Whether the word after a sign or a verb is the value; None if it may still follow."""
    low = words.plain[at]
    if words.plain[at - 1] == "=" and words.plain[at + 1 : at + 2] == ["("] and is_call(low):
        return False
    if is_value(words, at, label, True):
        return True
    if label in (PASSWORD, PHRASE) and (signed or quoted):
        return may_be(low) and (quoted or stands_alone(words, at))
    if label == WIFI:
        return None
    if label == PHRASE and is_phrase(words, at):
        return True
    return label in (PASSWORD, ANSWER, PHRASE) and is_plain_password(words, at)


def _is_used(words, i, value):
    """Whether a user name or "with" stands before: "user admin password admin"."""
    before = words.plain[max(0, i - 3) : i]
    named = any([word in USERS for word in before]) or (before != [] and before[-1] in WITH)
    return named and value not in VERBS and may_be(value)


def _answers(words, at, label):
    """Whether the line after a question has a value, or is a single word."""
    line = list(words.after(at, REACH))
    if not line:
        return False
    if is_value(words, line[0], label, True):
        return True
    return label == PASSWORD and len(line) == 1 and is_plain_password(words, line[0])


def _stands_before(words, i, label):
    """ "hunter2 is my password", "4711 är portkoden", "use hunter2 as the password"."""
    for at in range(i - 1, max(-1, i - 5), -1):
        low = words.plain[at]
        if low in ENDS or low in (":", "=") or low[-1] == ".":
            return False
        if (low in VERBS or low in AS) and at > 0 and low not in ("-", ">"):
            return is_value(words, at - 1, label, True)
    return False
