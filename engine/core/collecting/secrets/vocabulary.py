"""The words by which people name their secrets, in English, Swedish, German, Spanish, Norwegian and
Danish, folded (losenord), and the words around those names."""

SIGNS = (
    (
        "wi_fi pass pwd pw losen kod kenn contrase clave pin wifi wi-fi wlan natverk network code codi "
        "combin kombin key nyckel schluss token secret hemlig cvc cvv csc pruf account konto cuenta "
        "clearing iban routing sort social ssn nino insurance person pnr fodsel cpr steuer sozial dni nie "
        "tax passnummer passport pasaporte reisepass licen korkort nhs trygd inlogg login logon "
        "puk otp tan adgang api identi @ opens unlock oppna offnet abre apne abne combo bsn pesel 2fa mfa tradlos wireless bearer "
        "keypad baksidan ruckseite reverso maiden visa sista bankdos engang slas left vanster disarm avlarma bankid swish skarmlas # one-time emergency nod user anvandar "
        "ausweis reisep driver sin tfn pps ird utr nric hetu svnr cpf curp perso idnr health green aadhaar ahv birth residence emirates codice authori security sakerhet frage"
    )
    .replace(" ", "\n")
    .replace("_", " ")
    .split("\n")
)
# Parts of compounds: one of them is in each compound that names a secret.
PARTS = ("kod", "code", "pass", "losen", "pwd", "nyckel", "key", "schlussel", "nokkel", "-", "_")

PASSWORD, WEAK, KEY, CODE, HEAD, WIFI, RECOVERY, CVC, IDENTITY, ACCOUNT, LOGIN = range(11)
PAPER, OPENING, PHRASE, ANSWER, IDENTITY4 = 11, 12, 13, 14, 15
KIND = {
    PASSWORD: "password",
    WEAK: "password",
    LOGIN: "password",
    WIFI: "password",
    PHRASE: "password",
    ANSWER: "password",
    IDENTITY4: "identity",
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
        "password passwords passwd passwrd passwort pasword pwd passcode passcodes "
        "losenord losenordet losenorden losen losenet pw "
        "passwort passworter kennwort losungswort contrasena contrasenas contrasenya "
        "passord passordet adgangskode adgangskoden kodeord kodeordet "
        "sakerhetsfraga sakerhetsfragan sicherheitsfrage kodord kodordet losord losordet",
    ),
    (WEAK, "pass pswd psw clave claves"),
    (PHRASE, "passphrase losenfras losenfrasen passordfrase"),
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
        "pukkode otp tan bankdosa bankdosan doorcode gatecode sakerhetskod sakerhetskoden engangskod engangskoden "
        "skarmlas skarmlaset bankid engangskode engangskoden verifieringskod verifieringskoden geheimzahl portkod portkoden nyckelskap nyckelskapet schlusselkasten",
    ),
    (
        HEAD,
        "code kod koden kode koder codigo combination kombination kombinationen kombinasjon "
        "kombinasjonen combinacion combo keypad kodlas kodlaset knappsats key nyckel nyckeln schlussel nokkel nokkelen nogle noglen",
    ),
    (WIFI, "wifi wifit wifin wlan wlanet wireless tradlost hotspot wpa wpa2 wpa3"),
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
        "bsn pesel aadhaar korkortsnumret samordningsnummer samordningsnumret fuhrerscheinnummer tfn ppsn itin utr nric "
        "hetu henkilotunnus svnr cpf curp perso idnr ahv ahvnummer sozialversicherungsnr steuernr steueridnr nuss personnumer",
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
    "alarm password": PHRASE,
    "my passcode": PASSWORD,
    "last four": IDENTITY4,
    "four last": IDENTITY4,
    "fyra sista": IDENTITY4,
    "sista fyra": IDENTITY4,
    "one time": CODE,
    "pass code": PASSWORD,
    "pass phrase": PHRASE,
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
    "key safe": CODE,
    "lock box": CODE,
    "pin code": CODE,
    "pin kod": CODE,
    "pin number": CODE,
    "puk code": CODE,
    "wi fi": WIFI,
    "network key": PASSWORD,
    "wi-fi key": PASSWORD,
    "wifi key": PASSWORD,
    "wlan key": PASSWORD,
    "wireless key": PASSWORD,
    "maiden name": ANSWER,
    "first pet": ANSWER,
    "first school": ANSWER,
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
    "social is": IDENTITY,
    "social number": IDENTITY,
    "social insurance": IDENTITY,
    "national insurance": IDENTITY,
    "seguridad social": IDENTITY,
    "passport number": IDENTITY,
    "my sin": IDENTITY,
    "his sin": IDENTITY,
    "her sin": IDENTITY,
    "sin number": IDENTITY,
    "sin is": IDENTITY,
    "pps number": IDENTITY,
    "pps no": IDENTITY,
    "tax file": IDENTITY,
    "ird number": IDENTITY,
    "emirates id": IDENTITY,
    "residence permit": PAPER,
    "birth certificate": PAPER,
    "health card": PAPER,
    "green card": PAPER,
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
    "banks bankens trappan uppgangen lucka caja otp 2fa mfa sms tan entry phone mobile movil ipad "
    "whatsapp instagram facebook google paypal uber amazon microsoft apple telegram discord snapchat".split()
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
NOT_THESE = set(  # compounds with a code word that open nothing
    "postkod landskod felkod kallkod fargkod streckkod qrkod rabattkod zipcode barcode postcode "
    "portfolio importkod".split()
)

VERBS = set(
    "it's that's e is was are were be became reads är var heter blir blev lyder lautet lauten ist war sind heisst son era "
    "es sera er hedder heter lyder ar -> = : - >".split()
)
BACKS = set("back baksidan ruckseite reverso".split())  # of a card, where its short number is
CARDS = ("card", "visa", "amex", "mastercard", "kort", "karte", "tarjeta")
ASKED = ("bank", "security", "secret", "sakerhet", "sicherheit", "answer", "svar", "recovery")
DETERMINERS = set("the my our das mein unser det mitt vart la mi el nuestra".split())
ASKING = set("what which what's vad vilket was welches wie cual que if om ob si".split())
LEFT = set("left vanster links izquierda venstre".split())
RIGHT = set("right hoger rechts derecha hoyre hojre".split())
HAS = set("has har hat tiene".split())
ABOUT = set(  # what follows a name in talk about it: the password manager
    "manager managers policy policies field fields rules generator hint hints protection protected "
    "prompt hash hashes length strength vault box form page file files folder folders limit limits "
    "fatigue reuse sharing hygiene chaos window size count format type validation check checks mount number-one leaked".split()
)
FICTION = set(  # where a password is part of a story
    "play film movie novel story sketch episode sitcom pjasen filmen romanen sagan serien theaterstuck roman pelicula novela cuento".split()
)
NOT_BEFORE = set(
    "game kahoot quiz gpio bowling lapel room common vanligaste haufigste popular".split()
)
WITH = set("with med mit con by av".split())
OPENING_WORDS = set(
    "disarm disarms slas avlarma avlarmas opens open opened unlocks unlock oppnas oppnar oppna offnet abre apnes apner abnes abner".split()
)
NUMBERS = set(
    "zero one two three four five six seven eight nine noll ett en tva tre fyra fem sex sju atta nio "
    "null eins zwei drei vier funf sechs sieben acht neun cero uno dos tres cuatro cinco seis siete "
    "ocho nueve to fire syv otte ni sju atte".split()
)
STILL = set(
    "star stjarna stern hash now still just simply currently actually always probably always nu fortfarande bara alltid "
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
TO = set("to till til auf a zu bis hasta al".split())
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
    "broken compromised through public identical null true false str string int input self undefined "
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
    "tredje varje annan andra fjarde every each second third annen tredive cada "
    "stronger weaker safer longer shorter worse starkare sakrare kortare langre starker sicherer bast best beste besser better mejor starkast null nil None required changeme blah tbd todo".lower().split()
)
STATE_ENDS = tuple(
    "ed ing ably ibly able ible ade ades iert bar ado ada rat ret lich isch ous ive ful less ial ual vat sat nat tat oria iva lig ligt andrat ience osity ality iness fulness keit heit lamod".split()
)
PLACEHOLDERS = set(
    "password passwd secret token your_password your_password_here yourpassword example xxxx xxx "
    "changeme none null nil undefined test postgres mysql mongo redis rabbitmq minioadmin".split()
)
REACH = 8  # words after a name in which its value is looked for
