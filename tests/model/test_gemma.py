"""Gemma 3 where it differs from Llama: refused files, windows in the cache, its tokenizer.

Its logits and gradients: test_architectures.py.
"""

import asyncio
import json

import pytest

from oneseek.engine.backends.reference import Numpy
from oneseek.engine.backends.wasm.executor import Wasm
from oneseek.engine.model.choice.sampling import Sampling
from oneseek.engine.model.formats import FormatError
from oneseek.engine.model.formats.vocabulary import from_json
from oneseek.engine.model.generate import Generator
from oneseek.engine.model.score import top_tokens
from oneseek.engine.model.tokenizer import Tokenizer
from tests.golden import FOLDER
from tests.support.architectures import load_variant, open_variant
from tests.support.gpu_device import gpu
from tests.support.wasm_host import host


def wasm():
    return Wasm(host())


GREEDY = Sampling(max_tokens=24, temperature=0.0)
HOMES = pytest.mark.parametrize(
    "home", [Numpy, pytest.param(gpu, marks=pytest.mark.long), wasm], ids=["numpy", "gpu", "wasm"]
)


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
        open_variant("gemma3", "gguf", **changes)


@pytest.mark.slow
@HOMES
def test_an_answer_grown_in_the_cache_is_what_reading_it_whole_says(home):
    """The windows of the local layers must also end at the right place in the cache, token by
    token."""
    model = asyncio.run(load_variant("gemma3", home()))
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
