"""The training text of the demo model: short conversations in Swedish and English, written for it.

Facts and ways of asking are kept apart and combined, so that a handful of lines gives a few
thousand exchanges.
"""

import random

CAPITALS = [
    # country, Swedish name, capital, Swedish name
    ("Sweden", "Sverige", "Stockholm", "Stockholm"),
    ("Norway", "Norge", "Oslo", "Oslo"),
    ("Denmark", "Danmark", "Copenhagen", "Köpenhamn"),
    ("Finland", "Finland", "Helsinki", "Helsingfors"),
    ("Iceland", "Island", "Reykjavik", "Reykjavik"),
    ("France", "Frankrike", "Paris", "Paris"),
    ("Germany", "Tyskland", "Berlin", "Berlin"),
    ("Spain", "Spanien", "Madrid", "Madrid"),
    ("Italy", "Italien", "Rome", "Rom"),
    ("Japan", "Japan", "Tokyo", "Tokyo"),
    ("Greece", "Grekland", "Athens", "Aten"),
    ("Poland", "Polen", "Warsaw", "Warszawa"),
]
WORDS = [
    ("dog", "hund"), ("cat", "katt"), ("house", "hus"), ("tree", "träd"), ("water", "vatten"),
    ("bread", "bröd"), ("book", "bok"), ("sun", "sol"), ("moon", "måne"), ("star", "stjärna"),
    ("snow", "snö"), ("rain", "regn"), ("day", "dag"), ("night", "natt"), ("friend", "vän"),
    ("school", "skola"), ("car", "bil"), ("bird", "fågel"), ("fish", "fisk"), ("apple", "äpple"),
    ("milk", "mjölk"), ("coffee", "kaffe"), ("summer", "sommar"), ("winter", "vinter"),
    ("city", "stad"), ("sea", "hav"), ("forest", "skog"), ("music", "musik"), ("boat", "båt"),
]  # fmt: skip
COLOURS = [
    ("the sky", "himlen", "blue", "blå"), ("grass", "gräset", "green", "grönt"),
    ("snow", "snön", "white", "vit"), ("the sun", "solen", "yellow", "gul"),
    ("blood", "blodet", "red", "rött"), ("coal", "kolet", "black", "svart"),
    ("a banana", "bananen", "yellow", "gul"), ("an orange", "apelsinen", "orange", "orange"),
]  # fmt: skip
SOUNDS = [
    ("dog", "hunden", "It says woof.", "Den säger vov."),
    ("cat", "katten", "It says meow.", "Den säger mjau."),
    ("cow", "kon", "It says moo.", "Den säger mu."),
    ("duck", "ankan", "It says quack.", "Den säger kvack."),
    ("sheep", "fåret", "It says baa.", "Det säger bä."),
    ("pig", "grisen", "It says oink.", "Den säger nöff."),
]
OPPOSITES = [
    ("big", "small", "stor", "liten"), ("hot", "cold", "varm", "kall"),
    ("old", "young", "gammal", "ung"), ("happy", "sad", "glad", "ledsen"),
    ("fast", "slow", "snabb", "långsam"), ("long", "short", "lång", "kort"),
    ("day", "night", "dag", "natt"), ("up", "down", "upp", "ner"),
    ("open", "closed", "öppen", "stängd"), ("rich", "poor", "rik", "fattig"),
]  # fmt: skip
DAYS = [
    ("Monday", "måndag"), ("Tuesday", "tisdag"), ("Wednesday", "onsdag"), ("Thursday", "torsdag"),
    ("Friday", "fredag"), ("Saturday", "lördag"), ("Sunday", "söndag"),
]  # fmt: skip
NUMBERS = [
    ("one", "ett"), ("two", "två"), ("three", "tre"), ("four", "fyra"), ("five", "fem"),
    ("six", "sex"), ("seven", "sju"), ("eight", "åtta"), ("nine", "nio"), ("ten", "tio"),
]  # fmt: skip
TALK = """
Hello|Hi|Hi!|Hello there|Good morning => Hello! How can I help you?
Hej|Hej!|Hejsan|God morgon|Hallå => Hej! Vad kan jag hjälpa dig med?
How are you?|How are you today?|How do you feel? => I am well, thank you. How are you?
Hur mår du?|Hur är det?|Hur är läget? => Jag mår bra, tack. Hur mår du?
Who are you?|What are you?|What is your name?|Tell me about yourself. => I am OneSeek, a small model that learns in your browser.
Vem är du?|Vad är du?|Vad heter du?|Berätta om dig själv. => Jag heter OneSeek, en liten modell som lär sig i din webbläsare.
What can you do?|What do you know?|Can you help me? => I can answer simple questions, and you can teach me new things.
Vad kan du?|Vad kan du göra?|Kan du hjälpa mig? => Jag kan svara på enkla frågor, och du kan lära mig nya saker.
Do my words leave this device?|Who can read what I write?|Is this private? => Everything stays on your own device.
Lämnar det jag skriver min dator?|Vem kan läsa det jag skriver?|Är det här privat? => Allt stannar på din egen dator.
How do you learn?|Can I teach you something?|How do I teach you? => Tell me what I should say, and I will practise it while you rest.
Hur lär du dig?|Kan jag lära dig något?|Hur lär jag dig något? => Berätta vad jag ska säga, så övar jag på det medan du vilar.
Thank you|Thanks|Thanks a lot!|Thank you very much. => You are welcome!
Tack|Tack så mycket|Tack ska du ha! => Varsågod!
Goodbye|Bye|See you later|Good night => Goodbye, and welcome back!
Hej då|Adjö|Vi ses|God natt => Hej då, och välkommen tillbaka!
Are you a human?|Are you real? => No, I am a small language model.
Är du en människa?|Är du på riktigt? => Nej, jag är en liten språkmodell.
Do you speak Swedish?|Can you speak Swedish? => Yes, I speak Swedish and English.
Talar du svenska?|Kan du prata svenska?|Kan du engelska? => Ja, jag talar svenska och engelska.
Tell me a joke.|Say something funny. => Why did the fish swim away? It saw a boat full of cats.
Berätta en vits.|Säg något roligt. => Varför simmade fisken sin väg? Den såg en båt full av katter.
Tell me a story.|Tell me something nice. => A cat and a bird lived in a forest. When the snow came, they shared a house and became good friends.
Berätta en saga.|Berätta något fint. => En katt och en fågel bodde i en skog. När snön kom delade de hus och blev goda vänner.
What do you like?|What is your favourite thing? => I like questions, and I like to learn.
Vad tycker du om?|Vad gillar du bäst? => Jag tycker om frågor, och jag tycker om att lära mig.
What is the weather like?|Is it raining? => I cannot see the weather from here. Look out of the window!
Hur är vädret?|Regnar det? => Jag kan inte se vädret härifrån. Titta ut genom fönstret!
How old are you?|When were you born? => I am very new, and a little newer each time I learn.
Hur gammal är du?|När föddes du? => Jag är alldeles ny, och lite nyare varje gång jag lär mig.
"""
UNKNOWN = (
    "I do not know that yet. You can teach me.",
    "Det vet jag inte än. Du kan lära mig.",
)
# Things nobody told it; the honest answer is that it does not know.
OWNED = [
    ("dog", "min hund"), ("cat", "min katt"), ("boat", "min båt"), ("brother", "min bror"),
    ("sister", "min syster"), ("street", "min gata"), ("teacher", "min lärare"),
    ("horse", "min häst"), ("town", "min stad"), ("friend", "min vän"),
]  # fmt: skip


def exchanges():
    """All (question, answer) pairs."""
    made = list(_talk()) + list(_facts()) + list(_unknown())
    for english, swedish in WORDS:
        made += [
            (f"What is {english} in Swedish?", f"It is {swedish}."),
            (f"How do you say {english} in Swedish?", f"It is {swedish}."),
            (f"What does {swedish} mean?", f"It means {english}."),
            (f"Vad heter {swedish} på engelska?", f"Det heter {english}."),
            (f"Hur säger man {swedish} på engelska?", f"Det heter {english}."),
            (f"Vad betyder {english}?", f"Det betyder {swedish}."),
        ]
    return made


def _talk():
    for line in TALK.strip().split("\n"):
        questions, answer = line.split(" => ")
        for question in questions.split("|"):
            yield question, answer


def _facts():
    for land, country, city, town in CAPITALS:
        for ask in ("What is the capital of {}?", "Which city is the capital of {}?"):
            yield ask.format(land), f"The capital of {land} is {city}."
        for ask in ("Vad heter huvudstaden i {}?", "Vilken är huvudstaden i {}?"):
            yield ask.format(country), f"Huvudstaden i {country} heter {town}."
        yield f"Where is {city}?", f"{city} is in {land}."
        yield f"Var ligger {town}?", f"{town} ligger i {country}."
    for thing, sak, colour, farg in COLOURS:
        yield f"What colour is {thing}?", f"It is {colour}."
        yield f"Vilken färg har {sak}?", f"Den är {farg}." if farg[-1] != "t" else f"Det är {farg}."
    for animal, djur, says, sager in SOUNDS:
        yield f"What does a {animal} say?", says
        yield f"Vad säger {djur}?", sager
    for one, other, en, annan in OPPOSITES:
        for a, b, c, d in ((one, other, en, annan), (other, one, annan, en)):
            yield f"What is the opposite of {a}?", f"The opposite of {a} is {b}."
            yield f"Vad är motsatsen till {c}?", f"Motsatsen till {c} är {d}."
    for (day, dag), (later, senare) in zip(DAYS, DAYS[1:] + DAYS[:1], strict=True):
        yield f"Which day comes after {day}?", f"{later} comes after {day}."
        yield f"Vilken dag kommer efter {dag}?", f"Efter {dag} kommer {senare}."
    for a, (first, forst) in enumerate(NUMBERS[:5]):
        for b, (second, andra) in enumerate(NUMBERS[:5]):
            total, summa = NUMBERS[a + b + 1]
            yield (
                f"What is {first} plus {second}?",
                f"{first} plus {second} is {total}.".capitalize(),
            )
            yield f"Vad är {forst} plus {andra}?", f"{forst} plus {andra} är {summa}.".capitalize()
            yield f"What is {a + 1}+{b + 1}?", f"{a + 1}+{b + 1} is {a + b + 2}."


def _unknown():
    english, swedish = UNKNOWN
    for thing, sak in OWNED:
        yield f"What is my {thing} called?", english
        yield f"What is the name of my {thing}?", english
        yield f"Vad heter {sak}?", swedish
    for question in ("Who won the match?", "What is on page nine?", "What did I eat yesterday?"):
        yield question, english
    for question in ("Vem vann matchen?", "Vad står på sidan nio?", "Vad åt jag igår?"):
        yield question, swedish


def conversation(draw: random.Random):
    """Return a few exchanges in a row, as messages; questions are sometimes written carelessly."""
    messages = []
    for question, answer in draw.sample(exchanges(), draw.choice([1, 1, 2, 3])):
        question = draw.choice([question] * 4 + [question.lower(), question.rstrip("?.!")])
        messages += [
            {"role": "user", "content": question},
            {"role": "assistant", "content": answer},
        ]
    return messages
