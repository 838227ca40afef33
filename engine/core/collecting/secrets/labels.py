"""Secrets that their own name announces: "lösenord: hunter2", "the door code is 4711", in English,
Swedish, German, Spanish, Norwegian and Danish.

A name alone is no secret: a value of its kind has to stand beside it, after a sign or a verb, or
before it ("hunter2 is my password").  What only talks about passwords goes through.
"""

from engine.core.collecting.hint import codes_of
from engine.core.collecting.secrets.letters import count_digits, count_letters, is_digits

# What the text must have somewhere (folded) before any word of it is looked at.
SIGNS = (
    (
        "wi_fi pass pwd pw losen kod kenn contrase clave pin wifi wi-fi wlan natverk network code codi "
        "combin kombin key nyckel schluss token secret hemlig cvc cvv csc pruf account konto cuenta "
        "clearing iban routing sort social ssn nino insurance person pnr fodsel cpr steuer sozial dni nie "
        "tax passnummer passport pasaporte reisepass licen korkort nhs trygd inlogg login logon "
        "puk otp tan adgang api identi @ opens unlock oppna offnet abre apne abne combo bsn pesel 2fa mfa tradlos wireless bearer "
        "keypad disarm avlarma bankid swish skarmlas # one-time emergency nod user anvandar "
        "ausweis reisep driver codice authori security sakerhet frage"
    )
    .replace(" ", "\n")
    .replace("_", " ")
    .split("\n")
)
# Parts of compounds: one of them is in each compound that names a secret.
PARTS = ("kod", "code", "pass", "losen", "pwd", "nyckel", "key", "schlussel", "nokkel", "-", "_")

PASSWORD, WEAK, KEY, CODE, HEAD, WIFI, RECOVERY, CVC, IDENTITY, ACCOUNT, LOGIN = range(11)
PAPER, OPENING = 11, 12
KIND = {
    PASSWORD: "password",
    WEAK: "password",
    LOGIN: "password",
    WIFI: "password",
    KEY: "key",
    CODE: "code",
    RECOVERY: "recovery",
    CVC: "card",
    IDENTITY: "identity",
    PAPER: "identity",
    OPENING: "code",
    ACCOUNT: "account",
}

LABELS = {}
for _label, _words in (
    (
        PASSWORD,
        "password passwords passwd passphrase pwd passcode passcodes "
        "losenord losenordet losenorden losenfras losenfrasen losen losenet pw "
        "passwort passworter kennwort losungswort contrasena contrasenas contrasenya "
        "passord passordet passordfrase adgangskode adgangskoden kodeord kodeordet "
        "sakerhetsfraga sakerhetsfragan sicherheitsfrage kodord kodordet losord losordet",
    ),
    (WEAK, "pass pswd psw clave claves"),
    (
        KEY,
        "apikey apikeys apitoken token tokens secret secrets accesskey secretkey privatekey "
        "licensekey productkey clientsecret apinyckel apinyckeln apischlussel apinokkel apinogle "
        "licensnyckel licensnyckeln produktnyckel produktnyckeln lizenzschlussel bearer passkey "
        "accesstoken authtoken refreshtoken signingkey encryptionkey krypteringsnyckel "
        "authorization accountkey sharedaccesskey totp hemlighet hemligheten",
    ),
    (
        CODE,
        "pin pincode pinkod pinkoden pins pinkode pinkoden pinnummer puk pukkod pukkoden pukcode "
        "pukkode otp tan doorcode gatecode sakerhetskod sakerhetskoden engangskod engangskoden "
        "skarmlas skarmlaset bankid engangskode engangskoden verifieringskod verifieringskoden geheimzahl portkod portkoden",
    ),
    (
        HEAD,
        "code kod koden kode koder codigo combination kombination kombinationen kombinasjon "
        "kombinasjonen combinacion combo keypad kodlas kodlaset knappsats key nyckel nyckeln schlussel nokkel nokkelen nogle noglen",
    ),
    (WIFI, "wifi wifit wifin wlan wlanet wireless tradlost hotspot ssid wpa wpa2 wpa3"),
    (
        RECOVERY,
        "reservkoder reservkoderna reservkod aterstallningskoder aterstallningskoderna "
        "aterstallningskod backupkoder backupkoderna backupcodes backupcode recoverycodes "
        "engangskoder engangskoderna wiederherstellungscodes wiederherstellungscode ersatzcodes "
        "reservekoder reservekodene gjenopprettingskoder gjenopprettingskode gendannelseskoder "
        "sikkerhetskoder sakerhetskoder sakerhetskoderna scratchcodes backupkode backupkoden",
    ),
    (
        CVC,
        "cvc cvv cvc2 cvv2 csc cvccode cvvcode cvckod cvckoden cvvkod cvvkoden cvckode cvckoden "
        "prufziffer kartenprufnummer prufnummer cvcnummer cvcnummer cvvkode",
    ),
    (
        IDENTITY,
        "ssn nino personnummer personnumret personnr pnr persnr fodselsnummer fodselsnummeret "
        "fodselsnr cpr cprnummer cprnr cprnummeret steuerid steueridentifikationsnummer steuernummer "
        "sozialversicherungsnummer rentenversicherungsnummer dni nie nif passnummer passnumret "
        "passnr passnummeret reisepassnummer ausweisnummer personalausweisnummer korkortsnummer "
        "bsn pesel aadhaar korkortsnumret samordningsnummer samordningsnumret fuhrerscheinnummer",
    ),
    (
        ACCOUNT,
        "kontonummer kontonumret kontonr kontonummeret bankkonto bankkontot clearing clearingnummer "
        "clearingnr clearingnumret iban konto kontot kontoen bankkontonummer registreringsnummer "
        "routing kontonummern account cuenta",
    ),
    (
        PAPER,
        "nhs passport reisepass personalausweis ausweis pasaporte passet passi korkort korkortet",
    ),
    (
        LOGIN,
        "login inloggning inloggningen inlogg logon anmeldung zugangsdaten innlogging credentials",
    ),
):
    for _word in _words.split():
        LABELS[_word] = _label

PAIRS = {
    "pass word": PASSWORD,
    "pass code": PASSWORD,
    "pass phrase": PASSWORD,
    "losen ord": PASSWORD,
    "palabra clave": WEAK,
    "security answer": PASSWORD,
    "secret answer": PASSWORD,
    "api key": KEY,
    "api token": KEY,
    "access key": KEY,
    "access token": KEY,
    "auth token": KEY,
    "secret key": KEY,
    "private key": KEY,
    "signing key": KEY,
    "encryption key": KEY,
    "license key": KEY,
    "licence key": KEY,
    "product key": KEY,
    "activation key": KEY,
    "client secret": KEY,
    "authenticator secret": KEY,
    "setup key": KEY,
    "api nyckel": KEY,
    "privata nyckeln": KEY,
    "privat nyckel": KEY,
    "hemlig nyckel": KEY,
    "hemliga nyckeln": KEY,
    "clave api": KEY,
    "clave privada": KEY,
    "clave secreta": KEY,
    "privater schlussel": KEY,
    "geheimer schlussel": KEY,
    "key box": CODE,
    "lock box": CODE,
    "pin code": CODE,
    "pin kod": CODE,
    "pin number": CODE,
    "puk code": CODE,
    "wi fi": WIFI,
    "network key": PASSWORD,
    "wireless network": WIFI,
    "tradlosa natverket": WIFI,
    "tradlost natverk": WIFI,
    "backup codes": RECOVERY,
    "backup code": RECOVERY,
    "recovery codes": RECOVERY,
    "recovery code": RECOVERY,
    "rescue codes": RECOVERY,
    "emergency codes": RECOVERY,
    "scratch codes": RECOVERY,
    "security codes": RECOVERY,
    "one-time codes": RECOVERY,
    "onetime codes": RECOVERY,
    "emergency code": RECOVERY,
    "2fa backup": RECOVERY,
    "2fa backups": RECOVERY,
    "mfa backup": RECOVERY,
    "security question": PASSWORD,
    "security code": CODE,
    "card verification": CVC,
    "social security": IDENTITY,
    "social insurance": IDENTITY,
    "national insurance": IDENTITY,
    "seguridad social": IDENTITY,
    "passport number": IDENTITY,
    "passport no": IDENTITY,
    "passport nr": IDENTITY,
    "pasaporte es": IDENTITY,
    "de pasaporte": IDENTITY,
    "driver license": PAPER,
    "driver's license": PAPER,
    "driver's licence": PAPER,
    "driver licence": PAPER,
    "drivers license": PAPER,
    "driving licence": PAPER,
    "codice fiscale": IDENTITY,
    "license number": IDENTITY,
    "licence number": IDENTITY,
    "nhs number": IDENTITY,
    "tax id": IDENTITY,
    "steuer id": IDENTITY,
    "tax number": IDENTITY,
    "personal number": IDENTITY,
    "national id": IDENTITY,
    "identity number": IDENTITY,
    "id number": IDENTITY,
    "account number": ACCOUNT,
    "account no": ACCOUNT,
    "account nr": ACCOUNT,
    "sort code": ACCOUNT,
    "routing number": ACCOUNT,
    "bank account": ACCOUNT,
    "de cuenta": ACCOUNT,
    "cuenta bancaria": ACCOUNT,
}
BEGIN_PAIRS = {pair.split()[0] for pair in PAIRS}
ENDINGS = (
    ("losenord", PASSWORD),
    ("losenordet", PASSWORD),
    ("losen", PASSWORD),
    ("losenet", PASSWORD),
    ("passwort", PASSWORD),
    ("passord", PASSWORD),
    ("passordet", PASSWORD),
    ("password", PASSWORD),
    ("kodeord", PASSWORD),
    ("adgangskode", PASSWORD),
    ("pwd", PASSWORD),
)
HEAD_ENDINGS = ("kod", "koden", "kode", "code", "nyckel", "nyckeln", "schlussel", "nokkel", "key")

# What a code opens: whole words, and beginnings of words.  The code of a shed or a garage is an
# everyday fact and stays one.
OPENS = set(
    "port porten lock las laset dorr dorren tor tur dor doren door gate sim safe alarm larm "
    "larmet alarmen atm card kort kortet karte grind grinden skap skapet pin bank banken "
    "banks bankens trappan uppgangen lucka caja otp 2fa mfa sms tan entry phone mobile movil".split()
)
OPENS_AS = (
    "padlock locker lockbox keybox vault entrance front unlock screen security access login "
    "verification verify authent one-time onetime bankid kassaskap cykellas hanglas iphone "
    "ipad android tablet laptop dator computer surfplatta skarmlas swish cajero entsperr "
    "upplas trapphus reset entre mobil telefon sakerhet inlogg engang verifier bekraftel "
    "tresor handy karten zugang bestatig puerta portal alarma acceso seguridad tarjeta "
    "verificacion adgang inngang hoveddor ytterdor larm alarm dorr port las tur dor kort gate "
    "door safe skap grind nyckelskap sim sikkerhe bekreft hengelas laskode haustur"
).split()
NOT_THESE = set(  # compounds of the code words that let nobody in
    "postkod landskod felkod kallkod fargkod streckkod qrkod rabattkod zipcode barcode postcode "
    "portfolio importkod".split()
)

VERBS = set(
    "is was are were be reads är var heter blir blev lyder lautet lauten ist war sind heisst son era "
    "es sera er hedder heter lyder ar -> = : - >".split()
)
ABOUT = set(  # what follows a name in talk about it: the password manager
    "manager managers policy policies field fields rules generator hint hints protection protected "
    "prompt hash hashes length strength vault box form page file files folder folders limit limits "
    "window size count format type validation check checks mount number-one".split()
)
NOT_BEFORE = set("game kahoot quiz gpio bowling lapel room".split())
WITH = set("with med mit con by".split())
OPENING_WORDS = set(
    "disarm disarms avlarma avlarmas opens open opened unlocks unlock oppnas oppnar oppna offnet abre apnes apner abnes abner".split()
)
NUMBERS = set(
    "zero one two three four five six seven eight nine noll ett en tva tre fyra fem sex sju atta nio "
    "null eins zwei drei vier funf sechs sieben acht neun cero uno dos tres cuatro cinco seis siete "
    "ocho nueve to fire syv otte ni sju atte".split()
)
STILL = set(
    "now still just simply currently actually always probably always nu fortfarande bara alltid "
    "spelled spelt stavas skrivs basic bearer jetzt immer noch einfach ahora siempre todavia na stadig fortsatt alltid also : =".split()
)
NAMES = set("called named heter heisst hedder llama".split())  # a network's name is shown to all
USERS = set(
    "user username login anvandare anvandarnamn benutzer benutzername usuario bruger".split()
)
NEAR = set("konto kontot kontoen account cuenta".split())
CHANGES = set(
    "changed change set reset switched bytte byter andrade satte bytt andrat geandert gesetzt "
    "cambie puse endret byttet aendrede skiftede skiftet".split()
)
TO = set("to till til auf a zu".split())
AS = set("as som als como".split())
ENDS = ("\x01", "?")
UNITS = set(
    "digits digit characters character chars char letters words bits bit bytes days months weeks "
    "years minutes hours times people siffror siffra tecken bokstaver dagar manader ganger "
    "lines rader pages sidor zeilen minuter zeichen ziffern stellen tage jahre caracteres digitos dias tegn siffer sifre dage "
    "dager kr kronor sek eur euro usd dollars nok dkk mbit mbit/s ghz mhz m km procent percent".split()
)
STATES = set(
    "a an the one my your his her our their this that these those it its what which where who why how "
    "when not no none too very so as in on at by for from of with without under below above inside "
    "written stored saved kept hidden known wrong right correct incorrect weak strong secure insecure "
    "safe unsafe expired old new lost gone short long empty blank fine good bad great okay ok easy hard "
    "simple difficult complex important different same similar sent due down up out there here "
    "always never only also about being going missing available valid invalid mandatory optional "
    "needed set unset unknown private public personal temporary temp random unique useless common "
    "broken compromised public identical null true false str string int input self undefined "
    "text hash field both all any some something nothing everything anything case at least "
    "en ett den det de min mitt mina din ditt dina sin sitt hans hennes var vart min inte ej ingen "
    "inget for mycket ganska lite samma som i pa av till fran med utan under minst hogst "
    "fel ratt svagt starkt sakert osakert bytt andrat glomt borta kort langt tomt bra daligt latt svart "
    "enkelt viktigt olika lika redan ocksa aldrig bara nytt gammalt hemligt okant nagot allt klart "
    "fortfarande kvar giltigt ogiltigt utgangen utganget sparat skrivet dolt stulet gomt "
    "ein eine einen der die das dem mein meine dein deine sein ihr nicht kein keine zu sehr so wie in "
    "im auf an bei von mit ohne unter falsch richtig schwach stark sicher unsicher abgelaufen alt neu "
    "weg kurz lang leer gut schlecht leicht schwer einfach wichtig gleich geheim unbekannt mindestens "
    "weg schon auch nie nur "
    "un una el la los las mi tu su no muy tan en de con sin bajo incorrecta correcta debil fuerte segura "
    "insegura vieja nueva corta larga vacia buena mala facil dificil simple importante igual misma "
    "la necesaria obligatoria secreta valida invalida trabajar dormir leer escuchar paciencia tener "
    "et min mitt din ditt ikke ikkje ingen for meget mye svaert samme som pa av til fra med uten uden "
    "feil forkert riktig rigtig svakt sterkt sikkert gammelt gammel ny nytt lang langt kort kortt "
    "glemt vaek borte tomt bra god godt lett svaert vanskelig viktig hemmelig ukjent minst "
    "null nil None required changeme blah tbd todo".lower().split()
)
STATE_ENDS = (
    "ed",
    "ing",
    "able",
    "ible",
    "ade",
    "ades",
    "iert",
    "bar",
    "ado",
    "ada",
    "rat",
    "ret",
    "lich",
    "lig",
    "ligt",
    "andrat",
)
PLACEHOLDERS = set("password passwd secret token your_password example xxxx xxx changeme".split())
REACH = 8  # words after a name in which its value is looked for


class Words:
    """The words of a text, as written and folded, signs as words of their own."""

    def __init__(self, text, low):
        self.low = low
        self.marked = [] if not any([sign in low for sign in SIGNS]) else _marked(text)
        self.plain = [] if not self.marked else _marked(low)

    def after(self, i, count):
        """The places of the words after `i`, up to the end of their sentence."""
        for at in range(i, min(i + count, len(self.plain))):
            yield at
            word = self.marked[at]
            if word == "?" or (word[-1] == "." and at > i and not is_digits(word[:-1])):
                return


def _marked(text):
    for sign in ':="`;,()[]{}<>|?':
        if sign in text:
            text = text.replace(sign, " " + sign + " ")
    return text.replace("\n", " \x01 ").replace(" '", " ").replace("' ", " ").split()


def labelled(words):
    """The kinds of secrets that names in the text announce, a set."""
    found = set()
    plain = words.plain
    wifi = any(
        [sign in words.low for sign in ("wifi", "wi-fi", "wi fi", "wlan", "nett", "natverk")]
    )
    i = 0
    while i < len(plain):
        label, size = _label_at(words, i, wifi)
        if plain[i][-1] == "#" and 3 <= len(plain[i]) <= 7 and is_digits(plain[i][:-1].strip("*")):
            found.add(KIND[CODE])  # as it is typed at a door
        if "@" in plain[i] and _has_login(words, i, 0):
            found.add(KIND[LOGIN])
        if label is not None and KIND.get(label) not in found:
            if _has_value(words, i, i + size, label, wifi):
                found.add(KIND[label])
        i += size
    return found


def _label_at(words, i, wifi):
    """(what the word at `i` names or None, how many words the name has)"""
    plain = words.plain
    word = plain[i].strip(".,!'*-/")
    if len(word) < 2:
        return None, 1
    if word in OPENING_WORDS:
        return (OPENING if _is_opened(words, i) else None), 1
    if word in BEGIN_PAIRS and i + 1 < len(plain):
        pair = PAIRS.get(word + " " + plain[i + 1].strip(".,!'-"))
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
    if label == WEAK and word[:5] == "clave" and _is_opened(words, i):
        return CODE, 1
    return (_opened(words, i, wifi) if label == HEAD else label), 1


def _compound(word, written):
    """What a word of several parts names: wifi-losenord, db_password, larmkoden, wlanschlussel."""
    joined = word.replace("-", "").replace("_", "").replace(".", "").replace("/", "")
    label = LABELS.get(joined)
    if label is not None or joined in NOT_THESE:
        return label
    parts = word.replace("-", "_").replace(".", "_").split("_")
    if len(parts) > 1:
        last = LABELS.get(parts[-1])
        if last in (PASSWORD, KEY, CODE):
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
                return WIFI
            if start in ("api", "licens", "produkt", "secret", "access", "private"):
                return KEY
            if start in OPENS or _begins(start, OPENS_AS):
                return CODE
    return None


def _opened(words, i, wifi):
    """What a code or key is for, by the words around it."""
    if wifi:
        return WIFI
    is_key = words.plain[i].strip(".,!'") == "key"  # of a door: no secret can be told of it
    return CODE if not is_key and _is_opened(words, i) else None


def _is_opened(words, i):
    """Whether the words around are about something that a code opens."""
    around = words.plain[max(0, i - 4) : i] + [words.plain[at] for at in words.after(i + 1, 6)]
    return any([_opens(word) for word in around])


def _opens(word):
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
    if label == CVC:
        return _has_short_number(words, start)
    if label == LOGIN:
        return _has_login(words, start, 1) or _stands_before(words, i, label)
    return _follows(words, i, start, label, wifi) or _stands_before(words, i, label)


def _has_number(words, start, label):
    """Enough digits in a row of numbers after the name."""
    least = {IDENTITY: 7, PAPER: 7, ACCOUNT: 6, RECOVERY: 6}[label]
    near = label == PAPER or words.plain[start - 1].strip(".,") in NEAR
    digits, least = 0, 7 if near else least
    for at in words.after(start, 4 if near else 2 * REACH):
        word = words.marked[at].strip(".,-#")
        number = count_digits(word)
        enough = number >= (2 if label == RECOVERY else count_letters(word))
        if number and enough and not _is_date(word):
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
        if is_digits(word) and len(word) in (3, 4):
            return True
    return False


def _has_login(words, start, first):
    """A name and a password with a sign or "and" between."""
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
    if i and _is_value(words, i - 1, CODE, True):
        return True
    plain = words.plain
    for at in range(i + 1, min(i + 5, len(plain) - 1)):
        if plain[at] in WITH:
            return _is_value(words, at + 1, CODE, True)
    return False


def _follows(words, i, start, label, wifi):
    """Whether a value stands after the name: at once, or after a sign or a verb."""
    said = "verb" if words.plain[i].rstrip(".,").endswith("'s") else ""
    changed = any([word in CHANGES for word in words.plain[max(0, i - 5) : i]])
    quoted = False
    for at in words.after(start, REACH):
        word, low = words.marked[at], words.plain[at]
        if low in (":", "="):
            said = "sign"
        elif low == '"':
            if at == start and (i == 0 or words.plain[i - 1] != '"'):
                said = "sign"
            quoted = bool(said)
        elif low == "," and at == start:
            if at + 1 < len(words.plain) and words.plain[at + 1] not in VERBS:
                return _is_value(words, at + 1, label, True)
        elif low == "?":
            if at + 1 >= len(words.plain):
                return False
            if words.plain[at + 1] != "\x01":
                return _is_value(words, at + 1, label, True)
            return _answers(words, at + 2, label)
        elif low == "\x01":
            if at > start and words.plain[at - 1] not in (":", "=", '"'):
                return False
            said = said or "verb"
        elif not said and at == start and _is_value(words, at, label, False):
            return True
        elif not said and at == start and label == PASSWORD and _names_user(words, i):
            return _may_be(low)
        elif not said and label == CODE and at > start and _opens(words.plain[at - 1]):
            least = 3 if at + 1 == len(words.plain) else 4
            if _is_value(words, at, label, True) and count_digits(word) >= least:
                return True
            said = "verb" if low in VERBS else said
        elif label == WIFI and low in NAMES:
            return False
        elif low in VERBS:
            said = "verb" if low not in ("-", ">") or not said else said
        elif changed and (low in TO or low in AS):
            return at + 1 < len(words.plain) and _is_value(words, at + 1, label, True)
        elif said:
            if low in STILL:
                continue
            if _is_value(words, at, label, True):
                return True
            if label == PASSWORD and (said == "sign" or quoted):
                return _may_be(low) and (quoted or _stands_alone(words, at))
            if label == WIFI:
                continue
            return label == PASSWORD and _is_plain_password(words, at)
    return False


def _names_user(words, i):
    """Whether a user's name stands right before: "user admin password admin"."""
    return any([word in USERS for word in words.plain[max(0, i - 3) : i]])


def _answers(words, at, label):
    """The line after a question for it: a value, or a single word."""
    line = list(words.after(at, REACH))
    if not line:
        return False
    if _is_value(words, line[0], label, True):
        return True
    return label == PASSWORD and len(line) == 1 and _is_plain_password(words, line[0])


def _stands_before(words, i, label):
    """ "hunter2 is my password", "4711 är portkoden", "use hunter2 as the password"."""
    for at in range(i - 1, max(-1, i - 5), -1):
        low = words.plain[at]
        if low in ENDS or low in (":", "=") or low[-1] == ".":
            return False
        if (low in VERBS or low in AS) and at > 0 and low not in ("-", ">"):
            return _is_value(words, at - 1, label, True)
    return False


def _is_value(words, at, label, said):
    """Whether the word looks like a value of what the name promises."""
    word = words.marked[at].strip(".,'")
    following = words.plain[at + 1].strip(".,") if at + 1 < len(words.plain) else ""
    if following in UNITS or not word or words.plain[at].strip(".,") in PLACEHOLDERS:
        return False
    if label == CODE:
        spelled = [words.plain[place].strip(".,") in NUMBERS for place in words.after(at, 4)]
        return _is_code(word, 3 if said else 4) or spelled == [True] * 4
    if label == KEY:
        return _is_key(words, at)
    if label == WIFI:
        return len(word) >= 8 and (is_strong(word) or (is_digits(word) and said))
    if label == LOGIN and not any([sign in word for sign in "/:"]):
        return False
    return is_strong(word) or (said and label == PASSWORD and is_digits(word) and len(word) >= 4)


def _is_code(word, least):
    digits = count_digits(word)
    if not least <= digits <= 10 or _is_date(word):
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
    if len(word) >= 8 and 2 <= digits < len(word) and not _is_measure(word) and not _is_date(word):
        return "/" not in word or len(word) >= 20
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
    """12px, 5GHz, 300Mbit/s: a number and its unit."""
    rest = word.lstrip("0123456789.,")
    return rest != word and (len(rest) <= 2 or rest.lower() in UNITS)


def _is_version(word):
    """v2.1.0, 3.13rc1"""
    return word[:1] in "vV0123456789" and word.count(".") >= 1 and count_letters(word) <= 3


def _is_date(word):
    parts = word.replace("/", "-").split("-")
    return len(parts) == 3 and len(parts[0]) == 4 and len(parts[1]) == 2 and is_digits(parts[0])


def _may_be(low):
    """Whether a word after "password:" may be one: no state, no placeholder, no code."""
    word = low.strip(".,!'")
    if len(word) < 3 or word in STATES or word in PLACEHOLDERS or codes_of(word):
        return False
    return any([letter not in "*x./_-#" for letter in word]) and "." not in word


def _rest(words, at):
    """The words from `at` to where the clause ends."""
    rest = []
    for place in words.after(at, REACH):
        word = words.plain[place].strip(".!'")
        if word in ENDS or word in (",", "(", ")", ";", '"') or words.plain[place] == ",":
            break
        if word:
            rest.append(word)
    return rest


def _stands_alone(words, at):
    """Whether what follows "password:" is no sentence: "see the drawer"."""
    return not any([codes_of(word) for word in _rest(words, at)])


def _is_plain_password(words, at):
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
        len(first) >= 4 and _may_be(first) and not any([first.endswith(one) for one in STATE_ENDS])
    )
