"""Words that are a secret by their form alone: passwords made of a known word (Rhubarb!7,
Teapot1987, blackbird42), and personal numbers with a valid date."""

from oneseek.engine.core.collecting.hint import CAPITALS
from oneseek.engine.core.collecting.secrets.letters import DIGITS, is_digits
from oneseek.engine.core.collecting.secrets.shapes import PRODUCTS, is_born

EDGES = ".,;:'\"()*"
SIGNS, JOINTS = "!#$%&*+?~^=@", "_.-"
LONGEST = 28
NEAR = 6  # words before the value that can name it
KNOWN = PRODUCTS | set(
    "password123 passwort123 losenord123 hunter2 covid19 covid2019 blink182 maroon5 music21 area51 schalke04 hannover96 "
    "mainz05 formel1 formula1 euro2024 euro2028 level42 ikea365 boeing737 boeing747 boeing777 ferrari512 peugeot208".split()
)
SYSTEMS = set(  # products whose versions are no passwords
    "ubuntu debian fedora postgres postgresql mysql mariadb windows macos android python angular laravel django oracle "
    "excel office photoshop autocad visual unreal matlab float bfloat uint double base sha blake utf latin "
    "cp iso rfc rocky alpine node sqlite redis openssl".split()
)
NAMES = set(  # a value after one of these is a name, not a password
    "called named name known heter heisst heisse llama llamo hedder username user gamertag handle nick nickname "
    "anvandarnamn benutzername usuario brukernavn brugernavn file filen folder mapp mappen playlist spellistan "
    "spellista sheet datei ordner archivo carpeta ssid branch subject hashtag class package model install import "
    "band fan lag team car bil auto reddit twitch discord insta instagram tiktok github follow find requirement shirt soy".split()
)
SITES = set("reddit twitch discord insta instagram tiktok github".split())
OF_THINGS = set(  # their numbers look like personal numbers
    "order ordernr ordernummer bestallning bestallningen bestallningsnummer booking bokning bokningen invoice faktura "
    "rechnung factura pedido ref reference referens referensnummer arende arendet case ticket tracking kolli parcel "
    "customer kund kundnr kundnummer kundennummer artikel part serial serie model org.nr orgnr".split()
)


def has_made_password(words, plain):
    """Whether a word of a text, as written and folded, is a password by its form."""
    for i, word in enumerate(words):
        if 6 <= len(word) <= LONGEST and any([digit in word for digit in DIGITS]):
            kind = _kind_of(word.strip(EDGES))
            low = plain[i].strip(EDGES)
            if kind and low not in KNOWN and low.rstrip(DIGITS) not in SYSTEMS:
                if kind == "signed" or not _is_name(plain, i):
                    return True
    return False


def has_person(words, plain):
    """Whether a word among others is a personal number with a valid date, or eight digits and a
    letter; the last digit may be mistyped."""
    if len(words) < 3:
        return False
    for i, word in enumerate(words):
        word = word.strip(EDGES)
        day = 11 <= len(word) <= 13 and is_born(word.split("-"))
        if day or (len(word) == 9 and is_digits(word[:8]) and "A" <= word[8] <= "Z"):
            before = plain[max(0, i - NEAR) : i]
            if not any([one.strip(EDGES) in OF_THINGS for one in before]):
                return True
    return False


def _is_name(plain, i):
    around = plain[max(0, i - NEAR) : i]
    if any([word.strip(EDGES) in NAMES for word in around]):
        return True
    return any([word.strip(EDGES) in SITES for word in plain[i : i + NEAR]])


def _kind_of(word):
    """Return how a password was made of words: "signed", "joined", "capital" or "small"; None if it
    was not."""
    bare = word.rstrip("!?")
    head = bare.rstrip(DIGITS)
    digits = len(bare) - len(head)
    if not 1 <= digits <= 4 or len(head) < 4:
        return None
    runs, signs, run = [], "", ""
    for letter in head:
        if letter.isalpha() or ord(letter) > 127:
            run += letter
            continue
        if letter not in SIGNS and letter not in JOINTS:
            return None
        runs, signs, run = runs + [run], signs + letter, ""
    runs += [run] if run else []
    first = runs[0]
    capital = len(first) > 2 and first[0] in CAPITALS and not _capitals(first[1:])
    if signs:
        if not capital or any([len(run) < 2 for run in runs]):
            return None
        if "@" in signs and "." in word.rpartition("@")[2]:
            return None
        if any([sign in SIGNS for sign in signs]):
            return "signed"
        return "joined" if len(first) > 3 else None
    if capital:
        return "capital" if digits > 1 or word[-1] == "!" else None
    if not _capitals(first):
        return "small" if digits > 1 and len(first) > 4 else None
    return "joined" if first[0] in CAPITALS and _is_camel(first) else None


def _capitals(letters):
    return any([letter in CAPITALS for letter in letters])


def _is_camel(word):
    """Whether it is TwoWords: each begins with a capital and has two small letters or more."""
    size = 3
    for letter in word:
        if letter in CAPITALS:
            if size < 3:
                return False
            size = 0
        size += 1
    return size >= 3
