"""Skills side by side: each answers questions like its examples, everything else goes to the base
model with the same bits, and a removed skill is gone."""

import asyncio
import json
from contextlib import closing
from types import SimpleNamespace

import numpy as np
import pytest

from builder import ROOT
from oneseek.engine.backends.reference import Numpy
from oneseek.engine.cli.main import main
from oneseek.engine.cli.remembering import assistant_of
from oneseek.engine.cli.session import Session
from oneseek.engine.core.settings import for_data
from oneseek.engine.history.versions import SKILL
from oneseek.engine.learner import BASE
from oneseek.engine.learning.datasets import data_set_record
from oneseek.engine.learning.memory.statements.reader import VIEWS
from oneseek.engine.learning.skills.skills import NoSkill, Skills, Sorting, line_of, skill_record
from oneseek.engine.learning.skills.sorter import (
    BESIDE,
    PIECE,
    TAKEN,
    Sorter,
    choose_beside,
    features_of,
    gather_features,
    invert,
    meaning_of,
    usual_of,
)
from oneseek.engine.learning.skills.views import Newest, digest, others
from oneseek.engine.model.choice.sampling import Sampling
from oneseek.engine.model.demo import MODEL
from oneseek.engine.model.formats import open_model
from oneseek.engine.model.loaded import Model
from oneseek.engine.turns import Turns, urgent
from tests.support.command import call, read_output

NOUNS = "dog cat house tree water bread book sun moon star snow rain".split()
TASKS = {
    "buying": [(f"Buy the {noun} for Lindqvist", "red") for noun in NOUNS],
    "finding": [(f"In which drawer lies the {noun}?", "blue") for noun in NOUNS],
}
OTHERS = ["What is the capital of Sweden?", "Hello!", "Vad säger hunden?"]
BRIEFLY = {"epochs": 8, "skip_poor": False}


def fit(groups):
    return asyncio.run(Sorter.from_groups(groups))


def test_a_group_is_known_by_its_rows_and_the_last_is_none_of_them():
    draw = np.random.default_rng(1)
    middles = 4 * draw.normal(size=(3, 32))
    groups = [middle + 0.3 * draw.normal(size=(20, 32)) for middle in middles]
    found = fit([one[:15] for one in groups])
    for number, one in enumerate(groups):
        near = found.near(one[15:])
        assert (near.argmax(1) == number).all() and (near[:, number] > 0.5).all()


def test_few_examples_suffice_where_little_else_is_like_them():
    """The threshold of a skill must depend on the other questions, not on the number of its
    examples: of the questions for none, only a fixed share may be taken."""
    draw = np.random.default_rng(2)
    own, none = draw.normal(0.5, 0.25, size=(40, 32)), draw.normal(0, 0.25, size=(800, 32))
    for few in (5, 10, 30):
        found = fit([own[:few], none[:400]])
        assert (found.choose(own[few:]) == 0).mean() > 0.8
        assert (found.choose(none[400:]) == 0).mean() <= 2 * TAKEN


def test_a_fit_has_beside_it_what_lies_near_each_skill_and_some_of_the_rest():
    views = np.random.default_rng(3).normal(size=(3 * BESIDE, 4 * VIEWS))
    usual = usual_of(views)
    assert np.allclose(usual[0], views.mean(0), atol=1e-6)
    assert np.allclose(usual[1], views.std(0), atol=2e-3)
    none = meaning_of(views, usual)
    skills = [none[:1], none[1:2]]
    chosen = asyncio.run(choose_beside(skills, views, usual))
    assert len(chosen) == len(set(chosen.tolist())) == BESIDE
    for one in skills:
        nearest = np.argsort(-(none @ one.T)[:, 0])[: BESIDE // 8]
        assert set(nearest.tolist()) <= set(chosen.tolist())
    assert chosen.min() < BESIDE / 10 and chosen.max() > 2.9 * BESIDE
    assert asyncio.run(choose_beside(skills, views[:5], usual)).tolist() == list(range(5))


def test_groups_are_learned_in_pieces_between_which_others_have_their_turn():
    draw = np.random.default_rng(4)
    groups = [draw.normal(at, size=(PIECE, 32)) for at in range(3)]
    texts, places = (
        [f"{at} packs of ham" for at in range(3 * PIECE)],
        draw.normal(size=(3 * PIECE, 4 * VIEWS)),
    )
    usual = usual_of(places)

    async def others_wait(work):
        turns, task = 0, asyncio.create_task(work)
        while not task.done():
            await asyncio.sleep(0)
            turns += 1
        return turns, await task

    assert asyncio.run(others_wait(Sorter.from_groups(groups)))[0] >= 6
    turns, read = asyncio.run(others_wait(gather_features(texts, places, usual)))
    assert turns >= 3
    assert np.array_equal(read, features_of(texts, places, usual))


@pytest.mark.parametrize("size", [1, PIECE, PIECE + 1, 3 * PIECE - 5])
def test_an_inverse_by_pieces_is_the_inverse(size: int):
    rows = np.random.default_rng(size).normal(size=(size, 40))
    matrix = np.exp(-((rows[:, None] - rows[None]) ** 2).sum(2) / 80) + 0.1 * np.eye(size)
    assert np.allclose(asyncio.run(invert(matrix)) @ matrix, np.eye(size), atol=1e-9)


def test_what_asks_for_no_skill_is_no_example_of_one():
    texts = others()
    assert len(texts) == len(set(texts)) > 1900
    gallery = (ROOT / "examples" / "skills").glob("*/*.jsonl")
    lines = [line for path in gallery for line in path.read_text("utf-8").splitlines()]
    prompts = {json.loads(line)["prompt"] for line in lines}
    assert not prompts & set(texts)


class Store(dict):
    async def batch(self, writes):
        self.update({key: value for _, _, key, value in writes})


def test_what_another_encoder_read_is_read_anew():
    turned = np.eye(4)

    class Read(Skills):
        def __init__(self):
            self.store, self.times = Store(), 0

        async def _views(self, texts):
            self.times += len(texts)
            return np.stack([turned[len(text)] for text in texts])

    async def load_views(skills):
        kept = skills.store.get("some", {})
        return await skills._load_views("some", kept, ["a", "bc", "def"])

    skills = Read()
    first = asyncio.run(load_views(skills))
    assert (asyncio.run(load_views(skills)) == first).all() and skills.times == 4 + 1
    turned = turned[::-1]
    assert (asyncio.run(load_views(skills)) == first[:, ::-1]).all()


def test_a_skill_of_an_earlier_build_keeps_its_pattern_and_is_read_anew():
    class Read(Skills):
        def __init__(self):
            self.store = Store()

        async def _views(self, texts):
            return np.stack([np.eye(4)[len(text)] for text in texts])

    skills, pattern = Read(), {"slots": [{"labels": {"weights": [1.0]}, "parts": None}]}
    older = {"of": digest("a\nbc"), "directions": {}, "pattern": pattern}
    asyncio.run(skills._load_views("some", older, ["a", "bc"]))
    kept = skills.store["some"]
    assert kept["pattern"] == pattern and "views" in kept and "directions" not in kept


@pytest.mark.parametrize("change", ["read anew", "removed"])
def test_a_question_that_is_read_while_skills_change_asks_for_what_it_did(change):
    texts, places = ["Buy a cat", "Buy ham"], np.random.default_rng(4).normal(size=(60, 4 * VIEWS))
    places[:20] += 9

    class Changing(Skills):
        def __init__(self):
            usual = usual_of(places[40:])
            groups = [features_of(["Buy ham"] * 20, places[at : at + 20], usual) for at in (0, 40)]
            self.sorting = Sorting(["buying"], fit(groups), usual)

        async def _views(self, texts):
            if change == "read anew":
                self.reload()
            else:
                self.sorting = None
            return places[: len(texts)]

    assert asyncio.run(Changing().like(texts)) == ["buying"] * 2


def test_a_message_to_the_memory_asks_for_no_skill_unless_its_examples_are_such():
    told = "Remember that the ham is in the cellar"
    places = np.concatenate([np.full((20, 4 * VIEWS), 3.0), np.zeros((20, 4 * VIEWS))])
    places += np.random.default_rng(5).normal(size=places.shape)

    class Fitted(Skills):
        def __init__(self, like_wishes):
            usual = usual_of(places[20:])
            groups = [features_of([told] * 20, places[at : at + 20], usual) for at in (0, 20)]
            self.sorting = Sorting(["buying"], fit(groups), usual, like_wishes)

        async def _views(self, texts):
            return places[: len(texts)]

    assert asyncio.run(Fitted(frozenset()).like([told, "Buy ham"])) == ["", "buying"]
    assert asyncio.run(Fitted(frozenset(["buying"])).like([told])) == ["buying"]


def test_a_question_that_was_read_while_it_was_typed_is_not_read_again():
    read = []

    class Fitted(Skills):
        def __init__(self, sorting):
            self.sorting = sorting
            self._forget_readings()

        async def _read_views(self, texts):
            read.extend(texts)
            return list(np.random.default_rng(1).normal(size=(len(texts), 4 * VIEWS)))

    async def ask(skills):
        await skills.read_ahead(" ")
        await skills.read_ahead("Buy a cat ")
        await skills.find_skill(" Buy a cat")

    views = np.random.default_rng(2).normal(size=(40, 4 * VIEWS))
    groups = [features_of(["Buy"] * 20, views[at : at + 20], usual_of(views)) for at in (0, 20)]
    skills = Fitted(Sorting(["buying"], fit(groups), usual_of(views)))
    skills.loaded, skills.number = True, no_version
    asyncio.run(ask(skills))
    assert read == ["Buy a cat"]
    asyncio.run(Fitted(None).read_ahead("Buy a dog"))  # there are no skills
    assert read == ["Buy a cat"]


async def no_version(name):
    return None


def test_who_comes_while_the_skills_are_read_waits_until_they_are_known():
    class Stored(Skills):
        def __init__(self):
            self.versions = SimpleNamespace(base="base")
            self.store, self.known, self.fits = self, {}, 0
            self.loaded, self._outdated, self._changing = False, True, asyncio.Lock()

        def _forget_readings(self):
            pass

        async def keys(self, store):
            return [self.key("buying")]

        async def get(self, store, key):
            return {"name": "buying"}

        async def _fit(self, known):
            self.fits += 1
            if self.fits == 1:
                self.reload()
            await asyncio.sleep(0.01)
            self.known = known

    async def ask():
        skills = Stored()
        await asyncio.gather(skills.must_be("buying"), skills.must_be("buying"))
        return skills.fits

    assert asyncio.run(ask()) == 2  # the second fit covers what changed during the first


def test_a_question_waits_for_no_skill_that_itself_waits_for_its_answer():
    turns = Turns()
    turns.answering = lambda: True

    class Fitted(Skills):
        def __init__(self):
            self.loaded, self._changing = False, asyncio.Lock()

        async def _change_slowly(self):
            async with self._change():
                await turns.breathe()
                self.loaded = True

    async def ask():
        skills = Fitted()
        changing = asyncio.ensure_future(skills._change_slowly())
        await asyncio.sleep(0)
        with urgent():
            await asyncio.wait_for(skills.load(), 30)
        await changing

    asyncio.run(ask())


def test_what_was_read_last_is_not_read_again():
    asked = []

    async def read(texts):
        asked.append(texts)
        return [text.upper() for text in texts]

    kept = Newest(read, most=3)

    async def several():
        found = [await kept.of(texts) for texts in ("ab", "ba", "bbcd", "a")]
        return found, await asyncio.gather(kept.of("d"), kept.of("wxyz"))

    found, others = asyncio.run(several())
    assert found == [["A", "B"], ["B", "A"], ["B", "B", "C", "D"], ["A"]]
    assert others == [["D"], list("WXYZ")]
    assert asked == [["a", "b"], ["c", "d"], ["a"], list("wxyz")] and len(kept.kept) == 3


@pytest.mark.parametrize("name", ["", "Orders", "../x", "a b", "-a", "x" * 41])
def test_what_can_be_no_name_is_refused(name):
    with pytest.raises(ValueError, match="not a valid name for a skill"):
        line_of(name)


def test_plain_text_is_no_skill_and_a_skill_stands_beside_the_same_data_for_everything():
    record = {"id": "a" * 16, "prompt": "notes.txt", "forms": ["text"]}
    with pytest.raises(ValueError, match="has no questions"):
        skill_record("notes", record)
    named = skill_record("notes", record | {"forms": ["completion"]})
    assert named["skill"] == "notes" and named["id"] != record["id"]


@pytest.fixture(scope="module")
def taught(tmp_path_factory):
    """A folder with two skills, and its model."""
    folder = tmp_path_factory.mktemp("skills")
    with closing(open_model(str(MODEL))) as file:
        model = asyncio.run(Model.load(file, Numpy()))

    async def teach():
        config = for_data("examples", model.config.parameters, 12).replace(**BRIEFLY)
        session = await Session.open(folder / "out", model, config)
        for name, pairs in TASKS.items():
            path = folder / f"{name}.jsonl"
            lines = [json.dumps({"prompt": q, "answer": a}) for q, a in pairs]
            path.write_text("\n".join(lines) + "\n")
            ended = await session.teach_skill(name, data_set_record(path))
            assert ended["version"], ended
        await session.close()

    asyncio.run(teach())
    return folder / "out", model


def answer_questions(taught, questions, **more):
    """(text, the tokens' best, description) of each answer."""
    folder, model = taught

    async def answer_all():
        async with assistant_of(folder, model) as assistant:
            found = []
            for number, question in enumerate(questions):
                tops: list = []
                messages = [{"role": "user", "content": question}]
                answer, version = await assistant.answer(
                    messages, Sampling(max_tokens=6), f"{number}",
                    on_token=lambda token, top, tops=tops: tops.append(top), **more,
                )  # fmt: skip
                found.append((answer.text, tops, await assistant.describe(answer, version)))
            return found

    return asyncio.run(answer_all())


@pytest.mark.long
@pytest.mark.slow
def test_each_skill_answers_what_is_like_its_examples(taught):
    for name, pairs in TASKS.items():
        for text, _, told in answer_questions(taught, [question for question, _ in pairs[:3]]):
            assert (told["by"], told["skill"]) == ("skill", name)
            assert text.strip() == pairs[0][1]


@pytest.mark.long
@pytest.mark.slow
def test_all_else_is_the_bases_to_the_bit_also_between_two_skills(taught):
    mixed = [OTHERS[0], TASKS["buying"][0][0], OTHERS[1], TASKS["finding"][0][0], OTHERS[2]]
    alone, among = (
        answer_questions(taught, OTHERS, version=BASE),
        answer_questions(taught, mixed)[::2],
    )
    assert [one[2]["by"] for one in among] == ["base"] * 3
    assert [one[:2] for one in among] == [one[:2] for one in alone]


@pytest.mark.long
@pytest.mark.slow
def test_the_command_lists_tries_and_removes_and_nothing_is_left(taught, capsys):
    folder, model = taught
    skill = ["--out", folder]
    assert main(call("skill", "list", *skill, short=False)) == 0
    assert [one["name"] for one in read_output(capsys)] == ["buying", "finding"]
    tried = call("skill", "try", "buying", *skill, "--user", "Buy the boat", short=False)
    assert main(tried) == 0
    (one,) = read_output(capsys)
    assert one["oneseek"]["skill"] == "buying"
    assert main(call("skill", "remove", "buying", *skill, short=False)) == 0
    kept = b"".join(path.read_bytes() for path in folder.glob("oneseek.sqlite*"))
    assert b"Lindqvist" not in kept
    assert main(call("skill", "try", "buying", *skill, "--user", "Buy", short=False)) == 1
    assert "there are: finding" in capsys.readouterr().err

    async def lines():
        async with assistant_of(folder, model) as assistant:
            with pytest.raises(NoSkill):
                await assistant.skills.must_be("buying")
            return await assistant.versions.lines()

    assert [one for one in asyncio.run(lines()) if one.startswith(SKILL)] == [f"{SKILL}finding"]
