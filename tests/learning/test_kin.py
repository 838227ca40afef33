"""Names of relatives and pets, by which a question finds what was told by name."""

import pytest

from oneseek.engine.learning.memory.kin import Kin, find_people


@pytest.mark.parametrize(
    ("said", "people"),
    [
        ("My wife Ingela works nights", {("wife", "Ingela")}),
        ("my brother callum is a roofer", {("brother", "Callum")}),
        ("Petra, my sister, lives in Whitby", {("sister", "Petra")}),
        ("our dog's called Pesto", {("dog", "Pesto")}),
        ("My husband's name is Marek.", {("husband", "Marek")}),
        ("my mother in law Irena rings on Sundays", {("mother-in-law", "Irena")}),
        ("Min sambo heter Torkel och kör tåg", {("partner", "Torkel")}),
        ("Mattias, min svåger, dricker te", {("brother-in-law", "Mattias")}),
        ("Youssefs mamma Layla skjutsar", set()),
        ("the plumber is Mr Okafor, my boss Lorraine knows him", {("boss", "Lorraine")}),
        ("my boss is Mrs Hall", set()),
        ("we eat with my brother instead", set()),
    ],
)
def test_who_somebody_is_to_the_person_is_told_by_their_name(said, people):
    assert find_people(said) == people


KNOWN = ("My wife Ingela works nights", "our dog Pesto is old", "mormor Elsa bor i Lund",
         "My sister Rosalind moved", "my cousin Ann", "my cousin Bo")  # fmt: skip


@pytest.mark.parametrize(
    ("question", "named"),
    [
        ("what's my wife's number?", "what's my wife Ingela's number?"),
        ("vad har min fru för nummer", "vad har min fru Ingela för nummer"),
        ("who feeds the dog?", "who feeds the dog Pesto?"),
        ("vilket rum är mormors?", "vilket rum är mormor Elsas?"),
        ("the name of my sister's partner", "the name of my sister Rosalind's partner"),
        ("what's the name of my wife?", "what's the name of my wife?"),
        ("vad heter min fru?", "vad heter min fru?"),
        ("what is my wife called?", "what is my wife called?"),
        ("is my wife Ingela home?", "is my wife Ingela home?"),
        ("where does my cousin live?", "where does my cousin live?"),
        ("where does my other sister live?", "where does my other sister live?"),
        ("where does my sister-in-law live?", "where does my sister-in-law live?"),
        ("where does my brother live?", "where does my brother live?"),
    ],
)
def test_a_question_for_a_relative_gets_the_name(question, named):
    kin = Kin()
    for said in KNOWN:
        kin.add(said)
    assert kin.name_relatives(question) == named


def test_names_go_with_the_statements_that_told_them():
    kin = Kin()
    for said in KNOWN:
        kin.add(said)
    kin.add("my wife Ingela sings")
    kin.remove("My wife Ingela works nights")
    assert kin.find_name("wife") == "Ingela"
    kin.remove("my wife Ingela sings")
    assert kin.find_name("wife") == "" and kin.name_relatives("my wife?") == "my wife?"
    kin.remove("my cousin Bo")
    assert kin.find_name("cousin") == "Ann"
