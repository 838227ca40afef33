"""Features of a value that need no list of names: the words around it, its letters and digits, how
much of the text is code, how many values it has."""

from oneseek.engine.core.collecting.secrets.letters import DIGITS, is_digits

BEFORE, AFTER = 12, 10  # words around a value that become features
STEM = 7  # letters of a word that are kept, so that its inflections are one
EDGES = ".,!'*"
VOWELS = "aeiouy"
CODE = set("; { } ( ) < > = [ ] ` |".split())
MADE, NOT_MADE = "!#$%&*+?~^", "/\\@:<>"
BOOKS = ("978", "979")


def stems_of(plain):
    """Return the beginning of each folded word without edge punctuation; "" for one with digits."""
    stems = [word.strip(EDGES) for word in plain]
    return ["" if any([d in stem for d in DIGITS]) else stem[:STEM] for stem in stems]


def words_around(stems, i, end, group):
    """A feature for each word near the value, and one that joins it with the value's group."""
    near = set(stems[max(0, i - BEFORE) : i] + stems[end : end + AFTER])
    signs = []
    for stem in near:
        if stem:
            signs += ["u:" + stem, "u:" + stem + "&" + group]
    return signs


def of_code(plain):
    """Return how much of a text is program punctuation: 0 none, 4 most."""
    found = 0
    for word in plain:
        found += (
            word in CODE
            or word.startswith(("--", "$", "/", "#"))
            or "/" in word
            or "." in word[1:-1]
        )
    return min(found, 1) + min(found // 3, 3)


def of_letters(word, low, digits, group, shape):
    """Return features of how a value is written: its pattern, its length, its digits."""
    signs = ["wl:%d&%s" % (min(len(word), 16), group)]
    if group == "odd":
        full, short = pattern(word)
        signs.append("rl:" + short[:8])
        if len(full) <= 9:
            signs.append("pt:" + full)
        said = is_sayable(low)
        if said is not None:
            signs += ["sayable:" + str(said), "sayable:" + str(said) + "&" + shape]
        mix = "mix:%d" % _classes(full)
        signs += [mix, mix + "&" + str(said), mix + "&" + shape]
        how = how_made(word, low, said)
        if how:
            signs += ["made", "made:" + how]
    if group == "num":
        signs.append("zero" if word[:1] == "0" else "nz")
        signs += ["nd:%d" % len(digits), "d1:" + digits[:1]]
        if len(digits) == 4:
            signs.append("hm:clock" if digits[:2] < "24" and digits[2:] < "60" else "hm:no")
        if digits[-2:] == "00":
            signs.append("round")
    if len(digits) in (8, 12, 13) and is_ean(digits):
        signs.append("ean")
    if len(digits) == 13 and digits[:3] in BOOKS:
        signs.append("isbn")
    return signs


def pattern(word):
    """(the class of each character, the same with repeats left out): AB-12 -> ("AA-00", "A-0")."""
    full, short = "", ""
    for letter in word:
        kind = letter
        if letter in DIGITS:
            kind = "0"
        elif "A" <= letter <= "Z":
            kind = "A"
        elif letter.isalpha() or ord(letter) > 127:
            kind = "a"
        full += kind
        if short[-1:] != kind:
            short += kind
    return full, short


def _classes(full):
    """Return how many character classes a pattern has: small letters, capitals, digits, others."""
    kinds = set([letter if letter in "aA0" else "-" for letter in full])
    return len(kinds)


def is_sayable(low):
    """Whether the letters of a folded word are pronounceable, as those of a known word; None if
    there are too few."""
    letters = vowels = row = worst = together = longest = 0
    for letter in low:
        if not (letter.isalpha() or ord(letter) > 127):
            row = together = 0
            continue
        letters, together = letters + 1, together + 1
        row = 0 if letter in VOWELS else row + 1
        vowels += letter in VOWELS
        longest, worst = max(longest, together), max(worst, row)
    if letters < 4:
        return None
    return longest >= 4 and worst <= 4 and 0.2 <= vowels / letters <= 0.65


def how_made(word, low, sayable):
    """Return how a pronounceable word was made a password: "C" a capital, "s" a sign, "j" joined,
    and the number of digits at its end; "" if it was not."""
    if not sayable or word.upper() == word or any([sign in word for sign in NOT_MADE]):
        return ""
    end = len(word) - len(low.rstrip(DIGITS))
    signed = any([sign in word for sign in MADE])
    if not signed and not 1 <= end <= 4:
        return ""
    joined = any([sign in word[1:-1] for sign in "-_."])
    capital = "A" <= word[:1] <= "Z"
    return ("C" if capital else "c") + ("s" if signed else "") + ("j" if joined else "") + str(end)


def is_ean(digits):
    """Whether the check digit is that of an article or book number."""
    weights = [(1, 3)[(len(digits) - 1 - i) % 2] for i in range(len(digits))]
    return sum([int(one) * weight for one, weight in zip(digits, weights)]) % 10 == 0


def digits_of(plain, i, end):
    return "".join([letter for word in plain[i:end] for letter in word if is_digits(letter)])
