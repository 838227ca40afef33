"""Statements made over HTTP are kept in the person's own words: known at once, to no other user,
and only if wanted."""

import re

import pytest

from oneseek.engine.learning.memory.statements.quoting import words_of
from oneseek.workers.server.service import always
from tests.support.hosts import native

NOTHING = words_of("en")["nothing"]
SCHEMA = {
    "type": "json_schema",
    "json_schema": {"name": "reply", "schema": {"type": "boolean"}},
}


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    with native(tmp_path_factory.mktemp("heard")) as found:
        yield found


def say(host, *messages, **more):
    said = [{"role": "user", "content": text} for text in messages]
    body = {"model": "tiny", "messages": said, "max_tokens": 80, "temperature": 0, **more}
    reply = host.ask("POST", "/v1/chat/completions", body)
    assert reply.status == 200, reply.text
    told = reply.json()
    return told["choices"][0]["message"]["content"], told["oneseek"]


def test_a_statement_is_remembered_quoted_and_forgotten(host):
    _, told = say(host, "My sister Rosalind works as a vet in Plymouth", user="ann")
    (kept,) = told["remembered"]
    assert kept["said"] == "My sister Rosalind works as a vet in Plymouth"
    answer, told = say(host, "Where does my sister work?", user="ann")
    assert "Plymouth" in answer and told["by"] == "memory"
    assert [one["id"] for one in told["facts"]] == [kept["id"]] and not told["remembered"]
    assert host.ask("DELETE", f"/api/memory/{kept['id']}").status in (200, 202)
    answer, told = say(host, "Where does my sister work?", user="ann")
    assert "Plymouth" not in answer and not told["facts"]


def test_all_that_was_told_is_listed_and_forgotten_when_that_is_asked_for(host):
    wish = "what do you know about me?"
    assert say(host, wish, user="joe")[0] == "You have not told me anything yet."
    for words in ("my car is a red Volvo", "our cat Biscuit needs insulin twice a day"):
        assert say(host, words, user="joe")[1]["remembered"]
    answer, told = say(host, wish, user="joe")
    assert (
        "* Your car is a red Volvo." in answer and "Biscuit" in answer and len(told["facts"]) == 2
    )
    assert "Volvo" not in say(host, wish, user="kim")[0]
    answer, told = say(host, "forget that my car is red", user="joe")
    assert answer == "I'll forget that: Your car is a red Volvo." and len(told["forgot"]) == 1
    assert not told["remembered"]
    answer, _ = say(host, wish, user="joe")
    assert "Volvo" not in answer and "Biscuit" in answer
    unkept = say(host, "forget the cat Biscuit", user="joe", oneseek={"learn": False})[1]
    assert "forgot" not in unkept and "Biscuit" in say(host, wish, user="joe")[0]


def test_a_message_that_only_states_something_is_told_that_it_is_kept(host):
    reply, told = say(host, "fyi im allergic to penicillin", user="dot")
    assert reply == "I'll remember that: you're allergic to penicillin." and told["by"] == "memory"
    assert told["remembered"]
    words = "fyi im allergic to walnuts"
    for more in ({"oneseek": {"learn": False}}, {"response_format": SCHEMA}):
        assert "remember that" not in say(host, words, user="dot", **more)[0]
    asked = [{"role": "system", "content": "Say yes or no."}, {"role": "user", "content": words}]
    assert "remember that" not in say(host, user="dot", messages=asked)[0]


def test_a_role_finds_what_was_said_of_it_and_what_was_not_said_is_not_known(host):
    for words in ("my sister anna moved to lund last month", "fyi im allergic to penicillin"):
        assert say(host, words, user="flo")[1]["remembered"]
    assert "lund" in say(host, "Where does my sister live?", user="flo")[0]
    assert "lund" in say(host, "Who is anna?", user="flo")[0]
    for question in ("what's my blood type?", "Where does my brother live?"):
        assert say(host, question, user="flo")[0] == NOTHING


def test_of_two_that_contradict_the_newer_holds(host):
    for words in ("We live in a flat in Harrogate", "We live in a house in Ripon now"):
        assert say(host, words, user="gus", max_tokens=300)[1]["remembered"]
    answer, told = say(host, "Where do we live?", user="gus", max_tokens=300)
    assert answer.index("Ripon") < answer.index("Harrogate") and len(told["facts"]) == 2
    answer, _ = say(host, "Where did we live before?", user="gus", max_tokens=300)
    assert answer.index("Harrogate") < answer.index("Ripon")


def test_who_moved_somewhere_lives_there(host):
    assert say(host, "btw my sister anna moved to lund last month", user="eva")[1]["remembered"]
    for question in (
        "Where does Anna live?",
        "where does anna live?",
        "Where does my sister live?",
    ):
        assert "lund" in say(host, question, user="eva", max_tokens=60)[0].lower(), question
    assert "lund" not in say(host, "Where does my brother live?", user="eva")[0].lower()


def test_what_one_told_is_never_anothers(host):
    words = "My rabbit is called Humphrey"
    one, two = (say(host, words, user=user)[1]["remembered"][0]["id"] for user in ("bo", "cy"))
    assert one != two
    for user, knows in (("bo", True), ("cy", True), ("di", False), (None, False)):
        answer, _ = say(host, "What is my rabbit called?", **({"user": user} if user else {}))
        assert ("Humphrey" in answer) is knows
    assert host.ask("DELETE", f"/api/memory/{one}").status in (200, 202)
    assert "Humphrey" not in say(host, "What is my rabbit called?", user="bo")[0]
    assert "Humphrey" in say(host, "What is my rabbit called?", user="cy")[0]


async def never() -> bool:
    return False


def test_who_wants_nothing_kept_says_so(host):
    words = "My boat is moored in Whitby"
    _, told = say(host, words, user="ed", oneseek={"learn": False})
    assert told["remembered"] == []
    assert "Whitby" not in say(host, "Where is my boat moored?", user="ed")[0]
    host.inside(lambda service: setattr(service, "hears", never))
    assert say(host, words, user="ed")[1]["remembered"] == []
    host.inside(lambda service: setattr(service, "hears", always))
    assert say(host, words, user="ed")[1]["remembered"]


def test_what_is_taken_back_in_the_next_turn_is_replaced_and_named(host):
    first, second = "My car is a Mazda", "no wait, I sold it, my car is a Kia now"
    (old,) = say(host, first, user="flo")[1]["remembered"]
    (new,) = say(host, first, second, user="flo")[1]["remembered"]
    known = {one["id"] for one in host.ask("GET", "/api/memory").json()["facts"]}
    assert new["id"] in known and old["id"] not in known
    answer, _ = say(host, "What car do I have?", user="flo")
    assert "Kia" in answer and answer.index("Kia") < answer.index("Mazda")


@pytest.mark.parametrize(
    "after", ["no thanks", "make it shorter", "wait, tell me a joke", "nej tack"]
)
def test_who_goes_on_with_a_wish_takes_nothing_back(host, after):
    first, user = "My bike is a red Gazelle", after.replace(" ", "-")
    (kept,) = say(host, first, user=user)[1]["remembered"]
    assert say(host, first, after, user=user)[1]["remembered"] == []
    known = {one["id"] for one in host.ask("GET", "/api/memory").json()["facts"]}
    assert kept["id"] in known


def test_a_question_without_its_mark_takes_nothing_back_and_is_not_kept(host):
    told = "our cat is called Pixel", "wait no, the cat is called Pixie not Pixel"
    for count in (1, 2):
        assert say(host, *told[:count], user="una")[1]["remembered"]
    for asked in ("whats the cats name", "whats my cats name"):
        answer, found = say(host, *told, asked, user="una")
        assert "Pixie" in answer and not found["remembered"] and found["by"] == "memory"


def test_what_was_told_some_messages_ago_can_be_corrected(host):
    user, first = "gil", "I just adopted a beagle called Waffles"
    between = "how big is a beagle?", "thanks!"
    (old,) = say(host, first, user=user)[1]["remembered"]
    assert say(host, first, *between, "actually I drive a red Volvo", user=user)[1]["remembered"]
    known = {one["id"] for one in host.ask("GET", "/api/memory").json()["facts"]}
    assert old["id"] in known
    corrected = "actually his name is Truffles, I mistyped"
    assert say(host, first, *between, corrected, user=user)[1]["remembered"]
    answer, _ = say(host, "what is my beagle called?", user=user)
    assert "Truffles" in answer


def test_a_question_may_lean_on_the_message_before_it(host):
    first = "my favourite colour is green and my sister's is blue"
    say(host, first, user="fay")
    asked = "what's my sister's favourite colour?"
    assert "green" in say(host, first, asked, "and mine?", user="fay")[0]
    say(host, "My wife Ingrid works at the harbour office", user="fay")
    answer, _ = say(host, "what do I know of my wife Ingrid?", "where does she work?", user="fay")
    assert "harbour" in answer


def test_who_told_nothing_hears_that(host):
    answer, told = say(host, "What is my sister's name?", user="gus")
    assert answer.strip() == NOTHING and told["by"] == "memory"


def test_who_asks_for_advice_is_not_told_that_it_was_not_told(host):
    first = "I just adopted a beagle called Waffles"
    answer, told = say(host, first, "what should I feed him?", user="hob")
    assert told["by"] == "base" and answer.strip() != NOTHING
    answer, told = say(host, "my blood pressure is 145 over 92", "is that high?", user="hob")
    assert answer.strip() != NOTHING


def test_what_a_message_tells_is_no_answer_to_what_it_asks(host):
    message = "My wife Ingrid is turning 40 on the 12th of June. Any gift ideas?"
    for _ in range(2):  # the second time, the statement is known before the question is read
        answer, told = say(host, message, user="jan")
        assert told["by"] == "base" and answer.strip() != NOTHING
    assert "June" in say(host, "when does my wife turn 40?", user="jan")[0]


def test_all_that_was_told_about_somebody_is_listed(host):
    for words in ("my sister Lily swims on Tuesdays", "Lily is five", "my car is red"):
        say(host, words, user="ike")
    answer, told = say(host, "what do you know about Lily?", user="ike")
    assert told["by"] == "memory" and "swims" in answer and "five" in answer
    assert "car" not in answer


def test_a_secret_is_not_kept(host):
    _, told = say(host, "My password is hunter2-Correct-Horse and my key is sk-abc123", user="hal")
    assert told["remembered"] == []
    known = host.ask("GET", "/api/memory").text
    assert not re.search("hunter2", known)


def test_a_secret_is_asked_about_and_kept_when_the_person_says_so(host):
    secret, user = "The code for our bike lock is 4471", "ida"
    answer, told = say(host, secret, user=user)
    assert "keep it" in answer and told["remembered"] == []
    answer, told = say(host, secret, "what is the capital of France?", user=user)
    assert told["remembered"] == []
    answer, told = say(host, secret, "Yes, keep it.", user=user)
    assert "4471" in answer and [one["said"] for one in told["remembered"]] == [secret]
    assert "4471" in say(host, "what is the code of our bike lock?", user=user)[0]


@pytest.mark.parametrize(
    ("message", "question", "answer"),
    [
        ("My cousin Ottilie\x00 keeps\x07 bees in Hexham", "What does my cousin keep?", "bees"),
        (
            "Our holiday flat is in Nafplio (Ναύπλιο), the landlord writes Дмитрий on his letters",
            "Where is our holiday flat?",
            "Ναύπλιο",
        ),
    ],
    ids=["control characters", "three scripts"],
)
def test_whatever_stands_around_a_statement_it_is_heard(host, message, question, answer):
    _, told = say(host, message, user=question)
    assert told["remembered"]
    assert answer in say(host, question, user=question)[0]


def test_a_message_of_ten_thousand_words_is_refused_in_clear_words_and_nothing_waits(host):
    long = "My tailor is called Mr Pemberton. " + "It rained and rained and rained. " * 1700
    body = {"model": "tiny", "messages": [{"role": "user", "content": long}], "user": "kit"}
    reply = host.ask("POST", "/v1/chat/completions", body)
    assert reply.status == 400 and "Shorten it, nothing was sent" in reply.text
    assert say(host, "My tailor is called Mr Pemberton.", user="kit")[1]["remembered"]


def test_what_says_little_by_itself_is_kept_where_it_is_of_somebody_just_told_of(host):
    first = "My daughter Romy turns nine on 3 October"
    assert say(host, first, user="lev")[1]["remembered"]
    _, told = say(host, first, "she wants a skateboard, a proper one not a toy", user="lev")
    assert told["remembered"]
    answer, _ = say(host, "when is Romy's birthday and what does she want?", user="lev")
    assert "3 October" in answer and "skateboard" in answer
