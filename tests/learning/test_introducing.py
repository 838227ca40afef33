"""Names in lower case, as people type them."""

import pytest

from oneseek.engine.learning.memory.statements.introducing import find_introduced, with_capitals


@pytest.mark.parametrize(
    ("code", "said", "names"),
    [
        ("en", "my wife priya is a nurse, she works nights", {"priya"}),
        ("en", "we've got twins, leo and maya, they turn 9 in april", {"leo", "maya"}),
        ("en", "my dog's name is biscuit", {"biscuit"}),
        ("en", "my brother james works at ikea", {"james"}),
        ("en", "my sister, anna, is 30", {"anna"}),
        ("sv", "vi har tre barn: alma, sixten och tyra", {"alma", "sixten", "tyra"}),
        ("sv", "min hund heter bosse", {"bosse"}),
        ("en", "my brother plays guitar", set()),
        ("en", "my mum lives in york and her birthday is 3 june", set()),
        ("en", "my wife, sadly, is ill", set()),
        ("en", "my wife and i broke up", set()),
        ("sv", "min fru jobbar natt", set()),
    ],
)
def test_a_name_is_known_by_what_introduces_it(code, said, names):
    assert find_introduced(said, code) == names


def test_a_question_writes_the_names_that_are_known_with_a_capital():
    known = {"maya", "leo"}.__contains__
    assert with_capitals("is maya older than leo?", known) == "is Maya older than Leo?"
    assert with_capitals("who was Maya Angelou?", known) == "who was Maya Angelou?"
