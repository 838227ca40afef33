"""What an encoder's reading of a question recalls of the examples."""

import asyncio
import json
from types import SimpleNamespace

import numpy as np
import pytest

from oneseek.engine.learning.batch import Row
from oneseek.engine.learning.datasets import Example
from oneseek.engine.learning.rounds.variants import CANDIDATE
from oneseek.engine.learning.skills.held_out import HeldOutTest
from oneseek.engine.learning.skills.pattern import pattern_of, unread
from oneseek.engine.learning.skills.ridge import (
    SOFT_PARTS,
    Reading,
    Readings,
    fit_ridge,
    foretold,
    token_spans,
)
from oneseek.engine.learning.skills.slot_model import chances, presences

DRAW = np.random.default_rng(3)
WIDTH = 16
MEANT = {name: DRAW.normal(size=WIDTH) for name in ("cat", "car", "name", "other")}


def read(words, kinds, whole):
    """A question of these words and a made-up reading of it; no word occurs in two examples."""
    question, spans, at = " ".join(words), [], 0
    for word in words:
        spans.append((at, at + len(word)))
        at += len(word) + 1
    states = np.stack([MEANT[kind] + 0.3 * DRAW.normal(size=WIDTH) for kind in kinds])
    meant = np.concatenate([MEANT[one] + 0.3 * DRAW.normal(size=WIDTH) for one in (whole, whole)])
    return question, Reading(meant, spans, states)


def word():
    return "".join(DRAW.choice(list("abcdefghijklmnop"), 6))


@pytest.mark.parametrize("count", [9, 40])
def test_what_the_others_foretell_is_what_they_foretell_without_it(count):
    """The prediction for a block must be that of a fit without it, except for the means, which
    include the block."""
    rows, wanted = DRAW.normal(size=(count, WIDTH)), DRAW.normal(size=(count, 2))
    blocks = [2, count - 5, 3]
    plain, found = fit_ridge(rows, wanted, blocks, 2, SOFT_PARTS)
    assert json.loads(json.dumps(plain)) == plain
    first = 0
    for size, mine in zip(blocks, found, strict=True):
        own = np.zeros(count, bool)
        own[first : first + size] = True
        x = np.hstack([
            half / np.linalg.norm(half, axis=1, keepdims=True)
            for half in np.split(rows - rows.mean(0), 2, axis=1)
        ])  # fmt: skip
        others, rest = x[~own], wanted - wanted.mean(0)
        inverse = np.linalg.inv(others.T @ others + SOFT_PARTS * np.eye(WIDTH))
        expected = x[own] @ inverse @ others.T @ rest[~own] + wanted.mean(0)
        assert np.allclose(mine, expected)
        first += size
    assert foretold(plain, rows).shape == wanted.shape


def test_labels_that_no_word_tells_are_told_by_what_is_meant():
    kinds = ["cat", "car"] * 8
    asked = [read([word(), word()], ["other", "other"], kind) for kind in kinds]
    questions, readings = zip(*asked, strict=True)
    pattern = pattern_of(list(zip(questions, kinds, strict=True)), Readings(readings, {}))
    question, reading = read([word(), word()], ["other", "other"], "car")
    slot = pattern["slots"][0]
    found = chances(slot, question, reading)
    assert found["car"] > 10 * found["cat"]
    found = chances(unread(pattern)["slots"][0], question, reading)
    assert found["car"] == pytest.approx(found["cat"], rel=1)


def test_a_label_that_two_examples_show_is_told_by_its_name():
    kinds = ["cat", "cat", *["name"] * 6, *["other"] * 6]
    asked = [read([word(), word()], ["other", "other"], kind) for kind in kinds]
    questions, readings = zip(*asked, strict=True)
    names = {name: np.concatenate([one, one]) for name, one in MEANT.items()}
    question, reading = read([word(), word()], ["other", "other"], "cat")
    found = [
        chances(
            pattern_of(list(zip(questions, kinds, strict=True)), Readings(readings, some))["slots"][
                0
            ],
            question,
            reading,
        )["cat"]
        for some in ({}, names)
    ]
    assert found[1] > found[0]


def test_each_label_of_a_list_is_there_or_not_by_itself():
    lists = ["car", "car, cat", "cat"] * 6
    asked = [read([word()], ["other"], "cat" if "cat" in some else "car") for some in lists]
    questions, readings = zip(*asked, strict=True)
    pattern = pattern_of(list(zip(questions, lists, strict=True)), Readings(readings, {}))
    question, reading = read([word()], ["other"], "cat")
    found = presences(pattern["slots"][0], question, reading)
    there, absent = found["cat"]
    assert there > absent


def test_a_name_that_no_word_tells_is_told_by_its_tokens():
    asked, answers = [], []
    for at in range(16):
        kinds = ["other", "other", "other", "other"]
        kinds[at % 4] = "name"
        words = [word() for _ in kinds]
        asked.append(read(words, kinds, "cat"))
        answers.append(f"{words[at % 4]} | yes")
    questions, readings = zip(*asked, strict=True)
    unplaced = Reading(readings[0].whole, [], readings[0].states)
    some = Readings([unplaced, *readings[1:]], {})
    pattern = pattern_of(list(zip(questions, answers, strict=True)), some)
    question, reading = read([word() for _ in range(4)], ["other", "name", "other", "other"], "cat")
    found = chances(pattern["slots"][0], question, reading)
    assert max(found, key=found.get) == question.split()[1]


@pytest.mark.parametrize(
    ("text", "pieces", "wanted"),
    [
        ("Ask Bo", ["▁Ask", "▁B", "o"], ["Ask", " B", "o"]),
        ("  Ask \n Bo ", ["▁Ask", "▁B", "o"], ["Ask", " \n B", "o"]),
        ("½ kg", ["▁1", "⁄", "2", "▁kg"], []),
        ("Ask", ["▁Ask", "▁more"], []),
    ],
)
def test_a_piece_lies_where_it_was_read(text, pieces, wanted):
    assert [text[first:last] for first, last in token_spans(text, pieces)] == wanted


def short(example):
    return Row("taught", [1], [1])


def test_a_run_is_judged_by_answers_whose_questions_are_read_as_in_use():
    """The run must read its held-out questions with the encoder, as in use: no word decides the
    label, only the reading does."""
    known = {}

    def example(kind):
        question, known[question] = read([word(), word()], ["other"] * 2, kind)
        return Example(({"role": "user", "content": question},), kind)

    class Reads:
        async def read(self, texts):
            return [known[text] for text in texts]

        async def examples_read(self, pairs):
            return Readings(await self.read([question for question, _ in pairs]), {})

    class Undecided:
        """A model that says whatever the answer's form finds likeliest."""

        async def go_on(self, who, prompts, tokens, forms):
            self.ways = [form.text.grammar.rules[0, ""] for form in forms]
            best = [max(ways, key=lambda way: way[-1][1]) for ways in self.ways]
            return [list(way[0][1]) for way in best]

    tokenizer = SimpleNamespace(decode=lambda ids: bytes(ids).decode())
    coder = SimpleNamespace(tokenizer=tokenizer, ends=lambda id: False)
    examples = [example(kind) for _ in range(20) for kind in ("cat", "car")]
    held, others = examples[:10], examples[10:]
    judged = [
        asyncio.run(HeldOutTest(coder, short, held, others, True, reads).by(Undecided(), CANDIDATE))
        for reads in (None, Reads())
    ]
    assert judged[0].right < 8 and judged[1].right == 10
