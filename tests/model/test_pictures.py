"""A small random model with eyes against transformers and torch: logits and gradients with a
picture in the prompt; its file; its pictures in the cache.

They run in numpy, on this machine's GPU and on the CPU kernels. The figures: `build.py bench eyes`.
"""

import asyncio
import contextlib
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from oneseek.engine.backends.reference import Numpy
from oneseek.engine.backends.wasm.executor import Wasm
from oneseek.engine.learning.needs import file_takes
from oneseek.engine.model.choice.sampling import Sampling
from oneseek.engine.model.formats import BytesSource, FormatError, open_model
from oneseek.engine.model.generate import Generator
from oneseek.engine.model.loaded import Blind, Model
from oneseek.engine.model.look import eyes_bytes
from oneseek.engine.model.score import top_tokens
from oneseek.engine.model.vision.file import is_eyes, whose
from tests.support import eyes, pictures, tiny
from tests.support.gpu_device import gpu
from tests.support.wasm_host import host


@cache
def wasm():
    return Wasm(host())


def with_chip(mark: pytest.MarkDecorator) -> pytest.MarkDecorator:
    """Parametrise a test with every back end; the GPU carries the mark."""
    chip = pytest.param(gpu, marks=mark)
    return pytest.mark.parametrize("home", [Numpy, chip, wasm], ids=["numpy", "gpu", "wasm"])


GREEDY = Sampling(max_tokens=12, temperature=0.0)


@with_chip(pytest.mark.slow)
def test_logits_beside_a_picture_are_those_of_transformers(home):
    executor = home()

    async def run():
        model = await eyes.load_model(executor)
        return [await pictures.divergence(model, layout) for layout in eyes.LAYOUTS]

    assert max(asyncio.run(run())) <= 1e-9


@with_chip(pytest.mark.long)
@pytest.mark.parametrize("layout", ["whole", "parts"])
def test_gradients_beside_a_picture_are_those_of_torch(home, layout):
    executor = home()

    async def run():
        return await pictures.gradient_errors(await eyes.load_model(executor), layout)

    for name, error in asyncio.run(run()).items():
        assert error <= 1e-4, f"{name}: relative error {error:.1e}"


def test_a_folder_of_a_hub_holds_both_and_sees_the_same():
    """The language part may differ in the order of rotary rows only; the pictures' states must have
    the same bits."""

    async def run():
        files = {name: BytesSource(data, name) for name, data in eyes.folder().items()}
        file = open_model(files)
        assert file.eyes, file.blind
        model, other = await Model.load(file, Numpy()), await eyes.load_model(Numpy())
        assert model.eyes and other.eyes, model.blind
        assert model.eyes.sight == other.eyes.sight
        assert replace(model.eyes.tower, eps=0) == replace(other.eyes.tower, eps=0)
        mine, theirs = [await one.eyes.look(eyes.tiles(2, 2)) for one in (model, other)]
        assert np.array_equal(mine.states, theirs.states)
        asked = {"role": "user", "content": "Hej"}
        assert model.read([{**asked, "pictures": [mine]}]) == other.read(
            [{**asked, "pictures": [theirs]}]
        )

    asyncio.run(run())


def test_shut_eyes_take_no_memory():
    """As in a host without the libraries for pictures."""
    file = eyes.open_file()
    seeing = file_takes(file)["chat_bytes"]
    assert file.eyes
    taken = eyes_bytes(file.eyes)
    file.shut_eyes("nobody looks here")
    assert seeing - file_takes(file)["chat_bytes"] == taken > 0
    model = asyncio.run(Model.load(file, Numpy()))
    with pytest.raises(Blind, match="cannot see pictures: nobody looks here"):
        model.must_see()


def test_a_folder_whose_eyes_do_not_fit_is_read_without_them():
    files = eyes.folder(scale_factor=3)
    file = open_model({name: BytesSource(data, name) for name, data in files.items()})
    assert file.eyes is None and "does not divide" in file.blind


def test_the_prompt_is_worded_as_the_processor_of_transformers_words_it():
    async def run():
        model = await eyes.load_model(Numpy())
        for layout in eyes.LAYOUTS:
            ids = await pictures.prompt(model, layout)
            image = len(tiny.TOKENS)
            words = [one if one < model.config.vocab else image for one in ids]
            assert words == pictures.golden()[f"ids/{layout}"].tolist()

    asyncio.run(run())


def test_a_word_for_pictures_that_somebody_writes_stays_text():
    async def run():
        model = await eyes.load_model(Numpy())
        ids = model.read([{"role": "user", "content": "<image> here"}])
        assert len(tiny.TOKENS) not in ids
        assert "<image> here" in model.tokenizer.decode(ids, special=True)

    asyncio.run(run())


async def answer_with_pictures(model: Model, generator: Generator, question: str, seen, key: str):
    message = {"role": "user", "content": question, "pictures": seen}
    answer = generator.ask([message], GREEDY, key)
    await generator.answer_all([answer])
    return answer


@with_chip(pytest.mark.long)
def test_an_answer_grown_in_the_cache_is_what_reading_it_whole_says(home):
    executor = home()

    async def run():
        model = await eyes.load_model(executor)
        assert model.eyes
        generator = Generator(model)
        seen = [await model.eyes.look(eyes.tiles(2, 2))]
        answer = await answer_with_pictures(model, generator, "Hej, hej, hej, hej?", seen, "a")
        ids, _ = await top_tokens(model, answer.prompt + answer.ids)
        assert answer.ids and ids[len(answer.prompt) - 1 : -1, 0].tolist() == answer.ids

    asyncio.run(run())


def test_another_picture_is_never_taken_for_the_one_before():
    """The same words in the same conversation with another picture: everything after it must be
    read again."""

    async def run():
        model = await eyes.load_model(Numpy())
        assert model.eyes
        generator, fresh = Generator(model), Generator(model)
        one, other = [await model.eyes.look(eyes.tiles(1, columns)) for columns in (1, 2)]
        again = await model.eyes.look(eyes.tiles(1, 1))
        assert again is one and not set(one.ids) & set(other.ids)
        await answer_with_pictures(model, generator, "Hej?", [one], "chat")
        warm = await answer_with_pictures(model, generator, "Hej?", [other], "chat")
        cold = await answer_with_pictures(model, fresh, "Hej?", [other], "chat")
        assert warm.ids == cold.ids and warm.read >= len(other.ids)
        same = await answer_with_pictures(model, generator, "Hej?", [other], "chat")
        assert same.ids == cold.ids and same.read < len(other.ids)

    asyncio.run(run())


def test_a_repeated_prompt_with_pictures_drafts_words_alone():
    """The prompt repeats, pictures included, but tokens of pictures must never be drafted."""

    async def run():
        model = await eyes.load_model(Numpy())
        assert model.eyes
        seen = [await model.eyes.look(eyes.tiles(2, 2))]
        generator = Generator(model)
        for key in ("a", "b"):
            penalty = Sampling(max_tokens=12, temperature=0.0, penalty=1.2)
            message = {"role": "user", "content": "abcabcabc", "pictures": seen}
            answer = generator.ask([message, message], penalty, key)
            await generator.answer_all([answer])
            assert all(one < model.config.vocab for one in answer.ids)

    asyncio.run(run())


def test_packed_eyes_and_those_of_earlier_files_see_about_the_same():
    async def states(**more) -> np.ndarray:
        model = await eyes.load_model(Numpy(), **more)
        assert model.eyes
        return (await model.eyes.look(eyes.tiles(1, 1))).states

    plain, earlier, half = (
        asyncio.run(states(**more)) for more in ({}, {"earlier": True}, {"kind": "F16"})
    )
    assert np.array_equal(plain, earlier)
    assert 0 < np.abs(plain - half).max() < 1e-2
    packed = asyncio.run(states(kind="Q8_0"))
    assert packed.shape == plain.shape and np.isfinite(packed).all()


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"clip__projector_type": "gemma3"}, "eyes of the kind 'gemma3' are not supported"),
        ({"clip__vision__image_size": 0}, "image_size is 0"),
        ({"clip__vision__image_size": 18}, "does not divide into patches"),
        ({"clip__vision__block_count": None}, "block_count is None"),
        ({"clip__vision__block_count": 3}, "v.blk.2.attn_q.weight is missing"),
        ({"clip__vision__block_count": 1}, "v.blk.1.attn_q.weight is not part"),
        ({"clip__vision__projection_dim": 96}, "it is made for words of 96 numbers"),
        ({"clip__vision__image_std": np.zeros(3, np.float32)}, "image_mean and image_std"),
        ({"clip__vision__preproc_image_size": 4}, "preproc_image_size is 4"),
        ({"clip__vision__attention__layer_norm_epsilon": 0.0}, "layer_norm_epsilon is 0.0"),
    ],
)
def test_eyes_that_cannot_be_used_leave_the_model_blind_and_say_why(changes, said):
    file = eyes.open_file(**changes)
    assert file.eyes is None and said in file.blind
    model = asyncio.run(Model.load(file, Numpy()))
    with pytest.raises(Blind, match="cannot see pictures"):
        model.read([{"role": "user", "content": "Hej", "pictures": [object()]}])
    assert model.tokenizer.decode(model.read([{"role": "user", "content": "Hej"}])).count("Hej")


def test_damage_to_the_file_of_eyes_leaves_the_model_blind_or_is_harmless():
    whole, draw = eyes.eyes(), np.random.RandomState(3)
    head = whole.index(b"v.patch_embd")
    for _ in range(60):
        damaged = bytearray(whole)
        for at in draw.randint(0, head + 2000, 3):
            damaged[at] = draw.randint(256)
        files = {"tiny.gguf": eyes.language(), eyes.BESIDE: bytes(damaged)}
        file = open_model({name: BytesSource(data, name) for name, data in files.items()})
        assert bool(file.eyes) != bool(file.blind)
        for name in file.eyes.names() if file.eyes else ():
            with contextlib.suppress(FormatError):
                file.eyes.read(name)


def test_eyes_lie_beside_their_model_by_name_and_in_its_folder(tmp_path):
    for name in ("Tiny-VL-Q8_0.gguf", "Other-Q8_0.gguf"):
        (tmp_path / name).write_bytes(eyes.language())
    (tmp_path / "mmproj-Tiny-VL-f16.gguf").write_bytes(eyes.eyes())
    for name, sees in (("Tiny-VL-Q8_0.gguf", True), ("Other-Q8_0.gguf", False)):
        file = open_model(tmp_path / name)
        assert bool(file.eyes) is sees and file.name == name
        file.close()
    with pytest.raises(FormatError, match="choose one"):
        open_model(tmp_path)
    (tmp_path / "Other-Q8_0.gguf").unlink()
    file = open_model(tmp_path)
    assert file.eyes and file.eyes.parameters > 0
    file.close()
    with pytest.raises(FormatError, match="holds a mmproj, not a model"):
        open_model(tmp_path / "mmproj-Tiny-VL-f16.gguf")


def test_the_names_that_hubs_give():
    assert whose("mmproj-SmolVLM-256M-Instruct-f16.gguf") == whose(
        "SmolVLM-256M-Instruct-Q4_K_M.gguf"
    )
    assert whose("SmolVLM2-500M-Video-Instruct-mmproj-Q8_0.gguf") == "smolvlm2-500m-video-instruct"
    assert is_eyes("mmproj-model-f16.gguf") and not is_eyes("SmolVLM-256M.gguf")
