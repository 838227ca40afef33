"""Finds what was told for a task that should use it: "write a card for my wife".

The statements are put before the task as notes. Those that the answer does not use are quoted below
it.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Sequence

from oneseek.engine.learning.composing.asked import Asked
from oneseek.engine.learning.composing.selecting import select
from oneseek.engine.learning.lessons import guess, language
from oneseek.engine.learning.lessons.language import WORD
from oneseek.engine.learning.memory.oneself import KIN, speaks_of_oneself
from oneseek.engine.learning.memory.second_look import alike, content, names, people, relatives
from oneseek.engine.learning.memory.statements.groups import lower_words, words_in
from oneseek.engine.learning.memory.statements.hearing import SUBJECT
from oneseek.engine.learning.memory.statements.rows import Rows, before, lines
from oneseek.engine.learning.memory.statements.statement import Found, text_of

TASK = re.compile(
    r"^(?:please |pls |can you |could you |would you |kan du |skulle du kunna |snälla |hi,? |hej,? )*"
    r"(?:(?:help me (?:to )?|hjälp mig (?:att )?|i need you to |jag vill att du )?"
    r"(?:write|draft|compose|suggest|recommend|leave|send|reply|plan|make|create|give me|"
    r"come up with|prepare|invent|"
    r"propose|word|phrase|think of|do (?:me|us)|knock up|put together|jot down|sum up|"
    r"skriva?|skriver|lämna|svara|skicka|föreslå|rekommendera|planera|gör|göra|ge mig|hitta på|"
    r"tipsa|utforma|fixa|"
    r"formulera|dikta|komponera|sätt(?:a)? ihop|snickra ihop|knåpa ihop))\b",
    re.I,
)
A_TEXT = (
    r"(?:e-?mail|text|lines|words|message|card|poster|ad|advert|invite|invitation|note|letter|speech|toast|post|"
    r"caption|bio|reply|mejl|mail|sms|rader|ord|kort|affisch|annons|inbjudan|lapp|brev|tal|inlägg|"
    r"felanmälan|anslag|hälsning)"
)
FOR_A_TEXT = re.compile(  # "short email to Kenji's teacher", "do a poster for the lost cat"
    r"^(?:please |pls |can you |could you |kan du |snälla |hi,? |hej,? )*"
    r"(?:(?:help me with|do|need|i need|hjälp mig med|behöver|jag behöver) (?:a |an |en |ett )?|"
    rf"a |an |en |ett )?(?:(?:few|some|couple of|några|ett par) )?(?:(?:short|quick|nice|kort|snabb|liten) )?{A_TEXT}\b"
    r"(?! (?:is|was|are|är|var|me|mig)\b)(?!.*\?\s*$)",
    re.I,
)
LISTED = re.compile(
    r"(?:please |can you |could you |kan du )*(?:give|ge) (?:me|us|mig|oss) (?:a list|all|every|the|en lista|"
    r"alla|allt|namnen)\b",
    re.I,
)  # asks for what was told, and for no new text
VERBS = frozenset("get say saying come tell ask thank make write send att be go put please".split())
BEFORE_IT = frozenset(
    "to for about with of my our till åt för om med av min mitt mina vår vårt våra".split()
)  # words behind which stands whom or what a task is for
MEAL = re.compile(
    r"\b(?:dinner|lunch|breakfast|supper|meals?|recipes?|menu|snacks?|cook|dish(?:es)?|bake|"
    r"middag\w*|"
    r"lunch\w*|frukost\w*|kvällsmat|mat|måltid\w*|recept|meny|matsedel|maträtt\w*|rätt|fika)\b",
    re.I,
)
I_MYSELF = re.compile(r"\b(?:i|i'm|im|i've|me|jag|mig)\b", re.I)
ABOUT_ME = re.compile(
    r"\b(?:about|of|introduc\w+|om|av|presenter\w+) (?:me|myself|mig(?: själv)?)\b", re.I
)
FOR = re.compile(
    r"\b(?:to|for|till|åt)\s+(?:the\s+)?\w{3,}|\bför (?:den|det|\w+(?:en|et|an))\b|"
    r"\b(?:the|den)\s+\w+\s+(?:a|an|ett|en)\s+.*\b(?:text|message|email|mail|note|card|sms)\b",
    re.I,
)  # somebody
BESIDE = re.compile(
    "|".join("\n\n" + re.escape(words_in(code)["beside"].format(said="“")) for code in ("en", "sv"))
)
LIKELY, NEAR = 0.06, 0.006  # minimum probability of a note, without and with a shared word
ABOUT = 0.05  # the same, for a question about a subject of the task
USED = 0.25  # the same by which statements are selected (selecting.py)
PARAPHRASED = 0.5  # share of the words of a note, at most, that an answer may put otherwise
NEXT = 2  # statements on either side that may be about the same without a shared word
ASKED, MOST_WORDS = 3, 3  # such questions, and words of a subject, at most
MOST = 4  # notes that are asked for, and as many that go with them, at most


def is_task(question: str) -> bool:
    """Whether a message asks for a text about the person, or about somebody who is named."""
    if not (TASK.match(question.strip()) or FOR_A_TEXT.match(question.strip())):
        return False
    if LISTED.match(question.strip()):
        return False
    concerns = speaks_of_oneself(question) or FOR.search(question)
    return bool(concerns or names(question, language(guess(question))))


def questions_of(task: str, code: str) -> list[str]:
    """The questions about the subjects of a task: what the person calls their own, and whom it is
    for."""
    found = [" ".join(words) for words in things_in(task, code)]
    found += [one[0] for one in KIN.finditer(task) if not any(one[0] in some for some in found)]
    if ABOUT_ME.search(task):
        found.insert(0, "mig" if code == "sv" else "me")
    words = words_in(code)
    eaten = [words["what_food"]] if MEAL.search(task) else []
    asked = [words["what_about"].format(what=one) for one in dict.fromkeys(found)]
    return [*eaten, *asked][:ASKED]


def things_in(task: str, code: str) -> list[list[str]]:
    """The words behind *my* and *for*, as far as they name one thing."""
    words, found = WORD.findall(task), []
    function = language(code).function_words | people(language(code))
    plain = [word.lower() for word in words]
    for at, word in enumerate(plain):
        begins = at + 1
        if word not in BEFORE_IT or plain[begins : begins + 1] in ([], ["me"], ["us"]):
            continue
        own = words[at : at + 1] if word in people(language(code)) else []
        if plain[begins] in ("the", "den", "det", "all"):
            begins += 1
        ends = begins
        while (
            ends < len(words) and ends - begins < MOST_WORDS and plain[ends] not in function | VERBS
        ):
            ends += 1
        if ends > begins and plain[begins] not in VERBS:
            found.append([*own, *words[begins:ends]])
    return found


def notes_for(
    question: str,
    found: Sequence[Found],
    rows: Rows,
    code: str,
    each: Sequence[Sequence[Found]] = (),
    wider: Sequence[Found] = (),
) -> list[Found]:
    """The statements that a task should use, in the order in which they were said: those that it
    asks for or names, or that likely answer one of `each`, the questions about its subjects; those
    that need them as context ("she turns 40 on Friday"); what was said together with the first; and
    those that are selected from the `wider` candidates."""
    asked = Asked(question, code)
    some = [
        one for one in found
        if (one.apart >= LIKELY and not each) or _shares(asked, one)
    ]  # fmt: skip
    some += [one for part in each for one in part if one.apart >= ABOUT]
    some = list({one.id: one for one in some}.values())[:MOST]
    near = {one.id for one in found if one.apart >= NEAR and not MEAL.search(question)}
    near |= {one.id for part in each for one in part if one.apart >= ABOUT / 2}
    texts = {text_of(one.fact) for one in some}
    more = [fact for fact in rows.leaning.values() if before(fact) in texts]
    shares = (fact for fact in rows.order if asked.find_shared(fact["answer"]))
    first = some or [Found(fact, 0.0) for fact in itertools.islice(shares, 1)]
    for one in first[:1]:
        next_to = {fact["id"] for fact in rows.together(one.fact, NEXT)}
        more += [fact for fact in rows.together(one.fact)
                 if not _is_of_another(asked, one, fact["answer"])
                 and (fact["id"] in near or _goes_with(asked, one, fact, next_to))]  # fmt: skip
    notes = {one.fact["id"]: one for one in first}
    for fact in more[:MOST]:
        notes.setdefault(fact["id"], Found(fact, 0.0))
    for one in select(asked, wider, rows, USED):
        notes.setdefault(one.id, one)
    return lines(notes.values(), rows)


def _goes_with(asked: Asked, one: Found, fact: dict, next_to: Collection[str]) -> bool:
    """Whether a statement goes with a note: it goes on from it, shares a word with it or with the
    task, or was said next to it and does not begin in the first person, unless the task has it
    too."""
    said = fact["answer"]
    own = SUBJECT.match(said) and not I_MYSELF.search(asked.question)
    if fact["id"] in next_to and not own:
        return True
    beside = Asked(text_of(one.fact), asked.code)
    return bool(
        text_of(one.fact) in before(fact) or asked.find_shared(said) or beside.find_shared(said)
    )


def _is_of_another(asked: Asked, one: Found, said: str) -> bool:
    """Whether a statement is about another relative than a task and its note."""
    own = relatives(f"{asked.question} {one.fact['answer']}", asked.language)
    return bool(relatives(said, asked.language) - own)


def _shares(asked: Asked, one: Found) -> bool:
    said = text_of(one.fact)
    return asked.names_owner_of(one) or (one.apart >= NEAR and bool(asked.find_shared(said)))


def with_notes(question: str, notes: Sequence[Found], code: str) -> str:
    said = "\n".join(one.fact["answer"].rstrip(".") + "." for one in notes)
    return words_in(code)["notes"].format(notes=said, task=question)


def find_unused(
    answer: str, question: str, notes: Sequence[Found], code: str, share: float
) -> list[Found]:
    """The notes that an answer does not use: it lacks a name or number of theirs, or a larger share
    of their words than this. Words that the task has do not count."""
    said, asked = lower_words(answer), lower_words(question)
    words = language(code)

    def is_used(one: Found) -> bool:
        text = one.fact["answer"]
        own = content(text, words) - asked
        missing = {mine for mine in own if not any(alike(mine, other, words) for other in said)}
        return not missing & names(text, words) and len(missing) <= share * len(own)

    return [one for one in notes if not is_used(one)]


def beside(notes: Sequence[Found], code: str) -> str:
    """The text under an answer that did not use these notes."""
    said = " ".join(f"“{one.fact['answer']}”" for one in notes)
    return "\n\n" + words_in(code)["beside"].format(said=said)


def without_notes(answer: str) -> str:
    """An answer without the text under it."""
    return BESIDE.split(answer, maxsplit=1)[0]
