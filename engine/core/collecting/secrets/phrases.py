"""What restores a wallet or an account: seed phrases, and lists of backup codes."""

from oneseek.engine.core.collecting.hint import codes_of
from oneseek.engine.core.collecting.secrets.letters import DIGITS, fold, is_ascii, is_digits

SEED_NAMES = (
    "seed",
    "mnemonic",
    "recovery phrase",
    "recovery words",
    "secret phrase",
    "backup phrase",
    "wallet",
    "ledger",
    "trezor",
    "metamask",
    "aterstallningsfras",
    "aterstallningsord",
    "minnesfras",
    "wiederherstellungs",
    "frase semilla",
    "frase de recuperacion",
    "palabras de recuperacion",
    "gjenopprettingsfrase",
    "gjenopprettingsord",
    "gendannelses",
    "planbok",
)
NAMED, UNNAMED = 11, 12  # words in a row that make a phrase
SHORTEST, LONGEST = 3, 8  # letters of a word in the usual word lists
SIZES = (12, 15, 18, 21, 24)  # words of a phrase
FEW = 0.13  # share of the words that may be grammar words or plurals
SAME_FORM = 3  # codes of one form in a row
GROUPS = 6


def has_recovery(text, low):
    return has_codes(text) or has_groups(text) or has_seed(text, low)


def has_seed(text, low):
    """Whether eleven or more small words stand in a row that make no sentence; numbered, or in a
    list where the text names it."""
    if text.count(" ") + text.count("\n") + text.count(",") < NAMED - 1:
        return False
    named = any([name in low for name in SEED_NAMES])
    run, numbered, commas = [], 0, 0
    text = text if is_ascii(text) else fold(text)
    for word in text.replace(",", " , ").replace(" / ", " , ").replace(":", " : ").split() + ["."]:
        if SHORTEST <= len(word) <= LONGEST and _is_small(word):
            run.append(word)
            continue
        plain = word.strip(".,;:)(\"'-")
        plain = plain.lower() if named else plain
        if is_digits(plain) and len(plain) <= 2:
            numbered += 1
            continue
        if plain == "" and word == "," and (named or (run and len(run) - commas == 1)):
            commas += 1
            continue
        if SHORTEST <= len(plain) <= LONGEST and _is_small(plain):
            run.append(plain)
            if named or word[-1] not in ".;:":
                continue
        if len(run) >= NAMED and _is_seed(run, named or numbered >= UNNAMED):
            if named or not commas or _is_listed(run, commas):
                return True
        run, numbered, commas = [], 0, 0
    return False


def _is_listed(run, commas):
    """Whether an unnamed list is as long as a seed phrase, of single words, no grammar words and no
    plurals."""
    single = len(run) in SIZES and len(run) - commas <= 1
    return single and not any([codes_of(word) or word[-1] == "s" for word in run])


def _is_small(word):
    return word.isalpha() and word == word.lower()


def _is_seed(run, named):
    first, last = 0, len(run)
    while first < last and codes_of(run[first]):
        first += 1
    while first < last and codes_of(run[last - 1]):
        last -= 1
    run = run[first:last]
    if len(set(run)) < NAMED - 1:  # a seed phrase rarely repeats a word
        return False
    if len(run) < (NAMED if named else UNNAMED):
        return False
    grammar = sum([bool(codes_of(word)) for word in run])
    plurals = sum([word[-1] == "s" and word[-2] not in "su" for word in run])
    return grammar <= FEW * len(run) and plurals <= FEW * len(run)


def has_codes(text):
    """Whether codes of one form stand in a row, such as a81f2-9cc03: letters, digits, a dash."""
    if text.count("-") < SAME_FORM:
        return False
    form, row = None, 0
    for word in text.split():
        parts = word.strip(".,;:()[]\"'").split("-")
        mixed = len(parts) == 2 and all([len(part) in (4, 5, 6) for part in parts])
        mixed = mixed and _mixes("".join(parts))
        sizes = [len(part) for part in parts] if mixed else None
        row = row + 1 if mixed and sizes == form else int(mixed)
        form = sizes
        if row >= SAME_FORM:
            return True
    return False


def has_groups(text):
    """Whether six or more groups of equally many digits stand in a row, as in a disk encryption key
    or a product key."""
    if text.count("-") < GROUPS - 1:
        return False
    for word in text.split():
        groups = word.strip(".,;:()[]\"'").split("-")
        if len(groups) >= GROUPS and all([is_digits(one) for one in groups]):
            if 4 <= len(groups[0]) <= 6 and len(set([len(one) for one in groups])) == 1:
                return True
    return False


def _mixes(word):
    digits = sum([letter in DIGITS for letter in word])
    return 2 <= digits < len(word) and all(
        [letter.isalpha() or letter in DIGITS for letter in word]
    )
