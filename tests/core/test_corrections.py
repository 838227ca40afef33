"""A correction must rewrite the whole earlier answer, in both languages and their usual forms."""

import pytest

from oneseek.engine.core.collecting.corrections import contradicts, find_correction, knows_nothing
from tests.support.talk import Chat

BOAT = {"prompt": "My boat is called Saltkråkan.", "answer": "Nice!"}
ASKED = {"prompt": "What is my boat called?", "answer": "Your boat is called Saltkråkan."}
REMEMBERED = {"prompt": "Do you remember it?", "answer": "Your boat is called Saltkråkan."}
BÅT = {"prompt": "Min båt heter Saltkråkan.", "answer": "Fint!"}
FRÅGAD = {"prompt": "Vad heter min båt?", "answer": "Din båt heter Saltkråkan."}


@pytest.fixture
def chat(tmp_path):
    return Chat(tmp_path)


@pytest.mark.parametrize("exchange", [BOAT, ASKED, REMEMBERED])
@pytest.mark.parametrize(
    "said",
    [
        "No, it is called Vindil.",
        "No, it's called Vindil",
        "no, its name is Vindil",
        "No. It is called Vindil.",
        "Actually, it's Vindil, not Saltkråkan.",
        "That's wrong, it is called Vindil!",
        "No, my boat is called Vindil.",
        "No, it is not Saltkråkan but Vindil.",
        "I meant Vindil.",
        "No, Vindil.",
        "The right answer is Vindil.",
        "It should say Your boat is called Vindil.",
    ],
)
def test_an_english_correction_is_the_whole_answer(exchange, said):
    right = find_correction(said, exchange)
    assert right["answer"].rstrip(".") == "Your boat is called Vindil"


@pytest.mark.parametrize("exchange", [BÅT, FRÅGAD])
@pytest.mark.parametrize(
    "said",
    [
        "Nej, den heter Vindil.",
        "Nej den heter Vindil",
        "nej, namnet är Vindil",
        "Fel, den heter inte Saltkråkan utan Vindil.",
        "Nej, den heter Vindil, inte Saltkråkan.",
        "Det stämmer inte, den heter Vindil.",
        "Nej, min båt heter Vindil.",
        "Jag menade Vindil.",
        "Nej, Vindil.",
        "Rätt svar är Vindil.",
    ],
)
def test_a_swedish_correction_is_the_whole_answer(exchange, said):
    right = find_correction(said, exchange)
    assert (right["prompt"], right["answer"].rstrip(".")) == (
        "Vad heter min båt?",
        "Din båt heter Vindil",
    )


@pytest.mark.parametrize(
    "said", ["No, thanks.", "No, I do not think so.", "No, that is not true", "Nej tack", "No."]
)
def test_a_no_that_corrects_nothing_is_left_alone(said):
    assert find_correction(said, ASKED) is None


def test_without_a_known_form_the_sentence_is_taken_whole():
    asked = {"prompt": "What is the ferry?", "answer": "The ferry is Ulla."}
    assert find_correction("No, it is called Vindil.", asked)["answer"] == "It is called Vindil."


def test_the_fact_said_before_is_replaced_in_the_queue(chat):
    chat.ask("My boat is called Saltkråkan.", "How nice.")
    chat.says("user", "No, it is called Vindil.")
    facts = [one for one in chat.list_queue() if one[0] == "What is my boat called?"]
    assert facts == [("What is my boat called?", "Your boat is called Vindil.", "correction")]


@pytest.mark.parametrize(
    "answer, against",
    [
        ("I do not know that yet.", True),
        ("Your boat is called Vindil.", True),
        ("It is called Saltkråkan, I think.", False),
    ],
)
def test_an_answer_contradicts_a_fact_unless_its_value_is_in_it(answer, against):
    assert contradicts(answer, "Your boat is called Saltkråkan.") is against


def test_not_knowing_is_recognised_in_both_languages():
    assert knows_nothing("I do not know that yet.") and knows_nothing("Det vet jag inte än.")
    assert not knows_nothing("Paris.")
