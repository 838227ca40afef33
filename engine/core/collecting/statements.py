"""Recognises facts that people state about themselves, and corrections: sentences -> question and
answer.

A small set of patterns in two languages; the worker's lesson library knows more kinds and is asked
first when it is there.
"""

STATEMENT = "statement"  # the kind of a record that is somebody's own sentence, kept as it was said

# (language, beginning, middle, question, answer): {x} is what stands between beginning and middle,
# {y} what follows; an empty middle means there is no {x}.
FACTS = (
    ("en", "my name is ", "", "What is my name?", "Your name is {y}."),
    ("en", "i live in ", "", "Where do I live?", "You live in {y}."),
    ("en", "i was born in ", "", "Where was I born?", "You were born in {y}."),
    ("en", "i work as ", "", "What do I work as?", "You work as {y}."),
    ("en", "i work at ", "", "Where do I work?", "You work at {y}."),
    ("en", "i am allergic to ", "", "What am I allergic to?", "You are allergic to {y}."),
    ("en", "i'm allergic to ", "", "What am I allergic to?", "You are allergic to {y}."),
    ("en", "my ", " is called ", "What is my {x} called?", "Your {x} is called {y}."),
    ("en", "my ", " is named ", "What is my {x} named?", "Your {x} is named {y}."),
    ("en", "my ", "'s name is ", "What is my {x}'s name?", "Your {x}'s name is {y}."),
    ("en", "my ", " lives in ", "Where does my {x} live?", "Your {x} lives in {y}."),
    ("en", "my ", " is ", "What is my {x}?", "Your {x} is {y}."),
    ("sv", "jag heter ", "", "Vad heter jag?", "Du heter {y}."),
    ("sv", "mitt namn är ", "", "Vad heter jag?", "Du heter {y}."),
    ("sv", "jag bor i ", "", "Var bor jag?", "Du bor i {y}."),
    ("sv", "jag är född i ", "", "Var är jag född?", "Du är född i {y}."),
    ("sv", "jag jobbar som ", "", "Vad jobbar jag som?", "Du jobbar som {y}."),
    ("sv", "jag arbetar som ", "", "Vad arbetar jag som?", "Du arbetar som {y}."),
    ("sv", "jag jobbar på ", "", "Var jobbar jag?", "Du jobbar på {y}."),
    ("sv", "jag är allergisk mot ", "", "Vad är jag allergisk mot?", "Du är allergisk mot {y}."),
    ("sv", "min ", " heter ", "Vad heter min {x}?", "Din {x} heter {y}."),
    ("sv", "mitt ", " heter ", "Vad heter mitt {x}?", "Ditt {x} heter {y}."),
    ("sv", "mina ", " heter ", "Vad heter mina {x}?", "Dina {x} heter {y}."),
    ("sv", "min ", " bor i ", "Var bor min {x}?", "Din {x} bor i {y}."),
    ("sv", "min ", " är ", "Vad är min {x}?", "Din {x} är {y}."),
    ("sv", "mitt ", " är ", "Vad är mitt {x}?", "Ditt {x} är {y}."),
)

IS = (" is ", " är ")

CORRECTIONS = (
    "it should say ",
    "it should be ",
    "the answer should be ",
    "the right answer is ",
    "the correct answer is ",
    "correct answer: ",
    "that's wrong, it's ",
    "that's wrong, it is ",
    "that is wrong, it is ",
    "no, it's ",
    "no, it is ",
    "no, the answer is ",
    "actually, it's ",
    "actually it's ",
    "det ska stå ",
    "det ska vara ",
    "det skulle stå ",
    "rätt svar är ",
    "rätt svar: ",
    "det rätta svaret är ",
    "svaret ska vara ",
    "fel, det är ",
    "fel, det heter ",
    "nej, det är ",
    "nej, det heter ",
    "nej, svaret är ",
)

LONGEST_STATEMENT = 200
MORE = (",", ";", " but ", " because ", " and i ", " and my ", " men ", " eftersom ", " och jag ",
        " och min ", " och mitt ")  # fmt: skip


def correction_in(text):
    """Return the right answer in a message that corrects, or an empty string."""
    plain = text.strip()
    low = lower(plain)
    for opening in CORRECTIONS:
        if low.startswith(opening):
            return _unquote(plain[len(opening) :])
    return ""


def statements_in(text):
    """Return [(language, question, answer)] of the sentences in which somebody states a fact."""
    return [lesson for _, lesson in find_facts(text)]


def find_facts(text):
    """Return [(sentence, the fact in it)]."""
    found = []
    for sentence in _sentences(text):
        lesson = is_plain(sentence) and lesson_in(sentence)
        if lesson:
            found.append((sentence, lesson))
    return found


def is_plain(sentence):
    """Whether it says one thing only: more words after the fact would become a part of it."""
    low = lower(sentence)
    return len(sentence) <= LONGEST_STATEMENT and not any([more in low for more in MORE])


def lesson_in(sentence, facts=FACTS):
    """(language, question, answer) of a sentence that states one of these facts, or None."""
    low = lower(sentence)
    for language, beginning, middle, question, answer in facts:
        if not low.startswith(beginning):
            continue
        rest, x = sentence[len(beginning) :], ""
        if middle:
            at = lower(rest).find(middle)
            if at <= 0 or rest[:at].count(" ") > 3:
                continue
            x, rest = rest[:at], rest[at + len(middle) :]
            if middle in IS and ends_in_a_name(x):
                continue
        y = rest.strip()
        if y:
            return language, _fill(question, x, y), _fill(answer, x, y)
    return None


def ends_in_a_name(x):
    """Whether a name follows what it names: nobody asks what "my wife Ingrid" is."""
    words = x.split()
    last = words[-1] if len(words) > 1 else ""
    return last[:1] != lower(last[:1]) and last[1:] == lower(last[1:])


def _fill(pattern, x, y):
    return pattern.replace("{x}", x).replace("{y}", y)


def sentence_of(text):
    """The first sentence, without what ends it."""
    return next(_sentences(text.replace("?", ".")), "")


def _sentences(text):
    """Split after . ! ? and at line ends; questions are left out."""
    for line in text.split("\n"):
        sentence = ""
        for i, letter in enumerate(line):
            ends = letter in ".!?" and line[i + 1 : i + 2] in ("", " ", '"')
            if not ends:
                sentence += letter
                continue
            if letter != "?" and sentence.strip():
                yield sentence.strip()
            sentence = ""
        if sentence.strip():
            yield sentence.strip()


def _unquote(text):
    text = text.strip()
    for left, right in (('"', '"'), ("'", "'"), ("“", "”"), ("”", "”"), ("«", "»")):
        if text.startswith(left) and text.rstrip(".").endswith(right) and len(text) > 2:
            return text.rstrip(".")[1:-1].strip()
    return text


def lower(text):
    """Return the text in lower case, letter for letter, so that positions stay; MicroPython's own
    knows ASCII only."""
    text = text.lower().replace("Å", "å").replace("Ä", "ä").replace("Ö", "ö")
    return text.replace("\u2019", "'")
