"""The sentence encoder against others: states as in transformers, tokens as in Hugging Face's
tokenizers, and the same for texts read together or alone."""

import asyncio
import hashlib
import random
import sys
from contextlib import closing, nullcontext

import numpy as np
import pytest
import tokenizers
from hypothesis import example, given
from hypothesis import strategies as st
from tokenizers import models, normalizers, pre_tokenizers

from builder import Stop, fetch
from builder import encoder as carried
from oneseek.engine.backends.executor import Executor
from oneseek.engine.backends.reference import Numpy
from oneseek.engine.backends.wasm.executor import Wasm
from oneseek.engine.learning.memory.encoder import SIZES, Encoder, encoder_here
from oneseek.engine.learning.memory.statements.reader import Reader
from oneseek.engine.learning.skills.sorter import meaning_of, usual_of
from oneseek.engine.learning.skills.views import alike, digest, others, others_kept, pack, unpack
from oneseek.engine.model import registry
from oneseek.engine.model.formats import FormatError
from oneseek.engine.model.formats.gguf import read_header
from oneseek.engine.model.formats.source import BytesSource, FileSource
from oneseek.engine.turns import BACKGROUND, background, urgent
from tests.golden import ENCODED, FOLDER
from tests.support.gpu_device import gpu
from tests.support.wasm_host import host

HOMES = {"numpy": Numpy, "wasm": lambda: Wasm(host()), "gpu": gpu}
run = asyncio.new_event_loop().run_until_complete


@pytest.fixture(scope="module")
def encoder():
    carried.file()
    encoder = Encoder(encoder_here, Numpy())
    run(encoder.load())
    return encoder


@pytest.fixture(scope="module")
def theirs(encoder):
    with closing(run(encoder_here())) as source:
        metadata, _ = read_header(source)
    pieces, scores = (metadata[f"tokenizer.ggml.{name}"] for name in ("tokens", "scores"))
    unknown = metadata["tokenizer.ggml.unknown_token_id"]
    made = tokenizers.Tokenizer(models.Unigram(list(zip(pieces, scores, strict=True)), unknown))
    made.normalizer = normalizers.Sequence(
        [
            normalizers.NFKC(),
            normalizers.Replace(tokenizers.Regex(r"\s+"), " "),
            normalizers.Strip(),
        ]
    )
    made.pre_tokenizer = pre_tokenizers.Metaspace(split=False)
    return made


@pytest.mark.slow
@pytest.mark.parametrize("home", ["numpy", "wasm", pytest.param("gpu", marks=pytest.mark.long)])
def test_states_are_those_of_transformers(home):
    carried.file()
    executor: Executor = HOMES[home]()

    async def states():
        encoder = Encoder(encoder_here, executor)
        await encoder.load()
        return [await encoder.states([ids]) for ids in ENCODED]

    with np.load(FOLDER / "encoder.npz") as golden:
        for i, (found,) in enumerate(asyncio.run(states())):
            wanted = golden[str(i)]
            assert found.shape == wanted.shape
            assert np.abs(found - wanted).max() < 1e-4 * np.abs(wanted).max()


def words(seed):
    draw = random.Random(seed)
    letters = "abcdefghijklmnopqrstuvwxyzåäöéABCÅ0123456789 '’-.,?!:/"
    return "".join(draw.choice(letters) for _ in range(draw.randrange(60)))


@pytest.mark.parametrize(
    "text",
    [
        "What is my boat called?",
        "Vad heter min mosters hund, den som äter skorpor?",
        "  two   spaces\tand\na line  ",
        "ﬁne ½ ℃ Ⅷ",
        "日本語 and Ж",
        *map(words, range(40)),
    ],
)
def test_tokens_are_those_of_tokenizers(encoder, theirs, text):
    assert join_unknown(encoder.words.encode(text)) == join_unknown(theirs.encode(text).ids)


def join_unknown(ids, unknown=3):
    """The ids with runs of the unknown token merged: implementations differ there."""
    return [id for i, id in enumerate(ids) if not (id == unknown and ids[i - 1 : i] == [unknown])]


@given(st.text(max_size=80))
@example("")
@example("▁▁")
@example("<s></s><unk>")
def test_any_text_becomes_tokens_and_none_of_them_controls(encoder, text):
    control = {encoder.end, encoder.before[0]}
    assert not control & set(encoder.words.encode(text))


def test_texts_read_together_are_as_texts_read_alone(encoder):
    texts = ["Hej!", "Where does my uncle live?", "x " * 600, "", "Vad heter båten? " * 9]
    together = run(encoder.of(texts))
    for text, one in zip(texts, together, strict=True):
        (alone,) = run(encoder.of([text]))
        assert one.states.shape == alone.states.shape and len(one.rare) == len(one.states)
        assert float(one.whole @ alone.whole) > 0.9999
        assert np.linalg.norm(one.whole) == pytest.approx(1, abs=1e-5)
    assert len(encoder.ids("x " * 600)) <= SIZES[-1]


def test_other_words_for_the_same_are_nearer_than_the_same_words_for_another(encoder):
    asked, same, other = run(
        encoder.of(["Who repairs my bicycle?", "Vem lagar min cykel?", "Who is the king of Spain?"])
    )
    assert asked.whole @ same.whole > asked.whole @ other.whole + 0.05


def test_it_is_read_once_however_many_ask_at_once():
    opened = []

    async def open_file():
        opened.append(1)
        return await encoder_here()

    async def both():
        encoder = Encoder(open_file, Numpy())
        await asyncio.gather(encoder.of(["a"]), encoder.of(["b"]))

    asyncio.run(both())
    assert opened == [1]


def test_another_model_is_no_encoder():
    async def open_file():
        return FileSource(str(registry.find("tiny")))

    with pytest.raises(FormatError, match="no sentence encoder"):
        asyncio.run(Encoder(open_file, Numpy()).of(["a"]))


def test_without_it_the_words_say_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(registry.ModelMissing, match="build.py dist"):
        asyncio.run(Encoder(encoder_here, Numpy()).of(["a"]))


def test_the_file_is_made_of_the_carriers_blocks_as_they_are_and_of_tuned_norms_and_biases():
    part = fetch.part("encoder/multilingual-e5-small").read_bytes()
    found, tuned = carried.read(part), carried.TUNED.read_bytes()
    words = carried.choose_pieces(found)
    added = (carried.READER, carried.FINDER, carried.ALIGNER)
    data = carried.bytes_of(part, tuned, [path.read_bytes() for path in added])
    metadata, directory = read_header(BytesSource(data))
    assert [found.pieces[i] for i in words] == list(metadata["tokenizer.ggml.tokens"])
    entry, kept = directory["blk.3.attn_q.weight"], found.tensors["l3.q.w"][2]
    assert data[entry.offset : entry.offset + len(kept)] == kept
    row = found.sizes["width"] // 32 * 18
    table, given_table = directory["token_embd.weight"].offset, found.tensors["emb.word"][2]
    for new in (0, 7, len(words) - 1):
        old = words[new]
        assert data[table + row * new :][:row] == given_table[row * old :][:row]
    assert len(data) == registry.encoder()["bytes"] and sys.byteorder == "little"
    assert hashlib.sha256(data).hexdigest() == registry.encoder()["sha256"]
    flat = [directory[name] for name in carried.list_tuned_names(found)]
    values = [np.frombuffer(data, "<f4", entry.shape[0], entry.offset) for entry in flat]
    assert np.concatenate(values).astype("<f2").tobytes() == tuned
    with pytest.raises(Stop, match="another encoder"):
        carried.bytes_of(part, tuned + bytes(2))


def test_the_views_of_texts_that_ask_for_no_skill_came_along(encoder):
    texts, kept = others(), others_kept(None)
    found, some = unpack(kept["views"]), slice(0, None, len(texts) // 12)
    assert kept["of"] == digest("\n".join(texts)) and len(found) == len(texts)
    read, usual = run(Reader(encoder).view(texts[some])), usual_of(found)
    shipped, own = meaning_of(found[some], usual), meaning_of(read, usual)
    assert ((shipped * own).sum(1) > 0.85 * (own * own).sum(1)).all()  # they are rounded
    assert alike(found[0], read[0])
    other = {"of": kept["of"], "views": pack(read)}
    assert others_kept(other) is other and others_kept({"of": "older"})["of"] == kept["of"]
    older = {"of": kept["of"], "directions": pack(read)}
    assert "views" in others_kept(older)


def test_a_text_looks_the_same_alone_and_beside_others(encoder):
    texts = ["", "Hi", "Buy two packs of ham for Thursday, please", "Ring farmor " * 60]
    together = run(Reader(encoder).view(texts))
    for text, seen in zip(texts, together, strict=True):
        (alone,) = run(Reader(encoder).view([text]))
        assert np.allclose(alone, seen, atol=1e-5)


@pytest.mark.parametrize("answers", [True, False])
def test_nothing_that_was_asked_waits_for_what_is_read_in_granted_time(encoder, answers):
    """A background reading pauses in the middle until it is granted time. A question or message
    read meanwhile must come out as if nothing else had been read, and without waiting."""
    texts, question = ["Where does my uncle live? " * 8], "What is my boat called?"

    async def scene():
        fresh = Encoder(encoder_here, Numpy())
        await fresh.load()
        turns, answering = fresh.executor.turns, answers
        turns.answering = lambda: answering
        turns.grant(0)
        with background():
            learning = asyncio.ensure_future(fresh.of(texts))
        while not fresh._reading[BACKGROUND].locked():
            await asyncio.sleep(0)
        with urgent() if answers else nullcontext():
            (asked,) = await asyncio.wait_for(fresh.of([question]), 30)
        assert not learning.done()
        answering = False
        turns.free()
        (learned,) = await asyncio.wait_for(learning, 30)
        return asked, learned

    asked, learned = run(scene())
    for found, text in ((asked, question), (learned, texts[0])):
        (alone,) = run(encoder.of([text]))
        assert np.array_equal(found.states, alone.states)
