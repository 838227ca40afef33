"""Documents are asked over HTTP: the place is quoted first, a missing answer is admitted, and a
source belongs to its owner alone."""

import pytest

from tests.support.hosts import native

RULES = """THE ROWING CLUB

The boathouse is open from 6 to 22. The key hangs behind the notice board.

Each member pays 180 euros a year. Guests pay 12 euros for each outing.

Children under twelve must wear a life jacket."""
PRICES = "Service,Price,Time\nOil change,95 euros,40 minutes\nNew chain,48 euros,20 minutes"


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    with native(tmp_path_factory.mktemp("sources")) as found:
        yield found


def bring(host, text, title, **more):
    reply = host.ask("POST", "/api/import", {"text": text, "title": title, **more})
    assert reply.status in (200, 201), reply.text
    return reply.json()["source"]


def ask(host, question, source="", **more):
    body = {"model": "tiny", "messages": [{"role": "user", "content": question}], **more}
    body |= {"max_tokens": 300, "oneseek": {"source": source} if source else None}
    reply = host.ask("POST", "/v1/chat/completions", body)
    assert reply.status == 200, reply.text
    return reply.json()["choices"][0]["message"]["content"], reply.json()["oneseek"]


def test_the_place_is_quoted_before_the_answer_that_is_taken_from_it(host):
    id = bring(host, RULES, "club rules")
    answer, told = ask(host, "How much do guests pay for an outing?", id)
    quotation, _, taken = answer.partition("\n\n")
    assert taken == "Guests pay 12 euros for each outing." and taken in quotation
    (place,) = told["sources"]
    assert told["by"] == "source" and place["id"] == id and place["text"] in quotation


def test_of_a_table_the_cell_that_is_asked_for_is_said(host):
    id = bring(host, PRICES, "prices")
    answer, _ = ask(host, "What is the price of a new chain?", id)
    assert answer.endswith("New chain: Price 48 euros") and "New chain | 48 euros" in answer


def test_what_a_document_does_not_say_is_told(host):
    id = bring(host, RULES, "club rules")
    answer, told = ask(host, "Who is the chairman of the orchestra?", id)
    assert answer.startswith("That is not in “") and "sources" not in told
    answer, _ = ask(host, "Vem är orkesterns ordförande?", id)
    assert answer.startswith("Det står inte i ”")


def test_several_sources_are_asked_and_no_other(host):
    rules, prices = bring(host, RULES, "club rules"), bring(host, PRICES, "prices")
    bring(host, "The orchestra's chairman is Ada Ek.", "orchestra")
    for question, words in (
        ("How much do guests pay for an outing?", "12 euros"),
        ("What is the price of a new chain?", "48 euros"),
        ("Who is the chairman of the orchestra?", "That is not in “club rules” or “prices”."),
    ):
        assert words in ask(host, question, [rules, prices])[0]
    body = {"model": "tiny", "messages": [{"role": "user", "content": "What?"}]}
    body["oneseek"] = {"source": [rules, "gone"]}
    assert host.ask("POST", "/v1/chat/completions", body).status == 404


def test_any_question_finds_the_source_that_answers_it(host):
    bring(host, RULES, "club rules")
    id = bring(host, PRICES, "prices")
    answer, told = ask(host, "What is the price of an oil change?")
    assert "95 euros" in answer and told["sources"][0]["id"] == id
    assert "sources" not in ask(host, "Why do cats purr?")[1]


def test_a_source_is_its_givers_alone_until_it_is_removed(host):
    id = bring(host, "The alarm of the cottage is switched off with 7731.", "cottage", user="ann")
    question = "How is the alarm of the cottage switched off?"
    assert "7731" in ask(host, question, user="ann")[0]
    assert "7731" not in ask(host, question, user="bo")[0]
    body = {"model": "tiny", "messages": [{"role": "user", "content": question}], "user": "bo"}
    assert (
        host.ask("POST", "/v1/chat/completions", body | {"oneseek": {"source": id}}).status == 404
    )
    assert host.ask("DELETE", f"/api/sources/{id}").status == 200
    assert "7731" not in ask(host, question, user="ann")[0]
    assert host.ask("DELETE", f"/api/sources/{id}").status == 404


def test_a_text_that_holds_a_secret_is_no_source(host):
    text = "The club's card has the number 4111 1111 1111 1111. It is kept by the treasurer."
    assert bring(host, text, "card") is None
    assert bring(host, text, "card", allow_secrets=True)


def test_a_conversation_is_searched_with_who_speaks(host):
    said = (
        "Nell (2 May): My sister moved to Leith.", "Carl (2 May): Mine never left Perth.",
        "Nell (3 May): The tram was late again.", "Carl (3 May): Mine came early.",
    )  # fmt: skip
    id = bring(host, "\n\n".join(said), "chat")
    found = host.ask("POST", "/api/search", {"query": "Where does Nell's sister live?"})
    place = found.json()["places"][0]
    assert place["text"] == said[0] and place["id"] == id
    listed = host.ask("GET", "/api/sources").json()["sources"]
    assert id in [one["id"] for one in listed]


def test_what_a_person_told_comes_before_what_a_source_says(host):
    bring(host, "The lighthouse was built in 1868. Its lens weighs 340 kilograms.", "lighthouse")
    answer, told = ask(host, "btw the lens of my own lighthouse weighs 12 grams")
    assert "sources" not in told and told["remembered"], answer
    answer, told = ask(host, "How much does the lens of my own lighthouse weigh?")
    assert "12 grams" in answer and told["by"] == "memory"
