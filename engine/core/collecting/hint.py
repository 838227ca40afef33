"""Guesses the language of a few words by their function words, each listed for the languages that
have it.

Names say little: whoever writes *My boat is called Saltkråkan* writes English. The page asks here
before the engine's langdetect has its say, and the engine asks for what is too short for
langdetect.
"""

from oneseek.engine.core.collecting.content import normalise

WORDS = {
    "sv": "och att det som en ett är jag du inte på med för av till den de vi ni han hon man om har "
    "hade hur vad var vem vems när varför vilken vilket vilka kan kunde ska skulle vill ville måste "
    "får fick min mitt mina din ditt dina sin sitt hans hennes deras vår vårt våra mig dig oss honom "
    "henne dem sig så men ja nej hej hejsan tack också här där nu idag igår imorgon kväll varje någon "
    "något några ingen inga inget alla allt detta denna dessa från efter innan under över vid hos i "
    "eller än bara mycket många lite mer mest heter hette kallas namn gillar tycker bor bodde jobbar "
    "arbetar kommer kom går gick gör gjorde ser såg säger sa vet läser spela spelar spelade berätta "
    "ring hjälp god morgon natt snälla gärna bra ny nytt nya gammal stor stort liten känner betyder "
    "finns blir blev varit bästa år älskar äter köpte ligger kostar skrev skriv",
    "en": "the and to of a an in that is i you it not on with for as at by from about into have has "
    "had how what where who whose when why which can could will would should must may my your his her "
    "its our their me him us them he she we they this these those there here but so yes no hi hello "
    "hey thanks thank are was were am be been do does did please or if than then just very much many "
    "some any every all never again called named name like likes love loves live lives lived work "
    "works worked go goes went come came read know knows tell say said good morning night new old big "
    "i'm i've i'll it's don't can't isn't doesn't didn't that's what's who's let's won't wasn't",
    "da": "og at det som en et er jeg du ikke på med for af til den de vi har hvad hvor hvem hvorfor "
    "hvordan hedder min mit mine din dit kan vil skal mig dig også meget hej tak nogle noget fra efter "
    "eller bor lige i",
    "no": "og at det som en et er jeg du ikke på med for av til den de vi har hva hvor hvem hvorfor "
    "hvordan heter min mitt mine din ditt kan vil skal meg deg også mye hei takk noen noe fra etter "
    "eller bor i",
    "de": "der die das und ist ich du nicht ein eine einen mein meine dein wie was wo wer warum wann "
    "mit auf für von zu im den dem sie er es wir ihr sind bin bist hat habe haben kann heißt heisst "
    "auch bitte danke hallo guten morgen tag mir mich dich aber oder nach aus bei sehr in",
    "nl": "de het een en is ik je jij niet mijn jouw hoe wat waar wie waarom wanneer met op voor van "
    "naar zijn ben heeft heb hebben kan heet ook maar dank hallo goedemorgen wij zij dit dat in mij",
    "fr": "j l qu le la les un une et est je tu il elle nous vous ne pas mon ma mes ton ta qui que quoi où "
    "comment quand pourquoi avec pour dans sur de des du au aux sont suis ai as avez s'appelle merci "
    "bonjour salut c'est j'ai habite",
    "es": "el la los las un una y es yo tú no mi mis tu su qué quién cómo cuándo dónde por para con "
    "de del en se llama está estoy soy tengo tiene gracias hola buenos días me te muy pero vive vivo",
    "it": "il lo la gli un una e è io tu non mio mia tuo tua che chi come quando dove perché con per "
    "di del della in si chiama sono sei ho ha grazie ciao buongiorno abita mi ti",
    "pt": "o os as um uma e é eu não meu minha seu sua que quem como quando onde por para com de do "
    "da em se chama está estou sou tenho tem obrigado olá bom dia mora",
    "fi": "ja on ei se minä sinä hän me te he minun sinun mikä mitä missä kuka miksi milloin kanssa "
    "että mutta kiitos hei moi olen olet ovat oli nimi asun asuu",
    "pl": "i w na z do jest nie to ja ty on ona my mój moja moje twój jak co gdzie kto dlaczego kiedy "
    "się mam ma dziękuję cześć dzień dobry nazywa mieszkam",
}  # fmt: skip
SETTING, CHAT = 0.3, 0.6  # weights of the person's setting and the chat so far, in function words
LEAST = 0.3  # margin that one of the two needs over the other
IN_A_NAME, AFTER_A_NAME = 0.15, 0.7  # a title may go on in small letters
OTHERS_LEAD = 1.0  # margin that another language needs over Swedish and English
BRIDGES = set("of the and in on with for to a och i på av den det en de la von van".split())
CAPITALS = "ABCDEFGHIJKLMNOPQRSTUVWXYZÅÄÖÉÜÆØ"
MARKS = "\u2000", "\u2e80"  # signs between the alphabets and what is written with characters
LAST = "\ud7ff"  # emoji come after
QUOTES = '"“”«»'

_CODES = {}
"""word -> the languages that have it; filled by the first question, because the page starts
without."""


def codes_of(word):
    if not _CODES:
        for code, words in WORDS.items():
            for one in words.split():
                _CODES[one] = _CODES.get(one, ()) + (code,)
    return _CODES.get(word, ())


def is_letter(letter):
    """MicroPython's own isalpha knows ASCII only."""
    return letter.isalpha() or "\xbf" < letter < MARKS[0] or MARKS[1] <= letter <= LAST


def words_of(text):
    """[(word as written, whether it begins a sentence, whether it is quoted)]"""
    found, word, begins, quoted = [], "", True, False
    for letter in text.replace("\u2019", "'") + " ":
        if is_letter(letter) or (letter == "'" and word):
            word += letter
            continue
        if word:
            found.append((word, begins, quoted))
            begins, word = False, ""
        if letter in QUOTES:
            quoted = not quoted
        elif letter in ".!?\n":
            begins = True
    return found


def names_in(words):
    """Return for each word whether it belongs to a name: a capital inside a sentence, or a bridge
    between two: the Lord *of the* Rings."""
    capital = [word[0] in CAPITALS and word != "I" and word[:2] != "I'" for word, *_ in words]
    named = [big and not words[i][1] for i, big in enumerate(capital)]
    if all(letter in CAPITALS for word, *_ in words for letter in word):  # a person who shouts
        return [False] * len(words)
    last = None
    for i, (word, *_) in enumerate(words):
        if named[i] and last is not None:
            named[last:i] = [True] * (i - last)
        if named[i]:
            last = i
        elif word not in BRIDGES:
            last = None
    return named


def votes(text):
    """Return {language: the weight of the words that speak for it}; a word that Swedish and English
    both have speaks for neither."""
    words, after = words_of(text), 1
    found = {}
    named = names_in(words)
    for i, (word, _, quoted) in enumerate(words):
        in_name = named[i]
        weight = IN_A_NAME if quoted or in_name else after
        if in_name:
            after = AFTER_A_NAME
        plain = normalise(word)
        codes = codes_of(plain) or codes_of(plain.split("'")[0])
        if word == "I" and named[i + 1 : i + 2] != [True]:  # I Malmö is Swedish
            codes = ("en",)
        for code in codes:
            found[code] = found.get(code, 0) + weight
        if not codes and not in_name and any(letter in "åäö" for letter in plain):
            share = 4 if word[0] in CAPITALS else 2  # a capital may begin a sentence or a name
            found["sv"] = found.get("sv", 0) + weight / share
    return found


def verdict(found, before="", setting=""):
    """The language that these votes are for, with the chat so far and the setting, or nothing."""
    own = {code: found.get(code, 0) for code in ("sv", "en")}
    others = {code: found[code] for code in found if code not in own}
    if others:
        best = max(others, key=lambda code: others[code])
        if others[best] >= max(own.values()) + OTHERS_LEAD:
            return best
    if before in own:
        own[before] += CHAT
    elif setting in own:
        own[setting] += SETTING
    if abs(own["sv"] - own["en"]) < LEAST:
        return next((code for code in (before, setting) if code in own), "")
    return max(own, key=lambda code: own[code])


def guess(text, before="", setting=""):
    """sv, en, another language's code, or an empty string."""
    return verdict(votes(text), before, setting) if words_of(text) else ""
