"""How a question falls into parts, what goes on from what was said, and what takes nothing back."""

import pytest

from oneseek.engine.learning.composing.asked import Asked
from oneseek.engine.learning.composing.counting import count
from oneseek.engine.learning.composing.deciding import decisive, is_so
from oneseek.engine.learning.composing.parts import parts
from oneseek.engine.learning.composing.rows import Rows, goes_on
from oneseek.engine.learning.memory.memory import Found
from oneseek.engine.learning.memory.mind import is_of_another


def told(*statements: str, apart: float = 0.9) -> list[Found]:
    """Statements that were said one after the other, each that goes on behind the one before it."""
    found: list[Found] = []
    whole = ""
    for time, said in enumerate(statements):
        source = {"before": whole} if whole and goes_on(said) else {}
        whole = f"{source.get('before', '')} {said}".strip()
        found.append(Found({"id": str(time), "answer": said, "source": source, "time": time,
                            "kind": "statement", "language": "en"}, apart, apart))  # fmt: skip
    return found


@pytest.mark.parametrize(
    "question, each",
    [
        ("How old are Ewan and Catriona?", ["How old are Ewan?", "How old are Catriona?"]),
        ("Who is my GP and how much do I take?", ["Who is my GP?", "how much do I take?"]),
        ("Vad har vi för adress och portkod?", ["Vad har vi för adress?", "Vad har vi för portkod?"]),
        ("What do both Smilla and Otto need?", ["What do Smilla need?", "What do Otto need?"]),
        ("Where does my sister live?", []),
    ],
)  # fmt: skip
def test_a_question_for_several_things_is_a_question_for_each(question, each):
    assert parts(question) == each


def test_what_was_said_in_a_row_stands_together():
    found = told("I've lived in Lagos", "then Leeds for uni", "and now Antwerp", "I like tea")
    rows = Rows([one.fact for one in found])
    for one in found[:3]:
        assert [fact["id"] for fact in rows.of(one.fact)] == ["0", "1", "2"]
    assert [fact["id"] for fact in rows.of(found[3].fact)] == ["3"]
    assert goes_on("Lucho on drums", "the band is me on bass,") and goes_on("inte spannmål heller")
    assert not goes_on("And where does she live?") and not goes_on("and no, that was wrong")


@pytest.mark.parametrize(
    "question, statements, number",
    [
        ("How many siblings do I have?", ("I have two brothers", "and one sister, Lou"), 3),
        ("How many birds do we keep?", ("We keep four hens", "plus the cockerel, Sergeant",
                                        "and two ducks"), 7),
        ("How many chairs did we order?", ("we ordered six chairs", "and then two more"), 8),
        ("How many grandchildren do I have?", ("grandchildren: Poppy and Hugo",
                                               "and one on the way, due in May"), 2),
        ("How many kids do we have?", ("our kids are Asha, Dev and little Mina", "Mina is three"), 3),
        ("Hur många bilar har vi?", ("vi har två bilar", "plus husvagnen"), 2),
    ],
)  # fmt: skip
def test_what_a_row_tells_is_counted(question, statements, number):
    found = told(*statements)
    code = "sv" if question.startswith("Hur") else "en"
    assert count(Asked(question, code), found, [one.fact for one in found])[0] == number


@pytest.mark.parametrize(
    "question, said, holds",
    [
        ("Does Beth live in Australia?", "My sister Beth lives in Perth, Scotland", False),
        ("Is Wendell still alive?", "Our dog Wendell had to be put down on Monday", False),
        ("Can Tunde drive?", "Tunde passed his driving test on the second go", True),
        ("Is there a lift in my building?", "my flat's on the fourth floor, no lift", False),
        ("Does Gus get on with cats?", "Gus the greyhound is terrified of cats", False),
        ("Was our house built before 1950?", "Our house was built in 1932", True),
        ("Does my brother live in Perth?", "My sister Beth lives in Perth", None),
    ],
)
def test_a_statement_decides_yes_or_no(question, said, holds):
    (one,) = told(said)
    assert is_so(Asked(question, "en"), one) is holds


def test_what_only_shares_a_name_decides_nothing_unless_it_is_sure():
    asked = Asked("Is Paris the capital of France?", "en")
    assert decisive(asked, told("I went to Paris in May", apart=0.3)) is None
    asked = Asked("Does Beth live in Australia?", "en")
    (said,) = told("My sister Beth lives in Perth", apart=0.3)
    assert decisive(asked, [said]) == (False, [said])


def test_a_statement_about_something_else_takes_nothing_back():
    assert is_of_another("gave up meat in 2021", "I swim on Tuesdays")
    for correction in ("it's a Toyota", "we changed to the Pestana", "oj, 1302 ska det va", "Lund"):
        assert not is_of_another("my flat has number 1203", correction)
    assert not is_of_another("my sister Anna lives in Lund", "Anna lives in Umeå")
