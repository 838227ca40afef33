"""Keys and tokens: known prefixes, addresses that let in whoever has them, and strings that look
random."""

from binascii import a2b_base64

from oneseek.engine.core.collecting.secrets.code import command_with_password
from oneseek.engine.core.collecting.secrets.letters import DIGITS, fold, is_digits

PREFIXES = tuple(
    (
        "sk- sk_live_ sk_test_ pk_live_ rk_live_ whsec_ ghp_ gho_ ghu_ ghs_ ghr_ github_pat_ glpat- "
        "xoxa- xoxb- xoxp- xoxr- xoxs- xapp- AKIA ASIA AIza ya29. SG. hf_ npm_ pypi- dop_v1_ shpat_ "
        "shpss_ sq0atp- sq0csp- dckr_pat_ PMAK- lin_api_ ntn_ figd_ nvapi- gsk_ xai- tskey- ATATT3 "
        "sntrys_ glsa_ hvs. AGE-SECRET-KEY- GOCSPX- rk_test_ gldt- glrt- glptt- glcbt- glsoat- "
        "xoxe- xoxe. doo_v1_ dor_v1_ hvb. sbp_ phx_ pplx- tvly- sk.eyJ shpca_ shppa_ xkeysib- "
        "xsmtpsib- ATCTT3 NRAK- rubygems_ CLOJARS_ CCIPAT_ ops_eyJ"
    ).split()
)
# Prefixes that words have too: digits must follow.
SHORT_PREFIXES = (
    "ABIA", "ACCA", "ABSK", "LTAI", "dapi", "r8_", "re_", "ATBB", "EZAK", "NRJS-", "p8e-", "sl.B", "EAA", "A3-", "vercel_", "nfp_", "rnd_", "tfp_", "sgp_", "fo1_", "fm2_", "dp.pt.", "pul-",
)  # fmt: skip
LONGER = 12  # characters that must follow a known prefix
HOOKS = (
    "hooks.slack.com/services/",
    "hooks.slack.com/workflows/",
    "discord.com/api/webhooks/",
    "discordapp.com/api/webhooks/",
    ".webhook.office.com/",
    "api.telegram.org/bot",
    "hooks.zapier.com/hooks/",
)
PARAMETERS = set(
    "token access_token refresh_token id_token auth_token key apikey api_key api-key appid app_key "
    "secret client_secret sig signature password passwd pwd auth sas".split()
)
OPEN_NAMES = (
    "SHA256:", "MD5:", "sha256-", "sha384-", "sha512-", "sha256:", "h1:", "spotify:", "urn:", "doi:", "arXiv:",
    "magnet:", "ipfs:",
)  # fmt: skip
PLACEHOLDERS = set(
    "password pass passwd pwd secret user username changeme xxx xxxx example lösenord passwort "
    "your_password yourpassword".split()
)
OF_HASHES = set(
    "commit commits committed sha sha1 sha-1 sha256 sha-256 sha512 sha-512 md5 checksum checksums "
    "hash hashes hashen sha1sum sha256sum sha512sum md5sum shasum hashsumma hashwert digest fingerprint fingeravtryck fingerabdruck git revision "
    "rev etag kontrollsumma kontrollsumman prufsumme suma merge cherry-pick blob changeset crc".split()
)
OF_NAMES = set(
    "called named heter heisst heisse llama llamo hedder username user gamertag handle nick nickname "
    "anvandarnamn benutzername usuario brukernavn brugernavn file filen folder mapp mappen playlist "
    "spellista sheet datei ordner archivo carpeta ssid branch subject hashtag".split()
)
OF_CURL = ("-u", "--user")
OF_MAIL = set("mail mailto email e-mail epost e-post mejl correo kontakt contact".split())
EDGES = ".,;:!?()[]{}<>\"'`*"
SHORTEST, SHORTEST_HEX, SHORTEST_BASE64 = 20, 24, 16
HEX = "0123456789abcdefABCDEF"
STRANGE = "!_$%^*~#"
MIXED, PATH, CASELESS = 0.42, 0.5, 0.35  # shares of neighbouring characters of different classes


def has_key(text, low):
    if "-----begin" in low and "private key" in low:
        return True
    if "age-secret-key-1" in low or ("otpauth:" in low and "secret=" in low):
        return True
    words = text.split()
    for i, word in enumerate(words):
        if len(word) == 8 and is_hex_in_groups(words[i : i + 3]):
            return True
        if len(word) == 4 and is_seed_in_groups(words[i : i + 4]):
            return True
        if len(word) < 12:
            continue
        if word.strip(EDGES).startswith(OPEN_NAMES):
            continue
        if "://" in word or word.startswith(HOOKS[0]):
            if opens_address(word):
                return True
            continue
        for part in _parts(word):
            if part.startswith(OPEN_NAMES):
                continue
            if has_prefix(part) or is_web_token(part) or is_product_key(part):
                return True
            if is_made_up(part) and not _is_name(words, i):
                return True
            if len(part) >= SHORTEST_BASE64 and not _is_public(words, i, part):
                if looks_random(part) or (is_hex_key(part) and not _is_of_hash(words, i)):
                    return True
        if ends_as_base64(word.strip(EDGES)) and not _says_something(word.strip(EDGES)):
            return True
    return False


def _parts(word):
    """Return what a word holds besides names and signs: the value of name=value, name:value."""
    for sign in "=:;,\"'`()<>|[]{}":
        if sign in word:
            word = word.replace(sign, " ")
    return [part.rstrip(".!?*") for part in word.split()]


def has_prefix(word):
    if "YOUR" in word.upper():  # sk_test_YOUR_KEY_HERE
        return False
    for prefix in PREFIXES:
        if word.startswith(prefix) and len(word) >= len(prefix) + LONGER:
            return True
    for prefix in SHORT_PREFIXES:
        if word.startswith(prefix) and len(word) >= len(prefix) + 4 + LONGER:
            return sum([letter in DIGITS for letter in word[len(prefix) :]]) >= 3
    return False


def is_web_token(word):
    """Whether it is a JSON Web Token, in three parts."""
    return word.startswith("eyJ") and word.count(".") == 2 and len(word) > 40


def is_product_key(word):
    """Whether it is four or more groups of capitals and digits, all of one size."""
    parts = word.split("-")
    if len(parts) < 4 or not 4 <= len(parts[0]) <= 6 or word.upper() != word:
        return False
    digits = sum([letter in DIGITS for letter in word])
    same = all([len(part) == len(parts[0]) and is_plain(part) for part in parts])
    return same and digits >= 3 and len(word) - digits - len(parts) >= 6


def _is_public(words, i, part):
    """Whether it is a public SSH key, which begins with its kind."""
    return part.startswith("AAAA") and i > 0 and words[i - 1].startswith(("ssh-", "ecdsa-"))


def _is_name(words, i):
    """Whether the words before say that it is a name."""
    before = words[max(0, i - 6) : i]
    return any([fold(word).strip(EDGES) in OF_NAMES for word in before])


def _is_of_hash(words, i):
    """Whether the words around say that it is a hash."""
    if i and words[i - 1].strip(EDGES).lower() in ("id", "uuid", "guid"):
        return True
    around = words[max(0, i - 6) : i + 5]
    return any([part in OF_HASHES for word in around for part in _split_at_signs(word)])


def _split_at_signs(word):
    word = word.lower()
    for sign in ":@=/.,;()_":
        word = word.replace(sign, " ")
    return word.split()


def is_hex_in_groups(words):
    """Whether the words are three groups of eight hexadecimal digits, each with letters and
    digits."""
    return (
        len(words) == 3
        and all([len(word) == 8 and is_hex(word) for word in words])
        and all([not is_digits(word) and not word.isalpha() for word in words])
    )


def is_seed_in_groups(words):
    """Whether the words are four groups of four base32 characters, letters and 2 to 7, as
    authenticator apps show their secret."""
    written = "".join(words)
    joined = written.upper()
    return (
        len(words) == 4
        and all([len(word) == 4 for word in words])
        and all(["A" <= letter <= "Z" or letter in "234567" for letter in joined])
        and sum([letter in DIGITS for letter in joined]) >= (1 if written == joined else 2)
        and not any([is_digits(word) for word in words])
    )


def is_made_up(word):
    """Whether a word mixes small letters, capitals, digits and a sign within, as only passwords do
    that a system demanded: no name of a file, an account or an address."""
    inner = word[1:-1]
    upper = any(["A" <= letter <= "Z" for letter in inner])
    return (
        8 <= len(word) <= 32
        and any([sign in inner for sign in STRANGE])
        and sum([letter in DIGITS for letter in word]) >= 2
        and (upper or "A" <= word[0] <= "Z")
        and any(["a" <= letter <= "z" for letter in word])
        and not any([sign in word for sign in "/@.&?"])
    )


def is_hex_key(word):
    if len(word) < SHORTEST_HEX or (word[:2] == "0x" and len(word) < 66):
        return False
    word = word[2:] if word[:2] == "0x" else word
    if not all([letter in HEX for letter in word]):
        return False
    digits = sum([letter in DIGITS for letter in word])
    return 6 <= digits < len(word)


def looks_random(word):
    """Whether letters and digits alternate too often for a name, a path or a number."""
    if "." in word:
        return any([looks_random(part) for part in word.split(".")])
    if len(word) < SHORTEST or "@" in word:
        return False
    upper = lower = digit = other = changes = pairs = 0
    before = ""
    for letter in word:
        if "0" <= letter <= "9":
            kind, digit = "0", digit + 1
        elif "a" <= letter <= "z":
            kind, lower = "a", lower + 1
        elif "A" <= letter <= "Z":
            kind, upper = "A", upper + 1
        elif letter in "+/_-.~":
            kind, other = "", other + 1
        else:
            return False
        if kind and before:
            pairs, changes = pairs + 1, changes + (kind != before)
        before = kind
    share = changes / max(pairs, 1)
    if upper >= 2 and lower >= 2 and digit >= 2:
        return share >= (PATH if other > 3 else MIXED)
    letters = upper + lower
    alone = upper == 0 or lower == 0
    return (
        alone
        and other == 0
        and not is_hex(word)
        and min(digit, letters) >= 5 <= changes
        and (share >= CASELESS)
    )


def is_drawn(word):
    """Whether a word is long and has capitals, small letters and digits."""
    small, capital = word.upper() != word, word.lower() != word
    return len(word) >= 16 and small and capital and any([digit in word for digit in DIGITS])


def is_plain(word):
    """Whether it is ASCII letters and digits only; MicroPython has no isalnum."""
    return all([letter in DIGITS or "a" <= letter.lower() <= "z" for letter in word])


def is_hex(word):
    return all([letter in HEX for letter in word])


def ends_as_base64(word):
    """Whether it is padded base64, with the padding only at the end."""
    body = word.rstrip("=")
    if len(body) == len(word) or len(word) < SHORTEST_BASE64 or len(word) - len(body) > 2:
        return False
    body = body.replace("=", " ").replace(":", " ").split()[-1]
    upper = any(["A" <= letter <= "Z" for letter in body])
    lower = any(["a" <= letter <= "z" for letter in body])
    plain = all([letter.isalpha() or letter in "0123456789+/-_" for letter in body])
    return upper and lower and plain and len(body) + 2 >= SHORTEST_BASE64


def _says_something(word):
    """Whether base64 decodes to text that a person wrote, with spaces."""
    body = word.rstrip("=").replace("=", " ").replace(":", " ").split()[-1]
    if "-" in body or "_" in body or len(body) % 4 == 1:
        return False
    said = a2b_base64((body + "=" * (-len(body) % 4)).encode())
    return b" " in said.strip() and all([9 <= letter < 127 for letter in said])


# -------------------------------------------------------------------------------------- addresses


def opens_address(word):
    """Whether an address lets in whoever has it: a web hook, or a token as its user or in its
    query."""
    for hook in HOOKS:
        at = word.find(hook)
        if at >= 0 and len(word) - at - len(hook) >= 20:
            return True
    if "hook" in word and is_drawn(word.rpartition("/")[2]):
        return True
    user = word.partition("://")[2].partition("/")[0].rpartition("@")[0]
    if any([has_prefix(part) or looks_random(part) for part in user.split(":")]):
        return True
    query = word.partition("?")[2] or word.partition("#")[2]
    for pair in query.replace(";", "&").replace("#", "&").split("&"):
        name, _, value = pair.partition("=")
        if name.lower() in PARAMETERS and len(value) >= 12:
            if any([digit in value for digit in DIGITS]):
                return True
    return False


def is_example(address):
    """Whether an address has a placeholder instead of a password."""
    user = address.partition("://")[2].rpartition("@")[0]
    return user.partition(":")[2].strip("*<>{}$").lower() in PLACEHOLDERS


def addresses_with_password(text):
    """Whether an address (scheme://user:password@host) or a command names a user and a password."""
    if "-p" in text or " -a " in text:
        if command_with_password(text.split()):
            return True
    if ":" not in text or ("@" not in text and "-u" not in text):
        return False
    words = text.split()
    for i, word in enumerate(words):
        if word in OF_CURL and i + 1 < len(words):
            name, _, password = words[i + 1].strip("\"'").partition(":")
            if name and len(password) >= 3 and password[0] not in "$<{*":
                return True
        before, _, host = word.rpartition("@")
        if not before or not host:
            continue
        scheme, there, user = before.rpartition("://")
        name, _, password = (user if there else before).strip("\"'<(").partition(":")
        if (
            len(password) < 3
            or password.strip("*<>{}$").lower() in PLACEHOLDERS
            or password[0] in "$<{*"
        ):
            continue
        if there or (name.lower() not in OF_MAIL and _is_mixed(password)):
            return True
    return False


def _is_mixed(word):
    digits = sum([letter in DIGITS for letter in word])
    return len(word) >= 5 and 0 < digits < len(word) and not is_digits(word)
