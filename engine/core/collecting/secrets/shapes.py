"""The shapes of words that may be a secret: digits in groups or spelled, letters with digits, signs
within, capitals within, hexadecimal digits, or a plain word."""

from oneseek.engine.core.collecting.hint import codes_of
from oneseek.engine.core.collecting.secrets.letters import DIGITS, count_digits, is_digits
from oneseek.engine.core.collecting.secrets.values import is_clock, is_date, stands_for_one
from oneseek.engine.core.collecting.secrets.vocabulary import NUMBERS, STATES

WORD, TITLE, PHRASE = "word", "title", "phrase"
PLAIN = (WORD, TITLE, PHRASE)
EDGES = ".,'!*-"
HEX = "0123456789abcdef"
TIMES = ("double", "triple", "dubbel", "trippel", "doppel", "doble")
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
COUNTED = "12345678901234567890"  # counted digits, a placeholder for a number
HASHES = ("sha1", "sha256", "sha384", "sha512", "md5")
PUBLIC = ("ssh-ed", "ssh-rsa", "ecdsa-", "sha256-", "sha384-", "sha512-")
STRANGE = "!#$%&*+@^_~?=/|"
DIGIT_NAMES = set(
    "oh nought nil zwo ettan tvaan trean fyran femman sexan sjuan attan nian nollan nolla etta tvaa "
    "trea fyra femma sexa sjua nia einsen zweien".split()
)
TEENS = set(
    "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen tio elva tolv "
    "tretton fjorton femton sexton sjutton arton nitton zehn elf zwolf dreizehn vierzehn funfzehn "
    "sechzehn siebzehn achtzehn neunzehn diez once doce trece catorce quince dieciseis diecisiete "
    "dieciocho diecinueve".split()
)
TENS = (
    "twenty thirty forty fifty sixty seventy eighty ninety tjugo trettio fyrtio femtio sextio sjuttio "
    "attio nittio zwanzig dreissig vierzig funfzig sechzig siebzig achtzig neunzig veinti treinta "
    "cuarenta cincuenta sesenta setenta ochenta noventa noll"
).split()
THEN = set("then sen sedan dann luego despues darefter derefter danach".split())
BETWEEN = set(
    "and och und y to till til auf a back tillbaka zuruck round together left right vanster hoger "
    "links rechts izquierda derecha around star hash vuelta hasta the first primero erst forst at same "
    "time samtidigt gleichzeitig vez veces twice el la al final finally sist zuletzt die der".split()
) | {"", "/"}
MEASURES = set(
    "mm cm m km kg g mg ml dl l gb mb tb mbit gbit ghz mhz hz w kw v a k c f h min s ms x px pt th st nd rd "
    "am pm e kr sek eur usd hp cv nm lm mah d e".split()
)
PRODUCTS = set(  # names that end in a digit
    "python2 python3 windows7 windows8 windows10 windows11 win10 win11 covid19 covid-19 mp3 mp4 html5 css3 ipv4 ipv6 "
    "office365 office2016 office2019 office2021 web2 web3 gpt3 gpt4 llama2 llama3 area51 fifa23 fifa24 gta5 blink-182 "
    "catch-22 sha1 sha256 sha512 md5 base64 utf-8 utf8 utf16 x86 amd64 arm64 log4j http2 http3 oauth2 neo4j k8s i18n s3 ec2 "
    "es6 es2015 vue3 angular2 bootstrap5 postgres15 postgres16 php7 php8 java8 java11 java17 java21 brca1 omega3 omega-3 h264 "
    "id_ed25519 id_rsa id_ecdsa ed25519 curve25519 what3words w3w h265 mpeg4 usb2 usb3 nvme0 eth0 eth1 wlan0 node18 node20 level1 world1".split()
)
PHONES = ("iphone", "ipad", "galaxy", "pixel", "macos", "ios", "ps", "xbox")
EXTENSIONS = set(
    "pub pem crt env yml yaml toml lock log sh jpg jpeg png gif heic pdf docx doc xlsx xls txt zip csv tar gz mp3 mp4 mov arw json py js html "
    "xml md pptx".split()
)


def shape_of(marked, plain, i):
    """(the shape of the value that begins at word `i`, how many words it has), or (None, 1)."""
    word, low = marked[i].strip(EDGES), plain[i].strip(EDGES)
    if not word or stands_for_one(low) or len(word) > 80 or word[0] in "£€$@#":
        typed = marked[i].strip(".,'!")
        if typed[:1] == "#" and 5 <= len(typed) <= 7 and is_digits(typed[1:]):
            return "sharp", 1
        return ("mark", 1) if _is_typed(typed) else (None, 1)
    if "/" in word and ("." in word or word.count("/") > 1 or "test_" in word):  # a path
        return None, 1
    if i > 1 and marked[i - 1] in (":", "=") and plain[i - 2].endswith(HASHES):
        return None, 1
    if marked[i + 1 : i + 2] in (["("], ["["]) and "." in word:  # a call
        return None, 1
    if (
        i
        and marked[i - 1] == '"' != marked[i]
        and '"' in marked[i + 2 : i + 8]
        and marked[:i].count('"') % 2
    ):
        if "_" in word and word.upper() == word:
            return None, 1
        size = marked.index('"', i) - i
        if any([one[-1] in ".?!" for one in marked[i : i + size - 1]]):  # sentences
            return None, 1
        return PHRASE, size
    many = _of_several(marked, plain, i, low)
    if many is not None:
        return many
    if low in TIMES and i + 1 < len(plain) and plain[i + 1].strip(".,") in NUMBERS:
        size = 2
        while i + size < len(plain) and _is_single(plain[i + size].strip(".,")):
            size += 1
        return "spell", size
    if low in NUMBERS or (len(low) == 1 and low in DIGITS):
        size = 1
        while i + size < len(plain) and _is_single(plain[i + size].strip(".,")):
            size += 1
        if 3 <= size <= 8:
            return ("spell" if low in NUMBERS else "one"), size
        return None, size
    if is_digits(word):
        return _of_digits(marked, i, word)
    digits = count_digits(word)
    if digits:
        return _of_mixed(word, low, digits, marked[i]), 1
    return _of_letters(marked, plain, i, word, low)


def _is_typed(word):
    """Whether it is #4417*, as typed at a door."""
    bare = word.strip("#*")
    return 3 <= len(bare) <= 8 and word[0] == "#" and len(word) - len(bare) == 2 and is_digits(bare)


def _of_several(marked, plain, i, low):
    """Return the shape of digits, letters or dial turns that stand one by one, or None."""
    parts = low.split("-")
    if len(parts) > 2 and all([part in NUMBERS or part in DIGIT_NAMES for part in parts]):
        return "spell", 1
    if len(low) == 1 and low.isalpha():
        size = 1
        while i + size < len(plain) and len(plain[i + size].strip(EDGES)) == 1:
            if not plain[i + size][0].isalpha():
                break
            size += 1
        return ("letters", size) if size >= 4 else None
    if _is_tens(low):
        return _of_tens(plain, i)
    single = _is_single(low)
    letter = _is_capital(marked[i]) and "".join(plain[i + 1 : i + 2]) in THEN
    if not single and not letter and not (is_digits(low) and len(low) == 2):
        return None
    count, singles, linked, last, at = 1, int(single or letter), 0, i, i + 1
    while at < len(plain) and at - last < 4:
        word = plain[at].strip(EDGES)
        if _is_single(word) or (is_digits(word) and len(word) == 2):
            count, last = count + 1, at
            singles += _is_single(word)
        elif _is_capital(marked[at]) and (single or linked):
            count, singles, last = count + 1, singles + 1, at
        elif word in THEN:
            linked += 1
        elif word not in BETWEEN and plain[at] != ",":
            break
        at += 1
    size = last - i + 1
    if singles == count and (count >= 4 or (count == 3 and linked)) and size > count:
        return "seq", size
    if singles < count and (count >= 3 or (count == 2 and linked)) and size > count:
        return "turns", size
    return None


def _is_capital(word):
    return len(word.strip(EDGES)) == 1 and word[0] in LETTERS


def _is_tens(word):
    """Whether it is a number from ten up in one word: forty, ninety-two, tjugotre."""
    if word in TEENS:
        return True
    for tens in TENS:
        if word.startswith(tens):
            rest = word[len(tens) :].strip("-")
            return rest in NUMBERS or (rest == "" and tens != "noll")
        if word.endswith(tens) and word[: -len(tens)].endswith("und"):
            return True
    return False


def _of_tens(plain, i):
    """Return the shape of two or more numbers in words, one after the other, or None."""
    count, at, last, goes_on = 1, i + 1, i, plain[i].strip(EDGES) not in TEENS
    while at < len(plain):
        word = plain[at].strip(EDGES)
        if _is_tens(word):
            count, last, goes_on = count + 1, at, word not in TEENS
        elif _is_single(word):
            count, last, goes_on = count + (not goes_on), at, False  # forty two is one number
        elif word not in THEN and word not in BETWEEN and plain[at] != ",":
            break
        at += 1
    return ("tens", last - i + 1) if count > 1 else None


def _is_single(word):
    return word in NUMBERS or word in DIGIT_NAMES or (len(word) == 1 and word in DIGITS)


def _of_digits(marked, i, word):
    groups = [word]
    for at in range(i + 1, min(i + 6, len(marked))):
        if marked[at - 1][-1] in ",.;":
            break
        part = marked[at].strip(EDGES)
        if not is_digits(part) or len(part) > (8 if word[0] == "0" else 5) or len(word) > 5:
            break
        groups.append(part)
    if len(groups) > 1 and "".join(groups) in COUNTED:
        return None, len(groups)
    if len(groups) > 1:
        total = sum([len(group) for group in groups])
        same = len(groups[0]) == len(groups[-1])
        named = {6: "g3", 8: "g8", 15: "g16", 16: "g16"}.get(total if same or total > 8 else 0)
        return named or ("phone" if total >= 9 else "grp"), len(groups)
    size = len(word)
    if size < 3:
        return None, 1
    if size == 4 and word[:2] in ("19", "20"):
        return "year", 1
    if is_clock(word):
        return "clock", 1
    return ("d" + str(min(size, 7)) if size < 9 else "d9"), 1


def _of_mixed(word, low, digits, written):
    letters = sum([letter.isalpha() or ord(letter) > 127 for letter in word])
    rest = len(word) - digits - letters
    if (
        "://" in word
        or low.startswith("www.")
        or "@" in word[1:]
        and "." in word.rpartition("@")[2]
    ):
        return None
    if (
        low.rpartition(".")[2] in EXTENSIONS
        or low in PRODUCTS
        or low.startswith(("your-", "your_"))
    ):
        return None
    if low.rstrip(DIGITS) in PHONES:
        return None
    if low[:2] == "g-" and len(low) == 8 and is_digits(low[2:]):
        return "g3"
    if not letters:
        return _of_signed(word, digits, written)
    if len(word) < 3 or word[-1] == "%":
        return None
    head = word.rstrip(DIGITS)
    if len(word) >= 10 and is_date(word[:10]) or _is_compound(low):
        return None
    tail = low.lstrip("0123456789.,/-x")
    if _is_door(word, digits, letters):
        return "door" if word[0] in LETTERS or tail not in MEASURES else None
    if digits >= 7 and letters == 1 and not rest and word[-1] in LETTERS:
        return "id"
    if len(tail) < len(low) and (tail in MEASURES or len(tail) <= 1):
        return None if len(tail) or not rest else "num"
    if digits >= 2 and low[:1] == "v" and low[1:].replace(".", "").isdigit():
        return None
    inner = word[1:-1]
    odd = any([sign in inner or sign == word[-1] for sign in STRANGE]) or word[-1:] in "!?%"
    plain = word.replace("-", "").replace(".", "").replace("_", "")
    if word.startswith("AAAA") or low.startswith(PUBLIC):
        return None  # part of a public key
    if len(word) >= 24 and all([letter in HEX for letter in low]):
        return None  # the rules know keys from hashes
    if len(word) >= 16 and rest <= 3 and digits >= 3:
        return "long"
    if odd:
        return "signed" if len(word) >= 6 else "short"
    if letters >= 4 and is_digits(word[len(head) :]) and len(word) - len(head) <= 4 and rest == 0:
        upper = word.upper() == word
        return "caps+d" if upper else "word+d"
    if "-" in inner or "." in inner or "_" in inner:
        return "joined" if letters >= 4 and len(word) >= 7 else "tag"
    if len(word) >= 8 and all([letter in HEX for letter in low]):
        return "hex"
    if word.upper() == word:
        return "caps" if len(word) >= 8 else "tag"
    if len(word) < 6:
        return "short"
    return "mixed" if plain == word else "joined"


def _is_compound(low):
    """Whether it is 40-arsdagen, 12-year-old: a number and a word about it."""
    first, *rest = low.split("-")
    return (
        is_digits(first)
        and len(first) < 4
        and rest != []
        and all([len(part) > 2 and part.isalpha() for part in rest])
    )


def _of_signed(word, digits, written):
    """Return the shape of digits with signs between or after."""
    dotted = word.split(".")
    if len(dotted) == 3 and all([is_digits(part) and len(part) == 2 for part in dotted]):
        return "dig"
    if len(dotted) > 1:
        return None
    parts = word.replace("/", "-").split("-")
    if len(parts) >= 3 and all([is_digits(part) for part in parts]):
        if len(parts[0]) == 4 and len(parts[1]) == 2:
            return "date"
        sizes = [len(part) for part in parts]
        if max(sizes) <= 3 and "/" not in word:
            return "dig"
        return "run" if digits >= 7 else "date"
    if len(parts) == 2 and all([is_digits(part) for part in parts]) and digits >= 6:
        return "born" if is_born(parts) else "pair"
    bare = word.strip("#*")
    if is_digits(bare) and len(bare) != len(word) and 3 <= len(bare) <= 8:
        return "mark" if written.strip(".,")[-1] in "#*" or word[0] == "*" else "num"
    return None


def _is_door(word, digits, letters):
    """Whether it is C1739Y, B7714, 1122A: four digits and a letter or two, as key boxes use."""
    bare = word.strip(LETTERS)
    return digits == 4 and letters <= 2 and len(word) == digits + letters and is_digits(bare)


def is_born(parts):
    """Whether it is 150612-2391: a date, and four digits."""
    day = parts[0][-6:]
    return (
        len(parts) == 2
        and is_digits("".join(parts))
        and len(parts[0]) in (6, 8)
        and len(parts[1]) == 4
        and "01" <= day[2:4] <= "12"
        and ("01" <= day[4:] <= "31" or "61" <= day[4:] <= "91")
    )


def _of_letters(marked, plain, i, word, low):
    inner = word[1:-1]
    if "_" in inner and (word == low or word.upper() == word):
        return ("snake" if word == low else None), 1
    if any([sign in inner for sign in "!#$%*+^_~"]) and len(word) >= 6 and "/" not in word:
        return ("signed" if word.lower() != word else "joined0"), 1
    if "&" in inner and len(word) > 6:
        return "joined0", 1
    small = any(["a" <= letter <= "z" for letter in inner])
    if small and any(["A" <= letter <= "Z" for letter in inner]) and len(word) >= 6:
        name = "." in word or "/" in word or low.endswith(("error", "exception"))
        return (None if name else "camel"), 1
    if (
        len(word) < 4
        or low in STATES
        or low.startswith(("your-", "your_"))
        or codes_of(low)
        or "/" in word
        or "://" in word
    ):
        return None, 1
    if "-" in inner or "." in inner:
        return "dashed", 1
    return (TITLE if "A" <= word[0] <= "Z" else WORD), 1
