"""The topic of the words around a value, folded: a password, something that a code opens, a key, a
person's number, or a number of another kind. Beginnings and endings cover inflections and
compounds, in English, Swedish, German, Spanish, Norwegian and Danish, with names in some more."""

PASS, CODE, OPEN, ACT, KEY, LOGIN = "pass", "code", "open", "act", "key", "login"
WIFI, ID, CARD, ACCOUNT, RECOVERY = "wifi", "id", "card", "account", "recovery"
ANSWER, SERVICE, KEEP, OTHER, TALK = "answer", "service", "keep", "other", "talk"
SECURITY, USER, PICK, DIAL = "security", "user", "pick", "dial"
NAMING = (
    PASS,
    CODE,
    OPEN,
    DIAL,
    ACT,
    KEY,
    LOGIN,
    WIFI,
    ID,
    CARD,
    ACCOUNT,
    RECOVERY,
    ANSWER,
    SECURITY,
    USER,
)

# Whole words.
_WORDS = (
    (PASS, "pass pw p.w passphrase phrase losenfrasen lozen passfrase frase pwd psw pswd pswrd pword p/w pas passe losen losenet clave claves contra passwort "
     "pwort parol parole wachtwoord salasana haslo senha mdp passkey safeword keyword codewort codeword codewords passcode passcodes kodord kodordet svarsord svarsordet losenfras creds credentials kodeord kodeordet"),
    (CODE, "pin pins pincode puk tan otp combo combos kod koden koder kode kodene kodes code codes codigo "
     "codigos combination kombination kombinationen kombinasjon kombinasjonen combinacion digits "
     "siffror siffrorna ziffern digitos sifre sifrene koderna cifre ciffre pattern 2fa mfa totp "
     "passnumber geheimzahl smscode digicode"),
    (DIAL, "luggage trunk bagage bagaget kabinvaska rullvaska trolley kedjelas strongbox maletin baul zahlencode fahrradkette padlock padlocks suitcase briefcase bikelock koffer kofferten koffert kuffert kufferten maleta candado hanglas "
     "hanglaset hengelas hengelasen resvaska resvaskan vaskan rucksack ryggsack ryggsacken cykellas cykellaset fahrradschloss "
     "zahlenschloss kodelas"),
    (OPEN, "ipaden ipads surfplattan plattan padden telefonen telefonin klokken luks tastatur hauptur gartenhaus nyckelskapet medicinskap vapenskap valv valvet portel verja screentime skarmtid skarmtiden bildschirmzeit bankdosa bankdosan lock locks locked las laset lasen lasene schloss safe vault gate gates door doors doorway barrier "
     "entrance entry keypad keybox lockbox locker lockers padlock suitcase briefcase alarm alarms larm larmet "
     "port porten porttelefon grind grinden dorr dorren skap skapet vaska vaskan tur tor tresor haustur puerta "
     "portal candado alarma caja cancela reja dor doren ytterdor lasesmed alarmen panel panelet panelen hatch fob keyfob "
     "beeper siren cellar opener garageport cashpoint personalingang personalingangen bakdorr bakdorren kallardorr kallardorren hintereingang kastchen anlage alarmanlage dosa larmdosa larmdosan trygghetslarm trygghetslarmet tastenfeld nummernfeld knappsats knappsatsen pad recinto doorcode shutter shutters roller jalusi portfon taggen turstile vestibule foyer depot lagerrum lagerhaus almacen garita carport parkhaus minibar roomsafe dorm dormitory bunker annex annexe stairwell backdoor sidedoor frontdoor "
     "trapp trappan uppgang uppgangen entre entren entreen lucka bom bommen barrera porton "
     "kulas phone ipad iphone tablet screen mobile mobil mobilen telefon telefonen handy movil "
     "padda paddan klokka watch voicemail sim atm bankomat dosan dosa cashpoint cajero geldautomat minibank buzzer intercom "
     "keyless keysafe schlusselkasten schlusselbox nyckelskap nyckelbox postbox mailbox brevlada brevladan "
     "tvattstuga tvattstugan tvattstugans bikelock hiss hissen hissens lift elevator "
     "koffert kofferten kuffert kufferten kassaskap kassaskapet safebox safen strongbox tastensperre bildschirmsperre schliessfach cabinet cupboard barrier turnstile pontoon immobiliser immobilizer ignition photocopier copier "
     "kopiator kopiatorn hoftor gartentor garagentor pforte schranke briefkasten tiefgarage eingang hauseingang "
     "bikeshed bicycle bike cykel cykeln cykelrum cykelrummet soprum soprummet miljorummet hanglas hanglaset kodlas kodlaset "
     "verja taquilla cerradura buzon cochera trastero bici maleta building byggnaden byggnad huset block flats surgery clinic "
     "rucksack ryggsack ryggsacken tumba resvaskan resvaska skjermlas portemonnaie immeuble poort kluis toilets toilet"),
    (ACT, "unlock unlocks unlocked unlocking disarm disarms disarmed opens opened type types enter entering "
     "press punch tap dial key_in sla slar slas slog tryck trycker knappa knappar mata ange anger oppna oppnar "
     "oppnas offnet offnen entsperren tippe tippen tippt drucke drucken stanger stanga eingeben ausschalten abre abren abrir marca teclea "
     "pulsa quita apaga apne apner apnes abner abnes tast taster slukkes slukke trykk tryk indtast log_in "
     "tipp hit slide druckst druckt gedruckt drehst dreh eintippen tippar trycka trycks slog pulsas teclas marque gira vrid vrider snurrar snurra turn turns spin spell wants lets kommer loggar slipper dials dialling goes wants krever kraver knappar summt surrt teclear marcas marcar entras desbloquea pulsar tippst "
     "confirm verify bekrafta verifiera lases lasa last takes bestatigen entriegeln introduce asks accepts fragar fragt pide piden"),
    (KEY, "key keys token tokens secret secrets api bearer credential credentials cred creds cookie session "
     "sessionid nyckel nyckeln nycklar nycklarna hemlighet hemligheten schlussel nokkel nokkelen nogle noglen llave pat jwt sas "
     "authorization auth oauth webhook apikey"),
    (USER, "user username usr uid userid admin root guest anv anvandare anvandarnamn anvandarnamnet "
     "benutzer benutzername nutzer usuario bruger brugernavn bruker brukernavn identifiant utilisateur "
     "gebruiker known gamertag handle nick nickname user-name alias"),
    (LOGIN, "login logins logon log-in signin inlogg inloggning inloggningen inloggningsuppgifter "
     "anmeldung zugang zugangsdaten logga loggar innlogging acceso entrar"),
    (WIFI, "wifi wifit wifin wi-fi wlan wlanet wpa wpa2 wpa3 hotspot router routern routerns routers network "
     "wireless natet nat natverk natverket gastnat gastnatet tradlost tradlosa bredband bredbandet internet "
     "internett nett nettet nettverk netz netzwerk red guest-wifi wpa2-key modem"),
    (ID, "tfn ppsn utr nric hetu svnr cpf perso ssn nino itin nss nhs dni nie nif cpr bsn pesel cnp ahv personnr pnr persnr passport "
     "pasaporte reisepass pass-no identity id-number id-nummer ids personnummer personnumret fodselsnummer "
     "fodselsnr fnr social medicare taxpayer passnummer passnumret korkort korkortsnummer korkortet "
     "korkortsnumret licence fuhrerschein personalausweis ausweis cedula curp codice ahv-nummer"),
    (CARD, "card visa mastercard amex maestro cvc cvv csc cvc2 cvv2 cvc-kod kort kortet kortnummer kortnumret "
     "bankkort bankkortet kreditkort karte kreditkarte girokarte ec-karte tarjeta debit credit "
     "kreditkartennummer prufziffer prufnummer baksidan ruckseite reverso"),
    (ACCOUNT, "iban konto kontot kontonummer kontonumret kontonr kontoen kontonummeret cuenta acct account "
     "routing clearing clearingnummer clearingnr blz ccc sort-code bic"),
    (RECOVERY, "seed mnemonic backup backups recovery rescue emergency scratch restore respaldo recuperacion "
     "reserv reservkod reservkoder"),
    (ANSWER, "maiden flicknamnet flicknamn geburtsname madchenname soltera pikenavn pigenavn"),
    (SECURITY, "telefonbank telefonbanken security secret verification verify authenticator one-time onetime 2-step safety bankid swish texted sms "
     "sakerhet seguridad sicherheit login-code otp"),
    (SERVICE, "netflix spotify facebook fb gmail hotmail outlook instagram insta amazon disney steam reddit "
     "paypal ebay icloud apple google github gitlab discord linkedin twitter hbo viaplay skype zoom "
     "minecraft roblox fortnite playstation psn xbox tinder snapchat tiktok whatsapp dropbox email "
     "e-mail mail mejl mejlen mejlkontot mailen epost e-post epostkontot correo server servern laptop laptopen computer "
     "dator datorn jobbdatorn pc mac rechner portatil ordenador portal portalen forum forumet bank banken "
     "account accounts kontot nas jira slack teams vpn ftp ssh database db cloud blog wordpress admin zip pdf excel "
     "everything website site sajten sidan staging prod citrix windows jobbmejlen telefonbanken nordea "
     "yahoo ocado vinted tradera blocket klarna fortnox moodle duolingo gateway hmrc council surgery library "
     "school skola skolan skolans club parish app appen apps usb pi chromebook kindle alexa hue nest strava garmin fitbit pinterest "
     "etsy depop wise revolut monzo starling swedbank seb handelsbanken barclays natwest hsbc nationwide sparkasse elster "
     "venmo vinted wallapop milanuncios canvas unikum kivra trello notion figma canva salesforce sap intranet intranat "
     "intranatet swish bitwarden keepass vault telly payroll portal grindr hinge bumble uber tesco asda trainline ryanair "
     "airbnb dvla muttis verein turnverein cole colegio instituto banco ayuntamiento seguro rota site journal journalsystemet "
     "linkedin vardguiden 1177 friskis wikipedia etoro coinbase binance kraken metamask trezor klarna avanza nordnet skandia icabanken lidl rewe edeka dkb postbank commerzbank volksbank comdirect bbva santander caixa caixabank bankinter ing abn rabobank chase citi fidelity vanguard aldi boots argos screwfix nectar octopus thames vodafone telia tele2 telenor comviq movistar orange telekom evernote onenote lastpass 1password dashlane proton protonmail gmx fastmail zoho mailchimp shopify squarespace wix hubspot jenkins grafana kibana portainer proxmox synology truenas homeassistant router octoprint printer skrivaren skrivare drucker impresora headspace peloton zwift myfitnesspal flo tonie toniebox nintendo switch fortnite steam epic battlenet riot "
     "tv hulu plex onedrive skatteverket forsakringskassan skolportalen vklass lansforsakringar"),
    (PICK, "told tell sag sager sagt svarat hette went chose choose chosen picked pick made set changed change reset put say says said answer answered answers "
     "valde valt valj satte satt stallt installd bytte bytt byttes andrade andrat skrev skriv svara svarade svarar tog blev "
     "genommen nimm nehme gewahlt geandert stelle stellte gestellt steht sage sagte antworte puse puesto pon cambie cambiado elegi "
     "uso usa respondo respondi digo gave switched swapped renewed"),
    (KEEP, "remember save store keep forget glom spara kom_ihag merken merk notiere speicher recuerda guarda "
     "apunta husk gem lagre write note share tell remind minns skriv anota gemerkt"),
    (TALK, "passwords passworter kennworter contrasenas losenorden passordene forgot forgotten glomt glemt vergessen olvidado must need needs should maste behover muss soll "
     "debe skal skall expires expire expired gar lauft caduca strong weak starkt svagt bad good common "
     "vanligaste haufigste length leaked lackte minst mindestens minimo minimum least characters tecken "
     "zeichen caracteres tegn hash hashed manager managers how hur wie como hvordan why varfor warum "
     "hvorfor which vilket vilken difference policy field page button falt sidan knappen reset wrong fel "
     "falsch feil often ofta oft example placeholder exempel beispiel ejemplo hint"),
)  # fmt: skip
# Numbers of other kinds.
_OTHER = (
    "order ordernr ordernummer booking bokning bokningen bokningsnummer reservation reservationsnummer "
    "tracking parcel paket kolli kolli-id invoice faktura fakturanr fakturanummer rechnung factura ticket case "
    "issue pr commit sha sha256 sha1 md5 git hash checksum uuid guid version versionen model modell "
    "modellen modelo serial serienummer seriennummer part parts artikel artikelnummer sku isbn doi imei "
    "vin mac ip port flight flyg vuelo vol flug train tag zug tren bus buss bussen autobus room rum rummet zimmer "
    "habitacion seat plats platz coach vagn platform spar gleis page sida sidan seite pagina chapter "
    "kapitel verse psalm season episode avsnitt route exit avfart ausfahrt junction floor vaning "
    "street road apt flat lagenhet buzzer box po zip postcode postal postnummer postkod postleitzahl area dialing country "
    "fehler landskod riktnummer phone-number tel telefonnummer telefonnumret handynummer mobilnummer mobilnumret "
    "telefono telephone call ring ringa ringer llamame rufen customer kund kundnr kundnummer kundennummer "
    "cliente member membership medlem medlemsnummer employee personalnummer student studentnummer "
    "patient policy discount promo voucher coupon referral gutschein rabattkod rabattkoden rabattcode "
    "rabatkode kampanjkod descuento promotion dress kladkod colour color farg fargkod farbe pantone ral ncs hex error felkod fehlercode error_code fejlkode feilkode "
    "fault exitcode errorcode status http course kurs kurskod airport flygplats barcode bar streckkod qr qr-code qr-kod morse source building icd "
    "stock product produkt swift ocr bankgiro plusgiro giro org.nr organisationsnummer orgnr diarienr arende regnr "
    "registration plate registreringsnummer library lunch menu gift presentkort sd graphics birthday loyalty "
    "file filen fil datei archivo filename image bild column kolumn variable field table tabell branch "
    "docker image-tag build release firmware driver router-model printer chip cpu gpu lens battery bulb tyre tire "
    "dack screw bolt size storlek grosse talla height weight temperature temp dose dos mg ml kg km "
    "price pris preis precio cost costs kostar kostet cuesta paid balance saldo total sum amount belopp "
    "score points poang year ar jahr ano born fodd geboren nacido birthday date datum fecha time tid "
    "clock kl klockan uhr hora o'clock opens_at gpio arduino connector resistor pinout bowling rolling map "
    "therapy meal course_code line lines rader zeilen lineas row rad token_limit context limit tokenizer song "
    "signature music takt tone tonart minor major lime allen primary foreign keyboard dict yaml hashtag "
    "channel kanal ch radio lottery lotto dollar dollars euro euros kronor kr sek usd eur gbp pounds percent procent "
    "population distance founded battle movie film book bok buch libro album track band"
).split()
OTHER_STARTS = ("http", "www.", "rabatt", "kampanj", "discount", "version", "fakt", "bokning", "artikel",
                "post", "fel", "farg", "kund", "order", "telefonn", "handynum", "mobilnum")  # fmt: skip
# Parts of a word.
_PARTS = (
    (PASS, "passw pasw passph passord passo pwd losenord loseord losenfras losenf kennwort losungsw contrase "
     "kontrase contrasen kodeord kodord adgangskod passcod psswd passwd passwr motdepasse wachtw p@ss zugangscode wifilosen losord"),
    (RECOVERY, "recover backup aterstall wiederherst gjenoppr gendann reservkod ersatzcode seedfras "
     "seedphrase minnesfras"),
    (WIFI, "wifi wi-fi wlan natverk nettverk netzwerk hotspot router"),
    (OPEN, "skjermlas skarmlas hanglas kassask larm- alarm keypad lockbox padlock schlusselk schlusselb zahlenschl nyckelbox "
     "nyckelsk hengelas hangelas cykellas bikelock tursloss soprum hoveddor inngang"),
    (KEY, "token apikey api-key api_key secret nyckel schlussel nokkel hemlig access-key private_key"),
    (ID, "personnum svennr fodselsn cpr- cpr: samordning sozialvers steuer-id steuernum steueriden passnum korkortsn national-id"),
    (CARD, "kreditk kortnum cvc cvv kartennum"),
    (USER, "anvandar benutzer brugern brukern"),
    (LOGIN, "inlogg innlogg"),
    (ANSWER, "sakerhetsfrag sicherheitsfrag sikkerhetssp"),
)  # fmt: skip
# Endings of compounds.
_ENDINGS = (
    (PASS, "losen losenet password pass passwort passord clave"),
    (CODE, "kod koden koder koderna kode koden kodene code codes codet pin pin-kod pin-code -pin"),
    (KEY, "key _key -key nyckeln token"),
    (OPEN, "lasen lasene port porten dorr dorren laset las tur lock skap skapet larm larmet schloss gate door safe"),
    (WIFI, "natet"),
    (CARD, "kortet bankkort"),
)  # fmt: skip
NO_CODES = (  # beginnings of compounds with a code that opens nothing
    "post", "fel", "fehler", "feil", "fejl", "rabatt", "rabat", "farg", "farb", "land", "streck", "qr",
    "klad", "kurs", "kampanj", "zip", "bar", "dress", "kall", "quell", "error", "barco", "promo",
    "discount", "gutschein", "genkod", "morse", "lander", "strich", "kleider", "tapet", "produkt", "mal", "paint",
)  # fmt: skip

NO_PASSWORDS = (
    "fri",
    "fritt",
    "fria",
    "less",
    "frei",
    "hanterare",
    "hanteraren",
    "manager",
    "policy",
)

# Two words that are one name.
_PAIRS = (
    (ACT, "gets in, get in, got in, let in, lets in, in with, you in, me in, him in, her in, them in, us in, in using, go in, goes in, "
     "put in, puts in, putting in, key in, keyed in, keys in, punch in, tap in, taps in, type in, kommer in, komma in, tar sig, "
     "slapper in, gar upp, ga upp, in pa, tippe ein, gib ein, gibt man, tippt man, geht auf, kommt man, se entra, entra con, se abre, se quita, "
     "abre con, quita con, drive it, start it, switch off, turn off, shut off, stang av, schaltet man"),
    (PICK, "went for, went with, made it, go with, goes by, fick bli, far bli, it to"),
    (LOGIN, "use the, sign in, router page, asks put, skriv in,  connect to, log in, sign in, logs in, logged in, signs in, logga in, loggar in, melde an, into the, get into"),
    (PASS, "whole word, full word, one word, same word, long phrase, secret phrase,  svarsordet vid, the word, secret word, pass word, pass phrase, code word, key word, family word, password word, "
     "palabra secreta, palabra clave, hemligt ord, magic word, losen ord"),
    (ANSWER, "telephone banking, phone banking, phone bank, banca telefonica, proof it's, prove it's, memorable place, memorable date, memorable name, security answer, security question, secret question, secret answer, maiden name, first pet, "
     "first car, first school, favourite teacher, respuesta secreta, respuesta de, hemlig fraga, "
     "forsta husdjuret, answer for, grew up, first teacher, first boss, first job, family password, family word, safe word, hemliga ordet, hemligt svar, forsta bilen, forsta bil, forsta djuret, "
     "forsta skolan, ersten haustier, erstes haustier, erste haustier, erstes auto, primera mascota, primer coche, primer colegio, the reset, mothers maiden"),
    (ID, "my sin, his sin, her sin, sin number, sin is, pps number, pps no, ird number, health card, green card, tax number, national ins, medical card, voter id, social security, national insurance, insurance number, tax file, file number, social insurance, "
     "identity number, identification number, id number, national id, license number, licence number, "
     "driving licence, passport number, sista fyra, fyra sista, last four, de dni, person nr, medicare number"),
    (CARD, "card number, security number, long number, debit card, credit card, "
     "three digits, tre siffrorna, sakerhetskoden pa"),
    (ACCOUNT, "sort code, account number, routing number, bank details, de cuenta"),
    (RECOVERY, "seed words, wallet words, recovery words, words for, single-use codes"),
    (DIAL, "bike lock, bicycle lock, combination lock"),
    (CARD, "the back"),
    (OPEN, "screen time, gun cabinet, cash machine, bank card, drive pin, front door, back door, side gate, car park, lock box, key box, key safe, caja fuerte"),
    (WIFI, "wi fi, guest network, the internet"),
    (OTHER, "our zip, my zip, the zip, zip is, phone number, error code, postal code, zip code, area code, country code, dress code, promo code, "
     "discount code, exit code, status code, booking code, course code, product code, source code, "
     "bar code, colour code, paint code, code review, code name, building code, fault code, codigo postal, "
     "airport code, stock code, referral code, voucher code, hs code, sic code, icd code, dialing code, "
     "rolling pin, gpio pin, key signature, primary key, foreign key, answer key, user id, customer id, "
     "codigo de descuento, red card, gift card, library card, customer number, order number, "
     "serial number, model number, case number, tracking number, invoice number, safe dose, safe speed, "
     "season pass, ski pass, boarding pass, mountain pass, pass rate, game pin, quiz pin, room pin, game code, join code, room code, swift code, code lines"),
)  # fmt: skip

OUTBUILDINGS = (  # the code of a shed is an everyday fact and stays one
    "garage", "shed", "boathouse", "boat", "forrad", "bathus", "sjobod", "redskapsbod", "uthus",
    "carport", "kallar", "attic", "schuppen", "scheune", "keller", "cobertizo", "skur", "naust", "koja",
)  # fmt: skip

CUES = {}
for _class, _words in _WORDS:
    for _word in _words.split():
        CUES.setdefault(_word, _class)
OTHERS = set(_OTHER)
PAIRS = {pair.strip(): named for named, pairs in _PAIRS for pair in pairs.split(",")}
PARTS = [(part, named) for named, parts in _PARTS for part in parts.split()]
ENDINGS = [(ending, named) for named, endings in _ENDINGS for ending in endings.split()]


PORTS = set("port porten ports puerto".split())
NETWORKED = (
    "router",
    "server",
    "localhost",
    "firewall",
    "brandvagg",
    "docker",
    "nginx",
    "tcp",
    "ssh",
)
WORD = set("word ord ordet wort palabra".split())  # a word said to whoever asks for it
ASKERS = (
    "bank", "telebank", "telefonb", "alarm", "larm", "vakt", "guard", "wachdienst", "sparkass", "insur", "forsakr",
    "versicher", "seguro", "caja", "carer", "trygghet", "broker", "halifax", "barclay", "nationwide", "swedbank",
    "handelsb", "nordea", "postbank", "pension", "family", "familj", "familie",
)  # fmt: skip
SETTINGS = set(  # parts of the names of settings, whose numbers are no secret
    "expires expiry timeout ttl max min limit size count port ports interval retries retry length "
    "width height version year delay rate level workers threads batch seconds minutes days".split()
)


def cues_of(words):
    """The topic of each folded word, or None; a name of two words has its topic at the second."""
    words = [word.strip(".,!'*") for word in words]
    cues = [cue_of(word) for word in words]
    if any([word in WORD for word in words]) and any([word.startswith(ASKERS) for word in words]):
        cues = [PASS if word in WORD else cue for word, cue in zip(words, cues)]
    networked = any([word.startswith(NETWORKED) for word in words])
    for i in range(1, len(words)):
        if words[i - 1] in PORTS and (networked or words[i].isdigit() or words[i] in ("=", ":")):
            cues[i - 1] = OTHER  # a network port
        second = words[i][:-2] if words[i][-2:] == "'s" else words[i]
        named = PAIRS.get(words[i - 1] + " " + second)
        if named is not None:
            cues[i - 1], cues[i] = (OTHER if named == OTHER else None), named
    return cues


def cue_of(word):
    """Return the topic of a folded word, or None."""
    found = CUES.get(word)
    if found is not None:
        return found
    if word in OTHERS or len(word) < 4:
        return OTHER if word in OTHERS else None
    if word[-2:] == "'s" or word[-1] == "s":
        found = CUES.get(word[:-2] if word[-2:] == "'s" else word[:-1])
        if found is not None:
            return found
    if word[0] in "0123456789" or len(word) > 24:
        return None
    if "_" in word and any([part in SETTINGS for part in word.split("_")]):
        return OTHER
    for part, named in PARTS:
        if part in word:
            return TALK if named == PASS and word.endswith(NO_PASSWORDS) else named
    for ending, named in ENDINGS:
        if word.endswith(ending) and len(word) > len(ending) + 1:
            if named == CODE and word.startswith(NO_CODES):
                return OTHER
            return named
    return OTHER if word.startswith(OTHER_STARTS) else None
