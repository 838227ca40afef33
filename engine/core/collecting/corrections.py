"""Reads a person's correction: the earlier answer is rewritten with the right value.

"No, it is called Vindil." after a fact or a question about a boat becomes "Your boat is called
Vindil." Only where the earlier exchange has no form that statements.py knows are the words taken as
they are.
"""

from oneseek.engine.core.collecting.statements import (
    FACTS,
    correction_in,
    lesson_in,
    lower,
    sentence_of,
)

OPENINGS = {
    "en": (
        "no, ",
        "no - ",
        "no – ",
        "no. ",
        "no ",
        "nope, ",
        "wrong, ",
        "wrong. ",
        "that's wrong, ",
        "that's wrong. ",
        "that is wrong, ",
        "that is wrong. ",
        "that's not right, ",
        "that's not right. ",
        "that is not right, ",
        "that is not right. ",
        "not quite, ",
        "incorrect, ",
        "actually, ",
        "actually ",
        "sorry, ",
        "i meant ",
    ),
    "sv": (
        "nej, ",
        "nej - ",
        "nej – ",
        "nej. ",
        "nej ",
        "nä, ",
        "nä ",
        "nix, ",
        "fel, ",
        "fel. ",
        "det är fel, ",
        "det är fel. ",
        "det stämmer inte, ",
        "det stämmer inte. ",
        "inte riktigt, ",
        "egentligen ",
        "förlåt, ",
        "jag menade ",
    ),
}

CLAUSES = {
    "en": (
        ("it is called ", " is called "),
        ("it's called ", " is called "),
        ("he is called ", " is called "),
        ("she is called ", " is called "),
        ("he's called ", " is called "),
        ("she's called ", " is called "),
        ("they are called ", " is called "),
        ("it is named ", " is named "),
        ("it's named ", " is named "),
        ("its name is ", " is called "),
        ("his name is ", " is called "),
        ("her name is ", " is called "),
        ("the name is ", " is called "),
        ("it lives in ", " lives in "),
        ("he lives in ", " lives in "),
        ("she lives in ", " lives in "),
        ("the answer is ", ""),
        ("it should be ", ""),
        ("it is ", ""),
        ("it's ", ""),
        ("he is ", ""),
        ("she is ", ""),
        ("they are ", ""),
    ),
    "sv": (
        ("den heter ", " heter "),
        ("det heter ", " heter "),
        ("han heter ", " heter "),
        ("hon heter ", " heter "),
        ("hen heter ", " heter "),
        ("de heter ", " heter "),
        ("dom heter ", " heter "),
        ("den kallas ", " heter "),
        ("namnet är ", " heter "),
        ("den bor i ", " bor i "),
        ("han bor i ", " bor i "),
        ("hon bor i ", " bor i "),
        ("svaret är ", ""),
        ("det ska vara ", ""),
        ("den är ", ""),
        ("det är ", ""),
        ("han är ", ""),
        ("hon är ", ""),
        ("de är ", ""),
    ),
}
"""How the rest begins, and the middle of the fact it states; empty where any fact may be meant."""

NO_VALUE = ("not ", "i ", "inte ", "jag ", "thanks", "thank ", "tack", "no ", "nej ")
MOST_WORDS = 8


def find_correction(text, exchange):
    """Return the corrected {"prompt", "answer"}, or None when nothing is corrected."""
    text = text.strip()
    language, rest = without_opening(text)
    form = form_of(exchange)
    if rest:
        stated = lesson_in(sentence_of(rest))
        if stated:
            return {"prompt": stated[1], "answer": stated[2], "language": stated[0]}
        middle, value = value_of(language, sentence_of(rest), bool(form))
        if value and form:
            return rewritten(form, middle, value)
        if value and middle is not None:
            return {"prompt": exchange["prompt"], "answer": as_sentence(sentence_of(rest))}
    whole = correction_in(text)
    if not whole:
        return None
    value = whole.rstrip(".! ")
    if form and len(value.split()) <= MOST_WORDS and not answer_form(value):
        return rewritten(form, "", value)
    return {"prompt": exchange["prompt"], "answer": whole}


def without_opening(text):
    """Return (language, the text after "No, " and the like), or two empty strings."""
    low = lower(text)
    for language in OPENINGS:
        for opening in OPENINGS[language]:
            if low.startswith(opening):
                return language, text[len(opening) :].strip()
    return "", ""


def value_of(language, rest, known):
    """Return (the middle of the fact it speaks of, its value). The middle is None for a bare value,
    which only counts as one where the fact is `known`."""
    low = lower(rest)
    for clause, middle in CLAUSES[language]:
        if low.startswith(clause):
            return middle, without_old(rest[len(clause) :])
    bare = without_old(rest)
    begins = bare[:1]
    named = begins.isdigit() or begins != lower(begins)
    plain = not any(low.startswith(one) for one in NO_VALUE)
    if known and named and plain and len(bare.split()) <= 3:
        return None, bare
    return None, ""


def without_old(value):
    """Return only the new value of "Vindil, not Saltkråkan" and "not Saltkråkan but Vindil"."""
    value = value.strip().rstrip(".!").strip()
    low = lower(value)
    for no, but in (("not ", " but "), ("inte ", " utan ")):
        if low.startswith(no):
            at = low.find(but)
            return value[at + len(but) :].strip() if at > 0 else ""
    for tail in (", not ", ", inte ", " instead", " i stället", ", and not ", " and not "):
        at = low.find(tail)
        if at > 0:
            return value[:at].strip()
    for left, right in (('"', '"'), ("'", "'"), ("“", "”"), ("”", "”")):
        if value.startswith(left) and value.endswith(right) and len(value) > 2:
            return value[1:-1]
    return value


def form_of(exchange):
    """(the fact's place in FACTS, its {x}) of an exchange, by its question, statement or answer."""
    asked = sentence_of(exchange["prompt"])
    return (
        match_pattern(asked, 3)
        or match_statement(asked)
        or answer_form(sentence_of(exchange.get("answer") or ""))
    )


def match_statement(sentence):
    for place, fact in enumerate(FACTS):
        found = lesson_in(sentence, (fact,))
        if found:
            return place, extract_x(fact[3], found[1].rstrip("?"))
    return None


def answer_form(sentence):
    return match_pattern(sentence, 4)


def match_pattern(sentence, part):
    for place, fact in enumerate(FACTS):
        x = extract_x(fact[part].replace("{y}.", "{y}"), sentence.rstrip("?"))
        if x is not None and x.count(" ") <= 3:
            return place, x
    return None


def extract_x(pattern, sentence):
    """The text for {x} where the sentence is of the pattern, or None; {y} may be anything."""
    pattern = pattern.rstrip("?")
    before, _, after = pattern.partition("{x}")
    low = lower(sentence)
    if "{x}" not in pattern:
        start = lower(pattern.partition("{y}")[0])
        whole = "{y}" not in pattern
        fits = low == start if whole else low.startswith(start) and len(low) > len(start)
        return "" if fits else None
    middle = lower(after.partition("{y}")[0])
    if not low.startswith(lower(before)):
        return None
    rest = sentence[len(before) :]
    at = lower(rest).find(middle) if middle else len(rest)
    if at <= 0 or (middle and "{y}" not in after and lower(rest[at:]) != middle):
        return None
    return rest[:at]


def rewritten(form, middle, value):
    """Return the fact of this form with another value; another `middle` says something else of the
    same x."""
    place, x = form
    fact = FACTS[place]
    if middle and fact[2] != middle:
        others = [one for one in FACTS if one[:2] == fact[:2] and one[2] == middle]
        fact = others[0] if others else fact
    fill = lambda text: text.replace("{x}", x).replace("{y}", value)  # noqa: E731
    return {"prompt": fill(fact[3]), "answer": fill(fact[4]), "language": fact[0]}


def as_sentence(text):
    text = text.strip()
    first = text[:1]
    for small, large in (("å", "Å"), ("ä", "Ä"), ("ö", "Ö")):
        first = large if first == small else first
    return first.upper() + text[1:] + ("" if text[-1:] in ".!?" else ".")


IGNORANCE = (
    "do not know",
    "don't know",
    "not know that",
    "not sure",
    "no information",
    "vet jag inte",
    "jag vet inte",
    "vet inte",
    "känner inte till",
)


def knows_nothing(answer):
    """Whether an answer only says that it does not know."""
    low = lower(answer)
    return len(low) < 120 and any(one in low for one in IGNORANCE)


def contradicts(answer, taught):
    """Whether an answer to the question of a taught fact gives another value, or none."""
    form = answer_form(sentence_of(taught))
    low = lower(answer)
    if not form:
        return lower(taught).strip(" .!") not in low
    fixed = rewritten(form, "", "\0")["answer"].partition("\0")
    value = lower(taught)[len(fixed[0]) :].rstrip(".! ")
    return value not in low
