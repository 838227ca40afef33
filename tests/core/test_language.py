"""Language is detected alike every time, also in a word or two, and picks the adapter."""

import pytest

from engine.core.collecting.language import detect, line_for

SHORT = {
    "sv": [
        "Hej, hur mår du?",
        "Vad heter min syster?",
        "Kan du hjälpa mig med räkningen",
        "Var bor du?",
        "Det regnar i Umeå idag",
        "jag vill ha en kopp te",
        "Hur kokar man ägg?",
        "Berätta om Stockholm för mig",
        "Tack så mycket!",
        "När börjar mötet på fredag?",
        "ja",
        "Min katt är svart",
    ],
    "en": [
        "Hello, how are you?",
        "What is my sister called?",
        "Can you help me with the bill",
        "Where do you live?",
        "It is raining in London today",
        "i want a cup of tea",
        "How do you boil an egg?",
        "Tell me about Stockholm",
        "Thanks a lot!",
        "When does the meeting start on Friday?",
        "yes",
        "My cat is black",
    ],
}


def test_nearly_all_short_lines_are_told_apart():
    wrong = [
        (text, found)
        for code, lines in SHORT.items()
        for text in lines
        if (found := detect(text)) != code
    ]
    assert len(wrong) <= 1, wrong


def test_the_same_text_gives_the_same_answer_every_time():
    assert {detect("Kanske banan") for _ in range(25)} == {detect("Kanske banan")}


@pytest.mark.parametrize(
    "text", ["", "   ", "12 345", "👍", "https://example.se/hej-hur-mar-du", "?!"]
)
def test_a_text_without_words_has_no_language(text):
    assert detect(text) == "und"


def test_a_word_that_says_nothing_takes_the_language_of_the_chat():
    assert detect("Banan", "sv") == "sv" and detect("Banan", "en") == "en"
    assert detect("Nej", "en") == "sv", "but a word that says something does not"


@pytest.mark.parametrize(
    "language, available, line",
    [
        ("sv", {"sv", "en"}, "sv"),
        ("no", {"sv"}, "sv"),
        ("da", {"sv"}, "sv"),
        ("de", {"sv", "en"}, "en"),
        ("und", {"en"}, "en"),
        ("sv", {"en"}, "generic"),
        ("en", set(), "generic"),
    ],
)
def test_the_adapter_follows_from_the_language(language, available, line):
    assert line_for(language, available) == line
