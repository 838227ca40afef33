"""Statements kept in the person's own words: which parts of a message are statements, how they are
found, and how they are said again."""

import asyncio
from collections import defaultdict
from datetime import datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oneseek.engine.learning.memory.encoder import unit
from oneseek.engine.learning.memory.statements import hearing, quoting
from oneseek.engine.learning.memory.statements.evidence import (
    apart,
    shares,
    signs,
    weigh_signs,
)
from oneseek.engine.learning.memory.statements.reader import LATEST, Reader, Sentence
from oneseek.engine.learning.memory.statements.said import NEAREST, StatementIndex
from oneseek.engine.learning.memory.statements.statement import text_of, text_to_read

DAY = 24 * 3600 * 1000
NOON = int(datetime(2026, 11, 26, 12).timestamp() * 1000)


@pytest.mark.parametrize(
    ("message", "parts"),
    [
        ("My dog is Rex. He is six!", ["My dog is Rex.", "He is six!"]),
        ("I see Dr. Holm at 9. in the morning", ["I see Dr. Holm at 9. in the morning"]),
        ("jag har tid kl. 9 hos frisören", ["jag har tid kl. 9 hos frisören"]),
        (
            "my sister lives in Lund and my brother works in Ghent",
            ["my sister lives in Lund", "my brother works in Ghent"],
        ),
        ("I live with my wife and my dog", ["I live with my wife and my dog"]),
        ("one\n\ntwo; three", ["one", "two", "three"]),
        (
            "btw my sister moved, can you write a poem about rain?",
            ["btw my sister moved", "can you write a poem about rain?"],
        ),
        ("its a Brenna W64. what is E18?", ["its a Brenna W64.", "what is E18?"]),
        ("   ", []),
    ],
)
def test_a_message_is_split_where_its_parts_stand_alone(message, parts):
    assert hearing.sentences(message) == parts


def find_statements(message, likely):
    """The statements in a message, with a reader that finds them as likely as `likely` says."""

    async def reads(texts):
        return [Sentence(np.zeros(1), next((p for words, p in likely.items() if words in one), 0))
                for one in texts]  # fmt: skip

    return [one.said for one in asyncio.run(hearing.statements(message, reads))]


def test_what_leans_on_a_statement_stays_with_it():
    likely = {"sister": 1, "She": 1, "bike": 1}
    message = "My sister is a vet. She works in Lund. Nice, right? My bike is red."
    assert find_statements(message, likely) == [
        "My sister is a vet. She works in Lund.",
        "My bike is red.",
    ]


@pytest.mark.parametrize(
    ("message", "kept"),
    [
        ("Hi! My new boss is Ines. Could you draft a text?", ["My new boss is Ines."]),
        ("btw my sister moved, can you write a poem about rain?", ["btw my sister moved"]),
        ("Kan du hjälpa mig? Min blogg heter Mossa.", ["Min blogg heter Mossa."]),
        ("Pretend you are a king. My boss is a knight. Shall we?", []),
        ("Can you translate this? Min blogg heter Mossa.", []),
        ("Her boss is Odo. How does the tale go on?", []),
    ],
)
def test_what_is_said_of_oneself_beside_a_question_is_kept(message, kept):
    likely = {"?": 0, "boss": 0.97, "sister": 0.97, "blogg": 0.8}
    assert find_statements(message, likely) == kept


def test_what_is_to_be_remembered_is_never_lost_and_a_question_never_kept():
    assert find_statements("Remember that the vault opens at nine", {}) == [
        "Remember that the vault opens at nine"
    ]
    assert find_statements("Kom ihåg att sopkärlet är grönt.", {}) == [
        "Kom ihåg att sopkärlet är grönt."
    ]
    assert find_statements("Remember my sister?", {"sister": 1}) == []
    story = "Write me a story about a king. My dog is called Rex. Remember that I like dogs."
    assert find_statements(story, {"dog": 0.7}) == ["Remember that I like dogs."]


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("wait no, the cat is called Pixie not Pixel", "wait no, the cat is called Pixie"),
        ("It's on the 14th, not the 4th!", "It's on the 14th!"),
        ("katten heter pixie inte pixel", "katten heter pixie"),
        ("Otto is 7 not 6\nHe starts on Monday", "Otto is 7\nHe starts on Monday"),
        ("I do not eat meat", "I do not eat meat"),
        ("jag äter inte fisk", "jag äter inte fisk"),
        ("it is really not good", "it is really not good"),
        ("I told him not to come", "I told him not to come"),
        ("No, not Anna", "No, not Anna"),
    ],
)
def test_a_value_that_is_denied_at_the_end_is_kept_but_not_read(said, read):
    fact = {"source": {"said": said}}
    assert text_to_read(fact) == read and text_of(fact) == said


@pytest.mark.parametrize(
    ("said", "code", "again"),
    [
        ("btw my sister anna moved to lund", "en", "Your sister anna moved to lund."),
        ("Before I forget, my boss is Ines.", "en", "Your boss is Ines."),
        ("I work 32 hours a week by the way.", "en", "You work 32 hours a week."),
        ("fyi im allergic to penicillin", "en", "You're allergic to penicillin."),
        ("I was born in Leeds", "en", "You were born in Leeds."),
        ("Remember that my keys are in our shed!", "en", "Your keys are in your shed!"),
        ("Remind me that the parcel is at my aunt's", "en", "The parcel is at your aunt's."),
        ("im 34 btw", "en", "You're 34."),
        ("Vi bor i Lund", "sv", "Ni bor i Lund."),
        ("jag är 34, förresten", "sv", "Du är 34."),
        ("förresten så heter min kusin Torgny", "sv", None),
        ("you should call my mum", "en", None),
        ('my mum says "no"', "en", None),
    ],
)
def test_a_plain_statement_is_turned_to_the_person(said, code, again):
    assert quoting.turn_to_person(said, code) == again


@pytest.mark.parametrize(
    ("days", "en", "sv"),
    [
        (0, "Earlier today you told me", "Tidigare i dag sa du"),
        (1, "Yesterday you told me", "I går sa du"),
        (2, "On Tuesday you told me", "I tisdags sa du"),
        (30, "On 27 October 2026 you told me", "Den 27 oktober 2026 sa du"),
    ],
)
def test_a_quotation_names_its_day(days, en, sv):
    told = NOON - days * DAY
    assert quoting.quote("I quit", "en", told, NOON) == f"{en}: “I quit”"
    assert quoting.quote("Jag slutar", "sv", told, NOON) == f"{sv}: “Jag slutar”"


WORDS = st.lists(
    st.sampled_from("boat cat red lund vet anna seven".split()), min_size=1, max_size=4
)
TEXTS = st.lists(WORDS.map(" ".join), min_size=1, max_size=12)


@given(TEXTS, st.sets(st.integers(0, 11)), st.integers(0, 2**32 - 1))
def test_what_was_removed_is_not_found_and_the_rest_as_if_it_had_never_been(texts, gone, seed):
    draw = np.random.default_rng(seed)
    rows = unit(draw.standard_normal((len(texts), 8)).astype(np.float32))
    asked = rows[0]
    with_all, without = StatementIndex(), StatementIndex()
    for i, text in enumerate(texts):
        with_all.add(str(i), text, rows[i], "bob" if i % 3 == 2 else "")
    for i in gone:
        with_all.remove(str(i))
    for i, text in enumerate(texts):
        if i not in gone:
            without.add(str(i), text, rows[i], "bob" if i % 3 == 2 else "")
    for owner in ("", "bob", "eve"):
        found = with_all.nearest(texts[0], asked, owner)
        assert sorted(found) == sorted(without.nearest(texts[0], asked, owner))
        assert len(found) <= NEAREST and not {int(one) for one in found} & gone
        assert all((int(one) % 3 == 2) == (owner == "bob") for one in found)


def test_of_a_story_or_a_role_nothing_is_kept_whatever_is_said_in_it():
    asked = "How old is he? My dog is called Rex."
    for whole, kept in ((0.9, True), (0.1, False)):

        async def reads(texts, whole=whole):
            likely = {"Begin": 0.3, "He": 0.3, "How": 0.3, "My": 0.95}
            return [Sentence(np.zeros(1), whole if ". " in one else likely[one.split()[0]])
                    for one in texts]  # fmt: skip

        found = asyncio.run(hearing.statements("He lit a pipe. My dog is called Rex.", reads))
        assert bool(found) == kept
        found = asyncio.run(hearing.statements(asked, reads))
        assert found  # a question with its reason, which is a statement


def test_what_may_be_a_statement_is_asked_about_where_nothing_else_was_understood():
    async def reads(texts):
        likely = {"surely": 0.95, "perhaps": 0.5, "hardly": 0.1}
        return [Sentence(np.zeros(1), likely[one.split()[0]]) for one in texts]

    def find_unsure(message):
        return [(one.said, one.unsure) for one in asyncio.run(hearing.statements(message, reads))]

    assert find_unsure("perhaps one. perhaps two.") == [("perhaps one.", True)]
    assert find_unsure("perhaps one. surely two.") == [("perhaps one. surely two.", False)]
    assert find_unsure("perhaps one?") == find_unsure("hardly one.") == []
    assert find_unsure("hardly any of this counts. perhaps one.") == []  # it belongs to the story


def test_what_is_taken_back_in_one_breath_stays_with_what_it_takes_back():
    likely = {"Mazda": 1, "Kia": 1}
    assert find_statements("I drive a Mazda. No wait, it's a Kia now.", likely) == [
        "I drive a Mazda. No wait, it's a Kia now."
    ]


def test_what_says_more_of_a_statement_stays_with_it_and_a_request_does_not():
    likely = {"spare key": 1, "blue one": 0.3}
    message = "The spare key is under the pot. The blue one. Write me a poem about keys."
    assert find_statements(message, likely) == ["The spare key is under the pot. The blue one."]


def test_what_leans_on_a_question_brings_it_along():
    assert find_statements("Any films for my niece Oona? She's fifteen", {"fifteen": 1}) == [
        "Any films for my niece Oona? She's fifteen"
    ]


@given(st.lists(st.floats(-1, 2), min_size=1, max_size=8))
def test_a_statement_holds_the_more_of_the_nearness_the_nearer_it_is(near):
    found = shares(near)
    assert all(0 <= x <= 1 for x in found) and sum(found) <= 1 + 1e-9
    assert found[int(np.argmax(near))] == max(found)
    assert all(shares([x])[0] >= part for x, part in zip(near, found, strict=True))


def test_a_statement_that_lacks_what_is_asked_for_is_less_likely():
    asked, when = (
        "When is my dentist appointment?",
        ["dentist on 9 December", "the dentist is kind"],
    )
    told, not_told = signs(asked, when, [2.0, 2.0], [1.0, 1.0], [0.6, 0.6], 1.0, 0)
    assert (told["holds"], told["lacks"]) == (1, 0) and (not_told["holds"], not_told["lacks"]) == (
        0, 1)  # fmt: skip
    assert told["words"] == not_told["words"] == 1
    assert weigh_signs({**told, "length": 0}) > weigh_signs({**not_told, "length": 0})


def test_what_lies_as_near_as_another_counts_less_than_alone():
    (alone,) = signs("What car do I drive?", ["I drive a Skoda"], [2.0], [1.0], [0.6], 1.0, 0)
    both = ["I drive a Skoda", "I drive a taxi"]
    beside, _ = signs("What car do I drive?", both, [2.0, 2.0], [1.0, 1.0], [0.6, 0.6], 1.0, 0)
    far = {**alone, "share": shares([0.2])[0]}
    assert weigh_signs(far) < weigh_signs(beside) < weigh_signs(alone) and apart(beside) == apart(
        alone
    )


class Counted:
    """An encoder without weights that records the lengths of the texts it splits."""

    longest, before, end = 16, [0], 1

    def __init__(self):
        self.words, self.seen = self, []
        self.heads = defaultdict(lambda: np.zeros((1, 4), np.float32))

    async def load(self):
        pass

    def encode(self, text):
        self.seen.append(len(text))
        return list(range(len(text)))

    async def states(self, rows, of):
        return [np.zeros((len(row), 4), np.float32) for row in rows]


def test_of_an_endless_text_no_more_is_cut_into_pieces_than_is_read():
    encoder = Counted()
    asyncio.run(Reader(encoder).together("Which boat?", ["12 34 56 " * 50_000]))
    assert max(encoder.seen) < 2_000


def test_a_text_is_located_once_and_while_others_are(monkeypatch):
    reader, located, waits = Reader(None), [], asyncio.Event()

    async def locate(texts, *_):
        located.extend(texts)
        if "awaited" in texts:
            await waits.wait()
        return [f"place of {text}" for text in texts]

    monkeypatch.setattr(reader, "_locate", locate)

    async def run():
        await reader.locate_answers(["heard"])
        both = asyncio.ensure_future(reader.locate_answers(["heard", "awaited"]))
        await asyncio.sleep(0)
        await reader.locate_answers([str(number) for number in range(2 * LATEST)])
        waits.set()
        return await both

    assert asyncio.run(run()) == ["place of heard", "place of awaited"]
    assert located.count("heard") == 1 and len(reader._located) == LATEST
