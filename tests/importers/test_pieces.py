"""A text in pieces that can answer: sentences with what stands above them, rows with their
headings, utterances with what was said before."""

from oneseek.importers.asking.documents import Document, Wording
from oneseek.importers.asking.pieces import pieces


def test_a_piece_lies_in_its_text_and_knows_what_stands_above_it():
    text = "Opening hours\n\nWe open at nine. The shop closes at six.\n\n§ 4. Dogs stay outside."
    found = pieces(text)
    assert [text[one.start : one.end] for one in found] == [one.text for one in found]
    assert [one.text for one in found][1:] == [
        "We open at nine.", "The shop closes at six.", "§ 4. Dogs stay outside.",
    ]  # fmt: skip
    assert found[2].heading == "Opening hours" and found[2].before == "We open at nine."


def test_a_row_is_read_with_the_headings_of_its_columns():
    (row,) = pieces("Service | Price | Time\nNew chain | 48 euros | 20 minutes")
    assert row.read == "New chain: Price 48 euros, Time 20 minutes"
    assert row.text == "New chain | 48 euros | 20 minutes"


def test_an_utterance_is_whole_and_follows_another():
    found = pieces(
        "Ann (1 May): Hi. How are you?\n\nBo (1 May): Fine.\n\nAnn (2 May): Good.\n\nBo: Yes."
    )
    assert [one.text for one in found][:2] == ["Ann (1 May): Hi. How are you?", "Bo (1 May): Fine."]
    assert found[1].read == "Bo: Fine." and found[1].before == "Hi. How are you?"


def test_function_words_find_nothing():
    document = Document("d", "Harbour", "It is what it is.\n\nThe harbour is deep.")
    (_, at, words, _), (*_, beside, _) = Wording("What is the harbour?", [document]).ranked()
    assert document.pieces[at].text == "The harbour is deep." and words > beside
    assert not any(words for _, _, words, _ in Wording("What is it?", [document]).ranked())


def test_forms_of_a_word_and_compounds_are_found():
    document = Document(
        "d", "Lotter", "Det finns 84 odlingslotter.\n\nHäckar är låga. Grinden låses."
    )
    for question, text in (("Hur många lotter finns det?", "Det finns 84 odlingslotter."),
                           ("Hur hög får häcken vara?", "Häckar är låga.")):  # fmt: skip
        (_, at, *_), *_ = Wording(question, [document]).ranked()
        assert document.pieces[at].text == text


def test_what_no_full_stop_ends_for_thousands_of_words_is_nothing_to_quote():
    endless = "12 34 56 " * 50_000
    found = pieces(f"The boat is blue.\n\n{endless}\n\nIt was built in Arvika.")
    assert [one.text for one in found] == ["The boat is blue.", "It was built in Arvika."]


def test_a_sentence_that_leans_on_another_is_read_behind_it():
    found = pieces("The frame number is yours. It is stamped on the fork. Keep it.")
    assert found[1].read == "The frame number is yours. It is stamped on the fork."
    assert found[2].read == "Keep it."


def test_a_text_without_words_has_no_pieces():
    assert pieces("") == [] == pieces("\n\n")
