"""Taste: choices are kept and trained on, the base answers with the same bits while it is off, and
a removed taste is gone."""

import asyncio
import contextlib
import json
from contextlib import closing

import pytest

from builder import ROOT
from oneseek.engine.backends.reference import Numpy
from oneseek.engine.cli.main import main
from oneseek.engine.cli.remembering import assistant_of
from oneseek.engine.cli.session import Session
from oneseek.engine.core.settings import for_data
from oneseek.engine.learner import BASE
from oneseek.engine.learning.taste.choices import Choice
from oneseek.engine.learning.taste.wording import in_words, traits
from oneseek.engine.model.choice.sampling import Sampling
from oneseek.engine.model.demo import MODEL
from oneseek.engine.model.formats import open_model
from oneseek.engine.model.loaded import Model
from tests.support.command import call, read_output

TASTES = ROOT / "examples" / "tastes"
QUESTIONS = ["What is the capital of Sweden?", "Hello!", "How do I boil an egg?"]
BRIEFLY = ["--set", "epochs=1"]


def choices_of(name, part="choices"):
    lines = (TASTES / name / f"{part}.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


@pytest.mark.parametrize(
    ("name", "words"),
    [("brief", "shorter"), ("answer_first", "the answer first"), ("prose", "without lists")],
)
def test_a_taste_is_told_in_words_and_each_has_forty_choices(name, words):
    given = choices_of(name)
    assert len(given) == 40 and len(choices_of(name, "held_out")) == 12
    assert not {one["prompt"] for one in given} & {
        one["prompt"] for one in choices_of(name, "held_out")
    }
    found = traits([Choice(**one) for one in given])
    assert words in in_words(found)
    marks = [Choice(one["prompt"], chosen=one["chosen"]) for one in given[::2]]
    marks += [Choice(one["prompt"], rejected=one["rejected"]) for one in given[1::2]]
    assert words in in_words(traits(marks))


def test_choices_that_point_nowhere_are_told_as_that():
    pairs = [Choice("Hi?", "red words here", "blue words here"), Choice("Ho?", "blue", "red")]
    assert in_words(traits(pairs)) == "as was chosen" == in_words(traits([Choice("Hi?", "red")]))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("taste") / "out"


@pytest.fixture(scope="module")
def model():
    with closing(open_model(str(MODEL))) as file:
        return asyncio.run(Model.load(file, Numpy()))


def taste(folder, act, *more):
    return main(call("taste", act, "--out", folder, *more, short=False))


def answers(folder, model, **more):
    """(text, the tokens' best, author) of each answer."""

    async def answer_all():
        async with assistant_of(folder, model) as assistant:
            found = []
            for number, question in enumerate(QUESTIONS):
                tops: list = []
                messages = [{"role": "user", "content": question}]
                answer, version = await assistant.answer(
                    messages, Sampling(max_tokens=6), f"{number}",
                    on_token=lambda token, top, tops=tops: tops.append(top), **more,
                )  # fmt: skip
                by = (await assistant.describe(answer, version))["by"]
                found.append((answer.text, tops, by))
            return found

    return asyncio.run(answer_all())


@pytest.mark.slow
def test_too_few_choices_train_nothing_and_what_looks_secret_is_not_kept(tmp_path, capsys):
    few = [{"prompt": "Hi?", "chosen": "Hello.", "rejected": "Hello, how are you?"}] * 2
    few.append({"prompt": "My card?", "chosen": "4111 1111 1111 1111", "rejected": "No idea."})
    data = tmp_path / "few.jsonl"
    data.write_text("".join(json.dumps(one) + "\n" for one in few))
    assert taste(tmp_path / "out", "train", "--data", data) == 1
    told = capsys.readouterr().err
    assert "1 choices are new, 1 were there before" in told and "1 look as if they contain" in told
    assert "there are 1 choices, and a taste needs at least 12" in told
    assert b"4111" not in b"".join(one.read_bytes() for one in (tmp_path / "out").iterdir())


@pytest.mark.slow
def test_a_taste_is_trained_used_switched_off_and_removed(folder, model, capsys):
    base = [one[:2] for one in answers_of_base(folder, model, capsys)]
    now = answers(folder, model)
    assert [by for *_, by in now] == ["taste"] * 3
    assert all(mine[1] != theirs[1] for mine, theirs in zip(now, base, strict=True))
    assert [one[:2] for one in answers(folder, model, version=BASE)] == base

    assert taste(folder, "off") == 0
    off = answers(folder, model)
    assert [one[:2] for one in off] == base and [by for *_, by in off] == ["base"] * 3
    assert taste(folder, "on") == 0
    assert [one[:2] for one in answers(folder, model)] == [one[:2] for one in now]
    read_output(capsys)

    assert taste(folder, "list") == 0
    (told,) = read_output(capsys)
    assert told["used"] and len(told["choices"]) == 40
    assert told["taste"]["words"] == "shorter" and told["taste"]["of"] == 10
    gone = told["choices"][0]
    assert taste(folder, "remove", "--choice", gone["id"]) == 0
    assert taste(folder, "remove", "--choice", gone["id"]) == 1
    kept = b"".join(path.read_bytes() for path in folder.glob("oneseek.sqlite*"))
    assert gone["rejected"].encode()[:40] not in kept
    assert [one[:2] for one in answers(folder, model)] == base
    capsys.readouterr()
    assert taste(folder, "list") == 0
    (told,) = read_output(capsys)
    assert len(told["choices"]) == 39 and told["version"] is None and not told["used"]
    assert taste(folder, "remove") == 0 and taste(folder, "train") == 1


def answers_of_base(folder, model, capsys):
    """Train the taste; returns the base's answers."""
    assert taste(folder, "train", "--data", TASTES / "brief" / "choices.jsonl", *BRIEFLY) == 0
    (trained,) = read_output(capsys)
    assert trained["version"], trained
    return answers(folder, model, version=BASE)


@pytest.mark.long
@pytest.mark.slow
def test_a_training_that_was_killed_goes_on_to_the_same_bits(tmp_path, model):
    config = for_data("examples", model.config.parameters, 12).replace(epochs=2)

    async def train(name, killed_at):
        steps = []

        class Killed(Exception):
            pass

        def step(metrics):
            steps.append(metrics["step"])
            if metrics["step"] == killed_at and len(steps) == killed_at:
                raise Killed

        session = await Session.open(tmp_path / name, model, config)
        session.training.checkpoint_share = 1.0  # a checkpoint after each step
        await session.taste.add(choices_of("brief")[:12], 1)
        with contextlib.suppress(Killed):
            await session.train_taste(step)
        if killed_at:
            await session.close()
            session = await Session.open(tmp_path / name, model, config)
            steps.clear()
        ended = await session.train_taste(step)
        await session.close()
        return ended["version"]["weights_sha256"], steps

    whole, _ = asyncio.run(train("whole", 0))
    again, steps = asyncio.run(train("killed", 4))
    assert again == whole and steps[0] == 5


@pytest.mark.long
@pytest.mark.slow
def test_choices_without_a_taste_are_refused_in_words_and_leave_no_second_copy(tmp_path, model):
    """Each choice is also there reversed, with nearly the same prompt, so that the opposite of each
    held-out choice is taught."""
    pairs = choices_of("answer_first")[:12]
    turned = [
        {
            "prompt": f"Please tell me: {one['prompt']}",
            "chosen": one["rejected"],
            "rejected": one["chosen"],
        }
        for one in pairs
    ]
    config = for_data("examples", model.config.parameters, 24).replace(epochs=3)

    async def run_session():
        session = await Session.open(tmp_path / "out", model, config)
        counts = await session.taste.add([*pairs, *turned], 1)
        ended = await session.train_taste()
        left = await session.store.keys("queue"), await session.store.keys("examples")
        number = await session.taste.number()
        await session.close()
        return counts, ended, left, number

    counts, ended, left, number = asyncio.run(run_session())
    assert counts["added"] == 24
    assert ended["version"] is None and number is None and left == ([], [])
    assert ended["reason"].startswith("too few held-back choices were right: ")
    assert "held-back choices" in ended["reason"]
