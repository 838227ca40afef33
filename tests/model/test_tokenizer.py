"""Token ids must equal those of Hugging Face's tokenizers, for all of Unicode."""

import contextlib
import io
import json

import numpy as np
import pytest
import sentencepiece
import tokenizers
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import AddedToken, models, pre_tokenizers, trainers

from oneseek.engine.model import registry
from oneseek.engine.model.formats import BytesSource, open_model, vocabulary, words
from oneseek.engine.model.tokenizer import ALPHABET, GUARD, Tokenizer
from tests.support import tiny
from tests.support.corpus import SENTENCES, corpus

TEXT = corpus(1 << 17)
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]


def repair_surrogates(text):
    """The text with surrogate pairs joined, and lone halves replaced by U+FFFD."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def split(pattern, behavior="isolated"):
    return pre_tokenizers.Split(tokenizers.Regex(pattern), behavior)


def byte_level(use_regex=False):
    return pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=use_regex)


QWEN35 = (  # from transformers 5
    r"""(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}|"""
    r""" ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"""
)
# GGUF's name -> the parts of Hugging Face's tokenizer for such models
PIPELINES = {
    "gpt-2": [byte_level(use_regex=True)],
    "smollm": [pre_tokenizers.Digits(individual_digits=True), byte_level(use_regex=True)],
    "llama-bpe": [split(words.LLAMA3), byte_level()],
    "qwen2": [split(words.QWEN2), byte_level()],
    "qwen35": [split(QWEN35), byte_level()],
    "tekken": [split(words.TEKKEN), byte_level()],
}


@pytest.fixture(scope="module", params=PIPELINES)
def pair(request):
    """A tokenizer trained by tokenizers on the corpus, and ours from the same data in GGUF's
    form."""
    theirs = tokenizers.Tokenizer(
        models.BPE(ignore_merges=request.param in ("llama-bpe", "tekken"))
    )
    theirs.pre_tokenizer = pre_tokenizers.Sequence(PIPELINES[request.param])
    theirs.decoder = tokenizers.decoders.ByteLevel()
    if request.param in ("qwen2", "qwen35"):
        theirs.normalizer = tokenizers.normalizers.NFC()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=2000, special_tokens=SPECIAL, initial_alphabet=alphabet, show_progress=False
    )
    theirs.train_from_iterator([repair_surrogates(TEXT)], trainer)
    theirs.add_tokens([AddedToken("<tool>", normalized=False)])
    return theirs, Tokenizer(vocabulary.from_gguf("trained", as_gguf(theirs, request.param)))


def as_gguf(theirs, pre):
    tokens = [theirs.id_to_token(id) for id in range(theirs.get_vocab_size())]
    types = np.ones(len(tokens), np.int32)
    types[: len(SPECIAL)] = 3
    types[-1] = 4
    merges = json.loads(theirs.to_str())["model"]["merges"]
    return {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": pre,
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": types,
        "tokenizer.ggml.merges": [" ".join(merge) for merge in merges],
        "tokenizer.ggml.eos_token_id": 2,
    }


def same(theirs, ours, text):
    expected = theirs.encode(repair_surrogates(text), add_special_tokens=False).ids
    found = ours.encode(text, special=True)
    if found != expected:
        at = next(i for i, (a, b) in enumerate(zip(found, expected, strict=False)) if a != b)
        raise AssertionError(
            f"token {at}: {ours.decode(found[at - 2 : at + 3])!r} here, "
            f"{ours.decode(expected[at - 2 : at + 3])!r} there"
        )
    return found


def test_ids_equal_those_of_tokenizers(pair):
    theirs, ours = pair
    text = corpus(1 << 16, seed=1) + " <|im_start|> <tool>x<|im_end|>"
    ids = same(theirs, ours, text)
    assert ours.decode(ids) == theirs.decode(ids, skip_special_tokens=True)


@pytest.mark.long
def test_ids_equal_those_of_tokenizers_on_a_megabyte(pair):
    theirs, ours = pair
    text = corpus(1 << 20, seed=2)
    ids = same(theirs, ours, text)
    if ours.vocabulary.normal_form is None:
        assert ours.decode(ids) == repair_surrogates(text)


def test_special_tokens_stay_text_unless_asked_for(pair):
    theirs, ours = pair
    text = "a<|im_start|>user <tool> <|im_end|>"
    theirs.encode_special_tokens = True
    assert ours.encode(text) == theirs.encode(text, add_special_tokens=False).ids
    theirs.encode_special_tokens = False
    assert not set(ours.encode(text)) & ours.special_ids and ours.decode(ours.encode(text)) == text
    assert ours.encode("<|im_end|>", special=True) == [2] and ours.eos_ids >= {2}
    assert ours.decode([2]) == "" and ours.decode([2], special=True) == "<|im_end|>"


@pytest.fixture(scope="module")
def pieces():
    """A SentencePiece model like Llama 2's, trained on the corpus: (the model, ours, theirs)."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(
            s for s in repair_surrogates(TEXT).split("\n") if s and "\0" not in s
        ),
        model_writer=model,
        model_type="bpe",
        vocab_size=3000,
        byte_fallback=True,
        character_coverage=0.98,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        split_digits=True,
        minloglevel=9,
    )
    original = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    ids = range(original.get_piece_size())
    kinds = [
        2 if original.is_unknown(i) else 3 if original.is_control(i)
        else 6 if original.is_byte(i) else 1 for i in ids
    ]  # fmt: skip
    metadata = {
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.tokens": [original.id_to_piece(i) for i in ids],
        "tokenizer.ggml.scores": np.array([original.get_score(i) for i in ids], np.float32),
        "tokenizer.ggml.token_type": np.array(kinds, np.int32),
        "tokenizer.ggml.bos_token_id": original.bos_id(),
        "tokenizer.ggml.eos_token_id": original.eos_id(),
        "tokenizer.ggml.unknown_token_id": original.unk_id(),
    }
    return original, Tokenizer(vocabulary.from_gguf("pieces", metadata))


@pytest.mark.parametrize("seed", range(4))
def test_ids_equal_those_of_sentencepiece(pieces, seed):
    original, ours = pieces
    text = repair_surrogates(corpus(1 << 14, seed=seed)).replace("\0", "")
    assert ours.encode(text) == original.encode(text)
    assert ours.decode(ours.encode(text)) == text


@given(st.text(alphabet=st.characters(exclude_characters="\0\u2581", exclude_categories=["Cs"])))
def test_any_text_in_pieces_comes_back_exactly(pieces, text):
    _, ours = pieces
    assert ours.decode(ours.encode(text)) == text.replace(GUARD, "")


def test_pieces_begin_an_answer_without_the_space_they_add(pieces):
    _, ours = pieces
    stream = ours.stream()
    assert "".join(map(stream.push, ours.encode("Hej du"))) + stream.end() == "Hej du"
    assert ours.bos_id == 1 and ours.add_bos


def test_gguf_and_tokenizer_json_give_the_same_tokenizer():
    files = {n: BytesSource(d, n) for n, d in tiny.folder("llama").items()}
    models = [open_model(files), open_model(BytesSource(tiny.gguf(), "tiny.gguf"))]
    ours = [Tokenizer(model.tokenizer_data) for model in models]
    theirs = tokenizers.Tokenizer.from_str(json.dumps(tiny.tokenizer_json()))
    for text in SENTENCES:
        assert ours[0].encode(text) == ours[1].encode(text) == same(theirs, ours[0], text)
    assert ours[0].eos_ids == ours[1].eos_ids


def test_every_byte_has_its_own_character():
    assert ALPHABET == dict(zip(range(256), map(ALPHABET.get, range(256)), strict=True))
    assert set(ALPHABET.values()) == set(pre_tokenizers.ByteLevel.alphabet())


@pytest.mark.long
def test_the_default_model_has_the_ids_tokenizers_gives_on_a_megabyte():
    with contextlib.closing(open_model(registry.find("smollm2-135m"))) as model:
        data = model.tokenizer_data
    theirs = tokenizers.Tokenizer(
        models.BPE(vocab={token: id for id, token in enumerate(data.tokens)}, merges=data.merges)
    )
    theirs.pre_tokenizer = pre_tokenizers.Sequence(PIPELINES["smollm"])
    theirs.decoder = tokenizers.decoders.ByteLevel()
    theirs.add_special_tokens([data.tokens[id] for id in sorted(data.special)])
    ours, text = Tokenizer(data), corpus(1 << 20)
    ids = same(theirs, ours, text)
    assert ours.decode(ids) == theirs.decode(ids)
    # A few control bytes are missing from this vocabulary; everything else must come back.
    missing = bytes(byte for byte in range(256) if ALPHABET[byte] not in data.tokens)
    spelled = repair_surrogates(text).encode().translate(None, missing)
    assert ours.decode(ids) == spelled.decode(errors="replace")
