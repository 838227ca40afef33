"""Wishes about the memory itself: to hear everything that was told, or to forget some of it."""

import pytest

from oneseek.engine.core.collecting.statements import STATEMENT
from oneseek.engine.learning.memory.wishes import (
    LISTED,
    addresses_memory,
    find_concerned,
    list_told,
    read_what_to_forget,
    read_what_to_tell,
    reply_to_forget,
    wants_all,
)


def statement(words, time=0, language="en"):
    fact = {"id": words, "kind": STATEMENT, "question": words, "answer": words, "time": time}
    return fact | {"language": language, "source": {"kind": "chat"}}


@pytest.mark.parametrize(
    ("message", "wanted"),
    [
        ("what do you know about me?", True),
        ("So what have I told you so far", True),
        ("Do you remember anything about us?", True),
        ("Vad vet du om mig?", True),
        ("vad har jag berättat för dig", True),
        ("What do you know about black holes?", False),
        ("What do you know about my sister?", False),
        ("I told you everything", False),
    ],
)
def test_who_asks_for_all_is_told_from_who_asks_for_something(message, wanted):
    assert wants_all(message) is wanted


@pytest.mark.parametrize(
    ("message", "what"),
    [
        ("What do you know about my sister?", "my sister"),
        ("what did I tell you about Lily", "Lily"),
        ("Vad vet du om min katt?", "min katt"),
        ("tell me everything about Lily", "Lily"),
        ("tell me about black holes", ""),
        ("what do you know about me?", ""),
    ],
)
def test_whoever_asks_for_all_about_something_says_about_what(message, what):
    assert read_what_to_tell(message) == what


def test_all_about_something_is_listed_with_its_name():
    facts = [statement("my sister Lily swims", 1), statement("my car is red", 2)]
    told = list_told(find_concerned("my sister", facts), "en", "my sister")
    assert told.splitlines() == [
        "What you told me about your sister, the newest first:", "", "* Your sister Lily swims."
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("message", "what"),
    [
        ("forget that my car is red", "my car is red"),
        ("Please forget what I said about the dentist.", "the dentist"),
        ("glöm att min bil är röd", "min bil är röd"),
        ("Forget everything", "everything"),
        ("forget it", ""),
        ("glöm inte att köpa mjölk", ""),
        ("don't forget the milk", ""),
        ("Forget to-do lists, what is GTD?", ""),
        ("I always forget my keys", ""),
    ],
)
def test_what_is_to_be_forgotten_is_read_from_the_message(message, what):
    assert read_what_to_forget(message) == what


def test_all_that_was_told_is_said_to_the_person_the_newest_first():
    facts = [statement("my car is red", 1), statement("vi bor i Kalmar", 2, "sv")]
    assert list_told(facts, "en").splitlines()[2:] == ["* Ni bor i Kalmar.", "* Your car is red."]
    assert list_told([], "sv") == "Du har inte berättat något för mig än."
    many = [statement(f"my number is {n}", n) for n in range(LISTED + 3)]
    assert list_told(many, "en").endswith("And 3 more.")


def test_only_what_holds_all_that_was_named_is_forgotten():
    facts = [statement("my car is a red Volvo"), statement("my bike is red"), statement("hi Anna")]
    gone = find_concerned("my car is red", facts)
    assert [one["answer"] for one in gone] == ["my car is a red Volvo"]
    assert (
        reply_to_forget("my car is red", gone, "en") == "I'll forget that: Your car is a red Volvo."
    )
    assert not find_concerned("my boat", facts)
    assert "one thing at a time" in reply_to_forget("everything", [], "en")


@pytest.mark.parametrize(
    ("message", "wanted"),
    [
        ("Remember that Theo's teacher is Ms Ek.", True),
        ("please note that I sold the van", True),
        ("the cleaner comes every other friday, remember that", True),
        ("Min nya kod är 4711. Kom ihåg det, tack!", True),
        ("what do you know about me?", True),
        ("forget what I said about the boat", True),
        ("I can't remember that.", False),
        ("do you remember that song?", False),
        ("two packs of ham for Thursday", False),
        ("", False),
    ],
)
def test_who_addresses_the_memory_is_told_from_who_does_not(message, wanted):
    assert addresses_memory(message) == wanted
