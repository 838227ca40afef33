"""Who somebody is to the person: "my wife Ingela" tells that Ingela is the wife.

A later question may name either, where the statement that answers it names the other: "what is my
wife's number?" asks for "Ingela's new number". So the name is put behind the word for who they are,
before a question is read.
"""

from __future__ import annotations

import re
from collections import defaultdict

from oneseek.engine.learning.lessons import guess
from oneseek.engine.learning.memory.oneself import is_spruce
from oneseek.engine.learning.memory.statements.introducing import WORD, find_introduced

# Words for the same relation, in all languages; the first of each line stands for it.
SAME = """
wife fru hustru maka frugan
husband man make hubby
partner sambo
fiancé fiance fiancée fiancee fästmö fästman
girlfriend flickvän tjej
boyfriend pojkvän kille
mother mum mom mam mummy mamma morsan mor
father dad daddy pappa farsan far
stepmother stepmum stepmom styvmamma bonusmamma
stepfather stepdad styvpappa bonuspappa
sister syster syrra syrran
brother bror brorsa brorsan
daughter dotter
son grabben
stepson bonusson
stepdaughter bonusdotter
grandmother grandma gran granny nan nana
grandfather grandad granddad grandpa
mormor
farmor
morfar
farfar
mother-in-law svärmor
father-in-law svärfar
brother-in-law svåger
sister-in-law svägerska
aunt auntie
uncle
moster
faster
morbror
farbror
cousin kusin
niece systerdotter brorsdotter
nephew systerson brorson
grandson
granddaughter
godson gudson
goddaughter guddotter
boss manager chef chefen
landlord landlady hyresvärd
flatmate roommate housemate rumskamrat
neighbour neighbor granne grannen
doctor gp läkare
dentist tandläkare
physiotherapist physio sjukgymnast fysioterapeut
hairdresser frisör
therapist terapeut
babysitter childminder barnvakt dagmamma
accountant revisor
dog puppy hund hunden valp valpen
cat kitten katt katten
horse pony häst hästen
rabbit kanin kaninen
hamster hamstern
parrot papegoja papegojan
tortoise sköldpadda sköldpaddan
"""
RELATION = {word: line.split()[0] for line in SAME.splitlines() for word in line.split()}
WORDS = "|".join(sorted(RELATION, key=len, reverse=True)).replace("-", "[- ]")
FAMILY = (  # relatives whom one speaks of without "my"
    "mum|mom|mam|mamma|dad|pappa|gran|granny|nan|nana|grandma|grandpa|grandad|granddad|mormor|"
    "farmor|morfar|farfar|svärmor|svärfar"
)
TITLES = "aunt|auntie|uncle|moster|faster|morbror|farbror"  # which stand before a name
PETS = "dog|cat|horse|rabbit|hamster|parrot|tortoise"
THE_PETS = "hunden|katten|hästen|kaninen|hamstern|papegojan|sköldpaddan|valpen"
# Words before a relation that say it is another person than the one who is meant without them.
NOT_THE = r"(?!(?:other|first|second|late|old|ex|former|previous|andra|förra|gamla|döda) )"
MINE = rf"\b(?:my|our|min|mitt|vår|vårt) {NOT_THE}(?:[\w-]+ )?(?P<own>{WORDS})"
NAME = r"(?P<name>(?!(?:mrs?|ms|dr)\b)[^\W\d_][\w-]+)"
CALLED = r"(?:['’]s name is|['’]s (?:called|named)| (?:is|was) (?:called |named )?| heter)?"
THEN_NAMED = re.compile(
    rf"(?:{MINE}|(?<!s )(?<![\w-])(?P<bare>{FAMILY}|{TITLES}))"
    rf"(?:{CALLED} {NAME}|, (?P<apart>[^\W\d_][\w-]+)(?=,))",
    re.I,
)
NAMED_FIRST = re.compile(rf"{NAME}(?:,| is| was|['’]s| är| var) {MINE}\b(?!['’]s| \w+ing)", re.I)
OF = re.compile(r"\bof $")  # "which of my aunts"
CAPITAL = re.compile(r" [A-ZÅÄÖ]")
ASKED = re.compile(
    rf"(?:{MINE}|(?<!s )(?<![\w-])(?P<bare>{FAMILY})"
    rf"|\bthe (?P<pet>{PETS})|\b(?P<the>{THE_PETS}))(?P<genitive>['’]?s)?\b(?!-)",
    re.I,
)
FOR_NAME = re.compile(
    r"(?:\b(?:names? of|heter|called|who(?:['’]?s| is| was)|vem (?:är|var)) )$", re.I
)
ITS_NAME = re.compile(r"(?:['’]?s)? (?:\w+ )?(?:name|namn|called)\b", re.I)


def find_relation(word: str) -> str:
    return RELATION[word.lower().replace(" ", "-")]


def find_people(said: str) -> set[tuple[str, str]]:
    """The people and pets whom a statement names, each with the relation: {("wife", "Ingela")}."""
    if RELATION.keys().isdisjoint(map(str.lower, WORD.findall(said))):
        return set()  # as in most statements, at a fraction of the cost
    found: set[tuple[str, str]] = set()
    for form in (THEN_NAMED, NAMED_FIRST):
        for one in form.finditer(said):
            parts = one.groupdict()
            name = parts["name"] or parts["apart"]
            follows = said[one.end() :]
            if form is NAMED_FIRST and CAPITAL.match(follows):  # "Okafor, my boss Lorraine said"
                continue
            named = name[0].isupper() or (
                follows.strip(" .!?") and name.lower() in find_introduced(said, guess(said))
            )
            if named:
                relation = find_relation(parts["own"] or parts["bare"])
                found.add((relation, name[0].upper() + name[1:]))
    return found


class Kin:
    """The names of one person's relatives, by their relation."""

    def __init__(self) -> None:
        self._named: dict[str, list[str]] = defaultdict(list)  # a name once for each statement

    def add(self, said: str) -> None:
        for relation, name in find_people(said):
            self._named[relation].append(name)

    def remove(self, said: str) -> None:
        for relation, name in find_people(said):
            self._named[relation].remove(name)

    def find_name(self, relation: str) -> str:
        """The name of the only one in a relation to the person; empty if there are several."""
        names = set(self._named.get(relation, ()))
        names = {one for one in names if one.removesuffix("s") not in names - {one}}
        return names.pop() if len(names) == 1 else ""

    def name_relatives(self, question: str) -> str:
        """The question with the name behind each word for a relative: "my wife Ingela"."""
        if not self._named:
            return question
        code = guess(question)

        def name_one(one: re.Match[str]) -> str:
            parts = one.groupdict()
            before, genitive = question[: one.start()], parts["genitive"] or ""
            plural = code != "sv" and genitive == "s" and OF.search(before)
            if plural or is_spruce(parts["bare"] or "", code):
                return one[0]
            word = parts["own"] or parts["bare"] or parts["pet"] or parts["the"]
            name = self.find_name(find_relation(word))
            for_name = not genitive and FOR_NAME.search(before)
            for_name = for_name or ITS_NAME.match(question[one.end() - len(genitive) :])
            named = name.lower() in question.lower() or CAPITAL.match(question, one.end())
            if not name or for_name or named:
                return one[0]
            return f"{one[0].removesuffix(genitive)} {name}{genitive}"

        return ASKED.sub(name_one, question)
