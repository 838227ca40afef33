"""Pieces of a text that can answer: sentences with their headings, rows with their column headings,
utterances with those before them."""

from dataclasses import replace

from oneseek.importers.asking.documents import Document, Wording
from oneseek.importers.asking.library import CLOSE, place_of, stands_beside
from oneseek.importers.asking.pieces import pieces
from oneseek.importers.asking.quoting import Place, answer_from
from oneseek.importers.asking.vocabulary import ends_alike


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


def test_a_row_of_a_group_is_read_with_the_group_and_its_name():
    table = "Group | What | Price | Note\nEntry | Adult | 95 kr | from 20\nEntry | Child | 60 kr | 7 to 19"
    found = pieces(f"{table}\nHire | Towel | 30 kr | clean\nHire | Lock | 65 kr | yours")
    assert found[0].read == "Entry, Adult: Price 95 kr, Note from 20"
    place = Place("d", "Bath", found[3], 1.0, found[3].text, 0, 1)
    assert answer_from(place, "What is the price of a lock?").endswith("Hire, Lock: Price 65 kr")


def test_a_second_place_is_quoted_if_it_is_nearly_as_likely_and_stands_elsewhere():
    first, second = pieces("The boat is red. The boat sank in May.")
    one = Place("d", "Log", first, 2.0, first.text, first.start, first.end)
    two = Place("d", "Log", second, 2.0 - CLOSE, second.text, second.start, second.end)
    assert stands_beside(two, one)
    assert not stands_beside(replace(two, score=two.score - 0.1), one)
    assert not stands_beside(replace(two, start=first.start), one)
    assert stands_beside(replace(two, start=first.start, source="e"), one)
    said = answer_from(one, "What happened to the boat?", two)
    assert said == "In “Log”: “The boat is red.”\n\nAlso in “Log”: “The boat sank in May.”"


def test_a_row_behind_an_article_number_is_read_with_the_name_of_the_article():
    table = "No | Service | For | Price\nP101 | Tuning | Piano | 145\nP204 | Sanding | Grand | 215"
    assert pieces(table)[1].read == "P204, Sanding: For Grand, Price 215"
    years = pieces("Year | Sold | Made\n2019 | 4 | 7\n2020 | 5 | 9")
    assert years[1].read == "2020: Sold 5, Made 9"


def test_an_item_of_a_list_is_no_heading_and_hangs_from_its_line():
    found = pieces(
        "§ 5 The roof\n\nThree bids have come in:\n\nHolm: 214 000 kronor\n\nNyhlén: 236 000 kronor\n\n"
        "We talked for long.\n\n1. What is in the box\n\nThe machine\n\nA hose, 1.2 m\n\nKeep it dry."
    )
    assert found[2].read == "Three bids have come in: Holm: 214 000 kronor"
    assert {one.heading for one in found[1:5]} == {"§ 5 The roof"}
    assert {one.heading for one in found[6:]} == {"1. What is in the box"}
    document = Document(
        "d", "Minutes", "Three bids have come in:\n\nHolm: 214 000\n\nNyhlén: 236 000"
    )
    assert (
        place_of(document, 2, 1.0).text == "Three bids have come in: Holm: 214 000 Nyhlén: 236 000"
    )


def test_lines_with_numbers_are_parts_below_the_line_above_them():
    found = pieces("FEES\n1.1 A year costs 312. Pay it in May.\n1.2 Students pay 198.")
    assert [one.text for one in found] == [
        "FEES", "1.1 A year costs 312.", "Pay it in May.", "1.2 Students pay 198.",
    ]  # fmt: skip
    assert [one.heading for one in found[1:]] == ["FEES"] * 3 and found[3].before == ""


def test_an_utterance_is_whole_and_follows_another():
    found = pieces(
        "Ann (1 May): Hi. How are you?\n\nBo (1 May): Fine.\n\nAnn (2 May): Good.\n\nBo: Yes."
    )
    assert [one.text for one in found][:2] == ["Ann (1 May): Hi. How are you?", "Bo (1 May): Fine."]
    assert found[1].read == "Bo: Fine." and found[1].before == "Hi. How are you?"


def test_function_words_find_nothing():
    document = Document("d", "Harbour", "It is what it is.\n\nThe harbour is deep.")
    (_, at, words, *_), (_, _, beside, *_) = Wording("What is the harbour?", [document]).rank()
    assert document.pieces[at].text == "The harbour is deep." and words > beside
    assert not any(words for _, _, words, *_ in Wording("What is it?", [document]).rank())


def test_forms_of_a_word_and_compounds_are_found():
    document = Document(
        "d", "Lotter", "Det finns 84 odlingslotter.\n\nHäckar är låga. Årsavgift: 450 kr."
    )
    for question, text in (("Hur många lotter finns det?", "Det finns 84 odlingslotter."),
                           ("Hur hög får häcken vara?", "Häckar är låga."),
                           ("Hur stor är avgiften?", "Årsavgift: 450 kr.")):  # fmt: skip
        (_, at, *_), *_ = Wording(question, [document]).rank()
        assert document.pieces[at].text == text


def test_the_last_part_of_a_compound_is_a_word_in_any_form():
    for one, other in (("avgiften", "årsavgift"), ("boendeparkeringen", "parkering"),
                       ("odlingslott", "lotter")):  # fmt: skip
        assert ends_alike(one, other) and ends_alike(other, one)
    assert not ends_alike("under", "thunder") and not ends_alike("kaffe", "fika")


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
