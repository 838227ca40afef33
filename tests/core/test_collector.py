"""The collector must turn pairs, corrections, thumbs and facts into examples, and leave out secrets
and exclusions."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder import ROOT
from oneseek.engine.core.collecting.collector import DataCollector, split_secrets
from oneseek.engine.core.collecting.content import visible
from oneseek.engine.core.collecting.secrets import KINDS, NAMES, secrets_in
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
    assert chat.list_queue() == [
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
    assert chat.list_queue()[0] == ("Who painted it?", "Tove.", "correction")
    assert ("Who painted it?", "Ada.", "chat") not in chat.list_queue()


def test_a_thumb_up_approves_and_a_thumb_down_takes_away(chat):
    good, bad = chat.ask("a?", "A"), chat.ask("b?", "B")
    run(chat.collector.log_feedback(good, 1))
    run(chat.collector.log_feedback(bad, -1))
    assert chat.list_queue() == [("a?", "A", "approved")]
    (disliked,) = [r for r in chat.queue.records.values() if r["state"] == "skipped"]
    assert disliked["answer"] == "B"
    run(chat.collector.log_feedback(bad, 1))
    assert chat.list_queue()[-1] == ("b?", "B", "approved")
    run(chat.collector.log_feedback(good, 0))
    assert chat.list_queue() == [("b?", "B", "approved")]


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


@pytest.mark.parametrize(
    "said",
    [
        "What is my cat called?",
        "My oh my",
        "I think so",
        "Min ",
        "",
        "My wife Ingrid is a nurse",
        "min bror Åke är brandman",
    ],
)
def test_other_sentences_are_no_facts(said):
    assert statements_in(said) == []


def test_a_fact_is_queued_as_a_lesson_and_the_workers_library_is_asked_first(tmp_path):
    def library(text, language):
        question = {"prompt": "What do I call my cat?", "answer": "Bosse.", "phrasings": ["Cat?"]}
        return [{**question, "language": language}]

    chat = Chat(tmp_path, lessons=library)
    chat.says("user", "My cat is called Bosse.")
    assert chat.list_queue() == [("What do I call my cat?", "Bosse.", "approved")]
    assert chat.queue.peek(1)[0]["phrasings"] == ["Cat?"]


def test_what_may_be_a_statement_waits_for_a_yes(tmp_path):
    async def understand(text, earlier):
        more = {"before": "", "replaces": "", "language": "en"}
        return [{"said": text, "unsure": "perhaps" in text, **more}]

    chat = Chat(tmp_path, understand=understand)
    chat.says("user", "the spare tyre, perhaps")
    chat.says("user", "the spare key is in the shed")
    by_words = {record["prompt"]: record for record in chat.queue.records.values()}
    sure, unsure = (by_words[words] for words in sorted(by_words))
    assert (unsure["state"], sure["state"]) == ("held", "kept")
    chat.queue.approve(unsure["id"])
    assert chat.queue.records[unsure["id"]]["state"] == "kept"


def test_nothing_a_person_excluded_is_collected(chat):
    chat.collector.exclude("private")
    chat.ask("a?", "A", "private")
    chat.says("user", "My cat is called Bosse.", "private")
    chat.says("user", "b?")
    chat.collector.exclude(f"m{chat.count + 1}")
    answer = chat.says("assistant", "B")
    run(chat.collector.log_feedback(answer, 1))
    assert chat.list_queue() == []
    chat.collector.include("private")
    chat.ask("c?", "C", "private")
    assert chat.list_queue() == [("c?", "C", "chat")]


def test_every_switch_turns_off_what_it_names(tmp_path):
    chat = Chat(tmp_path, enable_chat_logging=False)
    chat.ask("a?", "A")
    assert chat.queue.size() == 0
    quiet = Chat(tmp_path, auto_collect=False)
    answer = quiet.ask("b?", "B")
    assert quiet.list_queue() == []
    run(quiet.collector.log_feedback(answer, 1))
    assert quiet.list_queue() == [("b?", "B", "approved")]


def test_the_switches_may_be_given_as_one_dictionary(tmp_path):
    switches = {"enable_chat_logging": False, "enable_web_scraping": False, "auto_collect": True}
    closed = Chat(tmp_path, config=switches)
    closed.ask("b?", "B")
    closed.says("user", "My cat is called Misse.")
    assert closed.list_queue() == [] and closed.collector.auto_collect is True
    for wrong in ({"enable_chat_loging": False}, {"auto_collect": "no"}):
        with pytest.raises(TypeError, match=next(iter(wrong))):
            DataCollector(None, wrong)


def test_of_an_import_what_looks_like_a_secret_is_set_apart():
    plain = {"prompt": "Who founded Quillmere?", "answer": "Otto Brannigan."}
    told = {"prompt": "What is the wifi password?", "answer": "The password is hunter2secret99."}
    asked = {**plain, "phrasings": ["my password is hunter2secret99, who founded it?"]}
    assert split_secrets([plain, told, asked]) == ([plain], [told, asked], ["password"])


def test_hidden_characters_are_stripped_and_visible_ones_are_not():
    text = "räksmörgås 👍 日本\n\tx"
    assert visible("\ufeff" + text + "\u200d\u2066") == text


def test_a_secret_over_two_lines_of_a_message_holds_back_its_facts(chat):
    chat.says("user", "My card is 4539 1488\n0343 6467")
    assert chat.queue.size() == 0
    assert [one["kinds"] for one in chat.collector.held.values()] == [["card"]]


def test_an_ordinary_fact_beside_a_secret_is_learned(chat):
    chat.says("user", "My cat is called Misse. My password is hunter2.")
    assert [one[1] for one in chat.list_queue()] == ["Your cat is called Misse."]
    assert [one["kinds"] for one in chat.collector.held.values()] == [["password"]]


def test_the_development_set_is_judged_as_the_benchmark_says():
    """Most secrets must be found, and no ordinary sentence may be held back."""
    path = ROOT / "tests/bench/secrets_dev.jsonl"
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    missed = [row["text"] for row in rows if row["secret"] and not secrets_in(row["text"])]
    held = [row["text"] for row in rows if not row["secret"] and secrets_in(row["text"])]
    assert held == [] and len(missed) <= 8, (missed, held)


def test_every_kind_of_secret_has_a_name_in_the_page_and_over_http():
    for language in ("en", "sv"):
        words = json.loads((ROOT / f"web/static/i18n/{language}.json").read_text(encoding="utf-8"))
        for kind in KINDS:
            assert words["secret." + kind]
            if language == "en":
                assert words["secret." + kind] == NAMES[kind]


@pytest.mark.parametrize(
    "hidden",
    [
        "pass\u200bword: zebra55",
        "ｐａｓｓｗｏｒｄ： ｈｕｎｔｅｒ２",
        "４５３９ １４８８ ０３４３ ６４６７",
        "4539\u00a01488\u20110343\u20116467",
        "lo\u0308senord: hunter2",
        "LÖSENORD: HUNTER2",
    ],
)
def test_no_spelling_hides_a_secret(hidden):
    assert secrets_in(hidden) != []


PIECES = (
    "password pin wifi @ # : = ? - / . , ' \" \n \x01 :// 12 1234 4539 å ﬁ ٣ ๓ 𝟜 ① İ ß 's api key "
    "is är 640823-3234 SE45 AB 12C seed https://a:b@ eyJ. AKIA + == -. 🗝 a\u0308 \u200b [ ] | iban cvc"
).split(" ")


def test_an_empty_quotation_does_not_stop_the_screening():
    assert secrets_in('{"name": "", "at": 1}') == []


@given(st.lists(st.sampled_from(PIECES), max_size=30), st.sampled_from(("", " ")))
def test_no_text_stops_the_screening(pieces, between):
    found = secrets_in(between.join(pieces))
    assert found == [kind for kind in KINDS if kind in found]


def test_a_number_with_a_wrong_check_digit_is_ordinary():
    for i in range(10):
        card, person = f"4539 1488 0343 646{i}", f"640823-323{i}"
        assert ("card" in secrets_in(card)) is (i == 7)
        assert ("identity" in secrets_in(person)) is (i == 4)


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


TOLD_IN_PASSING = [  # secrets told as an action, or without a word for their kind
    ("The cleaner gets in with 7730", "code"),
    ("Tesla: to drive it you need 2486", "code"),
    ("for the boathouse marina pontoon gate it's X2914", "code"),
    ("bike lock's 774", "code"),
    ("siffrorna på baksidan 417", "card"),
    ("tipp 5077 ein, dann summt es", "code"),
    ("kassaskåpet hos mormor öppnas med 14 höger 33 vänster 7", "code"),
    ("when Windows starts put Dragonfly7 in", "password"),
    ("sudo wants b4gpuss on the pi", "password"),
    ("Det är KalleAnka34 på Netflix om barnen frågar", "password"),
    ("Monzo 04-00-04 and 12345678, thanks!", "account"),
    ("swedbank 8214-9 983 551 220-7 om du vill sätta in", "account"),
    ("venmo the rest, or wire to 026009593 / 4410228871", "account"),
    ("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", "key"),
    ("Bakdörren till bygdegården: ett, noll, fem, fem, och stjärna", "code"),
    ("para el portal de la peña marca 1, 9, 3, 7 y campanita, luego empuja fuerte", "code"),
    ("Vi har samma på allt hemma, Rabarber1952, det är väl ganska dumt?", "password"),
    ("is Bramble?Gate3 long enough for the council site", "password"),
    ("<id>nexus</id><username>deploy</username><password>Tansy7Mortar$x</password>", "password"),
    ("guest network is Heron_Cottage and the key is 'wet boots by the door'", "password"),
    ("the guest wifi is called Larch House, password warm socks in winter", "password"),
    ("anmäl Tuva Sand, född 140611-4482, till kollot", "identity"),
    ("mobilen öppnas om man ritar ett Z från vänster till höger", "password"),
    ("larmcentralen ringer och då säger man Vitsippa, annars kommer de", "password"),
    ("safe: left four times to 12, right three to 87, left two to 45", "code"),
    ("Festen är på vinden, trettiosju nittiotvå på porten och sen hissen", "code"),
    ("banken frågar vad min första lärare hette och då svarar jag Majken Wallander", "password"),
    ("google gave me these\n4820 1937\n7716 0254\n3391 8860\n0647 5512\n9083 4471", "code"),
    ("a quarter turn back to 12, then forward to 27, and at 33 the safe opens", "code"),
    ("först 27, tillbaka till 5, fram till 31, då öppnar sig kassaskåpet", "code"),
    ("press C then 19 then Y then 36 on the entry panel", "code"),
    ("luggage 274", "code"),
    ("capital T, then rombone, then 61, then a full stop. that's jira", "password"),
    ("für das Telefon der Bank ist das Kennwort Murmeltierbau", "password"),
    ("my sin is 046 454 286 and hers is in the folder", "identity"),
    ("PPS number 1234567T, the form asks for it on page two", "identity"),
    ("https://hooks.chat.example/services/T03KQ8ZLM/u7GmTzYq2LcVd9XeKa5RbHs1", "key"),
    ("mysql -u gramps -pMarigold1881 tree < dump.sql", "address"),
    ("git clone https://ghp_Pqz618Vhst2mPBG6g0Nq7wHOeiV8bO5dgKx4@github.com/o/h.git", "key"),
    ("it showed me pdv3 x3ze muuh iwis fpyq nva3 4g5n 7ztu to type in by hand", "key"),
    (
        "coral / bench / harvest / ivory / pistol / tunnel / evoke / margin / sibling / awful / "
        "noodle / crane is what my ledger showed",
        "recovery",
    ),
]


@pytest.mark.parametrize("text, kind", TOLD_IN_PASSING)
def test_a_secret_told_in_passing_is_found(text, kind):
    assert kind in secrets_in(text)


@pytest.mark.parametrize(
    "text",
    [
        "our wifi is called Badgers2",
        "my username on chess.com is rookie_moves77",
        "docker pull postgres@sha256:151b4d593e9d22de4f16ff5be281d25793467bd55a7134186e001e9768b5837a",
        "docker run -e POSTGRES_PASSWORD=$DB_PASS -p 5432:5432 postgres:16",
        "sk_test_YOUR_KEY_HERE goes where the example says so",
        "Remind me to change all my passwords once the divorce is through.",
        "when the waiter asks just say no onions",
        "turn right after the church, left at the pub, ours is the second gate",
        'the phrase "mind the gap" is on every mug in that shop',
        "What does IPX7 mean for a hearing aid?",
        "my children, min mans barnbarn och jag",
        "if len(losenord) < 8: print('för kort')",
        '<input type="password" name="pw" autocomplete="new-password"> why is it filled in',
        "# .env.example\nDB_PASSWORD=\nSMTP_KEY=<your key here>",
        'kubectl create secret generic db --from-literal=password="$DB_PASSWORD"',
        "can't reach 192.168.0.1 but 192.168.1.1 opens a login page, whose is it",
        "The ISBN on the back is 978-0-14-044913-6, which translation is that",
        "OCR 8830 2214 7756 1 och bankgiro 5050-1055",
        "batteri CR2032 till bilnyckeln, 39 kr på macken",
        'base64 of "hello world" is aGVsbG8gd29ybGQ=',
        "Det står SHA256:UHP3wvZZVlKvoKpY7dGmT1uKdkRP2vj9j8GerG7Gulc på värdnyckeln",
        "I code in Rust and Python3",
        "passet är 0700-1600",
        'if password == "": raise ValueError',
        "password = Column(String(128), nullable=False)",
        'read -s -p "Password: " PW',
        "docker run -e POSTGRES_PASSWORD=postgres -p 5432:5432 postgres:16",
        "postgres://user:password@localhost:5432/db is the format in the docs",
        'integrity="sha384-oqVuAfXRKap7fdgcCY5uykM6+R9GqQ8K" fails in firefox',
        "POST /v2/orders?ref=mail&limit=20 201 41ms",
        "token_type: bearer, expires_in: 3600, that's all I get back",
        "porten på routern är 8080, brandväggen stoppar",
        "the password to a good party is curiosity, says my aunt",
        "the password in the play is swordfish, isn't it",
        "kortet från moster: grattis på 40-årsdagen",
        "go back to page 12, then forward to 27, there are 33 of them",
        "the museum opens 1000 to 1700",
        "Mobile 07700 900123",
        "lösenordsfritt är framtiden",
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
    assert chat.list_queue() == [("Card?", "4111 1111 1111 1111", "chat")]
    chat.ask("Again?", "4111 1111 1111 1111")
    chat.collector.discard(*chat.collector.held)
    assert chat.collector.held == {} and chat.queue.size() == 1
