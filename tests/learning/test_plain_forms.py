"""The simplest questions about oneself must find the simplest sentences that answer them."""

import pytest

from oneseek.engine.learning.memory.statements.plain_forms import find_form, says_plainly


@pytest.mark.parametrize(
    ("question", "form"),
    [
        ("what's my name?", "name"),
        ("whats my name", "name"),
        ("Do you remember my name?", "name"),
        ("hej, vad heter jag?", "name"),
        ("so where do we live these days?", "home"),
        ("Var bor jag nu?", "home"),
        ("how old am I", "age"),
        ("what do I do for a living?", "job"),
        ("Where do I work?", "workplace"),
        ("how tall am i?", "height"),
        ("när fyller jag år?", "birthday"),
        ("how tall is my brother?", ""),
        ("what is my name day?", ""),
        ("where do I live in the summer?", ""),
        ("where did I live before?", ""),
        ("what is my sister's name?", ""),
        ("what do I do on Fridays?", ""),
    ],
)
def test_a_question_has_a_form_if_it_asks_for_that_and_no_more(question, form):
    assert find_form(question) == form


@pytest.mark.parametrize(
    ("question", "said", "says"),
    [
        ("what's my name?", "hey! my name is Jonas and I live in Malmö", True),
        ("where do I live?", "hey! my name is Jonas and I live in Malmö", True),
        ("where do I live?", "actually we moved to Lund last week", True),
        ("where do I work?", "I work as a nurse at the Royal Infirmary", True),
        ("how old am I?", "I'm 34 and tired", True),
        ("what's my name?", "Hi, I'm Sara, 29, software developer from Gothenburg", True),
        ("how old am I?", "Hi, I'm Sara, 29, software developer from Gothenburg", True),
        ("what's my name?", "I'm Swedish, from Malmö", False),
        ("what's my name?", "hi, I'm hungry", False),
        ("Vad heter jag?", "jag heter Maja och jobbar som lärare", True),
        ("where do I live?", "my sister moved to Lund", False),
        ("how old am I?", "I am 180 cm tall", False),
        ("how tall am I?", "I am 180 cm tall", True),
        ("how tall am i", "im 6 foot 2 and still growing", True),
        ("how tall am I?", "I'm 34 and tired", False),
        ("How much do I weigh?", "I weigh 71 kilos", True),
        ("när fyller jag år?", "jag fyller år den 3 maj", True),
        ("when is my birthday?", "my sister's birthday is in May", False),
        ("what's my name?", "my name day is 3 May", False),
        ("what's my name?", "I live in Malmö", False),
        ("who's Thirza to me?", "Thirza offered me a lift", True),
        ("remind me who Thirza is", "Thirza offered me a lift", True),
        ("hur känner jag Ture?", "Ture bytte däck på bilen", True),
        ("vem eller vad är Ture?", "Ture bytte däck på bilen", True),
        ("who is Thirza's sister?", "Thirza offered me a lift", False),
        ("what does Thirza do?", "Thirza offered me a lift", False),
    ],
)
def test_a_sentence_says_it_plainly_or_not(question, said, says):
    assert says_plainly(question, said) is says
