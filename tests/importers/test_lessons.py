"""From a document to lessons: sentences keep their place, and nothing is repeated or
boilerplate."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oneseek.engine.core.queue.training_queue import TrainingQueue
from oneseek.engine.learning.lessons.documents import lessons, questions
from oneseek.importers.document import Block, Document
from oneseek.importers.duplicates import NEAR, Fingerprints, simhash
from oneseek.importers.passages import is_boilerplate, passages, sentences_of
from oneseek.importers.text import TextImporter
from tests.importers.measure import FILES, load_reference_text


def split(text: str) -> list[str]:
    return [text[start:end] for start, end in sentences_of(text)]


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("Fyren byggdes 1868. Den är hög.", 2),
        ("Vi såg t.ex. svanar, tranor m.m. Det var kl. 10.30 på dagen.", 2),
        ("Dr. Ek och A. B. Larsson kom den 14. oktober. De gick.", 2),
        ("It cost 3.50 pounds, i.e. nothing! Was it dear? No.", 3),
        ("Mr. Brand vs. the U.S. navy. End.", 2),
        ("En rad utan punkt", 1),
    ],
)
def test_sentences_end_where_people_end_them(text, count):
    assert len(split(text)) == count, split(text)


@given(st.text(st.sampled_from("ab. !?\n”T1")))
def test_sentences_cover_the_text_in_order_and_leave_out_only_spaces(text):
    spans = sentences_of(text)
    assert "".join("".join(text[a:b].split()) for a, b in spans) == "".join(text.split())
    assert all(a < b for a, b in spans) and spans == sorted(spans)


def test_every_lesson_shows_the_sentence_it_came_from():
    result = TextImporter().import_text(
        load_reference_text("sv").replace("\n", "\n\n"), "plain", "fyren"
    )
    assert result.examples_generated >= 10
    for example in result.examples:
        source = example["source"]
        block = result.document.blocks[source["block"]]
        assert source["document"] == result.document.sha256 and example["kind"] == "document"
        assert " ".join(block.text[source["start"] : source["end"]].split()) == source["sentence"]
        json.dumps(example)


def test_a_fact_is_asked_forwards_and_backwards():
    (when, who, back) = sorted(
        lessons(["Fyren på Skarvholmen byggdes 1868 av Albert Öhrnström."], "Fyren", "sv"),
        key=lambda e: ["När", "Av ", "Vem"].index(e["prompt"][:3]),
    )
    assert when["prompt"] == "När byggdes Fyren på Skarvholmen?" and when["answer"].endswith(
        "byggdes 1868."
    )
    assert who["prompt"] == "Av vem byggdes Fyren på Skarvholmen?"
    assert back["prompt"] == "Vem eller vad byggdes 1868 av Albert Öhrnström?"


def test_an_open_it_becomes_the_heading_and_an_open_she_is_dropped():
    said = lessons(
        ["Den är tjugotre meter hög.", "Hon flyttade till Umeå 1971."], "Fyren på Skarvholmen", "sv"
    )
    assert {e["source"]["sentence"] for e in said} == {0}
    assert all("Fyren på Skarvholmen" in e["answer"] for e in said)


def test_what_no_form_asks_becomes_a_gap_and_what_tells_nothing_is_left_out():
    (gap,) = lessons(["Without help the night boat would have stopped in April."], "", "en")
    assert gap["prompt"].startswith("Complete the sentence: ") and gap["answer"].endswith("April.")
    assert lessons(["we all went home and slept quite well.", "Yes."], "", "en") == []


def test_questions_to_test_a_source_use_words_no_lesson_uses():
    taught = lessons(["Fyren på Skarvholmen byggdes 1868 av Albert Öhrnström."], "", "sv")
    asked = questions(taught, 2)
    assert len(asked) == 2 and not {q["question"] for q in asked} & {e["prompt"] for e in taught}
    assert asked[0]["value"]


@pytest.mark.parametrize(
    "text",
    ["© 2026 Alla rättigheter förbehållna.", "Läs mer", "Follow us on social media", "Annons"],
)
def test_boilerplate_is_left_out(text):
    assert is_boilerplate(text)
    found = Document("", "", "sv", (Block("paragraph", text),), "", "")
    assert passages(found) == []


def test_tables_become_sentences():
    rows = "work,price,time\nnew mainspring,140 pounds,three weeks\ncleaning a watch,95 pounds,two weeks\n"
    result = TextImporter(language_of=lambda text: "en").import_text(rows, "csv", "prices")
    assert "The price of new mainspring is 140 pounds." in {e["answer"] for e in result.examples}
    assert "What is the price of new mainspring?" in {e["prompt"] for e in result.examples}


@given(
    st.lists(
        st.sampled_from("fyren ön båten gick till byn när solen sken och vinden låg".split()),
        min_size=12,
    )
)
def test_a_text_is_its_own_near_duplicate(words):
    index = Fingerprints()
    index.add(simhash(" ".join(words)), "a")
    assert index.near(simhash(" ".join(words))) == "a"


def test_nearly_the_same_paragraph_is_found_and_another_is_not():
    paragraphs = [p for p in load_reference_text("sv").split("\n") if len(p.split()) > 40]
    for paragraph in paragraphs:
        changed = paragraph.replace("Skarvholmen", "Tallholmen", 1).replace(" två ", " tre ", 1)
        assert (simhash(paragraph) ^ simhash(changed)).bit_count() <= NEAR
    others = [
        simhash(p)
        for p in paragraphs
        + [q for q in load_reference_text("en").split("\n") if len(q.split()) > 40]
    ]
    assert min((a ^ b).bit_count() for i, a in enumerate(others) for b in others[:i]) > NEAR


def test_the_same_words_in_another_format_teach_nothing_twice():
    importer = TextImporter()
    (first,) = importer.import_file((FILES / "libreoffice_sv.docx").read_bytes(), "a.docx")
    (second,) = importer.import_file((FILES / "libreoffice_sv.pdf").read_bytes(), "b.pdf")
    assert first.examples_generated > 10 and second.duplicates >= 7
    assert second.examples_generated < first.examples_generated / 3
    importer.index.forget(first.document.sha256)
    (third,) = importer.import_file((FILES / "page_sv.html").read_bytes(), "c.html")
    assert third.examples_generated >= first.examples_generated - 2


def test_an_importer_fills_the_queue_it_is_given_once():
    queue = TrainingQueue()
    importer = TextImporter(queue)
    result = importer.import_text("The lighthouse of Quillmere is 41 metres high.", "plain")
    assert result.examples_generated and queue.size() == result.examples_generated
    waiting = list(queue.records.values())
    assert {one["priority"] for one in waiting} == {"import"}
    assert [one["prompt"] for one in waiting] == [one["prompt"] for one in result.examples]
