"""Finds what should not be learned by accident: card and account numbers, identity numbers, keys,
passwords.  It errs on the side of asking: what it finds is held back until a person decides."""

CARD, ACCOUNT, IDENTITY, KEY, PASSWORD = "card", "account", "identity", "key", "password"

PREFIXES = (
    "sk-",
    "sk_live_",
    "pk_live_",
    "rk_live_",
    "ghp_",
    "gho_",
    "ghs_",
    "github_pat_",
    "glpat-",
    "xoxb-",
    "xoxp-",
    "AKIA",
    "ASIA",
    "AIza",
    "hf_",
    "npm_",
    "pypi-",
)
WORDS = (
    "password",
    "passwd",
    "passphrase",
    "lösenord",
    "lösenordet",
    "lösenfras",
    "pin",
    "pincode",
    "pinkod",
    "pinkoden",
    "pin-kod",
    "pin-koden",
)
SAYS = ("is", "was", "är", "var")


def secrets_in(text):
    """The kinds of secrets a text seems to hold, each once, in a fixed order."""
    words = text.replace("\n", " ").split()
    found = set()
    if "-----BEGIN" in text and "PRIVATE KEY" in text:
        found.add(KEY)
    for word in text.replace("=", " ").replace(":", " ").split():
        if _is_key(word.strip("\"'`,;()<>")):
            found.add(KEY)
    for digits in _runs_of_digits(text):
        if 13 <= len(digits) <= 19 and luhn(digits):
            found.add(CARD)
        if _is_personal_number(digits):
            found.add(IDENTITY)
    if _has_iban(words):
        found.add(ACCOUNT)
    if _says_password(words):
        found.add(PASSWORD)
    return [kind for kind in (CARD, ACCOUNT, IDENTITY, KEY, PASSWORD) if kind in found]


def luhn(digits):
    total = 0
    for i, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + i % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def _runs_of_digits(text):
    """Digits as people group them: single spaces, dashes and dots between them do not count."""
    run, gap = "", 0
    for letter in text + "\x00":
        if letter.isdigit() and ord(letter) < 128:
            run, gap = run + letter, 0
        elif run and letter in " -.\u00a0" and gap == 0:
            gap = 1
        elif run:
            yield run
            run, gap = "", 0


def _is_personal_number(digits):
    """A Swedish personal number: a date and three digits, checked by the last."""
    if len(digits) == 12 and digits[:2] in ("18", "19", "20"):
        digits = digits[2:]
    if len(digits) != 10:
        return False
    month, day = int(digits[2:4]), int(digits[4:6])
    return 1 <= month <= 12 and (1 <= day <= 31 or 61 <= day <= 91) and luhn(digits)


def _is_key(word):
    for prefix in PREFIXES:
        if word.startswith(prefix) and len(word) >= len(prefix) + 12:
            return True
    if word.startswith("eyJ") and word.count(".") == 2 and len(word) > 40:
        return True
    if len(word) < 24 or "/" in word or "@" in word:
        return False
    upper = lower = digit = 0
    for letter in word:
        code = ord(letter)
        upper += 65 <= code <= 90
        lower += 97 <= code <= 122
        digit += 48 <= code <= 57
    mixed = upper >= 3 and lower >= 3 and digit >= 3
    only_hex = digit >= 6 and all([letter in "0123456789abcdefABCDEF" for letter in word])
    return (mixed and upper + lower + digit >= len(word) - 4) or only_hex


def _has_iban(words):
    for i in range(len(words)):
        joined = ""
        for word in words[i : i + 9]:
            joined += word.strip(".,;").upper()
            if 15 <= len(joined) <= 34 and _is_iban(joined):
                return True
    return False


def _is_iban(text):
    if not (text[:2].isalpha() and text[2:4].isdigit()):
        return False
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


def _says_password(words):
    """ "my password for the bank is hunter2", "lösenord: hunter2"; not "I forgot my password"."""
    for i, word in enumerate(words):
        if word.lower().strip(".,:;=!?\"'()") not in WORDS:
            continue
        said = word.endswith((":", "="))
        for following in words[i + 1 : i + 7]:
            if said:
                return True
            said = following.lower() in SAYS or following in (":", "=")
    return False
