"""Where a text speaks of what is asked: places in order, the right one first, none where nothing
fits."""

import asyncio
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oneseek.engine.backends.select import processor
from oneseek.engine.core.conversation import messages
from oneseek.engine.learning.lessons.documents import questions
from oneseek.engine.model import registry
from oneseek.engine.model.choice.sampling import Sampling
from oneseek.engine.model.formats import open_model
from oneseek.engine.model.generate import Generator
from oneseek.engine.model.loaded import Model
from oneseek.importers.search import WORDS, find, places
from oneseek.importers.text import TextImporter
from tests.importers.measure import known_text

PARTS = st.lists(st.sampled_from(["One. ", "two ", "Tre!", "\n\n", "\n", "Ä?", " ", "fyra"]))


@given(PARTS.map("".join))
def test_places_are_in_order_and_leave_out_only_spaces(text):
    found = places(text)
    assert "".join("".join(p.text.split()) for p in found) == "".join(text.split())
    assert all(" ".join(text[p.start : p.end].split()) == p.text for p in found)
    assert all(a.end <= b.start for a, b in zip(found, found[1:], strict=False))


@pytest.mark.parametrize("code", ["sv", "en"])
def test_the_place_that_answers_comes_first(code):
    """Asked in words that no lesson uses, of texts with known facts."""
    imported = TextImporter().import_text(known_text(code).replace("\n", "\n\n"), "plain", "known")
    text, asked = imported.document.text, questions(imported.examples, 200)
    assert len(asked) >= 10 and len(places(text)) >= 8
    for one in asked:
        best = find(text, one["question"], 1)[0]
        assert one["value"].lower() in best.text.lower(), one
        assert len(best.text.split()) < 3 * WORDS


def test_a_heading_stands_with_what_it_is_above():
    (place,) = places("The lamp\n\nIt burned rape oil.")
    assert place.text == "The lamp It burned rape oil."


def test_forms_of_a_word_are_one_word():
    text = "Båtens master är av gran.\n\nHuset är rött."
    assert find(text, "Vad är masten på båten gjord av?", 1)[0].text.startswith("Båtens")


def test_nothing_is_found_where_nothing_was_asked_for():
    assert find("Huset är rött.", "xyzzy", 3) == []
    assert find("", "Vad?", 3) == [] == find("Huset.", "", 3)


ASKED = {
    "Who was the workshop at 14 Hollin Street opened by?": "Margaret Fairweather",
    "When was the workshop opened?": "1911",
    "What are the four dials made of?": "opal glass",
    "In which year was the clock stopped by fire?": "1989",
}


@pytest.mark.long
def test_the_default_model_answers_from_the_place_it_is_given():
    """Plain questions to a text it has never seen: at most one of four is missed."""
    imported = TextImporter().import_text(known_text("en").replace("\n", "\n\n"), "plain", "known")
    said = asyncio.run(answers(imported.document.text))
    missed = [question for question, value in ASKED.items() if value not in said[question]]
    assert len(missed) <= 1, {question: said[question] for question in missed}


async def answers(text: str) -> dict[str, str]:
    with closing(open_model(registry.find("smollm2-135m"))) as file:
        generator = Generator(await Model.load(file, processor()))
    said = {}
    for question in ASKED:
        quotes = {"places": [place._asdict() for place in find(text, question, 1)]}
        turn = {"role": "user", "text": question, "language": "en", "quotes": quotes}
        answer = generator.ask(messages([turn]), Sampling(max_tokens=40), question)
        while generator.busy:
            await generator.advance()
        said[question] = answer.text
    return said
