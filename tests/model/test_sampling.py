"""Sampling follows the model's own generation settings by default, and a penalty prevents endless
repetition."""

import asyncio
import contextlib
import json

import pytest

from oneseek.engine.backends import reference
from oneseek.engine.backends.reference import Numpy
from oneseek.engine.model.choice.repetition import STRONGEST, UNTOUCHED, penalise_repeats
from oneseek.engine.model.choice.sampling import Manner, Sampling
from oneseek.engine.model.formats import open_model
from oneseek.engine.model.generate import Generator
from oneseek.engine.model.loaded import Model
from oneseek.engine.model.registry import find, load_models
from oneseek.engine.turns import urgent
from tests.support import tiny
from tests.support.gpu_device import gpu

ASKED = [{"role": "user", "content": "Go on."}]


def manner_of(folder, **settings) -> Manner:
    """The sampling manner of a random model with these generation settings."""
    said = {"generation_config.json": json.dumps(settings).encode()}
    for name, data in (tiny.folder("llama") | said).items():
        (folder / name).write_bytes(data)
    with contextlib.closing(open_model(folder)) as file:
        return Manner.of(file)


@pytest.mark.parametrize(
    ("settings", "meant"),
    [
        (
            {"temperature": 0.6, "top_k": 20, "top_p": 0.95, "repetition_penalty": 1.05},
            Manner(0.6, 20, 0.95, 1.05),
        ),
        ({"do_sample": True, "top_k": 64, "top_p": 0.95}, Manner(1.0, 64, 0.95)),
        ({"do_sample": False}, Manner(0.0, 0, 1.0)),
        ({"temperature": 0.5, "stop_strings": ["###", ""]}, Manner(0.5, 0, 1.0, stop=("###",))),
        ({"eos_token_id": 2, "max_new_tokens": 40}, Manner()),
        ({"temperature": "hot", "top_p": float("inf"), "top_k": -1, "stop_strings": 3}, Manner()),
    ],
)
def test_the_settings_beside_a_model_are_its_own(tmp_path, settings, meant):
    assert manner_of(tmp_path, **settings) == meant


def test_a_gguf_says_it_in_its_metadata_and_the_list_for_known_models_that_do_not(tmp_path):
    keys = {"general.sampling.temp": 0.25, "general.sampling.top_k": 7}
    path = tmp_path / "model.gguf"
    path.write_bytes(tiny.gguf("llama", "F32"))
    with contextlib.closing(open_model(path)) as file:
        assert Manner.of(file) == Manner()
        file.metadata |= keys
        assert Manner.of(file) == Manner(0.25, 7, 1.0)
        file.metadata = {}
        file.config = load_models()["qwen2.5-0.5b"]["config"] | {"rms_norm_eps": 1e-6}
        assert Manner.of(file) == Manner(0.7, 20, 0.8, 1.1)
    for name, model in load_models().items():
        said = Manner.from_settings(model["generation"])
        assert 0 <= said.temperature <= 1 and 0 < said.top_p <= 1, name


def test_what_is_asked_for_counts_and_what_was_learned_is_said_without_chance():
    own = Manner(0.7, 20, 0.8, 1.1, ("###",))
    assert own.make_sampling(seed=3) == Sampling(0.7, 20, 0.8, 1.1, 3, stop=("###",), usual=True)
    assert own.make_sampling(0.2) == Sampling(0.2, stop=("###",))
    assert own.make_sampling(None, 0.5, stop=("!",)) == Sampling(0.7, 0, 0.5, stop=("!",))
    assert own.make_sampling(steer=True, seed=3).greedy() == Sampling(
        0, seed=3, stop=("###",), usual=True
    )
    assert own.make_sampling(0.2, steer=True).greedy() == Sampling(0.2, stop=("###",))


def test_a_token_that_makes_a_repetition_longer_is_less_likely_the_longer_it_is():
    text = [5, 6, 7, 8, 9, 1, 2, 3]
    assert penalise_repeats(text) == {}
    assert penalise_repeats([*text, *text[:UNTOUCHED]]) == {}
    found = [
        penalise_repeats([*text, *text[:length]]) for length in range(UNTOUCHED + 1, len(text))
    ]
    assert [list(one) for one in found] == [[text[n]] for n in range(UNTOUCHED + 1, len(text))]
    nats = [next(iter(one.values())) for one in found]
    assert nats == sorted(nats, reverse=True) and nats[0] < 0
    assert next(iter(penalise_repeats(text * 9).values())) == -STRONGEST
    both = penalise_repeats([1, 2, 3, 4, 0, 9, 2, 3, 8, 1, 2, 3])
    assert list(both) == [4] and both[4] < 0


def load_model(executor) -> Model:
    with contextlib.closing(open_model(find("tiny"))) as file:
        return asyncio.run(Model.load(file, executor))


def force_beginning(model: Model, **more):
    """The tokens of an answer that is forced to begin with the same four words over and over; and
    these words."""
    words, generator = model.tokenizer.encode(" a b c d"), Generator(model)
    ids, _ = generator.encode(ASKED, 0)
    sampling = Sampling(max_tokens=60, **more)
    answer = generator.start(ids, sampling, forced=tuple(words * 6))
    with urgent():
        asyncio.run(generator.answer_all([answer]))
    return answer.ids, words


def again_and_again(ids: list[int], length: int) -> bool:
    """True if a run of so many tokens occurs twice."""
    runs = [tuple(ids[i : i + length]) for i in range(len(ids) - length + 1)]
    return len(set(runs)) < len(runs)


def test_every_back_end_is_steered_alike_also_ahead_of_what_was_read(monkeypatch):
    model = load_model(Numpy())
    free, words = force_beginning(model)
    alone, _ = force_beginning(model, steer=True)
    begun = len(words) * 6
    assert alone[begun] != words[0] or free[begun] != words[0]
    assert not again_and_again(alone[begun:], 8)
    assert force_beginning(load_model(gpu()), steer=True)[0] == alone
    monkeypatch.setattr(reference.Run, "ahead", 8)
    assert force_beginning(model, steer=True)[0] == alone


def test_penalties_are_those_of_openais_formula():
    """mu[j] - c[j] * frequency - (c[j] > 0) * presence, as in OpenAI's documentation."""
    best, ids = [(7, -0.5), (8, -0.75), (9, -3.0)], [7, 9, 7, 4]
    weighed = Sampling(frequency=0.5, presence=1.0).weigh(best, ids)
    assert weighed == [(8, -0.75), (7, -0.5 - 2 * 0.5 - 1.0), (9, -3.0 - 0.5 - 1.0)]
    assert Sampling().weigh(best, ids) == best
    assert not Sampling(frequency=1.0).greedy().counts_tokens
