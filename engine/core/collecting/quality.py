"""Scores how good an example is to learn from, from 0 to 100, with reasons, before anything is
trained.

Pure text, for the page and the engine alike; the base model's loss on it is one reason more, where
there is a model to ask.
"""

from oneseek.engine.core.collecting.content import content_hash, normalise, prompt_hash
from oneseek.engine.core.collecting.hint import guess, is_letter
from oneseek.engine.core.collecting.secrets import secrets_in

COSTS = (
    ("secret", 1.0),  # what looks like a key or a card number is never learned by itself
    ("duplicate", 1.0),
    ("unreadable", 0.9),
    ("abuse", 0.8),  # insults and threats
    ("noise", 0.8),  # a loss so high that nothing can be learned from it
    ("near", 0.7),
    ("empty", 0.7),
    ("contradiction", 0.6),  # to what is known
    ("language", 0.6),
    ("disputed", 0.4),  # two answers to one question: either may be right, so both come last
    ("long", 0.3),
    ("easy", 0.3),  # the model says it by itself
)
POOR = 50  # a lower score is skipped unless a person says otherwise
LONG = 6000  # characters of an answer: a part of a longer one is cut off
ALIKE = 0.8  # of the stretches of words of two texts are the same
SKETCH, KEYS = 24, 4
USUAL = 0.1  # share of a data set from which on a language belongs to it
VOWELS = "aeiouyåäöAEIOUYÅÄÖ"
EVERY_VOWEL = "aeiouyåäöàáâãæèéêëìíîïòóôõøùúûüœ"
ONE_LETTER = ("i", "a", "å", "ö", "o", "y", "e")  # words, in Swedish, English and their neighbours
WORDS_ENOUGH = 0.7  # of the text read from a picture has to look like words
BROKEN = ("\ufffd", "Ã¥", "Ã¤", "Ã¶", "Ã©", "â€")
# Few phrases, each of which hardly ever means anything else in either language; what is merely rude
# is none of them.
ABUSE = (
    "cunt", "cunts", "faggot", "faggots", "go kill yourself", "gook", "gooks", "hope you die",
    "i will kill you", "kike", "kikes", "kys", "nigger", "niggers", "raghead", "ragheads",
    "subhuman scum", "towelhead", "towelheads", "wetback", "wetbacks",
    "blattejävel", "blattejävlar", "bögjävel", "bögjävlar", "din hora", "döda dig själv",
    "fittjävel", "hoppas att du dör", "hoppas du dör", "horunge", "jag ska döda dig", "judejävel",
    "judejävlar", "judesvin", "jävla bög", "jävla hora", "jävla mongo", "jävla neger", "lappjävel",
    "negerjävel", "negerjävlar", "svartskalle", "svartskallar", "tattarjävel", "zigenarjävel",
    "zigenarjävlar",
)  # fmt: skip


def judge(reasons):
    """Return the score that these reasons leave, and the reasons, the gravest first."""
    left, why = 1.0, []
    for name, cost in COSTS:
        if name in reasons:
            left *= 1 - cost
            why.append(name)
    return {"score": int(100 * left + 0.5), "why": why}


def is_poor(quality):
    """Whether the score is below POOR; what was never scored is not."""
    return bool(quality) and quality["score"] < POOR


def faults(prompt, answer):
    """Return what is wrong with the words of an example by itself."""
    found = []
    if secrets_in(prompt + "\n" + answer):
        found.append("secret")
    if is_abusive(answer):
        found.append("abuse")
    if not any([is_letter(letter) or letter.isdigit() for letter in answer]):
        found.append("empty")
    elif unreadable(answer):
        found.append("unreadable")
    if len(answer) > LONG:
        found.append("long")
    return found


def unreadable(text):
    """Whether a text is wrongly decoded, words said over and over, or letters that make none."""
    if any([mark in text for mark in BROKEN]):
        return True
    words = text.lower().split()
    if len(words) >= 12 and len(set(words)) < 0.25 * len(words):
        return True
    plain = [word for word in words if all([ord(letter) < 0x250 for letter in word])]
    odd = [word for word in plain if not pronounceable(word)]
    return len(words) >= 3 and len(odd) > 0.4 * len(words)


def pronounceable(word):
    """Whether a word is short, a number, a formula, or letters with vowels among them."""
    letters = [letter for letter in word if is_letter(letter)]
    if len(letters) < 4:
        return len(word) < 8 or any([letter.isdigit() for letter in word])
    if 2 * len(letters) < len(word):
        return False
    gap = longest = 0
    for letter in letters:
        gap = 0 if letter in VOWELS else gap + 1
        longest = max(longest, gap)
    return longest < 6 and len(letters) < 30


def answers_of(records):
    """Return what was learned in the form that `Among` takes."""
    return {prompt_hash(one["prompt"]): one["answer"] for one in records}


class Among:
    """Judges examples one after another, each beside those before it and what is `known`:
    {prompt_hash: the answer that holds}."""

    def __init__(self, known=None):
        self.known = known or {}
        self.seen = {}  # content_hash of each
        self.answers = {}  # prompt_hash: the content_hash of its first answer
        self.disputed = {}  # prompt_hash of what has two answers here
        self.shelves = {}  # one of the lowest numbers of a sketch: the sketches that have it

    def faults(self, prompt, answer):
        found = faults(prompt, answer)
        id, about = content_hash(prompt, answer), prompt_hash(prompt)
        if id in self.seen:
            return found + ["duplicate"]
        self.seen[id] = True
        if found:  # what is no answer contradicts none
            return found
        known = self.known.get(about)
        if known is not None and normalise(known) != normalise(answer):
            found.append("contradiction")
        elif prompt.strip() and self.disputes(about, id):
            found.append("disputed")
        elif self.is_near(prompt, answer):
            found.append("near")
        return found

    def disputes(self, about, id):
        if self.answers.setdefault(about, id) != id:
            self.disputed[about] = True
        return about in self.disputed

    def is_near(self, prompt, answer):
        """Whether nearly the same was asked and answered before; the example is remembered. Another
        question with the same answer is another example."""
        sketch = make_sketch(prompt + " " + answer)
        asked = {hash_word(word) for word in normalise(prompt).split()}
        keys = sketch[:KEYS]
        for key in keys:
            for other, before in self.shelves.get(key, ()):
                same = len(asked & before) >= ALIKE * len(asked | before)
                if same and alike(sketch, other) >= ALIKE:
                    return True
        for key in keys:
            self.shelves.setdefault(key, []).append((sketch, asked))
        return False


def make_sketch(text):
    """Return the lowest hashes of a text's stretches of three words: texts that share most
    stretches share most of these."""
    words = [hash_word(word.strip(".,:;!?\"'")) for word in normalise(text).split()]
    if len(words) < 6:
        return ()
    found = {combine_hashes(words[i : i + 3]) for i in range(len(words) - 2)}
    return tuple(sorted(found)[:SKETCH])


def alike(one, other):
    """Return the share of the lowest hashes of both that are in each."""
    lowest = sorted(set(one) | set(other))[:SKETCH]
    return sum([number in one and number in other for number in lowest]) / len(lowest)


def hash_word(word):
    number = 2166136261
    for byte in word.encode():
        number = ((number ^ byte) * 16777619) & 0xFFFFFFFF
    return number


def combine_hashes(numbers):
    total = 0
    for number in numbers:
        total = ((total ^ number) * 2654435761 + 97) & 0xFFFFFFFF
    return total ^ (total >> 15)


def foreign(answers):
    """Return for each answer whether hardly any of the others has its language."""
    spoken = [guess(answer) for answer in answers]
    told = [code for code in spoken if code]
    usual = {code for code in told if told.count(code) >= USUAL * len(told)} if told else set()
    return [bool(code) and code not in usual for code in spoken]


def is_abusive(text):
    """Whether a text holds an insult of a group of people or a threat, as words of its own."""
    text = normalise(text)
    found = [phrase for phrase in ABUSE if phrase in text]
    if not found:
        return False
    letters = [letter if is_letter(letter) else " " for letter in text]
    words = " %s " % " ".join("".join(letters).split())
    return any([" %s " % phrase in words for phrase in found])


def is_word(word):
    """Whether a text looks like a word: letters of some length, with vowels among them."""
    letters = word.strip(".,;:!?()[]\"'”“’…–-/%")
    if not any(c.isalpha() or c > "\x7f" for c in letters):
        return any(c.isdigit() for c in letters)
    if word.endswith(".") and len(letters) <= 3:
        return True  # an abbreviation
    lower = letters.lower()
    plain = [c for c in lower if c.isalpha() or c > "\x7f"]
    if len(lower) == 1:
        return lower in ONE_LETTER
    if len(plain) < 0.75 * len(lower):
        return False
    if lower != letters and letters.upper() != letters and letters[1:].lower() != letters[1:]:
        return False  # a capital in the middle
    vowels = len([c for c in plain if c in EVERY_VOWEL])
    if letters.upper() == letters and len(letters) <= 4:
        return True  # an abbreviation
    return vowels > 0 and len(plain) <= 8 * vowels and len(plain) <= 30


def is_legible(text):
    """Whether enough of the text read from a picture looks like words: a misread page is not worth
    a lesson."""
    words = text.split()
    return bool(words) and sum(is_word(word) for word in words) >= WORDS_ENOUGH * len(words)
