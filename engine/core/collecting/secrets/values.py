"""Values: what looks like a password, a code or a key beside its name, and what is ordinary
text."""

from oneseek.engine.core.collecting.hint import codes_of
from oneseek.engine.core.collecting.secrets.letters import count_digits, count_letters, is_digits
from oneseek.engine.core.collecting.secrets.vocabulary import (
    ASKING,
    CODE,
    DETERMINERS,
    ENDS,
    KEY,
    LABELS,
    LOGIN,
    NUMBERS,
    PASSWORD,
    PLACEHOLDERS,
    REACH,
    STATE_ENDS,
    STATES,
    UNITS,
    VERBS,
    WIFI,
)

YOURS = set(
    "your my din ditt tu mi dein deine here har aqui hier change replace insert byt ersatt fyll "
    "aendern andern ersetzen eintragen cambia cambiar cambiame reemplaza example".split()
)


def is_value(words, at, label, said):
    """Whether the word looks like a value of the kind that the name promises."""
    word = words.marked[at].strip(".,'")
    following = words.plain[at + 1].strip(".,") if at + 1 < len(words.plain) else ""
    if following in UNITS or not word or stands_for_one(words.plain[at].strip(".,")):
        return False
    if label == CODE:
        return _is_code(word, 3 if said else 4) or is_spelled(words, at, 4) or _in_groups(words, at)
    if label == KEY:
        return _is_key(words, at)
    if label == WIFI:
        return len(word) >= 8 and (is_strong(word) or (is_digits(word) and said))
    if label == LOGIN and not any([sign in word for sign in "/:"]):
        return False
    return is_strong(word) or (said and label == PASSWORD and is_digits(word) and len(word) >= 4)


def is_spelled(words, at, count):
    """Whether `count` digits stand there one by one, as figures or as words."""
    singles = [words.plain[place].strip(".,") for place in words.after(at, count)]
    return len(singles) == count and all(
        [single in NUMBERS or (len(single) == 1 and is_digits(single)) for single in singles]
    )


def _in_groups(words, at):
    """Whether six digits stand there in groups of two or three."""
    for size in (2, 3):
        groups = [words.plain[place].strip(".,") for place in words.after(at, 6 // size)]
        if all([len(group) == size and is_digits(group) for group in groups]):
            if len(groups) == 6 // size:
                return True
    return False


def _is_code(word, least):
    digits = count_digits(word)
    if not least <= digits <= 10 or is_date(word) or word.count(".") == 3:  # four: an IP address
        return False
    rest = word
    for sign in "-#*./!":
        rest = rest.replace(sign, "")
    return is_digits(rest) or (
        len(rest) - digits <= 2 and len(rest) >= 4 and rest.isalpha() is False
    )


def _is_key(words, at):
    word = words.marked[at].strip(".,")
    digits = count_digits(word)
    if len(word) >= 8 and 2 <= digits < len(word) and not _is_measure(word) and not is_date(word):
        return "/" not in word or len(word) >= 20
    if len(word) >= 30 and digits and word.lower() != word and "://" not in word:
        return True
    parts = []
    for place in words.after(at, 12):  # a key in groups
        part = words.marked[place].strip(".,")
        if len(part) != len(word) or not 4 <= len(part) <= 6 or part.lower() == part.upper():
            break
        parts.append(part)
    joined = "".join(parts)
    return len(parts) >= 3 and joined.upper() == joined and count_digits(joined) >= 2


def is_strong(word):
    """Whether a word mixes letters with digits or signs, as passwords do and words do not."""
    digits, letters = count_digits(word), count_letters(word)
    if len(word) < 5 or not letters or _is_measure(word) or "://" in word:
        return False
    if digits:
        return word[:4] != "802." and not _is_version(word)
    inner = word[1:-1]
    at = "@" in word and "." in word.partition("@")[2]
    return not at and any([sign in inner for sign in "!@#$%^&*+_~"])


def _is_measure(word):
    """Whether it is 12px, 5GHz, 300Mbit/s: a number and its unit."""
    rest = word.lstrip("0123456789.,")
    return rest != word and (len(rest) <= 2 or rest.lower() in UNITS)


def _is_version(word):
    """Whether it is v2.1.0, 3.13rc1."""
    return word[:1] in "vV0123456789" and word.count(".") >= 1 and count_letters(word) <= 3


def is_date(word):
    parts = word.replace("/", "-").split("-")
    return len(parts) == 3 and len(parts[0]) == 4 and len(parts[1]) == 2 and is_digits(parts[0])


def is_hours(word):
    """Whether it is 0700-1600."""
    parts = word.split("-")
    return len(parts) == 2 and all([is_clock(part) for part in parts])


def is_clock(word):
    """Whether it is 0700, 2215: a time of day, whose minutes people mostly round to five."""
    return (
        len(word) == 4
        and is_digits(word)
        and word[:2] < "24"
        and word[2:] < "60"
        and word[3] in "05"
    )


def is_call(low):
    """Whether a folded word before a bracket is the name of a function, not a value."""
    return count_digits(low) == 0 and count_letters(low) + low.count("_") + low.count(".") == len(
        low
    )


def stands_for_one(low):
    """Whether a folded word is a placeholder for a value: <your_key>, $DB_PASSWORD."""
    word = low.strip("'\"`")
    if word[:1] in ("$", "<", "%", "{") or word in PLACEHOLDERS or word in LABELS:
        return True
    parts = word.replace("-", "_").split("_")
    return len(parts) > 1 and any([part in YOURS for part in parts])


def may_be(low):
    """Whether a word after "password:" may be one: no state, no placeholder, no code."""
    word = low.strip(".,!'")
    if len(word) < 3 or word in STATES or stands_for_one(word) or codes_of(word):
        return False
    return any([letter not in "*x./_-#" for letter in word]) and "." not in word


def _rest(words, at):
    """Return the words from `at` to the end of the clause."""
    rest = []
    for place in words.after(at, REACH):
        word = words.plain[place].strip(".!'")
        if word in ENDS or word in (",", "(", ")", ";", '"') or words.plain[place] == ",":
            break
        if word:
            rest.append(word)
    return rest


def stands_alone(words, at):
    """Whether the text after "password:" is no sentence: "see the drawer"."""
    return not any([codes_of(word) for word in _rest(words, at)])


def is_phrase(words, at):
    """Whether several words stand there as a passphrase does, which may well be a sentence."""
    rest = _rest(words, at)
    return len(rest) >= 4 and may_be(rest[0]) and sum([word in STATES for word in rest]) <= 2


def is_plain_password(words, at):
    """Whether words without digits stand there as a password does: alone, or several that make no
    sentence."""
    rest = _rest(words, at)
    if not rest or len(rest) >= REACH or any([codes_of(word) for word in rest]):
        return False
    states = sum([word in STATES for word in rest])
    if states:
        return len(rest) >= 4 and states == 1
    first = rest[0]
    return (
        len(first) >= 4 and may_be(first) and not any([first.endswith(one) for one in STATE_ENDS])
    )


def is_announced(words, i, at):
    """Whether a verb stands before the name and a word after it: "ist das Kennwort Murmeltier"."""
    before = words.plain[max(0, i - REACH) : i]
    said = len(before) > 2 and before[-2] in VERBS and before[-1] in DETERMINERS
    if not said or any([word in ASKING or word in ENDS for word in before]):
        return False
    ends = at + 1 == len(words.plain) or words.marked[at][-1] == "." or words.plain[at + 1] == ","
    return ends and is_plain_password(words, at)
