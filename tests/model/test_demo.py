"""The demo model of the page must be small, speak both languages and know what its corpus says."""

import json
import random

from oneseek.engine.cli import main
from oneseek.engine.model import demo
from oneseek.engine.model.demo import corpus


def test_it_is_small_enough_to_be_part_of_the_page():
    assert demo.MODEL.stat().st_size < 2 << 20


def test_no_question_of_its_corpus_has_two_answers():
    questions = [question for question, _ in corpus.exchanges()]
    assert len(questions) == len(set(questions)) > 500


def test_it_answers_in_the_language_it_is_asked_in(tmp_path, capsys):
    sample = random.Random(5).sample(corpus.exchanges(), 10)
    users = tmp_path / "users.jsonl"
    users.write_text("\n".join(json.dumps(question) for question, _ in sample))
    options = ["--model", "tiny", "--backend", "numpy", "--greedy", "--json", "--users", str(users)]
    assert main.main(["generate", *options]) == 0
    said = [json.loads(line)["text"] for line in capsys.readouterr().out.splitlines()]
    right = sum(text == answer for text, (_, answer) in zip(said, sample, strict=True))
    assert right >= 9, list(zip(sample, said, strict=True))
