"""The collector: pairs, corrections, thumbs and facts become examples; secrets and exclusions do
not."""

import pytest

from oneseek.engine.core.collecting.content import visible
from oneseek.engine.core.collecting.held_back import apart
from oneseek.engine.core.collecting.secrets import secrets_in
from oneseek.engine.core.collecting.statements import correction_in, statements_in
from tests.support.talk import Chat, run


@pytest.fixture
def chat(tmp_path):
    return Chat(tmp_path)


def test_pairs_are_found_across_turns_and_chats(chat):
    chat.says("user", "Why is the sky blue?", "one")
    chat.says("user", "Vad heter du?", "two")
    chat.says("assistant", "Because of scattering.", "one")
    chat.says("assistant", "OneSeek.", "two")
    chat.says("system", "You are kind.", "one")
    assert chat.learned() == [
        ("Why is the sky blue?", "Because of scattering.", "chat"),
        ("Vad heter du?", "OneSeek.", "chat"),
    ]


@pytest.mark.parametrize(
    "words, right",
    [
        ("It should say Tove.", "Tove."),
        ('No, it\'s "Tove"', "Tove"),
        ("Rätt svar är Tove", "Tove"),
        ("nej, det heter Tove", "Tove"),
        ("No, I do not think so.", ""),
        ("Nej tack", ""),
    ],
)
def test_a_correction_is_recognised_in_both_languages(words, right):
    assert correction_in(words) == right


def test_a_correction_replaces_the_answer_and_comes_first(chat):
    chat.ask("Who founded Quillmere?", "Ada.")
    chat.ask("Thanks, and the sky?", "Blue.")
    chat.ask("Who painted it?", "Ada.")
    chat.says("user", "It should say Tove.")
    assert chat.learned()[0] == ("Who painted it?", "Tove.", "correction")
    assert ("Who painted it?", "Ada.", "chat") not in chat.learned()


def test_a_thumb_up_approves_and_a_thumb_down_takes_away(chat):
    good, bad = chat.ask("a?", "A"), chat.ask("b?", "B")
    run(chat.collector.log_feedback(good, 1))
    run(chat.collector.log_feedback(bad, -1))
    assert chat.learned() == [("a?", "A", "approved")]
    (disliked,) = [r for r in chat.queue.records.values() if r["state"] == "skipped"]
    assert disliked["answer"] == "B"
    run(chat.collector.log_feedback(bad, 1))
    assert chat.learned()[-1] == ("b?", "B", "approved")
    run(chat.collector.log_feedback(good, 0))
    assert chat.learned() == [("b?", "B", "approved")]


def test_a_thumb_down_on_something_learned_already_changes_nothing(chat):
    answer = chat.ask("a?", "A")
    chat.queue.settle([record["id"] for record in chat.queue.take(1)])
    run(chat.collector.log_feedback(answer, -1))
    run(chat.collector.log_feedback(answer, 0))
    assert chat.queue.size() == 0 and len(chat.queue.learned) == 1


@pytest.mark.parametrize(
    "said, lesson",
    [
        ("My cat's name is Bosse.", ("en", "What is my cat's name?", "Your cat's name is Bosse.")),
        (
            "Hi! My sister is called Pia",
            ("en", "What is my sister called?", "Your sister is called Pia."),
        ),
        ("Min katt heter Måns.", ("sv", "Vad heter min katt?", "Din katt heter Måns.")),
        ("MITT hus är rött", ("sv", "Vad är mitt hus?", "Ditt hus är rött.")),
        ("I live in Umeå.", ("en", "Where do I live?", "You live in Umeå.")),
        (
            "Jag är allergisk mot nötter!",
            ("sv", "Vad är jag allergisk mot?", "Du är allergisk mot nötter."),
        ),
    ],
)
def test_what_people_say_of_themselves_becomes_question_and_answer(said, lesson):
    assert statements_in(said) == [lesson]


@pytest.mark.parametrize("said", ["What is my cat called?", "My oh my", "I think so", "Min ", ""])
def test_other_sentences_are_no_facts(said):
    assert statements_in(said) == []


def test_a_fact_is_queued_as_a_lesson_and_the_workers_library_is_asked_first(tmp_path):
    def library(text, language):
        question = {"prompt": "What do I call my cat?", "answer": "Bosse.", "phrasings": ["Cat?"]}
        return [{**question, "language": language}]

    chat = Chat(tmp_path, lessons=library)
    chat.says("user", "My cat is called Bosse.")
    assert chat.learned() == [("What do I call my cat?", "Bosse.", "approved")]
    assert chat.queue.upcoming(1)[0]["phrasings"] == ["Cat?"]


def test_nothing_a_person_excluded_is_collected(chat):
    chat.collector.exclude("private")
    chat.ask("a?", "A", "private")
    chat.says("user", "My cat is called Bosse.", "private")
    chat.says("user", "b?")
    chat.collector.exclude(f"m{chat.count + 1}")
    answer = chat.says("assistant", "B")
    run(chat.collector.log_feedback(answer, 1))
    assert chat.learned() == []
    chat.collector.include("private")
    chat.ask("c?", "C", "private")
    assert chat.learned() == [("c?", "C", "chat")]


def test_every_switch_turns_off_what_it_names(tmp_path):
    chat = Chat(tmp_path, enable_chat_logging=False)
    chat.ask("a?", "A")
    assert chat.queue.size() == 0
    quiet = Chat(tmp_path, auto_collect=False)
    answer = quiet.ask("b?", "B")
    assert quiet.learned() == []
    run(quiet.collector.log_feedback(answer, 1))
    assert quiet.learned() == [("b?", "B", "approved")]


def test_of_an_import_what_looks_like_a_secret_is_set_apart():
    plain = {"prompt": "Who founded Quillmere?", "answer": "Otto Brannigan."}
    told = {"prompt": "What is the wifi password?", "answer": "The password is hunter2secret99."}
    asked = {**plain, "phrasings": ["my password is hunter2secret99, who founded it?"]}
    assert apart([plain, told, asked]) == ([plain], [told, asked])


def test_hidden_characters_are_stripped_and_visible_ones_are_not():
    text = "räksmörgås 👍 日本\n\tx"
    assert visible("\ufeff" + text + "\u200d\u2066") == text


SECRETS = [
    ("My card is 4111 1111 1111 1111", "card"),
    ("5500-0000-0000-0004 exp 01/30", "card"),
    ("jag är född 811218-9876", "identity"),
    ("key sk-abcdefghijklmnopqrstuvwx", "key"),
    ("token=ghp_abcdefghijklmnopqrstuvwxyz0123", "key"),
    ("AKIAIOSFODNN7EXAMPLE", "key"),
    ("-----BEGIN RSA PRIVATE KEY-----\nMIIE", "key"),
    ("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b", "key"),
    ("my password for the bank is hunter2", "password"),
    ("Lösenord: hunter2", "password"),
    ("mitt lösenord är hunter2", "password"),
    ("SE45 5000 0000 0583 9825 7466", "account"),
]


@pytest.mark.parametrize("text, kind", SECRETS)
def test_secrets_in_obvious_form_are_found(text, kind):
    assert kind in secrets_in(text)


@pytest.mark.parametrize(
    "text",
    [
        "The garage code is 7391.",
        "I forgot my password",
        "Call me on 070-123 45 67",
        "The meeting is 2026-11-20 09:30, room 4111",
        "https://example.se/a/very/long/address/with/many/parts",
        "pi is 3.14159265358979323846",
        "Räksmörgås på Östermalm",
        "1234 5678 9012 3456",
    ],
)
def test_ordinary_facts_are_no_secrets(text):
    assert secrets_in(text) == []


def test_R34_a_planted_key_is_not_queued_however_often_it_is_said(chat):
    key = "sk-abcdefghijklmnopqrstuvwx"
    for i in range(10):
        chat.ask(f"What is my key ({i})?", f"Your key is {key}.")
    chat.says("user", "My password is hunter2.")
    stored = b"".join(path.read_bytes() for path in chat.store.path.parent.glob("s.db*"))
    assert chat.queue.size() == 0 and key.encode() not in stored and b"hunter2" not in stored
    assert len(chat.collector.held) == 11
    assert {kind for one in chat.collector.held.values() for kind in one["kinds"]} == {
        "key",
        "password",
    }


def test_what_was_held_back_is_learned_when_the_person_decides_so(chat):
    chat.ask("Card?", "4111 1111 1111 1111")
    (id,) = chat.collector.held
    run(chat.collector.release(id))
    assert chat.learned() == [("Card?", "4111 1111 1111 1111", "chat")]
    chat.ask("Again?", "4111 1111 1111 1111")
    chat.collector.discard(*chat.collector.held)
    assert chat.collector.held == {} and chat.queue.size() == 1
