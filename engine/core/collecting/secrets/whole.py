"""Features of a text as a whole: its topics together, and the order of its kinds of words. They
recognise a secret told without a word for it: a pattern to draw, turns of a lock, what a bank asks,
a list of codes."""

from oneseek.engine.core.collecting.hint import codes_of
from oneseek.engine.core.collecting.secrets.letters import has_digit, is_digits

PIECE = 40  # words of a piece, whose features are counted together
EDGES = ".,!'*"
SHORT = 3  # letters at most of a word that is its own kind
MOST = 5  # counts above this are clipped
ASKED = 14  # words at most between a reported question and its answer
WHO = set("i you we they always just jag man du vi alltid ich immer du yo siempre , :".split()) | {
    ""
}
BEGINS = ("^", ".", "!", "?", ":", "\x01")
TOPICS = {}
for _topic, _words in (
    ("way", "left right up down across over under top bottom middle centre center corner corners clockwise anticlockwise "
     "anti-clockwise counterclockwise diagonal diagonally lower upper upwards downwards sideways row column vanster hoger upp "
     "ner ned uppe nere mitten hornet hornen overst nederst diagonalt medurs moturs motsols medsols bredvid rad links rechts "
     "oben unten mitte ecke quer reihe diagonal derecha izquierda arriba abajo centro esquina medio diagonal fila"),
    ("draw", "swipe swiping swiped draw draws drawn drawing trace traces tracing drag drags dragging join joined connect zigzag "
     "shape shaped pattern dots dot finger squiggle gesture dra drar dragit drag rita ritar ritade monster monstret prick "
     "prickar prickarna prickarnas punkt punkter punkterna streck fingret svep svepa sveper zieh ziehen zeichne zeichnen male "
     "muster punkte punkt wisch wischen finger strich dibuja dibujar dibujas patron desliza puntos punto dedo trazo"),
    ("shape", "letter square cross triangle house circle zed loop hook bokstav bokstaven fyrkant kors kryss triangel hus hjarta "
     "cirkel buchstabe kreuz haus dreieck kreis haken letra cuadrado cruz triangulo casa circulo ele"),
    ("turn", "turn turns turned spin spins spun twist twists rotate roll rolls wheel wheels click clicks notch stop stops varv "
     "vrid vrider snurra snurrar snurrade stall staller hjul hjulen stall dreh drehe drehen drehst mal viermal dreimal "
     "zweimal einmal umdrehungen radchen gira girar giras vueltas vuelta rueda ruedas tope"),
    ("press", "press presses push pushes hold holds tap taps punch key keys button buttons bell star hash gate tryck trycker "
     "hall haller knapp knappen knapparna klocka klockan stjarna stjarnan fyrkant fyrkanten knappa druck drucke drucken "
     "drucks halte taste tasten knopf klingel raute stern pulsa pulsar pulsas boton campana almohadilla asterisco manten"),
    ("ask", "ask asks asked asking wants want wanted rings phones calls rang question questions verify verification prove "
     "fragar fraga fragan fragorna fragade ringer undrar kontroll vill frage fragen fragt fragte ruft anruft will wollen "
     "pregunta preguntan preguntaron llama llaman llamen quieren pide piden"),
    ("reply", "answer answers answered reply replies say says said saying tell tells told give gives gave respond respondes "
     "whisper shout svarar svara svar svarade sager sag saga sagt skriver uppger uppgav viskar antworte antwortet antwort sage "
     "sagst sagen sag digo dices decir di respondo responde respuesta conteste contesto dije diles"),
    ("past", "maiden pet teacher born birthplace birth childhood nickname school grew street mother's grandmother "
     "grandmother's mum's first favourite favorite memorable middle hometown cousin's husdjur flicknamn flicknamnet larare "
     "lararen fodelseort fodd barndom barndomsgata smeknamn favorit forsta madchenname madchennamen haustier haustiers lehrer "
     "lehrerin geburtsort grundschule erste erstes erster ersten lieblings kosename soltera mascota maestro maestra profesor "
     "primera primer nacimiento infancia apodo favorita"),
    ("spelling", "lowercase lower-case uppercase spaces space spaced gaps gap capitals capital caps underscore underscores "
     "hyphens hyphen dashes apostrophe spelt spelled letters ihop ihopskrivet hopskrivet mellanslag mellanrum gemener "
     "versaler stavas bindestreck zusammen leerzeichen kleingeschrieben grossgeschrieben zusammengeschrieben buchstaben "
     "bindestriche junto junta minusculas espacios espacio mayusculas guiones letras"),
    ("small", "lower upper small all one alla allt ett alles ein klein gross sma stora todo toda todas"),
    ("net", "network wifi wi-fi wlan online internet router hotspot guests guest nat natet gastnat gastnatet natverk "
     "uppkopplad netz netzwerk red conectarse conecta"),
    ("list", "list each once cross tick off print printed spare spares lose lost locked recovery authenticator scratch left "
     "listan lista gang gange utskrivna skriv tappar forlorar utlast reservkoder liste ausdrucken ausgedruckt verliere verloren "
     "einmal lista imprimir imprime pierdo perdido"),
    ("form", "form forms fill expires expire exp expiry valid issued passport visa application fyll blankett blanketten "
     "formular formularet giltigt giltig utfardat ansokan ausweis gultig antrag formulario solicitud caduca rellena valido"),
    ("guard", "alarm alarms monitoring guard guards security centre siren beep beeps beeping wailing tjuter tjut larm larmet "
     "larmcentralen vaktbolag vaktbolaget vakten vakter piper wachdienst alarmanlage wachmann zentrale piept central alarmas "
     "alarma guardia pita vigilante sirena"),
    ("screen", "prompt screen box boot boots startup starts start wakes laptop computer pc machine till terminal ruta rutan "
     "skarm skarmen dator datorn burken maskinen startar vaknar rechner bildschirm feld kiste startet ordenador pantalla "
     "portatil maquina casilla arranca"),
    ("person", "mum mum's dad dad's nan nan's gran gran's grandma grandad granny grandpa her his hers him mamma mammas pappa "
     "pappas farmor farmors mormor mormors morfar morfars farfar farfars oma omas opa opas papa papas mama tante onkel abuela "
     "abuelo cleaner carer carers neighbour neighbours sitter barnvakt barnvakten stadaren stadare hemtjansten grannen "
     "putzfrau nachbarin vecina vecino tia tio asistenta"),
    ("get", "gets get getting got into in enters lets log logs logged sign signs access kommer komma in loggar tar slipper "
     "reinkommst rein reinkommen entra entras entrar acceder entro entran"),
    ("say-so", "remember forget keep note write jot save minns glom spara anteckna skriv lappen lapp merk notiere zettel "
     "schreib apunta guarda anota nota recuerda"),
    ("year", "year birthday wedding anniversary backwards twice reversed flipped digits ages aret artalet fodelsedag brollop "
     "brollopsdag baklanges siffror jahr geburtstag hochzeitstag ruckwarts hausnummer cumpleanos aniversario ano reves"),
    ("words", "word words phrase sentence line lyric song poem rhyme ord ordet orden fras frasen mening meningen rad wort "
     "worte worter satz spruch zeile palabra palabras frase verso"),
    ("ordinary", "recipe oven flour knit bus train flight platform order parcel tracking invoice version error recept ugn tag "
     "tåget paket faktura bestallning felkod zug bahn rechnung fehler receta horno tren pedido factura error"),
):  # fmt: skip
    for _word in _words.split():
        TOPICS.setdefault(_word, []).append(_topic)


def of_pieces(marked, plain, cues, stems, places):
    """The features of each piece of a text; `places` has (index, words, group) of its values."""
    pieces = []
    for start in range(0, max(len(plain), 1), PIECE):
        end = start + PIECE
        inside = [(i - start, size, group) for i, size, group in places if start <= i < end]
        piece = [words[start:end] for words in (marked, plain, cues, stems)]
        pieces.append(_of_piece(piece[0], piece[1], piece[2], piece[3], inside))
    return pieces


def _of_piece(marked, plain, cues, stems, places):
    kinds, spoken_of = _kinds(marked, plain, cues, places)
    signs = ["ways:%d" % min(kinds.count("way"), MOST), "spans:%d" % min(len(places), MOST)]
    signs += ["words:%d" % min(len(plain) // 4, 8), "run:%d" % min(_longest(kinds), MOST)]
    signs += _alike(plain) + _replies(kinds)
    signs += ["t:" + stem for stem in set(stems) if stem]
    for i, one in enumerate(spoken_of):
        signs.append("c:" + one)
        signs += ["c:" + one + "&" + other for other in spoken_of[i + 1 :]]
    for i in range(len(kinds) - 1):
        pair = kinds[i] + "_" + kinds[i + 1]
        signs.append("s:" + pair)
        if i + 2 < len(kinds):
            signs.append("s:" + pair + "_" + kinds[i + 2])
    return signs


def _kinds(marked, plain, cues, places):
    """Return (the kind of each word in order, the topics of the words, each once)."""
    kinds, spoken_of, values, i = ["^"], set(), {at: place for at, *place in places}, 0
    while i < len(plain):
        word = plain[i].strip(EDGES)
        topics = TOPICS.get(word, ())
        spoken_of.update(topics)
        if cues[i]:
            spoken_of.add(cues[i].upper())
        if i in values:
            size, group = values[i]
            kinds.append("<" + group + ">")
            for j in range(i + 1, min(i + size, len(plain))):
                spoken_of.update(TOPICS.get(plain[j].strip(EDGES), ()))
            i += size
            continue
        kind = cues[i].upper() if cues[i] else topics[0] if topics else _kind_of(word)
        if kind == "w" and kinds[-1] not in BEGINS and "A" <= marked[i][0] <= "Z":
            kind = "W"
        kinds.append(kind)
        i += 1
    return kinds + ["$"], sorted(spoken_of)


def _kind_of(word):
    """The kind of a word without a topic: grammar words and short ones are their own kind."""
    if has_digit(word):
        return "0"
    return word if len(word) <= SHORT or codes_of(word) else "w"


def _longest(kinds):
    """Return the length of the longest run of words that are not grammar words."""
    longest = row = 0
    for kind in kinds:
        row = row + 1 if kind == "w" else 0
        longest = max(longest, row)
    return longest


def _replies(kinds):
    """Return features of a reply to a question: the kinds of the words after "say", and whether a
    question was mentioned before."""
    signs = []
    for i, kind in enumerate(kinds):
        if kind == "reply":
            following = [one for one in kinds[i + 1 : i + 4] if one not in WHO][:2]
            asked = "asked" if "ask" in kinds[max(0, i - ASKED) : i] else "said"
            signs += [asked + ":" + "_".join(following), asked + ":" + (following + [""])[0]]
    return signs


def _alike(plain):
    """Return features of codes of one form: how many have the most frequent form."""
    forms = {}
    for word in plain:
        word = word.strip(EDGES)
        if len(word) > SHORT and has_digit(word):
            form = [len(part) for part in word.split("-")]
            form = ("d" if is_digits(word.replace("-", "")) else "m", str(form))
            forms[form] = forms.get(form, 0) + 1
    most = max(forms.values()) if forms else 0
    if most < 2:
        return []
    kinds = set([form[0] for form, count in forms.items() if count == most])
    return ["alike:%d&%s" % (min(most, MOST), kind) for kind in kinds]
