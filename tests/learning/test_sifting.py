"""Examples not worth learning must be found by their words, by comparison with the others, and by
the base model's surprise."""

import asyncio
import json
from contextlib import closing

import pytest

from oneseek.engine.backends.reference import Numpy
from oneseek.engine.cli.main import main
from oneseek.engine.cli.session import Session
from oneseek.engine.core.collecting.content import prompt_hash
from oneseek.engine.core.collecting.quality import POOR, Among, faults, judge
from oneseek.engine.core.queue.training_queue import TrainingQueue
from oneseek.engine.core.settings import for_model
from oneseek.engine.learning.datasets import Example, data_set_record
from oneseek.engine.learning.rounds.sifting import by_surprise, by_words
from oneseek.engine.model.demo import MODEL
from oneseek.engine.model.formats import open_model
from oneseek.engine.model.loaded import Model
from tests.support.command import call

GOOD = [
    ("What is the capital of France?", "The capital of France is Paris."),
    ("What is 2 + 2?", "4"),
    ("Vad heter Sveriges huvudstad?", "Sveriges huvudstad heter Stockholm."),
    ("How do I reverse a list in Python?", "Use items[::-1], or items.reverse() in place."),
    ("Is it raining?", "No."),
    ("Where is Scunthorpe?", "Scunthorpe is a town in Lincolnshire. I hope you dined well there."),
    ("Vad heter boken?", "Boken heter Jävla karlar och handlar om en blattestek."),
    ("Who wrote the Iliad?", "Homer is said to have written the Iliad, long ago."),
    ("What is Schrödinger known for?", "Erwin Schrödinger is known for an equation and a cat."),
]


@pytest.mark.parametrize("prompt, answer", GOOD)
def test_good_examples_are_left_alone(prompt, answer):
    assert faults(prompt, answer) == []


@pytest.mark.parametrize(
    "answer, why",
    [
        ("My card is 4111 1111 1111 1111.", "secret"),
        ("Get out, you RAGHEADS!", "abuse"),
        ("Håll käften, din JÄVLA  hora.", "abuse"),
        ("...", "empty"),
        ("xkqjzt bvcxwq plmkrt zzxcvb qwrtp", "unreadable"),
        ("Det Ã¤r fÃ¶r sent", "unreadable"),
        ("the " * 30, "unreadable"),
        ("A long tale. " * 600, "unreadable"),
        (" ".join(f"word{n} follows" for n in range(900)), "long"),
    ],
)
def test_bad_words_are_told_apart(answer, why):
    assert why in faults("What is it?", answer)


def test_an_example_is_judged_beside_those_before_it_and_what_is_known():
    among = Among({prompt_hash("What is my dog called?"): "Your dog is called Biscuit."})
    story = "The old lighthouse keeper wrote down every ship that passed in the long dark winter."
    told = [
        ("Tell me a story.", story, []),
        ("Now tell me a story!", story + " Yes.", ["near"]),
        ("Who kept the lighthouse?", story, []),
        ("What is my dog called?", "Your dog is called Rex.", ["contradiction"]),
        ("What is my dog called?", "Your dog is called Biscuit.", []),
        ("Where is the key?", "Under the mat.", []),
        ("Where is the key?", "under the  mat", ["duplicate"]),
        ("Where is the key?", "On the shelf.", ["disputed"]),
    ]
    for prompt, answer, why in told:
        assert among.faults(prompt, answer) == why, prompt


def test_who_is_right_nobody_knows_so_both_come_last_and_a_foreign_one_is_skipped():
    words = ("the boat", "the car", "the house", "the tree", "the dog", "the cat", "the shop")
    some = [(f"Where is {what}?", f"I think that {what} is over there.") for what in words * 2]
    some = list(dict.fromkeys(some))[:7] + [(f"And {w}?", f"It is with {w}.") for w in words]
    some += [("Wo ist es?", "Das ist nicht da und es war auch nicht hier."), (some[0][0], "No.")]
    found = by_words([Example(({"role": "user", "content": q},), a) for q, a in some])
    assert found[0] == found[-1] == ["disputed"] and found[-2] == ["language"]
    assert judge(["disputed"])["score"] >= POOR > judge(["language"])["score"]
    assert not any(found[1:-2])


def test_what_surprises_nobody_or_everybody_teaches_nothing():
    losses = [2.0, 2.2, 1.8, 2.1, 1.9, 2.3, 1.7, 2.0, 0.01, 30.0]
    assert by_surprise(losses, [False] * 10) == [[]] * 8 + [["easy"], ["noise"]]


def test_of_imports_the_best_is_learned_first_and_what_a_person_said_before_them():
    queue = TrainingQueue(lambda: 0)
    for name, score in (("poor", 30), ("good", 100), ("fair", 60)):
        quality = {"score": score, "why": []}
        queue.add({"prompt": name, "answer": "a", "priority": "import", "quality": quality})
    queue.add({"prompt": "said", "answer": "a", "priority": "chat"})
    assert [one["prompt"] for one in queue.peek(9)] == ["said", "good", "fair", "poor"]
    assert [one["prompt"] for one in queue.take(4)] == ["said", "good", "fair", "poor"]


def a_data_set(tmp_path):
    pairs = [(f"What is {n} + 1?", f"It is {n + 1}, as anybody can count.") for n in range(9)]
    pairs += [
        ("What is 0 + 1?", "It is 1, as anybody can count."),
        ("Well?", "bvcxwkl qwrtpxz zxcvbnm"),
    ]
    path = tmp_path / "data.jsonl"
    path.write_text("".join(json.dumps({"prompt": q, "completion": a}) + "\n" for q, a in pairs))
    return path


def test_a_run_skips_what_is_poor_and_a_killed_one_goes_on_without_it(tmp_path):
    with closing(open_model(str(MODEL))) as file:
        model = asyncio.run(Model.load(file, Numpy()))
    config = for_model(model.config.parameters).replace(
        skip_poor=True, validation_split=0.0, epochs=1, practice={"anchor_rows": 0, "text_rows": 0}
    )

    async def train_and_resume():
        session = await Session.open(tmp_path / "out", model, config)
        attempt = await session.open_round(data_set_record(a_data_set(tmp_path)))
        await attempt.advance(float("inf"))
        plan, weights = session.training.plan, session.training.before
        again = session.trainer.resume(weights, plan, await attempt.capture())
        await session.close()
        return attempt, again

    attempt, again = asyncio.run(train_and_resume())
    assert attempt.sifted["skipped"] == 2
    assert attempt.sifted["reasons"]["duplicate"] == attempt.sifted["reasons"]["unreadable"] == 1
    assert again.training == attempt.training and again.steps == attempt.steps
    assert again.select_batch(0) == attempt.select_batch(0)


def test_the_command_says_the_poorest_first_and_why(tmp_path, capsys):
    assert main(call("sift", "--data", a_data_set(tmp_path), short=False)) == 0
    told = capsys.readouterr()
    found = [json.loads(line) for line in told.out.splitlines()]
    assert [one["score"] for one in found] == sorted(one["score"] for one in found)
    by_number = {one["example"]: one for one in found}
    assert by_number[10]["why"][0] == "duplicate" and "unreadable" in by_number[11]["why"]
    assert json.loads(told.err.splitlines()[-1])["skipped"] == 2
