"""Numbers known by their form and check digits: bank cards, IBANs, identity numbers."""

from oneseek.engine.core.collecting.secrets.letters import is_digits

EDGES = ".,;:!?()[]{}<>\"'`*_-/"
BREAKS = ",;:!?)]"  # ends a number written in groups
CARD_WORDS = ("kort", "card", "karte", "tarjeta", "visa", "amex")
OTHER_NUMBERS = set(
    "ocr imei isbn ean order ordernummer ordernumret tracking sparningsnummer faktura "
    "fakturanummer invoice referens reference serial serienummer artikel".split()
)
IDENTITY_WORDS = ("personn", "person nr", "pers.nr", "pnr", "fodd", "born", "samordning")
DNI = "TRWAGMYFPDXBNJZSQVHLCKE"
FINNISH = "0123456789ABCDEFHJKLMNPRSTUVWXY"
CODICE = "AAAAAA00A00A000A"  # the Italian tax code: letters and digits
LONGEST_IBAN, FEWEST_DIGITS = 34, 10
BANKS = (
    "swedbank", "handelsbanken", "nordea", "seb ", "sparbank", "lansforsakringar", "skandia",
    "clearing", "konto", "bank",
)  # fmt: skip


def luhn(digits):
    """Whether the last digit is the check digit of the others."""
    total = 0
    for i, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + i % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def runs_of_digits(text):
    """Return [(groups, separators, word before)]: digits as people group them, also across a line
    break."""
    runs, groups, signs, before, last = [], [], [], "", ""
    for word in text.replace(":", ": ").replace("=", " ").split():
        parts, between = ([], []) if word.isalpha() else _groups(word.strip(EDGES))
        if not parts or len(groups) > 40:
            if groups:
                runs.append((groups, signs, before))
                groups, signs = [], []
            last = word
            continue
        if groups:
            signs.append(" ")
        else:
            before = last
        groups, signs = groups + parts, signs + between
        if word[-1] in BREAKS:
            runs.append((groups, signs, before))
            groups, signs, last = [], [], word
    if groups:
        runs.append((groups, signs, before))
    return runs


def _groups(word):
    """Return the groups of digits of one word and the signs between them, or nothing."""
    if is_digits(word):
        return [word], []
    if not word or not word[0].isdigit() or not word[-1].isdigit():
        return [], []
    for sign in "-.+":
        if sign in word:
            parts = word.split(sign)
            if sign == "." and len(parts) == 2:  # a decimal point
                return [], []
            if all([is_digits(part) for part in parts]):
                return parts, [sign] * (len(parts) - 1)
    return [], []


# ------------------------------------------------------------------------------------------ cards


def has_card(runs, low):
    """Whether a bank card number is among the numbers; beside the word card, its check digit may be
    wrong."""
    named = any([word in low for word in CARD_WORDS])
    for groups, _, before in runs:
        other = before.lower().strip(EDGES) in OTHER_NUMBERS
        for start in range(len(groups)):
            digits, sizes = "", []
            for group in groups[start : start + 8]:
                digits += group
                sizes.append(len(group))
                if len(digits) > 19:
                    break
                written = _is_written_as_card(sizes) or len(sizes) == len(groups)
                if not written or other or not _is_issued(digits):
                    continue
                if luhn(digits) or (named and sizes in ([4, 4, 4, 4], [16], [4, 6, 5])):
                    return True
    return False


def _is_written_as_card(sizes):
    fours = all([size % 4 == 0 for size in sizes[:-1]])
    return fours or sizes in ([4, 6, 5], [4, 6, 4], [4, 11])


def _is_issued(digits):
    """Whether the first digits and the length are those of a card issuer."""
    size, two = len(digits), digits[:2]
    if size == 15:
        return two in ("34", "37")
    if size == 14:
        return two in ("30", "36", "38")
    if size == 16:
        return digits[0] in "456" or two == "35" or "2221" <= digits[:4] <= "2720"
    return size in (18, 19) and (digits[0] in "46" or two in ("50", "56", "57", "58"))


# ------------------------------------------------------------------------------- identity numbers


def has_identity(runs, text, low):
    """Whether the text has an identity number of one of the countries below."""
    named = any([word in low for word in IDENTITY_WORDS])
    for groups, signs, _ in runs:
        sizes = [len(group) for group in groups]
        for i, size in enumerate(sizes):
            if sizes[i : i + 3] == [3, 2, 4] and signs[i : i + 2] == ["-", "-"]:
                if is_american(groups[i] + groups[i + 1] + groups[i + 2]):
                    return True
            if sizes[i : i + 4] == [4, 2, 2, 4] and is_swedish("".join(groups[i : i + 4])):
                return True
            if sizes[i : i + 2] == [6, 5] or size == 11:
                if is_norwegian(groups[i] if size == 11 else groups[i] + groups[i + 1]):
                    return True
            if sizes[i : i + 2] in ([6, 4], [8, 4]) and is_swedish(groups[i] + groups[i + 1]):
                return True
            phone = groups[i][:2] in ("07", "08") and not named
            if (size == 12 or (size == 10 and not phone)) and is_swedish(groups[i]):
                return True
    words = text.split()
    for i, word in enumerate(words):
        if len(word) >= 8 and not word.isalpha() and _is_identity_word(word.strip(EDGES)):
            return True
        if len(word) == 2 and word.isalpha() and words[i + 1 : i + 2] != []:
            if words[i + 1].isdigit() and is_british("".join(words[i : i + 5])[:9]):
                return True
    return False


def _is_identity_word(word):
    size = len(word)
    if size == 9 and word[-1].isalpha():
        return is_spanish(word) or is_british(word)
    if size == 11 and word[6] in "-+A":
        return is_finnish(word)
    return size == 16 and has_form(word, CODICE)


def has_form(word, form):
    """Whether each character is a capital where the form has A and a digit where it has 0."""
    for letter, place in zip(word, form):
        if not ("A" <= letter <= "Z" if place == "A" else "0" <= letter <= "9"):
            return False
    return len(word) == len(form)


def is_swedish(digits):
    """Whether it is a date and four digits, the last a check digit; the day of a coordination
    number is 60 more."""
    if len(digits) == 12:
        if digits[:2] not in ("18", "19", "20"):
            return False
        digits = digits[2:]
    day = int(digits[4:6])
    return 1 <= int(digits[2:4]) <= 12 and (1 <= day <= 31 or 61 <= day <= 91) and luhn(digits)


def is_norwegian(digits):
    day, month = int(digits[:2]), int(digits[2:4])
    if not (1 <= day <= 31 or 41 <= day <= 71) or not 1 <= month <= 12:
        return False
    for weights in ((3, 7, 6, 1, 8, 9, 4, 5, 2, 1), (5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1)):
        if sum([weight * int(digits[i]) for i, weight in enumerate(weights)]) % 11:
            return False
    return True


def is_american(digits):
    """Whether it can be a social security number; some areas and the group 00 are never issued."""
    return digits[:3] not in ("000", "666") and digits[0] != "9" and "00" != digits[3:5]


def is_british(word):
    """Whether it is a national insurance number: two letters, six digits, A to D."""
    return (
        len(word) == 9
        and word[2:8].isdigit()
        and has_form(word.upper(), "AA000000A")
        and word[0].upper() not in "DFIUV"
        and word[1].upper() not in "DFIOUV"
        and word[8].upper() in "ABCD"
    )


def is_spanish(word):
    first = "XYZ".find(word[0].upper())
    digits = str(first) + word[1:8] if first >= 0 else word[:8]
    return is_digits(digits) and DNI[int(digits) % 23] == word[8].upper()


def is_finnish(word):
    digits = word[:6] + word[7:10]
    if not is_digits(digits) or not 1 <= int(word[:2]) <= 31 or not 1 <= int(word[2:4]) <= 12:
        return False
    return FINNISH[int(digits) % 31] == word[10].upper()


# --------------------------------------------------------------------------------------- accounts


def has_iban(text):
    words = text.replace(":", " ").replace("=", " ").split()
    for i, word in enumerate(words):
        if word.isalpha() or len(word) < 4:
            continue
        start = word.strip(EDGES)
        if not (start[:2].isalpha() and start[2:4].isdigit()):
            continue
        joined = ""
        for part in words[i : i + 9]:
            joined += part.strip(EDGES).upper()
            if 15 <= len(joined) <= LONGEST_IBAN and is_iban(joined):
                if sum([letter.isdigit() for letter in joined]) >= FEWEST_DIGITS:
                    return True
    return False


def is_iban(text):
    number = ""
    for letter in text[4:] + text[:4]:
        code = ord(letter)
        if 48 <= code <= 57:
            number += letter
        elif 65 <= code <= 90:
            number += str(code - 55)
        else:
            return False
    return int(number) % 97 == 1


def has_bank_account(text, low):
    """Whether a bank number and an account number stand side by side, as in Britain, Sweden and the
    United States."""
    words = [word.strip(EDGES) for word in text.replace("/", " ").split()]
    low = low.replace("bankgiro", "")  # a public number for payments
    bank = any([name in low for name in BANKS])
    for i, word in enumerate(words):
        if word.isalpha() or len(word) < 4 or not word[0].isdigit():
            continue
        rest = _digits_after(words, i + 1)
        parts = word.split("-")
        sizes = [len(part) for part in parts if is_digits(part)]
        if sizes == [2, 2, 2] and len(rest) == 8:
            return True
        if sizes == [4, 1] and 7 <= len(rest) <= 10:
            return True
        if sizes == [4] and bank and 7 <= len(rest) <= 10:
            return True
        if sizes == [9] and is_routing(word) and 6 <= len(rest) <= 12:
            return True
    return False


def _digits_after(words, start):
    """Return the digits of the number that follows, after at most one word."""
    found = ""
    for at in range(start, min(start + 5, len(words))):
        bare = words[at].replace("-", "")
        if is_digits(bare):
            found += bare
        elif found or at > start:
            break
    return found


def is_routing(digits):
    """Whether the check digit of an American bank number is right."""
    return sum([int(one) * (3, 7, 1)[i % 3] for i, one in enumerate(digits)]) % 10 == 0
