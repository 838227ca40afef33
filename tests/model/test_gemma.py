"""Gemma 3 against transformers: logits, gradients, both containers, packed or not, and on a GPU."""

import asyncio
import json

import numpy as np
import pytest

from engine.backends.reference import Numpy
from engine.backends.wasm.executor import Wasm
from engine.compiler.schedule import plan
from engine.model import programs
from engine.model.formats import BytesSource, FormatError, open_model
from engine.model.formats.vocabulary import from_json
from engine.model.generate import Generator, Sampling
from engine.model.loaded import Model
from engine.model.score import top_tokens
from engine.model.tokenizer import Tokenizer
from engine.model.trainable import Trained
from tests.golden import FOLDER, GEMMAS, GRADIENTS, IDS
from tests.support import tiny
from tests.support.gpu_device import gpu
from tests.support.wasm_host import host


def wasm():
    return Wasm(host())


GREEDY = Sampling(max_tokens=24, temperature=0.0)
HOMES = pytest.mark.parametrize("home", [Numpy, gpu, wasm], ids=["numpy", "gpu", "wasm"])


@pytest.fixture(scope="module")
def golden():
    return np.load(FOLDER / "gemma.npz")


def opened(variant, container, **changes):
    if container == "gguf":
        return open_model(BytesSource(tiny.gguf(variant, "F32", **changes), "tiny.gguf"))
    files = tiny.folder(variant, "F32")
    return open_model({name: BytesSource(data, name) for name, data in files.items()})


def loaded(variant, home=Numpy, container="safetensors"):
    return asyncio.run(Model.load(opened(variant, container), home()))


@HOMES
@pytest.mark.parametrize("length", [len(IDS), 6])
@pytest.mark.parametrize(
    "variant,container",
    [("gemma3", "gguf"), ("gemma3", "safetensors"), ("gemma3-other-scale", "safetensors")],
)
def test_logits_are_those_of_transformers(golden, home, variant, container, length):
    ids, ours = asyncio.run(top_tokens(loaded(variant, home, container), IDS[:length]))
    theirs = golden[f"logits/{variant}/{length}"].astype(np.float64)
    theirs -= np.log(np.exp(theirs).sum(-1, keepdims=True))
    expected = np.take_along_axis(theirs, ids, -1)
    p, q = np.exp(expected), np.exp(ours.astype(np.float64))
    # Bregman's form: each token's share is positive, so that nothing cancels among the likeliest
    divergence = (p * (expected - ours) - p + q).sum(-1)
    assert divergence.max() <= 1e-9, divergence.max()


def learning(model, names):
    """A run that sums the gradients of the mean loss of every next token."""
    shapes = model.config.shapes()
    trained = Trained.of({name: shapes[name] for name in names})
    rows = len(IDS) - 1
    run = model.prepare(
        plan(programs.accumulate(model.config, model.stored, len(IDS), rows,
                                 model.positions, trained)), {},
    )  # fmt: skip
    adapter = np.zeros(trained.size, np.float32)
    for name in names:
        trained.part(adapter, name)[...] = asyncio.run(model.dense(name))
    spans = np.zeros((len(IDS), 4), np.int32)
    spans[:, 3] = np.arange(len(IDS)) + 1
    targets, probs = np.zeros((rows, 32), np.int32), np.zeros((rows, 32), np.float32)
    targets[:, 0], probs[:, 0] = IDS[1:], 1
    feeds = {
        "adapter": adapter,
        "ids": IDS,
        "positions": np.arange(len(IDS)),
        "spans": spans,
        "take": np.arange(rows),
        "target_ids": targets,
        "target_probs": probs,
        "target_rest": np.zeros(rows),
        "weight": np.full(rows, 1 / rows),
    }
    for name, array in feeds.items():
        run.write(name, np.asarray(array))
    return run, trained


@pytest.mark.slow
@HOMES
@pytest.mark.parametrize("variant", GEMMAS)
def test_gradients_are_those_of_torch(golden, home, variant):
    run, trained = learning(loaded(variant, home), GRADIENTS)
    asyncio.run(run.advance())
    gradient = asyncio.run(run.read("adapter.total"))
    for name in GRADIENTS:
        theirs = golden[f"gradient/{variant}/{name}"]
        error = np.abs(trained.part(gradient, name) - theirs).max() / np.abs(theirs).max()
        assert error <= 1e-4, f"{name}: relative error {error:.1e}"


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"gemma3__attention__sliding_window": 0}, "sliding_window is 0"),
        ({"gemma3__attention__sliding_window": None}, "sliding_window is None"),
        ({"gemma3__final_logit_softcapping": 30.0}, "final_logit_softcapping is not supported"),
        ({"gemma3__rope__freq_base_swa": -1.0}, "rope_local_base_freq"),
    ],
)
def test_what_cannot_be_computed_is_refused_by_name(changes, said):
    with pytest.raises(FormatError, match=said):
        opened("gemma3", "gguf", **changes)


@pytest.mark.slow
@HOMES
def test_an_answer_grown_in_the_cache_is_what_reading_it_whole_says(home):
    """The local layers' windows also end where the cache says, token by token."""
    model = loaded("gemma3", home)
    generator = Generator(model)
    answer = generator.ask([{"role": "user", "content": "Hej, vad heter du?"}], GREEDY)

    async def grow():
        while not answer.ended:
            await generator.advance()
        return await top_tokens(model, answer.prompt + answer.ids)

    ids, _ = asyncio.run(grow())
    assert len(answer.prompt) > model.config.window and answer.ids
    said = ids[len(answer.prompt) - 1 : -1, 0].tolist()
    assert said == answer.ids


def test_its_tokenizer_is_that_of_the_tokenizers_library():
    golden = json.loads((FOLDER / "gemma_tokenizer.json").read_text())
    settings = {"bos_token": "<bos>", "eos_token": "<eos>", "unk_token": "<unk>"}
    tokenizer = Tokenizer(from_json("gemma", golden["tokenizer"], settings, {}))
    for text, ids in golden["cases"]:
        assert tokenizer.encode(text, special=True) == ids, text
        if "▁" not in text:
            assert tokenizer.decode(ids, special=True) == text
    assert tokenizer.add_bos and tokenizer.encode("<end_of_turn>", special=True)[0] in (
        tokenizer.eos_ids
    )
