"""The reply to a message that states something and asks for nothing."""

import pytest

from oneseek.engine.learning.memory.statements.hearing import Statement
from oneseek.engine.learning.memory.statements.quoting import acknowledgement, states_all


@pytest.mark.parametrize(
    ("message", "said", "reply"),
    [
        (
            "fyi im allergic to penicillin",
            ["fyi im allergic to penicillin"],
            "I'll remember that: you're allergic to penicillin.",
        ),
        ("Hi! My boat is called Elsa.", ["My boat is called Elsa."], "your boat is called Elsa."),
        ("Anna moved to Lund.", ["Anna moved to Lund."], "I'll remember that: Anna moved to Lund."),
        (
            "Jag är allergisk mot nötter.",
            ["Jag är allergisk mot nötter."],
            "Det kommer jag ihåg: du är allergisk mot nötter.",
        ),
    ],
)
def test_a_statement_is_repeated_to_the_person(message, said, reply):
    language = "sv" if "Jag" in message else "en"
    found = [Statement(one, language=language) for one in said]
    assert states_all(message, found)
    assert acknowledgement(message, found).endswith(reply)


def test_a_correction_says_that_it_changes_something():
    found = [Statement("no wait, it's a Toyota now", replaces=["a"], language="en")]
    assert acknowledgement("no wait, it's a Toyota now", found) == "Changed: It's a Toyota now."


@pytest.mark.parametrize(
    ("message", "found"),
    [
        ("I'm a vegetarian. What can I cook?", [Statement("I'm a vegetarian.")]),
        ("I'm a vegetarian. Write me a poem about spring please", [Statement("I'm a vegetarian.")]),
        ("What is the capital of France?", []),
        ("Saltkråkan", [Statement("Saltkråkan")]),
        ("maybe i like tea", [Statement("maybe i like tea", unsure=True)]),
    ],
)
def test_who_wants_something_else_gets_the_models_reply(message, found):
    assert not states_all(message, found)


def test_of_many_statements_only_the_number_is_said():
    parts = ["I like tea.", "I live in Ripon.", "My cat is Moth.", "I work at sea."]
    found = [Statement(one, language="en") for one in parts]
    assert acknowledgement(" ".join(parts), found) == "I'll remember all of that: 4 things."
